"""What is peculiar to the pool."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config, register_parallel_backend
from joblib.parallel import ThreadingBackend
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import (
    AutoCalibration,
    BetaCalibration,
    HierarchicalCalibration,
    PlattScaling,
    QuadraticScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VennAbersCalibration,
    logits_from_proba,
    probability_floor,
)
from skcalib.calibrators._auto_folds import assign_to_folds, condense, merge_rows
from skcalib.calibrators._auto_large import find_factors, multiply_classes
from skcalib.calibrators._auto_pool import (
    FIRST_COUNTS,
    PSEUDO_COUNTS,
    evidence,
    exponential_weights,
    pool_weights,
)


def overconfident(n_samples, n_classes, factor=3.0, seed=0):
    """Draw logits of which `factor` is the true temperature."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n_samples, n_classes))
    y = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return factor * logits, y


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_pool_is_the_weighted_mean_of_its_candidates(n_classes):
    logits, y = overconfident(300, n_classes)
    model = AutoCalibration().fit(logits, y)
    assert not model.gated_
    singles = [TemperatureScaling(smoothing="mix"), StructuredVectorScaling()]
    singles += [StructuredMatrixScaling()]
    if n_classes == 2:
        singles += [PlattScaling(), QuadraticScaling(), BetaCalibration()]
        singles += [VennAbersCalibration(), HierarchicalCalibration()]
    else:
        singles += [StructuredMatrixScaling(penalty=penalty) for penalty in (0.1, 0.01)]
    answers = [single.fit(logits, y).predict_proba(logits) for single in singles]
    answers.insert(0, softmax(logits, axis=1))
    expected = np.einsum("j,jik->ik", model.weights_, answers)
    if n_classes == 2:
        moved = expit(logit(expected[:, 1]) + model._shift)
        expected = np.stack([1 - moved, moved], axis=1)
    assert_allclose(model.predict_proba(logits), expected, atol=1e-8)
    assert len(model.candidates_) == len(model.weights_) == len(model.oof_log_loss_)
    assert_allclose(model.weights_.sum(), 1)


def test_a_matrix_is_not_fitted_for_very_many_classes():
    logits, y = overconfident(40, 301)
    y[:] = np.arange(40) % 20
    with pytest.warns(UserWarning, match="no sample of the classes"):
        model = AutoCalibration().fit(logits, y)
    penalties = ["", "(0.1)", "(0.01)", "(0.001)", "(0.0001)"]
    assert model.candidates_ == ("identity", "temperature", *[f"svs{p}" for p in penalties])


def test_calibrated_input_is_mostly_left_alone():
    gated = 0
    for seed in range(10):
        logits, y = overconfident(200, 2, factor=1.0, seed=seed)
        model = AutoCalibration().fit(logits, y)
        gated += model.gated_
        if model.gated_:
            assert_allclose(model.predict_proba(logits), softmax(logits, axis=1), atol=1e-15)
            assert_array_equal(model.weights_, np.eye(len(model.weights_))[0])
    assert gated >= 7


def test_caution():
    logits, y = overconfident(200, 3, factor=1.0)
    found = AutoCalibration().fit(logits, y)
    assert found.gated_
    assert not AutoCalibration(caution=0).fit(logits, y).gated_
    logits, y = overconfident(60, 3)
    nats = AutoCalibration(caution=1).fit(logits, y).gain_
    assert nats > 0
    assert not AutoCalibration(caution=np.exp(nats) * 0.99).fit(logits, y).gated_
    assert AutoCalibration(caution=np.exp(nats) * 1.01).fit(logits, y).gated_


def test_too_few_samples_choose_nothing():
    logits, y = overconfident(9, 2)
    y[:2] = 0, 1
    model = AutoCalibration(caution=0).fit(logits, y)
    assert model.gated_
    assert np.isnan(model.gain_)
    assert_allclose(model.predict_proba(logits), softmax(logits, axis=1))
    assert model.describe() == "Input unchanged: fewer than 10 samples (9) say nothing."


def test_what_is_said_is_what_was_done():
    logits, y = overconfident(300, 3)
    model = AutoCalibration().fit(logits, y)
    text = model.describe()
    assert text.startswith("Pool of ")
    best = model.candidates_[model.weights_.argmax()]
    assert f"Pool of {best} {100 * model.weights_.max():.0f} %" in text
    before = log_loss(y, softmax(logits, axis=1))
    assert_allclose(model.oof_log_loss_[0], before)
    assert f"{before:.4g} before, {model.pool_oof_log_loss_:.4g} pooled" in text
    assert f"evidence of {model.gain_:.3g} nats" in text
    assert model.gain_ >= model.required_gain_
    gated = AutoCalibration(caution=np.inf).fit(logits, y)
    assert gated.describe().startswith("Input unchanged (held-out log loss")
    assert gated.gain_ == model.gain_


def test_held_out_loss_is_that_of_fresh_rows():
    logits, y = overconfident(1500, 3)
    model = AutoCalibration().fit(logits, y)
    fresh, truth = overconfident(20_000, 3, seed=1)
    assert_allclose(
        model.pool_oof_log_loss_, log_loss(truth, model.predict_proba(fresh)), atol=0.03
    )


def test_weights_maximise_the_penalised_likelihood():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.05, 1, (200, 4))
    weight = rng.integers(1, 4, 200).astype(float)
    prior = np.full(4, PSEUDO_COUNTS / 4)
    prior[0] += FIRST_COUNTS

    def loss(u):
        w = softmax(u)
        return -(weight @ np.log(truth @ w) + prior @ np.log(w))

    expected = softmax(minimize(loss, np.zeros(4), tol=1e-12).x)
    (found,) = pool_weights(truth, weight[None])
    assert_allclose(found, expected, atol=2e-3)  # EM stops after 300 steps


def test_evidence_is_what_held_out_rows_gain():
    rng = np.random.default_rng(0)
    truth = np.column_stack([rng.uniform(0.1, 0.9, 60)] * 2)
    truth[:, 1] = np.clip(truth[:, 1] + rng.normal(0.1, 0.1, 60), 0.05, 1)
    pieces = np.column_stack([np.zeros(60, int), np.arange(60) % 3])
    find_weights = partial(exponential_weights, prior=np.ones(2))
    found = evidence(truth, np.ones(60), pieces, 1, find_weights)
    gains = np.empty(60)
    for fold in range(3):
        own = pieces[:, 1] == fold
        (weights,) = find_weights(truth[~own], np.ones((1, 40)))
        gains[own] = np.log(truth[own] @ weights) - np.log(truth[own, 0])
    assert_allclose(found.gain, gains.sum())
    assert_allclose(found.log_loss, -np.log(truth[:, 0]).mean() - gains.mean())


def test_folds_are_stratified_and_deal_all_weight():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 100)
    weight = rng.uniform(0, 3, 100)
    shares = assign_to_folds(codes, weight, 5, np.random.default_rng(1))
    assert (shares >= 0).all()
    assert_allclose(shares.sum(axis=1), weight)
    for k in range(3):
        assert np.ptp(shares[codes == k].sum(axis=0)) <= 1 + 1e-9
    ones = assign_to_folds(codes, np.ones(100), 5, np.random.default_rng(1))
    assert_array_equal(np.sort(ones, axis=1)[:, -2:], [[0, 1]] * 100)
    assert_array_equal(ones.sum(axis=0), 20)
    twos = assign_to_folds(codes, np.full(100, 2.0), 5, np.random.default_rng(1))
    assert_array_equal((twos == 1).sum(axis=1), 2)


def test_merging_rows():
    logits = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 2.0], [1.0, 0.0], [-0.0, 2.0]])
    codes = np.array([0, 1, 0, 1, 1])
    found = merge_rows(logits, codes, np.arange(1.0, 6.0))
    assert_array_equal(found[0], logits[[0, 1, 3]])
    assert_array_equal(found[1], [0, 1, 1])
    assert_array_equal(found[2], [1 + 3, 2 + 5, 4])


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its probabilities."""

    def fit(self, X, y):
        self.classes_ = np.arange(X.shape[1])
        return self

    def predict_proba(self, X):
        return X


def declined(proba, y, **parameters):
    """Calibrate given probabilities by a pool that is never taken."""
    method = AutoCalibration(caution=np.inf, **parameters)
    given = FrozenEstimator(Given().fit(proba, y))
    return CalibratedClassifierCV(given, method=method).fit(proba, y)


def counted_votes(dtype, n_classes=3):
    """Draw the shares of 20 votes, exact zeros among them, and labels."""
    rng = np.random.default_rng(0)
    shares = np.array([0.6, 0.3, *[0.1] * (n_classes - 2)])
    proba = rng.multinomial(20, shares / shares.sum(), 60) / 20
    assert (proba == 0).any() or n_classes == 2
    return proba.astype(dtype), np.array([rng.choice(n_classes, p=p) for p in proba])


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_declined_pool_leaves_a_classifiers_own_probabilities(dtype, n_classes):
    proba, y = counted_votes(dtype, n_classes)
    model = declined(proba, y)
    assert model.calibrated_classifiers_[0].calibrators[0].gated_
    rows = proba.copy()
    rows[0] = np.eye(n_classes)[0]
    rows[1, :2] = (1 - 1e-6) * rows[1, :2].sum(), 1e-6 * rows[1, :2].sum()  # under the floor
    rows[2] = 0  # a classifier that knows nothing
    found = model.predict_proba(rows)
    assert found.dtype == dtype
    assert (found > 0).all()
    assert_allclose(found[2], 1 / n_classes)
    assert_allclose(found[3:], proba[3:], atol=2e-7 if dtype == np.float32 else 1e-11)
    assert_allclose(found[:2], rows[:2], rtol=1e-5, atol=1e-11)
    zeros = proba == 0
    wrong = zeros[np.arange(60), y].sum()
    floor = model.calibrated_classifiers_[0].floor
    lifted = min(floor, (wrong + 0.5) / (zeros.sum() + 1)) if wrong else 1e-12
    assert_allclose(found[0][rows[0] == 0], lifted, rtol=0.1)
    assert_allclose(model.predict_proba(rows[1:2]), found[1:2])  # whatever is beside it
    lifted = declined(proba, y, lift_zeros=True)
    expected = 60 / 61 * proba + 1 / 61 / n_classes
    assert_allclose(lifted.predict_proba(proba), expected, atol=5e-7)


def test_folds_that_decline_answer_with_their_own_classifiers_probabilities():
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    X = rng.normal(size=(120, 3)) + y[:, None]
    trees = DecisionTreeClassifier(max_depth=3, random_state=0)
    for ensemble in (True, False):
        model = CalibratedClassifierCV(
            trees, method=AutoCalibration(caution=np.inf), cv=3, ensemble=ensemble
        ).fit(X, y)
        own = [pair.estimator.predict_proba(X) for pair in model.calibrated_classifiers_]
        assert np.min(own) == 0
        found, plain = model.predict_proba(X), np.min(own, axis=(0, 2)) > 0
        assert_allclose(found[plain], np.mean(own, axis=0)[plain], atol=1e-11)
        assert (found > 0).all()


def test_small_probabilities_above_the_floor_stay_as_small():
    proba = np.array([[1.0, 1e-30], [0.3, 0.7], [0.6, 0.4]] * 10)
    model = declined(proba, np.arange(30) % 2)
    assert_allclose(model.predict_proba(proba), proba, rtol=1e-12)
    smaller = model.predict_proba(np.array([[1.0, 0.0], [1.0, 1e-31]]))[:, 1]
    assert_allclose(smaller, 5e-31, rtol=1e-12)  # the floor, half of the smallest


@pytest.mark.parametrize("fitted_on", ["log-probabilities", "logits"])
def test_arrays_come_back_as_their_softmax(fitted_on):
    proba, y = counted_votes(np.float64)
    logits = logits_from_proba(proba)
    rows = log_softmax(logits, axis=1) if fitted_on == "log-probabilities" else logits + 3
    model = AutoCalibration(caution=np.inf).fit(rows, y)
    for shift in (0, -3, np.arange(60)[:, None]):
        found = model.predict_proba(logits + shift)
        assert_allclose(found, softmax(logits, axis=1), atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeping_the_argmax(dtype):
    rng = np.random.default_rng(0)
    logits, y = overconfident(400, 4)
    logits[:, 0] += 3  # a bias that the pool takes back
    logits = logits.astype(dtype)
    free = AutoCalibration().fit(logits, y)
    kept = AutoCalibration(keep_argmax=True).fit(logits, y)
    rows = (6 * rng.normal(size=(5000, 4))).astype(dtype)
    before = rows.argmax(axis=1)
    moved = free.predict_proba(rows).argmax(axis=1) != before
    assert 0.02 < moved.mean() < 0.5
    proba = kept.predict_proba(rows)
    assert proba.dtype == dtype
    assert_array_equal(proba.argmax(axis=1), before)
    assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert_array_equal(proba[~moved], free.predict_proba(rows)[~moved])


def test_jobs_progress_and_seeds(capsys):
    logits, y = overconfident(200, 3)
    model = AutoCalibration(verbose=True).fit(logits, y)
    assert "auto calibration" in capsys.readouterr().err
    parallel = AutoCalibration(n_jobs=2).fit(logits, y)
    assert capsys.readouterr().err == ""
    assert_array_equal(parallel.weights_, model.weights_)
    other = AutoCalibration(random_state=1).fit(logits, y)
    assert not np.array_equal(other.weights_, model.weights_)


class BatchesOnly(ThreadingBackend):
    """A backend that hands results over when all are there, as clusters' do."""

    supports_return_generator = False


register_parallel_backend("batches only", BatchesOnly)
BACKENDS = ["sequential", "threading", "batches only"]
BACKENDS += [pytest.param(name, marks=pytest.mark.slow) for name in ("loky", "multiprocessing")]


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_of_joblib_gives_the_same_answer(backend, capsys):
    logits, y = overconfident(60, 2)
    alone = AutoCalibration().fit(logits, y)
    with parallel_config(backend=backend, n_jobs=2):
        model = AutoCalibration(verbose=True).fit(logits, y)
        folds = CalibratedClassifierCV(LogisticRegression(), method="auto", cv=2).fit(logits, y)
    assert_array_equal(model.weights_, alone.weights_)
    assert_array_equal(model.predict_proba(logits), alone.predict_proba(logits))
    assert "15" in capsys.readouterr().err  # folds: five, three times over
    one_job = CalibratedClassifierCV(LogisticRegression(), method="auto", cv=2).fit(logits, y)
    assert_array_equal(folds.predict_proba(logits), one_job.predict_proba(logits))


@pytest.mark.parametrize("backend", ["threading", "batches only"])
def test_the_fit_may_itself_be_one_of_several_jobs(backend):
    logits, y = overconfident(60, 2)
    model = CalibratedClassifierCV(method="auto", cv=2)
    with parallel_config(backend=backend, n_jobs=2):
        found = cross_val_predict(model, logits, y, cv=2, method="predict_proba")
    alone = cross_val_predict(model, logits, y, cv=2, method="predict_proba")
    assert_array_equal(found, alone)


@pytest.mark.filterwarnings("ignore:Some classes have no samples")
@pytest.mark.parametrize("ensemble", [True, False])
def test_in_the_meta_estimator(ensemble):
    rng = np.random.default_rng(0)
    y = np.array(["a", "b", "c"])[rng.integers(0, 3, 150)]
    X = rng.normal(size=(150, 4)) + 2 * (y == "b")[:, None]
    model = CalibratedClassifierCV(LogisticRegression(), method="auto", cv=3, ensemble=ensemble)
    assert model.fit(X, y).score(X, y) > 0.5


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("caution", -1),
        ("caution", np.nan),
        ("caution", "much"),
        ("caution", None),
        ("keep_argmax", "yes"),
        ("lift_zeros", 1),
    ],
)
def test_bad_parameters(parameter, value):
    y = np.arange(30) % 3
    with pytest.raises(ValueError, match=f"{parameter} must be .*{value!r}"):
        AutoCalibration(**{parameter: value}).fit(np.eye(3)[y] * 2.5, y)


def test_exponential_weights():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.05, 1, (30, 3))
    weight = rng.integers(1, 4, 30).astype(float)
    prior = np.array([1.0, 2.0, 5.0])
    (found,) = exponential_weights(truth, weight[None], prior)
    expected = prior * np.prod(truth ** (0.3 * weight[:, None]), axis=0)
    assert_allclose(found, expected / expected.sum())


def test_the_learned_prior_held_out_is_its_fit_without_the_fold():
    logits, y = overconfident(80, 2)
    weight = np.random.default_rng(1).integers(1, 3, 80).astype(float)
    shares = np.stack([weight * (np.arange(80) % 4 == k) for k in range(4)])
    found = HierarchicalCalibration().hold_out(logits, y, weight, shares)
    for share, said in zip(shares, found, strict=True):
        left = share == 0
        model = HierarchicalCalibration().fit(logits[left], y[left], weight[left])
        rows = np.flatnonzero(share)
        expected = model.predict_proba(logits[rows])[np.arange(len(rows)), y[rows]]
        assert_allclose(said, expected, atol=0.03)


@settings(max_examples=10)
@given(
    seed=st.integers(0, 1000),
    rate=st.sampled_from([0.03, 0.1, 0.5, 0.9]),
    bias=st.sampled_from([-6, 0, 3, 10]),
)
def test_two_classes_sum_to_what_happens(seed, rate, bias):
    """What is pooled is right in the large: to one row in all."""
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=100) < rate).astype(int)
    y[:2] = 0, 1
    weight = rng.uniform(0.2, 3, 100)
    odds = 2 * (rng.normal(size=100) + y) + bias
    model = AutoCalibration(caution=0).fit(odds[:, None], y, weight)
    said = weight @ model.predict_proba(odds[:, None])[:, 1]
    rarer = min(weight @ y, weight.sum() - weight @ y)
    assert abs(said - weight @ y) <= min(1, 0.05 * rarer)


@pytest.mark.parametrize("n_samples", [60, 400, 1200])
def test_no_class_of_several_is_two_standard_errors_off(n_samples):
    rng = np.random.default_rng(0)
    y = rng.choice(5, p=[0.5, 0.3, 0.15, 0.03, 0.02], size=n_samples)
    y[:5] = range(5)
    logits = 2 * rng.normal(size=(n_samples, 5)) + 4 * np.eye(5)[y] + [0, -3, 3, 5, 0]
    proba = AutoCalibration(caution=0).fit(logits, y).predict_proba(logits)
    counts = np.bincount(y)
    error = np.sqrt(counts * (1 - counts / n_samples))
    assert (np.abs(proba.sum(axis=0) - counts) <= 2 * error).all()


def test_factors_bring_classes_inside_and_leave_others():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([4, 2, 1], 200)
    y = np.array([rng.choice(3, p=p) for p in proba])
    weight = np.ones(200)
    assert_array_equal(find_factors(proba, y, weight), 1)
    tilted = multiply_classes(proba, np.array([1.0, 1.0, 9.0]))
    factors = find_factors(tilted, y, weight)
    said = multiply_classes(tilted, factors).sum(axis=0)
    counts = np.bincount(y)
    assert factors[2] < 1
    assert (np.abs(said - counts) <= 2 * np.sqrt(counts * (1 - counts / 200))).all()


def test_rows_in_bins_say_what_rows_say():
    logits, y = overconfident(30_000, 2)
    model = AutoCalibration().fit(logits, y)
    fresh, _ = overconfident(20_000, 2, seed=1)
    proba = model.predict_proba(fresh)
    exact = softmax(fresh / 3, axis=1)
    assert np.abs(proba - exact).max() < 0.02
    assert abs(model.predict_proba(logits)[:, 1].sum() - y.sum()) <= 1
    assert_allclose(model.oof_log_loss_[0], log_loss(y, softmax(logits, axis=1)), rtol=1e-4)


def test_condensed_rows_keep_what_counts():
    rng = np.random.default_rng(0)
    logits, y = overconfident(50_000, 2)
    weight = rng.uniform(size=50_000)
    shares = assign_to_folds(y, weight, 3, rng)
    bins, codes, total, dealt = condense(logits, y, weight, shares)
    assert len(bins) < 10_000
    assert_allclose(np.bincount(codes, total), np.bincount(y, weight))
    assert_allclose(dealt.sum(axis=0), shares.sum(axis=0))
    assert_allclose(dealt.sum(axis=1), total)
    assert_allclose(total @ (bins[:, 1] - bins[:, 0]), weight @ (logits[:, 1] - logits[:, 0]))


def test_much_to_learn_from_is_held_out_once():
    logits, y = overconfident(4200, 50)
    model = AutoCalibration().fit(logits, y)
    assert model.candidates_ == ("identity", "temperature", "sms", "sms(0.1)", "sms(0.01)")
    fresh, truth = overconfident(4000, 50, seed=1)
    found = log_loss(truth, model.predict_proba(fresh))
    assert found < log_loss(truth, softmax(fresh / 3, axis=1)) + 0.03
    assert_allclose(model.pool_oof_log_loss_, found, atol=0.06)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_is_returned_unchanged_is_what_was_compared(n_classes):
    proba, y = counted_votes(np.float64, n_classes)
    proba[:6] = np.eye(n_classes)[0]
    y[:2] = 1  # two zeros that were wrong
    floor = probability_floor(proba)
    logits = logits_from_proba(proba, floor)
    model = AutoCalibration(caution=np.inf).fit_columns(logits, y, np.ones(60), floor)
    assert_allclose(
        model.predict_proba(logits), model.unchanged_proba(proba, floor), atol=1e-12
    )
    zeros = proba == 0
    wrong = zeros[np.arange(60), y].sum()
    lifted = min((wrong + 0.5) / (zeros.sum() + 1), floor)
    mass = np.where(zeros, lifted, proba)
    expected = mass / mass.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(logits), expected, atol=1e-12)
