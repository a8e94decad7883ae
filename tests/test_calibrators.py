"""Laws that hold for every calibrator."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from support.calibrators import all_calibrators, problems

from skcalib.calibrators import (
    AutoCalibration,
    BayesianBinning,
    BetaCalibration,
    DirichletCalibration,
    EnsembleTemperatureScaling,
    HierarchicalCalibration,
    IsotonicCalibration,
    MatrixScaling,
    PlattScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VectorScaling,
    logits_from_proba,
)

pytestmark = [
    pytest.mark.parametrize("calibrator", all_calibrators(), ids=repr),
    pytest.mark.filterwarnings("ignore:X looks like probabilities"),  # some drawn ones do
]


def fitted(calibrator, *data):
    """Fit a clone; drawn problems may be separable, which temperature scaling says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(calibrator).fit(*data)


def assert_same_fit(proba, again):
    """Two fits to the same numbers agree; their last bits are the linear algebra's affair."""
    assert_allclose(proba, again, rtol=1e-12, atol=0)


@given(problem=problems())
def test_rows_are_probabilities(calibrator, problem):
    logits, y, weight = problem
    proba = fitted(calibrator, logits, y, weight).predict_proba(logits)
    assert proba.shape == logits.shape
    assert proba.dtype == np.float64
    assert (proba >= 0).all()
    assert (proba <= 1).all()
    assert_allclose(proba.sum(axis=1), 1, atol=1e-12)


@given(problem=problems(), seed=st.integers(0, 1000))
def test_permuting_classes_permutes_the_answer(calibrator, problem, seed):
    logits, y, weight = problem
    order = np.random.default_rng(seed).permutation(logits.shape[1])
    proba = fitted(calibrator, logits, y, weight).predict_proba(logits)
    moved = fitted(calibrator, logits[:, order], np.argsort(order)[y], weight)
    assert_allclose(moved.predict_proba(logits[:, order]), proba[:, order], atol=1e-9)


def test_permuting_classes_permutes_the_answer_at_extreme_weights(calibrator):
    """What a light row says is not lost in the sums over heavy ones, whatever their order."""
    rng = np.random.default_rng(3)
    for n_classes, ratio in ((2, 12), (5, 12), (5, 16)):
        y = rng.permutation(np.arange(60) % n_classes)
        logits = rng.normal(size=(60, n_classes)) + 2 * np.eye(n_classes)[y]
        weight = 10.0 ** rng.uniform(-ratio / 2, ratio / 2, 60)
        order = np.roll(np.arange(n_classes)[::-1], 1)
        proba = fitted(calibrator, logits, y, weight).predict_proba(logits)
        moved = fitted(calibrator, logits[:, order], np.argsort(order)[y], weight)
        assert_allclose(moved.predict_proba(logits[:, order]), proba[:, order], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one", "many", "masked"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_size_of_an_outlier_on_its_side_changes_little(calibrator, n_classes, kind):
    rng = np.random.default_rng(5)
    n_samples = 150
    y = rng.integers(0, n_classes, n_samples)
    clean = rng.normal(size=(n_samples, n_classes)) + 2.5 * np.eye(n_classes)[y]
    far = np.arange({"one": 1, "many": 8, "masked": 50}[kind])
    rest = np.arange(len(far), n_samples)
    without = fitted(calibrator, clean[rest], y[rest]).predict_proba(clean[rest])
    answers = {}
    for size in (1e3, 1e6, 1e12, 1e20):
        logits = clean.copy()
        if kind == "masked":  # a class that is not to be had, given a huge negative logit
            logits[far, (y[far] + 1) % n_classes] = -size
        else:
            logits[far, y[far]] = size * rng.uniform(1, 2, len(far))
        answers[size] = fitted(calibrator, logits, y).predict_proba(logits)[rest]
    loss = log_loss(y[rest], np.maximum(without, 1e-15))
    for proba in answers.values():
        assert_allclose(proba, answers[1e6], atol=0.02)
        assert log_loss(y[rest], np.maximum(proba, 1e-15)) < loss + 0.05


@pytest.mark.parametrize("power", [-1040, -1000, -500, -30, 60])
def test_two_classes_scaled_by_a_power_of_two(calibrator, power):
    """For methods that are free of scale: down to subnormal scores, nothing is lost."""
    in_units_of_log_odds = (
        AutoCalibration,
        BayesianBinning,
        BetaCalibration,
        DirichletCalibration,
        EnsembleTemperatureScaling,
        HierarchicalCalibration,
        MatrixScaling,
        StructuredMatrixScaling,
        StructuredVectorScaling,
        TemperatureScaling,
        VectorScaling,
    )
    uniform = calibrator.get_params().get("strategy") == "uniform"
    if isinstance(calibrator, in_units_of_log_odds) or uniform:
        return
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    decision = np.round(rng.normal(size=100) * 64 + 100 * y - 50)[:, None] / 64
    model = clone(calibrator).fit(decision, y)
    scaled = clone(calibrator).fit(np.ldexp(decision, power), y)
    assert_allclose(
        scaled.predict_proba(np.ldexp(decision, power)),
        model.predict_proba(decision),
        atol=1e-12,
    )


@given(problem=problems(), shift=st.integers(-800, 800))
def test_shifting_rows_changes_nothing(calibrator, problem, shift):
    logits, y, weight = problem
    shifts = (shift * np.arange(len(y)) / 8)[:, None]
    proba = fitted(calibrator, logits, y, weight).predict_proba(logits)
    again = fitted(calibrator, logits + shifts, y, weight).predict_proba(logits - shifts)
    assert_allclose(again, proba, atol=1e-9)


@settings(max_examples=15)
@given(problem=problems(), shift=st.floats(-50, 50))
def test_log_probabilities_are_logits_like_others(calibrator, problem, shift):
    """Whether the rows of a batch happen to be logarithms of probabilities decides nothing."""
    logits, y, weight = problem
    rows = np.random.default_rng(0).normal(size=(20, logits.shape[1])) * np.ptp(logits)
    model = fitted(calibrator, log_softmax(logits, axis=1), y, weight)
    proba = model.predict_proba(log_softmax(rows, axis=1))
    assert_allclose(model.predict_proba(rows + shift), proba, atol=1e-6)


@given(problem=problems())
def test_integer_weights_are_repeated_rows(calibrator, problem):
    logits, y, weight = problem
    rows = np.repeat(np.arange(len(y)), weight.astype(int))
    weighted = fitted(calibrator, logits, y, weight)
    repeated = fitted(calibrator, logits[rows], y[rows])
    assert_allclose(weighted.predict_proba(logits), repeated.predict_proba(logits), atol=1e-7)


def test_integer_weights_are_repeated_rows_between_separable_classes(calibrator):
    rng = np.random.default_rng(3)
    y = np.arange(12) % 3
    weight = rng.integers(1, 5, 12)
    logits = 2.0 * np.eye(3)[y] + rng.uniform(-0.6, 0.6, (12, 3))
    rows = np.repeat(np.arange(12), weight)
    weighted = fitted(calibrator, logits, y, weight.astype(float))
    repeated = fitted(calibrator, logits[rows], y[rows])
    between = rng.uniform(-1, 2, (50, 3))  # where no row says how steep a map is
    proba = weighted.predict_proba(between)
    assert_allclose(proba, repeated.predict_proba(between), atol=1e-6)  # rounding grows there


@given(problem=problems())
def test_zero_weight_drops_the_row(calibrator, problem):
    logits, y, weight = problem
    n_classes = logits.shape[1]
    rng = np.random.default_rng(0)
    extra = rng.normal(scale=50, size=(7, n_classes))
    more = np.vstack([logits, extra])
    labels = np.concatenate([y, rng.integers(0, n_classes, 7)])
    weights = np.concatenate([weight, np.zeros(7)])
    assert_array_equal(
        fitted(calibrator, more, labels, weights).predict_proba(more),
        fitted(calibrator, logits, y, weight).predict_proba(more),
    )


@given(problem=problems())
def test_float32_equals_float64(calibrator, problem):
    logits, y, weight = problem
    single = logits.astype(np.float32)
    proba = fitted(calibrator, single, y, weight).predict_proba(single)
    double = fitted(calibrator, logits, y, weight).predict_proba(logits)
    assert proba.dtype == np.float32
    assert_allclose(proba, double, atol=1e-5)


@given(problem=problems(max_classes=3))
def test_fitting_log_loss_does_not_rise(calibrator, problem):
    """For maximum likelihood without smoothing, where the identity is among the maps."""
    logits, y, weight = problem
    contains_identity = isinstance(calibrator, TemperatureScaling) or logits.shape[1] == 2
    if not (contains_identity and calibrator.get_params().get("smoothing") == "none"):
        return
    before = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    after = fitted(calibrator, logits, y, weight).predict_log_proba(logits)
    rows = np.arange(len(y))
    assert weight @ after[rows, y] >= weight @ before[rows, y] - 1e-9


def few_rows(kind, n_samples, n_classes):
    """Draw logits and labels such that the best map is not unique, or far away."""
    rng = np.random.default_rng(n_samples + n_classes)
    y = rng.permutation(np.arange(n_samples) % n_classes)
    logits = rng.normal(size=(n_samples, n_classes)) * 2
    rows = np.arange(n_samples)
    if kind == "separable":
        logits[rows, y] = logits.max(axis=1) + rng.exponential(size=n_samples) + 0.1
    elif kind == "saturated":
        logits *= 30
        logits[rows, y] = logits.max(axis=1) + 60
    elif kind == "one answer":
        logits[:] = logits[0]
    elif kind == "constant":
        logits[:] = logits[:, :1]
    elif kind == "tied":
        logits = np.round(logits / 2) * 2
        logits[rows, y] += 2 * rng.integers(0, 2, n_samples)
    elif kind == "wrong":
        logits[rows, y] = logits.min(axis=1) - 1
    return logits, y


@pytest.mark.parametrize(
    "kind", ["separable", "saturated", "one answer", "constant", "tied", "wrong"]
)
@pytest.mark.parametrize("n_classes", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_the_order_of_rows_decides_nothing(calibrator, kind, n_classes):
    """Also where several maps fit equally well; inner folds are dealt in that order."""
    if isinstance(calibrator, AutoCalibration):
        return
    if isinstance(calibrator, DirichletCalibration):
        calibrator = DirichletCalibration(penalty=1e-3)
    logits, y = few_rows(kind, 56, n_classes)
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 4, 56).astype(float)
    new = np.vstack([rng.normal(size=(20, n_classes)) * 3, logits])
    proba = fitted(calibrator, logits, y, weight).predict_proba(new)
    for _ in range(3):
        order = rng.permutation(56)
        again = fitted(calibrator, logits[order], y[order], weight[order])
        assert_allclose(again.predict_proba(new), proba, atol=1e-6)


@pytest.mark.parametrize("n_samples", [20, 60])
@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("labels", ["all right", "one class but one"])
def test_rows_that_are_all_right_cost_no_infinite_loss_or_warn(
    calibrator, n_samples, n_classes, labels
):
    """A classifier that is right in 93 % of new rows is so in all of a few calibration rows."""
    if getattr(calibrator, "smoothing", "") == "none" and not isinstance(
        calibrator, TemperatureScaling
    ):
        return  # who asks for exact zeros gets them
    rng = np.random.default_rng(n_samples)
    logits = rng.normal(size=(4000, n_classes)) * 6
    y = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    usable = logits.argmax(axis=1) == y
    if labels == "one class but one":
        usable &= (y == 0) | (np.arange(4000) == np.flatnonzero(usable & (y == 1))[0])
        usable[: np.flatnonzero(usable & (y == 1))[0]] = False
    few = np.flatnonzero(usable)[:n_samples]
    new = np.setdiff1d(np.arange(4000), few)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = clone(calibrator).fit_columns(logits[few], y[few], np.ones(n_samples))
    true = model.predict_proba(logits[new])[np.arange(len(new)), y[new]]
    with np.errstate(divide="ignore"):
        loss = -np.log(true).mean()
    if labels == "all right" and not caught:
        assert loss < np.log(n_classes)  # that of saying nothing
    assert caught or loss < np.log(n_classes * (n_samples + 1))


LABELS = {
    "strings": lambda y: np.array(["zebra", "ant", "cat"])[y],
    "objects": lambda y: np.array(["zebra", "ant", "cat"], dtype=object)[y],
    "list": lambda y: np.array(["zebra", "ant", "cat"])[y].tolist(),
    "negative": lambda y: np.array([5, -3, 0])[y],
    "huge": lambda y: np.array([10**15, 10**9, 10**12])[y],
    "floats": lambda y: np.array([2.0, -1.0, 1.0])[y],
    "integer-valued, shifted": lambda y: np.array([3, 1, 2])[y],
    "column": lambda y: np.array([5, -3, 0])[y],
    "unsigned": lambda y: np.array([9, 1, 200], dtype=np.uint8)[y],
    "categorical": lambda y: pd.Series(
        pd.Categorical(np.array(["z", "a", "c"])[y]), index=np.arange(len(y)) + 7
    ),
    "series without index 0": lambda y: pd.Series(
        np.array([5, -3, 0])[y], index=np.arange(len(y)) * 3 + 100
    ),
    "nullable": lambda y: pd.Series(np.array([5, -3, 0])[y], dtype="Int64"),
    "pandas strings": lambda y: pd.Series(np.array(["z", "a", "c"])[y], dtype="string"),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("kind", LABELS)
def test_any_labels(calibrator, kind):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    labels = LABELS[kind](y[:, None] if kind == "column" else y)
    classes, codes = np.unique(np.asarray(labels), return_inverse=True)
    codes = codes.ravel()
    logits = rng.normal(size=(60, 3)) + 2 * np.eye(3)[codes]
    expected = clone(calibrator).fit(logits, codes)
    model = clone(calibrator).fit(logits, labels)
    assert_array_equal(model.classes_, classes)
    assert_same_fit(model.predict_proba(logits), expected.predict_proba(logits))
    assert_array_equal(model.predict(logits), classes[expected.predict(logits)])


def test_boolean_labels_and_a_single_column(calibrator):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    decision = rng.normal(size=60) + 2 * y
    two = clone(calibrator).fit(np.stack([-decision, decision], axis=1) / 2, y == 1)
    one = clone(calibrator).fit(decision[:, None], y == 1)
    assert_array_equal(one.classes_, [False, True])
    assert_same_fit(
        one.predict_proba(decision[:, None]),
        two.predict_proba(np.stack([-decision, decision], axis=1) / 2),
    )


def test_pickle_clone_pipeline_and_cross_validation(calibrator):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    logits = rng.normal(size=(90, 3)) + np.eye(3)[y]
    model = clone(calibrator).fit(logits, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(logits), model.predict_proba(logits))
    with pytest.raises(NotFittedError):
        clone(model).predict_proba(logits)
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    pipeline = make_pipeline(FunctionTransformer(logits_from_proba), calibrator)
    piped = cross_val_predict(pipeline, proba, y, cv=3, method="predict_proba")
    direct = cross_val_predict(calibrator, np.log(proba), y, cv=3, method="predict_proba")
    assert_allclose(piped, direct, atol=1e-12)


def test_log_proba_and_predict(calibrator):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 90)
    logits = rng.normal(size=(90, 3)) * 3 + 2 * np.eye(3)[codes]
    model = clone(calibrator).fit(logits, np.array(["a", "b", "c"])[codes])
    proba = model.predict_proba(logits)
    assert_allclose(np.exp(model.predict_log_proba(logits)), proba, atol=1e-15)
    assert_array_equal(model.predict(logits), model.classes_[proba.argmax(axis=1)])


def test_dataframe_of_logits(calibrator):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    logits = rng.normal(size=(60, 3)) + np.eye(3)[y]
    frame = pd.DataFrame(logits, columns=list("abc"), index=range(60, 120))
    model = clone(calibrator).fit(frame, y)
    assert_array_equal(model.feature_names_in_, ["a", "b", "c"])
    with pytest.raises(ValueError, match="feature names"):
        model.predict_proba(frame.rename(columns={"a": "x"}))


def test_one_row_at_a_time(calibrator):
    rng = np.random.default_rng(1)
    y = rng.integers(0, 4, 80)
    logits = rng.normal(size=(80, 4)) * 4 + 3 * np.eye(4)[y]
    model = clone(calibrator).fit(logits, y)
    single = np.vstack([model.predict_proba(row[None]) for row in logits])
    assert_allclose(single, model.predict_proba(logits), atol=1e-12)


@pytest.mark.parametrize("n_samples", [2, 3, 5, 20])
def test_tiny_sets(calibrator, n_samples):
    rng = np.random.default_rng(n_samples)
    y = np.arange(n_samples) % 2
    logits = rng.normal(size=(n_samples, 2))
    proba = fitted(calibrator, logits, y).predict_proba(logits)
    assert np.isfinite(proba).all()
    assert np.isfinite(log_loss(y, proba))


def test_missing_class_works_and_warns_once(calibrator):
    rng = np.random.default_rng(0)
    y = rng.choice([0, 2, 3], 60)
    logits = rng.normal(size=(60, 4)) + 2 * np.eye(4)[y]
    with pytest.warns(UserWarning, match=r"no sample of the classes \[1\]") as record:
        model = clone(calibrator).fit(logits, y)
    assert len(record) == 1
    assert_array_equal(model.classes_, [0, 1, 2, 3])
    proba = model.predict_proba(logits)
    assert_allclose(proba.sum(axis=1), 1)
    assert proba[:, 1].mean() < 0.2


def test_missing_class_with_other_labels_is_refused(calibrator):
    logits = np.eye(3)
    with pytest.raises(ValueError, match="integers 0 to 2"):
        clone(calibrator).fit(logits, ["a", "b", "b"])
    with pytest.raises(ValueError, match="integers 0 to 2"):
        clone(calibrator).fit(logits, [5, 7, 7])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_separable_data_stay_finite(calibrator):
    y = np.repeat([0, 1], 20)
    decision = np.where(y == 1, 1.0, -1.0) * np.linspace(1, 3, 40)
    proba = clone(calibrator).fit(decision[:, None], y).predict_proba(decision[:, None])
    assert np.isfinite(proba).all()
    assert_array_equal(proba.argmax(axis=1), y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_anti_correlated_logits_do_no_worse_than_the_base_rate(calibrator):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    decision = rng.normal(size=400) - 2 * y
    proba = clone(calibrator).fit(decision[:, None], y).predict_proba(decision[:, None])
    assert log_loss(y, proba) < np.log(2) + 0.01


@pytest.mark.parametrize("value", [0.0, 3.7, -1e3])
def test_constant_scores_give_the_base_rate_or_stay_as_they_are(calibrator, value):
    y = np.array([0, 1, 1, 1] * 25)
    decision = np.full((100, 1), value)
    weight = np.full(100, 100.0)  # so many samples that penalties do not matter
    proba = fitted(calibrator, decision, y, weight).predict_proba(decision)
    assert_allclose(proba, np.broadcast_to(proba[0], proba.shape))
    expected = 0.75
    if isinstance(calibrator, TemperatureScaling):  # no intercept, and a bound
        expected = {0.0: 0.5, 3.7: 0.75, -1e3: expit(-1e3 * np.exp(-10))}[value]
        if calibrator.smoothing == "targets" and value < 0:  # no bound, whatever the scale
            expected = 0.5
    elif isinstance(calibrator, EnsembleTemperatureScaling):  # but a uniform part
        expected = {0.0: 0.5, 3.7: 0.75, -1e3: 0.5}[value]
    assert_allclose(proba[0, 1], expected, atol=0.01)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("scale", [1e-8, 1e8, 1e20, 1e29])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_and_tiny_logits(calibrator, scale, dtype):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    logits = ((rng.normal(size=(60, 3)) + np.eye(3)[y]) * scale).astype(dtype)
    proba = clone(calibrator).fit(logits, y).predict_proba(logits)
    assert np.isfinite(proba).all()
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)


BAD = {
    "NaN logits": (lambda X, y, w: ([[np.nan, 0, 0], *X[1:].tolist()], y, w), "NaN"),
    "infinite logits": (lambda X, y, w: ([[np.inf, 0, 0], *X[1:].tolist()], y, w), "infinite"),
    "monstrous logits": (lambda X, y, w: (X * 1e31, y, w), "beyond"),
    "one dimension": (lambda X, y, w: (X[:, 0], y, w), "2D array"),
    "three dimensions": (lambda X, y, w: (X[None], y, w), "dim 3"),
    "too few columns": (lambda X, y, w: (X[:, :2], y, w), "3 classes, but X has 2 columns"),
    "one column": (lambda X, y, w: (X[:, :1], y, w), "3 classes, but X has 2 columns"),
    "no rows": (lambda X, y, w: (X[:0], y[:0], None), "0 sample"),
    "one class": (lambda X, y, w: (X, 0 * y, w), "one class only"),
    "regression": (lambda X, y, w: (X, y + 0.5 * X[:, 0], w), "continuous"),
    "multilabel": (lambda X, y, w: (X, np.eye(3, dtype=int)[y], w), "MultiOutputClassifier"),
    "lengths": (lambda X, y, w: (X, y[:-1], None), "inconsistent numbers"),
    "NaN labels": (lambda X, y, w: (X, np.where(y == 0, np.nan, y), w), "NaN"),
    "None labels": (lambda X, y, w: (X, np.array([None, "a", "b"] * 10), w), "NaN"),
    "NA labels": (lambda X, y, w: (X, pd.Series([pd.NA, 1, 2] * 10, dtype="Int64"), w), "NaN"),
    "mixed labels": (lambda X, y, w: (X, np.array([0, "a", "b"] * 10, object), w), "mixes"),
    "negative weight": (lambda X, y, w: (X, y, w - 2), "[Nn]egative"),
    "NaN weight": (lambda X, y, w: (X, y, w * np.nan), "NaN"),
    "infinite weight": (lambda X, y, w: (X, y, w * np.inf), "infinity"),
    "huge weights": (lambda X, y, w: (X, y, w * 1e307), "overflows"),
    "zero weights": (lambda X, y, w: (X, y, 0 * w), "zero"),
    "weights of one class only": (lambda X, y, w: (X, y, (y == 1) * 1.0), "one class only"),
    "weights of wrong length": (lambda X, y, w: (X, y, w[:-1]), "shape"),
    "complex": (lambda X, y, w: (X * 1j, y, w), "[Cc]omplex"),
    "text": (lambda X, y, w: (np.full(X.shape, "a"), y, w), "convert|numeric"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input(calibrator, kind):
    rng = np.random.default_rng(0)
    spoil, message = BAD[kind]
    X, y, weight = spoil(rng.normal(size=(30, 3)), np.arange(30) % 3, np.ones(30))
    with pytest.raises(ValueError, match=message):
        clone(calibrator).fit(X, y, weight)


def test_wrong_number_of_columns_at_prediction(calibrator):
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    model = clone(calibrator).fit(rng.normal(size=(30, 3)) + np.eye(3)[y], y)
    with pytest.raises(ValueError, match="expecting 3 features"):
        model.predict_proba(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="NaN"):
        model.predict_proba([[0, 0, np.nan]])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_taken_for_logits_warn(calibrator, n_classes, dtype):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(n_classes), 30).astype(dtype)
    y = np.arange(30) % n_classes
    with pytest.warns(UserWarning, match="logits_from_proba"):
        fitted(calibrator, proba, y)
    if n_classes == 2:
        with pytest.warns(UserWarning, match="logits_from_proba"):
            fitted(calibrator, proba[:, 1:], y)


def test_arguments_are_not_changed(calibrator):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(60, 3))
    y = rng.integers(0, 3, 60)
    weight = rng.uniform(size=60)
    copies = logits.copy(), y.copy(), weight.copy()
    logits.flags.writeable = y.flags.writeable = weight.flags.writeable = False
    clone(calibrator).fit(logits, y, weight).predict_proba(logits)
    for now, then in zip((logits, y, weight), copies, strict=True):
        assert_array_equal(now, then)


def test_short_names(calibrator):
    names = {
        TemperatureScaling: "temperature",
        PlattScaling: "sigmoid",
        IsotonicCalibration: "isotonic",
    }
    if type(calibrator) in names:
        assert calibrator.short_name == names[type(calibrator)]
    others = [c for c in all_calibrators() if type(c) is not type(calibrator)]
    assert calibrator.short_name not in {c.short_name for c in others}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda logits: logits, "outside"),
        (lambda logits: logits[:, 0], "shape"),
        (lambda logits: logits * np.nan, "NaN"),
        (lambda logits: np.full(logits.shape, 0.1), "sum to one"),
    ],
)
def test_a_method_that_gives_no_probabilities_is_found_out(calibrator, answer, message):
    class Broken(type(calibrator)):
        def _proba(self, logits):
            return answer(logits)

    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    with pytest.raises(ValueError, match=f"Broken._proba.*{message}"):
        Broken(**calibrator.get_params()).fit(rng.normal(size=(30, 3)) + np.eye(3)[y], y)
