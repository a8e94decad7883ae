"""Classes that a row cannot be: options that a question lacks, actions that are not allowed."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, logsumexp, softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from support.calibrators import all_calibrators

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import (
    AutoCalibration,
    BinaryCalibrator,
    IsotonicCalibration,
    PlattScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VectorScaling,
    VennAbersCalibration,
)

TAKING = [c for c in all_calibrators() if c.takes_masks]
MIXING = [c for c in all_calibrators() if not c.takes_masks]
LOWEST = {kind: np.finfo(kind).min for kind in (np.float16, np.float32, np.float64)}


def questions(n=600, n_options=5, scale=2.5):
    """Questions of three to five options; answers drawn by the logits, which are too large."""
    rng = np.random.default_rng(0)
    count = rng.integers(3, n_options + 1, n)
    logits = rng.normal(size=(n, n_options))
    y = np.array(
        [rng.choice(k, p=softmax(row[:k])) for k, row in zip(count, logits, strict=True)]
    )
    masked = np.arange(n_options) >= count[:, None]
    return scale * logits, y, masked


def fitted(calibrator, *data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "y has no sample of the classes")
        return clone(calibrator).fit(*data)


def test_the_temperature_of_questions():
    logits, y, masked = questions()
    z = np.where(masked, -np.inf, logits)
    rows = np.arange(len(y))
    best = minimize_scalar(
        lambda t: -log_softmax(z / np.exp(t), axis=1)[rows, y].mean(),
        bounds=(-4, 4),
        method="bounded",
        options={"xatol": 1e-10},
    )
    scaling = TemperatureScaling().fit(z, y)
    assert scaling.temperature_ == pytest.approx(np.exp(best.x), rel=1e-6)
    assert round(scaling.temperature_, 4) == 2.5392
    proba = scaling.predict_proba(z)
    assert_array_equal(proba == 0, masked)
    assert_allclose(proba, softmax(z / np.exp(best.x), axis=1), atol=1e-6)


@pytest.mark.parametrize("calibrator", TAKING, ids=repr)
def test_all_ways_to_write_a_mask(calibrator):
    logits, y, masked = questions(120)
    logits = logits.astype(np.float16)
    expected = fitted(calibrator, np.where(masked, -np.inf, logits.astype(float)), y)
    expected = expected.predict_proba(np.where(masked, -np.inf, logits.astype(float)))
    ways = [(kind, low) for kind, low in LOWEST.items()]
    ways += [(np.float32, -np.inf), (np.float16, -np.inf), (np.float64, LOWEST[np.float32])]
    for kind, low in ways:
        z = np.where(masked, kind(low), logits.astype(kind))
        assert z.dtype == kind
        given = z.copy()
        proba = fitted(calibrator, z, y).predict_proba(z)
        assert_array_equal(z, given)  # whose array is not written to
        assert proba.dtype == (np.float64 if kind == np.float64 else np.float32)
        assert (proba[masked] == 0).all()
        assert_allclose(proba, expected, atol=1e-5)


@pytest.mark.parametrize("low", [-1e4, -1e9, float(LOWEST[np.float16])])
def test_very_low_numbers_are_numbers(low):
    logits, y, masked = questions(120)
    z = np.where(masked, low, logits)
    fitted(MIXING[0], z, y)  # no mask, so no error
    numbers = PlattScaling().fit(z, y).maps_[4]
    left_out = PlattScaling().fit(np.where(masked, -np.inf, logits), y).maps_[4]
    assert np.abs(np.subtract(numbers, left_out)).max() > 0.1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("scale", [1e-8, 1e8, 1e20, 1e29])
@pytest.mark.parametrize("calibrator", TAKING, ids=repr)
def test_huge_and_tiny_logits(calibrator, scale):
    logits, y, masked = questions(60)
    for kind in (np.float32, np.float64):
        z = np.where(masked, -np.inf, logits * scale).astype(kind)
        proba = fitted(calibrator, z, y).predict_proba(z)
        assert (proba[masked] == 0).all()
        assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("calibrator", TAKING, ids=repr)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), n_classes=st.integers(2, 5), single=st.booleans())
def test_rows_are_probabilities_and_masked_classes_impossible(
    calibrator, seed, n_classes, single
):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(40) % n_classes)
    logits = np.round(rng.normal(size=(40, n_classes)) * rng.choice([1, 20]) * 8) / 8
    masked = rng.random(logits.shape) < 0.4
    masked[np.arange(40), y] = False
    masked[: 2 * n_classes] = False
    z = np.where(masked, -np.inf, logits).astype(np.float32 if single else float)
    model = fitted(calibrator, z, y, rng.integers(1, 4, 40))
    new = np.round(rng.normal(size=(30, n_classes)) * 50)
    hidden = rng.random(new.shape) < 0.6
    hidden[np.arange(30), rng.integers(0, n_classes, 30)] = False
    proba = model.predict_proba(np.where(hidden, -np.inf, new))
    assert (proba[hidden] == 0).all()
    assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    alone = hidden.sum(axis=1) == n_classes - 1
    assert_allclose(proba[alone], ~hidden[alone], atol=1e-12)
    assert not hidden[np.arange(30), proba.argmax(axis=1)].any()


@pytest.mark.parametrize("calibrator", TAKING, ids=repr)
def test_a_class_that_no_row_can_be_might_as_well_have_no_column(calibrator):
    if isinstance(calibrator, AutoCalibration):
        return  # it chooses among others where something is masked
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)
    logits = 3 * (rng.normal(size=(150, 3)) + np.eye(3)[y])
    logits[:40, 0] = np.where(y[:40] == 0, logits[:40, 0], -np.inf)
    weight = rng.integers(1, 3, 150)
    wide = np.insert(logits, 1, -np.inf, axis=1)
    narrow = fitted(calibrator, logits, y, weight).predict_proba(logits)
    proba = fitted(calibrator, wide, np.array([0, 2, 3])[y], weight).predict_proba(wide)
    assert (proba[:, 1] == 0).all()
    assert_allclose(np.delete(proba, 1, axis=1), narrow, atol=1e-9)


@pytest.mark.parametrize("calibrator", TAKING, ids=repr)
def test_rows_of_one_possible_class_say_nothing(calibrator):
    logits, y, masked = questions(80)
    z = np.where(masked, -np.inf, logits)
    certain = np.where(np.eye(5, dtype=bool), 7.0, -np.inf)
    more = np.vstack([z[:30], certain, z[30:]])
    labels = np.r_[y[:30], np.arange(5), y[30:]]
    assert_array_equal(
        fitted(calibrator, more, labels).predict_proba(z),
        fitted(calibrator, z, y).predict_proba(z),
    )


@pytest.mark.parametrize("calibrator", TAKING, ids=repr)
def test_weights_shifts_orders_and_blocks(calibrator):
    logits, y, masked = questions(100)
    z = np.where(masked, -np.inf, np.round(logits * 8) / 8)
    weight = np.random.default_rng(0).integers(0, 3, 100)
    model = fitted(calibrator, z, y, weight)
    proba = model.predict_proba(z)
    rows = np.repeat(np.arange(100), weight)
    repeated = fitted(calibrator, z[rows], y[rows]).predict_proba(z)
    assert_allclose(repeated, proba, atol=1e-7)
    shifted = fitted(calibrator, z + np.arange(100)[:, None], y, weight).predict_proba(z - 3)
    assert_allclose(shifted, proba, atol=1e-8)
    order = np.array([3, 1, 4, 0, 2])
    moved = fitted(calibrator, z[:, order], np.argsort(order)[y], weight)
    assert_allclose(moved.predict_proba(z[:, order]), proba[:, order], atol=1e-8)
    singly = np.vstack([model.predict_proba(row[None]) for row in z[:10]])
    assert_allclose(singly, proba[:10], atol=1e-12)


@pytest.mark.parametrize("calibrator", MIXING, ids=repr)
def test_methods_that_mix_columns_say_so(calibrator):
    logits, y, masked = questions(60)
    z = np.where(masked, -np.inf, logits)
    with pytest.raises(
        ValueError, match=r"mixes the columns of all classes\. TemperatureScaling"
    ):
        clone(calibrator).fit(z, y)
    model = fitted(calibrator, logits, y)
    with pytest.raises(ValueError, match=f"{type(calibrator).__name__} cannot leave them out"):
        model.predict_proba(z)


def test_auto_calibration_leaves_matrices_out():
    logits, y, masked = questions(200)
    z = np.where(masked, -np.inf, logits)
    auto = AutoCalibration().fit(z, y)
    assert not auto.gated_
    assert not [name for name in auto.candidates_ if name.startswith("sms")]
    unmasked = AutoCalibration().fit(logits, y)
    assert not unmasked.gated_
    with pytest.raises(ValueError, match="AutoCalibration, fitted to rows without masks"):
        unmasked.predict_proba(z)


@pytest.mark.parametrize("calibrator", [VectorScaling(), StructuredVectorScaling(penalty=0.1)])
def test_vectors_are_the_optimum(calibrator):
    logits, y, masked = questions(300)
    z = np.where(masked, -np.inf, logits)
    model = calibrator.fit(z, y)
    share = getattr(model, "uniform_share_", 0.0)
    proba = softmax(z / model.temperature_, axis=1)
    uniform = ~masked / (~masked).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        inner = np.log((1 - share) * proba + share * uniform)
    penalty = 0.1 * 5 / 300 if share else 1e-3 / 300
    finite = np.where(masked, 0, inner)

    def loss(theta):
        scores = np.where(masked, -np.inf, (1 + theta[:5]) * finite + theta[5:])
        of_truth = scores[np.arange(300), y] - logsumexp(scores, axis=1)
        return -of_truth.mean() + penalty * theta @ theta

    best = minimize(loss, np.zeros(10), tol=1e-12)
    found = np.r_[model.coef_ - 1, model.intercept_]
    assert loss(found) <= best.fun + 1e-9
    assert_allclose(found, best.x, atol=1e-3)


def test_one_against_the_rest_learns_from_the_rows_that_can_be_the_class():
    logits, y, masked = questions(400)
    z = np.where(masked, -np.inf, logits)
    model = PlattScaling().fit(z, y)
    odds = []
    for k in range(5):
        rows = ~masked[:, k]
        others = np.delete(z, k, axis=1)
        log_odds = np.where(rows, logits[:, k], 0) - logsumexp(others, axis=1)
        # The map of two classes, of whom these rows are all there is to learn from.
        alone = PlattScaling().fit(log_odds[rows, None], y[rows] == k)
        assert_allclose(model.maps_[k], alone.maps_[0], rtol=1e-6)
        found = alone.predict_proba(log_odds[:, None])[:, 1]
        odds.append(np.where(rows, found, 0))
    expected = np.transpose(odds) / np.sum(odds, axis=0)[:, None]
    assert_allclose(model.predict_proba(z), expected, atol=1e-8)


def test_the_mixture_is_over_the_classes_that_are_left():
    logits, y, masked = questions(200)
    z = np.where(masked, -np.inf, logits)
    plain = TemperatureScaling().fit(z, y).predict_proba(z)
    mixed = TemperatureScaling(smoothing="mix").fit(z, y).predict_proba(z)
    share = 1 / 201
    left = ~masked / (~masked).sum(axis=1, keepdims=True)
    assert_allclose(mixed, (1 - share) * plain + share * left, atol=1e-12)


def test_intervals_of_venn_abers():
    logits, y, masked = questions(200)
    z = np.where(masked, -np.inf, logits)
    z[0] = [3, *4 * [-np.inf]]
    y[0] = 0
    lower, upper = VennAbersCalibration().fit(z, y).predict_interval(z)
    assert (upper[np.isneginf(z)] == 0).all()
    assert_array_equal(lower[0], [1, 0, 0, 0, 0])
    assert (lower <= upper).all()


BAD = {
    "its own class": (lambda z, y: (np.where(np.eye(5)[y] > 0, -np.inf, z), y), "y is a class"),
    "all": (lambda z, y: (np.full(z.shape, -np.inf), y), "every class masked"),
    "all of a row": (
        lambda z, y: (np.where(np.arange(60)[:, None] == 7, -np.inf, z), y),
        "row 7",
    ),
    "plus infinity": (lambda z, y: (np.where(np.eye(5)[y] > 0, np.inf, z), y), "infinite"),
    "NaN beside a mask": (lambda z, y: (np.r_[[[np.nan, *4 * [-np.inf]]], z[1:]], y), "NaN"),
    "beyond reason": (lambda z, y: (np.r_[[[-1e31, 0, 0, 0, 0]], z[1:]], y), "beyond"),
    "one possible class each": (
        lambda z, y: (np.where(np.eye(5)[y] > 0, z, -np.inf), y),
        "fewer than two classes",
    ),
    "a decision value": (lambda z, y: (np.r_[[[-np.inf]], z[1:, :1]], y % 2), "infinite"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("calibrator", [TemperatureScaling(), IsotonicCalibration()], ids=repr)
def test_masks_that_make_no_sense(calibrator, kind):
    logits, y, _ = questions(60)
    spoil, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        clone(calibrator).fit(*spoil(logits, y))
    if kind == "its own class":  # where it does not count, it does no harm
        z, y = spoil(logits, y)
        z[1:] = logits[1:]
        clone(calibrator).fit(z, y, np.r_[0, np.ones(59)])


class Answers(LogisticRegression):
    """A trained classifier whose X are its logits."""

    def decision_function(self, X):
        return X


@pytest.mark.parametrize("ensemble", [False, True])
@pytest.mark.parametrize("method", ["temperature", "sigmoid", "svs", "auto"])
def test_around_a_classifier(method, ensemble):
    logits, y, masked = questions(150)
    z = np.where(masked, LOWEST[np.float64], logits)
    base = FrozenEstimator(Answers().fit(logits, y))
    calibrated = CalibratedClassifierCV(base, method=method, ensemble=ensemble, cv=3)
    proba = calibrated.fit(z, y).predict_proba(z)
    assert (proba[masked] == 0).all()
    assert_allclose(proba.sum(axis=1), 1)
    if method == "temperature" and not ensemble:
        scaling = TemperatureScaling().fit(z, y)
        assert_allclose(proba, scaling.predict_proba(z), atol=1e-12)


def test_around_a_classifier_methods_that_cannot():
    logits, y, masked = questions(150)
    z = np.where(masked, -np.inf, logits)
    base = FrozenEstimator(Answers().fit(logits, y))
    with pytest.raises(ValueError, match="MatrixScaling cannot leave them out"):
        CalibratedClassifierCV(base, method="matrix").fit(z, y)
    with pytest.raises(ValueError, match=r"method=LogisticRegression\(\) does not support"):
        CalibratedClassifierCV(base, method=LogisticRegression()).fit(z, y)


def test_a_method_of_ones_own_gets_finite_log_odds():
    class Watched(BinaryCalibrator):
        def _fit_map(self, z, target, weight):
            assert np.isfinite(z).all()
            return float(target.mean())

        def _apply_map(self, fitted, z):
            assert np.isfinite(z).all()
            return z / 2 + fitted

    logits, y, masked = questions(60)
    z = np.where(masked, -np.inf, logits)
    for multiclass in ("ovr", "ovo"):
        Watched.multiclass = multiclass
        assert (Watched().fit(z, y).predict_proba(z)[masked] == 0).all()
    assert expit(-np.inf) == 0
