"""The calibrator with a learned prior, against plain simulation and numeric derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from scipy.special import expit, log_expit, logsumexp
from sklearn.metrics import log_loss

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import HierarchicalCalibration, PlattScaling, StructuredMatrixScaling
from skcalib.calibrators._hierarchical import PRIOR
from skcalib.calibrators._posterior import (
    FLIPPED,
    apply_maps,
    derivatives,
    find_modes,
    mean_log_odds,
    pool_in_bins,
)

THETA = st.tuples(*[st.floats(-size, size) for size in (2, 3, 2, 2)]).map(np.array)


def plain_map(theta, z):
    """Return s as its formula stands."""
    u, c, e, g = theta
    t, a, b = np.exp(u) * z, np.tanh(e), np.exp(g) - 1
    tanh = np.tanh(t / 2)
    return t + c + 2 * a * np.log(np.cosh(t / 2)) + b * (2 * tanh + a * tanh**2)


def draw_from_prior(n_draws, seed=0):
    rng = np.random.default_rng(seed)
    which = rng.choice(len(PRIOR.weights), n_draws, p=PRIOR.weights / PRIOR.weights.sum())
    shape = np.linalg.cholesky(np.linalg.inv(PRIOR.precisions))[which]
    return PRIOR.means[which] + np.einsum("nij,nj->ni", shape, rng.normal(size=(n_draws, 4)))


def few(n_samples, seed=0, factor=4.0):
    """Draw log-odds of a classifier that is so many times too sure, and labels."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n_samples) * 2
    y = (rng.uniform(size=n_samples) < expit(z - 0.5)).astype(int)
    y[:2] = 0, 1
    return factor * z, y


@given(theta=THETA)
def test_the_map_is_its_formula_and_rises(theta):
    z = np.linspace(-30, 30, 301)
    s, first, _ = derivatives(theta, z)
    assert_allclose(s, plain_map(theta, z), atol=1e-9)
    assert_allclose(apply_maps(theta, z), s)
    assert (np.diff(s) > 0).all()
    assert_allclose(apply_maps(np.zeros(4), z), z, atol=1e-12)
    assert_allclose(apply_maps(theta * FLIPPED, -z), -s, atol=1e-9)
    steps = [approx_fprime(theta, plain_map, 1e-7, one) for one in z[::60]]
    assert_allclose(first[:, ::60].T, steps, rtol=1e-4, atol=1e-4)


@given(theta=THETA)
def test_second_derivatives(theta):
    z = np.array([-4.0, -0.5, 0.3, 2.0])
    factor = np.array([1.0, -2.0, 0.5, 1.5])
    numeric = approx_fprime(theta, lambda at: derivatives(at, z)[1] @ factor, 1e-6)
    found = derivatives(theta, z)[2](factor)
    assert_allclose(found, numeric, rtol=1e-3, atol=1e-3 * np.abs(numeric).max())


@pytest.mark.parametrize("n_samples", [8, 25])
def test_the_posterior_is_that_of_many_draws_from_the_prior(n_samples):
    z, y = few(n_samples)
    model = HierarchicalCalibration().fit(z[:, None], y)
    theta = draw_from_prior(100_000)
    like = log_expit((2 * y - 1) * apply_maps(theta, z)).sum(axis=1)
    share = np.exp(like - logsumexp(like))
    new = np.array([-10.0, -2, 0, 1, 5, 20])
    s = apply_maps(theta, new)
    assert_allclose(model.predict_proba(new[:, None])[:, 1], share @ expit(s), atol=0.02)
    evidence = logsumexp(like) - np.log(len(theta)) - log_expit((2 * y - 1) * z).sum()
    assert_allclose(model.log_bayes_factors_, evidence, atol=0.15)
    lower, upper = model.predict_interval(new[:, None], confidence_level=0.8)
    for k in range(len(new)):
        order = np.argsort(s[:, k])
        until = np.cumsum(share[order])
        expected = expit(s[order[np.searchsorted(until, [0.1, 0.9])], k])
        assert_allclose([lower[k, 1], upper[k, 1]], expected, atol=0.04)


def test_modes_are_stationary():
    z, y = few(60)
    order = np.argsort(z)
    data = z[order], y[order] * 1.0, np.ones(60)
    modes, curvature = find_modes(PRIOR, *data)
    for theta, mean, inverse in zip(modes, PRIOR.means, PRIOR.precisions, strict=True):

        def value(at, mean=mean, inverse=inverse):
            s = apply_maps(at, data[0])
            off = at - mean
            return off @ inverse @ off / 2 - (
                log_expit(s) @ data[1] + log_expit(-s) @ (1 - data[1])
            )

        gradient = approx_fprime(theta, value, 1e-6)
        assert np.abs(gradient).max() < 1e-4 * np.abs(inverse).max()
    assert (np.linalg.eigvalsh(curvature) > 0).all()


def test_the_curve_of_the_mean_is_the_mean():
    z, y = few(200)
    (fitted,) = HierarchicalCalibration().fit(z[:, None], y).maps_
    new = np.r_[np.linspace(-60, 60, 1001), 1e4, -1e5]
    exact = mean_log_odds(fitted.posterior, fitted.bulk.compress(new) / fitted.unit)
    assert_allclose(fitted(new), exact, atol=2e-5)
    assert (np.diff(fitted(np.sort(new))) > 0).all()


def test_bins_change_little():
    z, y = few(5000)
    order = np.argsort(z)
    scores, hits, weight = pool_in_bins(z[order], y[order] * 1.0, np.ones(5000))
    assert len(scores) < 520
    assert_allclose([hits.sum(), weight.sum()], [y.sum(), 5000])
    assert_allclose(weight @ scores, z.sum(), atol=1e-8)
    model = HierarchicalCalibration().fit(z[:, None], y)
    truth = expit(z / 4 - 0.5)
    assert np.abs(model.predict_proba(z[:, None])[:, 1] - truth).max() < 0.05


def test_better_than_fits_without_a_prior_where_rows_are_few():
    theta = draw_from_prior(40, seed=1)
    losses = np.zeros((40, 3))
    for k, true in enumerate(theta):
        rng = np.random.default_rng(k)
        z = rng.normal(size=1030) * 3
        y = (rng.uniform(size=1030) < expit(apply_maps(true, z))).astype(int)
        y[:2] = 0, 1
        for j, kind in enumerate(
            (HierarchicalCalibration, StructuredMatrixScaling, PlattScaling)
        ):
            proba = kind().fit(z[:30, None], y[:30]).predict_proba(z[30:, None])
            losses[k, j] = log_loss(y[30:], proba, labels=[0, 1])
    assert losses[:, 0].mean() < losses[:, 1:].mean(axis=0).min()
    assert (losses[:, :1] < losses[:, 1:]).mean() > 0.6


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say_where_the_prior_is_right():
    inside = []
    for k, true in enumerate(draw_from_prior(80, seed=2)):
        rng = np.random.default_rng(k)
        z = rng.normal(size=40) * 3
        y = (rng.uniform(size=40) < expit(apply_maps(true, z))).astype(int)
        if y.min() == y.max():
            continue
        model = HierarchicalCalibration().fit(z[:, None], y)
        lower, upper = model.predict_interval([[1.0]], confidence_level=0.8)
        inside.append(lower[0, 1] <= expit(apply_maps(true, [1.0]))[0] <= upper[0, 1])
    assert 0.66 < np.mean(inside) < 0.92  # three standard errors of 0.8


@pytest.mark.parametrize("n_classes", [2, 4])
def test_intervals(n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, 400)
    logits = rng.normal(size=(400, n_classes)) + 2 * np.eye(n_classes)[y]
    few_rows = HierarchicalCalibration().fit(logits[:50], y[:50])
    many = HierarchicalCalibration().fit(logits, y)
    lower, upper = many.predict_interval(logits)
    assert lower.shape == upper.shape == logits.shape
    assert ((lower >= 0) & (lower < upper) & (upper <= 1)).all()
    widths = [np.subtract(*m.predict_interval(logits)[::-1]).mean() for m in (few_rows, many)]
    assert widths[1] < 0.7 * widths[0]
    wider = many.predict_interval(logits, confidence_level=0.99)
    assert (wider[0] <= lower).all()
    assert (wider[1] >= upper).all()
    if n_classes == 2:
        assert_allclose(upper[:, 0], 1 - lower[:, 1], atol=1e-12)
        proba = many.predict_proba(logits)
        assert ((lower < proba) & (proba < upper)).all()
    assert_array_equal(many.predict_interval(logits[:3])[0], lower[:3])


def test_what_the_evidence_says():
    z, y = few(300, factor=1.0)
    calibrated = HierarchicalCalibration().fit(z[:, None] - 0.5, y)
    assert calibrated.log_bayes_factors_.shape == (1,)
    assert calibrated.log_bayes_factors_[0] < 0
    z, y = few(300)
    assert HierarchicalCalibration().fit(z[:, None], y).log_bayes_factors_[0] > 10


def test_in_the_meta_estimator():
    z, y = few(100)
    model = CalibratedClassifierCV(method="hierarchical", cv=3).fit(z[:, None], y)
    assert model.score(z[:, None], y) > 0.6


@pytest.mark.parametrize("value", [0, 1, -0.1, 90, "0.9", None, np.nan])
def test_bad_levels_of_confidence(value):
    z, y = few(20)
    model = HierarchicalCalibration().fit(z[:, None], y)
    with pytest.raises(ValueError, match="confidence_level must be"):
        model.predict_interval(z[:, None], confidence_level=value)


def test_pairs_have_no_intervals():
    y = np.arange(60) % 3
    logits = np.random.default_rng(0).normal(size=(60, 3))
    model = HierarchicalCalibration(multiclass="ovo").fit(logits, y)
    with pytest.raises(ValueError, match="multiclass='ovr'"):
        model.predict_interval(logits)
