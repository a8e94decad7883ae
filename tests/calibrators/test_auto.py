"""What is peculiar to the pool."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import (
    AutoCalibration,
    BetaCalibration,
    QuadraticScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VennAbersCalibration,
    logits_from_proba,
)
from skcalib.calibrators._auto_folds import dealt, merged_rows
from skcalib.calibrators._auto_pool import FIRST_COUNTS, PSEUDO_COUNTS, evidence, pool_weights


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
        singles += [QuadraticScaling(), BetaCalibration(), VennAbersCalibration()]
    else:
        singles += [StructuredMatrixScaling(penalty=penalty) for penalty in (0.1, 0.01)]
    answers = [single.fit(logits, y).predict_proba(logits) for single in singles]
    answers.insert(0, softmax(logits, axis=1))
    expected = np.einsum("j,jik->ik", model.weights_, answers)
    assert_allclose(model.predict_proba(logits), expected, atol=1e-8)
    assert len(model.candidates_) == len(model.weights_) == len(model.oof_log_loss_)
    assert_allclose(model.weights_.sum(), 1)


def test_a_matrix_is_not_fitted_for_very_many_classes():
    logits, y = overconfident(40, 301)
    y[:] = np.arange(40) % 20
    with pytest.warns(UserWarning, match="no sample of the classes"):
        model = AutoCalibration().fit(logits, y)
    named = ("identity", "temperature", "svs", "svs(0.1)", "svs(0.01)")
    assert model.candidates_ == named


def test_calibrated_input_is_mostly_left_alone():
    gated = 0
    for seed in range(20):
        logits, y = overconfident(200, 2, factor=1.0, seed=seed)
        model = AutoCalibration().fit(logits, y)
        gated += model.gated_
        if model.gated_:
            assert_allclose(model.predict_proba(logits), softmax(logits, axis=1), atol=1e-15)
            assert_array_equal(model.weights_, np.eye(len(model.weights_))[0])
    assert gated >= 15


def test_caution():
    logits, y = overconfident(200, 3, factor=1.0)
    found = AutoCalibration().fit(logits, y)
    assert found.gated_
    assert not AutoCalibration(caution=0).fit(logits, y).gated_
    logits, y = overconfident(200, 3)
    t = AutoCalibration().fit(logits, y).gain_t_
    assert not AutoCalibration(caution=t / 0.5 * 0.99).fit(logits, y).gated_
    assert AutoCalibration(caution=t / 0.5 * 1.01).fit(logits, y).gated_


def test_too_few_samples_choose_nothing():
    logits, y = overconfident(9, 2)
    y[:2] = 0, 1
    model = AutoCalibration(caution=0).fit(logits, y)
    assert model.gated_
    assert np.isnan(model.gain_t_)
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
    assert model.gain_t_ >= model.required_t_
    gated = AutoCalibration(caution=1e6).fit(logits, y)
    assert gated.describe().startswith("Input unchanged (held-out log loss")
    assert gated.gain_t_ == model.gain_t_


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


def test_evidence_is_a_paired_t_statistic():
    rng = np.random.default_rng(0)
    truth = np.column_stack([rng.uniform(0.1, 0.9, 60)] * 2)
    truth[:, 1] = np.clip(truth[:, 1] + rng.normal(0.1, 0.1, 60), 0.05, 1)
    pieces = np.column_stack([np.zeros(60, int), np.arange(60) % 3])
    found = evidence(truth, np.arange(60), np.ones(60), pieces, 1)
    gains = np.empty(60)
    for fold in range(3):
        own = pieces[:, 1] == fold
        (weights,) = pool_weights(truth[~own], np.ones((1, 40)))
        gains[own] = np.log(truth[own] @ weights) - np.log(truth[own, 0])
    assert_allclose(found.t, gains.mean() / (gains.std() / np.sqrt(60)))
    assert_allclose(found.log_loss, -np.log(truth[:, 0]).mean() - gains.mean())


def test_folds_are_stratified_and_deal_all_weight():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 100)
    weight = rng.uniform(0, 3, 100)
    shares = dealt(codes, weight, 5, np.random.default_rng(1))
    assert (shares >= 0).all()
    assert_allclose(shares.sum(axis=1), weight)
    for k in range(3):
        assert np.ptp(shares[codes == k].sum(axis=0)) <= 1 + 1e-9
    ones = dealt(codes, np.ones(100), 5, np.random.default_rng(1))
    assert_array_equal(np.sort(ones, axis=1)[:, -2:], [[0, 1]] * 100)
    assert_array_equal(ones.sum(axis=0), 20)
    twos = dealt(codes, np.full(100, 2.0), 5, np.random.default_rng(1))
    assert_array_equal((twos == 1).sum(axis=1), 2)


def test_merging_rows():
    logits = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 2.0], [1.0, 0.0], [-0.0, 2.0]])
    codes = np.array([0, 1, 0, 1, 1])
    found = merged_rows(logits, codes, np.arange(1.0, 6.0))
    assert_array_equal(found[0], logits[[0, 1, 3]])
    assert_array_equal(found[1], [0, 1, 1])
    assert_array_equal(found[2], [1 + 3, 2 + 5, 4])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_with_zeros_come_back_unchanged(dtype):
    rng = np.random.default_rng(0)
    proba = (rng.multinomial(20, [0.6, 0.3, 0.1], 60) / 20).astype(dtype)
    assert (proba == 0).any()
    y = np.array([rng.choice(3, p=p / p.sum()) for p in proba.astype(float)])
    logits = logits_from_proba(proba)
    model = AutoCalibration(caution=1e9).fit(logits, y)
    assert_allclose(model.predict_proba(logits), proba, atol=2e-7)
    assert (model.predict_proba(logits) > 0).all()
    assert not np.allclose(softmax(logits, axis=1), proba, atol=1e-3)
    lifted = AutoCalibration(caution=1e9, lift_zeros=True).fit(logits, y)
    expected = 60 / 61 * proba + 1 / 61 / 3
    assert_allclose(lifted.predict_proba(logits), expected, atol=5e-7)


def test_what_is_below_the_floor_of_calibration_comes_back():
    rng = np.random.default_rng(0)
    proba = rng.uniform(0.02, 0.98, 60)
    proba = np.stack([proba, 1 - proba], axis=1)
    y = (rng.uniform(size=60) < proba[:, 1]).astype(int)
    model = AutoCalibration(caution=1e9).fit(logits_from_proba(proba), y)
    small = np.array([[1e-3, 0.999], [1.0, 0.0], [0.5, 0.5], [1 - 1e-9, 1e-9]])
    together = model.predict_proba(logits_from_proba(small, 0.01))
    assert_allclose(together, small, atol=1e-11)


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_what_has_no_floor_is_not_taken_for_floored(offset):
    proba = np.array([[0.2, 0.8], [0.2, 0.8], [0.5, 0.5], [0.9, 0.1], [0.1, 0.9]] * 4)
    logits = np.log(proba) + offset
    y = np.arange(20) % 2
    model = AutoCalibration(caution=1e9).fit(logits, y)
    assert_allclose(model.predict_proba(logits), proba)


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


@pytest.mark.filterwarnings("ignore:Not every class is everywhere")
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
