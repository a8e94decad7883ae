"""Histogram binning, scaling-binning and BBQ against their definitions written out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import betaln, expit, gammaln, logit
from scipy.stats import betabinom
from sklearn.base import clone

from skcalib.calibrators import (
    BayesianBinning,
    HistogramBinning,
    PlattScaling,
    ScalingBinning,
    _bayesian_binning,
)
from skcalib.calibrators._bins import equal_mass_bins
from skcalib.calibrators._tied_scores import pool_ties


def scores(n_samples, seed=0, digits=9):
    rng = np.random.default_rng(seed)
    z = np.round(rng.normal(size=n_samples) * 2, digits)
    return z, rng.uniform(size=n_samples) < expit(z)


def proba(model, z):
    return model.predict_proba(np.asarray(z)[:, None])[:, 1]


def test_bins_of_equal_mass_hold_the_frequencies():
    z, y = scores(1000)
    model = HistogramBinning(smoothing="none").fit(z[:, None], y)
    order = np.argsort(z)
    expected = y[order].reshape(10, 100).mean(axis=1)
    assert_allclose(proba(model, z[order]), np.repeat(expected, 100), atol=1e-12)
    ends = z[order][[0, -1]] + [-50, 50]
    assert_allclose(proba(model, ends), expected[[0, -1]], atol=1e-12)


def test_bins_of_equal_width_hold_the_frequencies_or_the_base_rate():
    rng = np.random.default_rng(0)
    p = np.append(rng.uniform(0, 0.3, 500), rng.uniform(0.62, 1, 500))
    y = rng.uniform(size=1000) < p
    model = HistogramBinning(strategy="uniform", smoothing="none")
    model.fit(logit(p)[:, None], y)
    bins = (p * 10).astype(int)
    expected = np.array(
        [y[bins == b].mean() if (bins == b).any() else y.mean() for b in range(10)]
    )
    centres = (np.arange(10) + 0.5) / 10
    assert_allclose(proba(model, logit(centres)), expected, atol=1e-12)
    assert expected[4] == y.mean()  # an empty bin
    # A probability of exactly one belongs to the last bin.
    assert_allclose(proba(model, [700.0]), expected[-1:])


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
@pytest.mark.parametrize("n_bins", [1, 2, 5, 50])
def test_ties_are_not_parted_and_no_class_is_preferred(strategy, n_bins):
    z, y = scores(200, digits=0)
    model = HistogramBinning(n_bins=n_bins, strategy=strategy, smoothing="none")
    levels = proba(model.fit(z[:, None], y), np.unique(z))
    turned = proba(model.fit(-z[:, None], ~y), -np.unique(z))
    assert_allclose(levels, 1 - turned, atol=1e-12)
    # The mean over all rows is the base rate: nothing is lost at the cuts.
    assert_allclose(levels[np.unique(z, return_inverse=True)[1]].mean(), y.mean(), atol=0.02)
    if strategy == "quantile" and n_bins == 50:
        expected = [y[z == value].mean() for value in np.unique(z)]
        assert_allclose(levels, expected, atol=1e-12)


def test_a_score_on_the_cut_is_between_both_bins():
    z, y = np.array([-2.0, -1, 0, 1, 2]), np.array([0, 1, 1, 1, 1])
    model = HistogramBinning(n_bins=2, smoothing="none").fit(z[:, None], y)
    low, high = 1.5 / 2.5, 1.0
    assert_allclose(proba(model, z), [low, low, (low + high) / 2, high, high])
    assert_allclose(proba(model, [-0.6, -0.4, 0.4, 0.6]), [low, *[(low + high) / 2] * 2, high])


def test_string_labels_and_missing_classes():
    """What probmetrics answers with a uniform .25, and netcal with zeros."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 400)
    logits = rng.normal(size=(400, 4)) + 3 * np.eye(4)[codes]
    names = np.array(["ant", "bee", "cat", "dog"])[codes]
    numbers = HistogramBinning().fit(logits, codes).predict_proba(logits)
    assert_allclose(HistogramBinning().fit(logits, names).predict_proba(logits), numbers)
    assert numbers.std() > 0.2
    kept = codes != 3
    with pytest.warns(UserWarning, match=r"no sample of the classes \[3\]"):
        model = HistogramBinning().fit(logits[kept], codes[kept])
    assert (model.predict_proba(logits)[:, 3] > 0).all()


def test_scaling_binning_averages_platts_probabilities():
    z, y = scores(1000)
    weight = np.random.default_rng(1).integers(1, 4, 1000).astype(float)
    platt = proba(PlattScaling().fit(z[:, None], y, weight), z)
    model = ScalingBinning(n_bins=7).fit(z[:, None], y, weight)
    answers = proba(model, z)
    order = np.argsort(z)
    for level in np.unique(answers):
        rows = answers == level
        if np.ptp(np.flatnonzero(rows[order])) > 0:  # a bin, not a row on a cut
            assert_allclose(level, np.average(platt[rows], weights=weight[rows]), atol=2e-3)
    assert 7 <= len(np.unique(answers)) <= 13
    assert_allclose(np.average(answers, weights=weight), np.average(platt, weights=weight))


def bbq(z, y, new):
    """BBQ of distinct scores, written out; no cut meets a score if n is a power of two."""
    order = np.argsort(z)
    z, y = z[order], y[order]
    n = len(z)
    log_ml, answers = [], []
    for n_bins in range(max(1, int(n ** (1 / 3) / 10)), int(np.ceil(10 * n ** (1 / 3))) + 1):
        if n_bins > n:
            break
        middle = np.arange(n) + 0.5
        number = np.floor(middle * n_bins / n).astype(int)
        assert (middle * n_bins % n != 0).all()
        cuts = [
            (z[number == b].max() + z[number == b + 1].min()) / 2 for b in range(n_bins - 1)
        ]
        bounds = np.concatenate([[0], expit(cuts), [1]])
        total, level = 0.0, np.empty(n_bins)
        for b in range(n_bins):
            size, hits = np.sum(number == b), y[number == b].sum()
            alpha = 2 / n_bins * (bounds[b] + bounds[b + 1]) / 2
            beta = 2 / n_bins - alpha
            choices = gammaln(size + 1) - gammaln(hits + 1) - gammaln(size - hits + 1)
            total += betabinom.logpmf(hits, size, alpha, beta) - choices
            level[b] = (hits + alpha) / (size + alpha + beta)
        log_ml.append(total)
        answers.append(level[np.searchsorted(cuts, new)])
    share = np.exp(np.array(log_ml) - max(log_ml))
    return share @ np.array(answers) / share.sum()


@pytest.mark.parametrize("n_samples", [8, 64, 256])
def test_bbq_is_its_definition(n_samples):
    z, y = scores(n_samples)
    new = np.append(z, [-40, 40])
    answers = proba(BayesianBinning().fit(z[:, None], y), new)
    assert_allclose(answers, bbq(z, y, new), atol=1e-9)


def bbq_one_by_one(z, y, weight, new):
    """BBQ by one binning after the other, of any scores and weights."""
    scores, hits, weight = pool_ties(z, y, weight)
    root = np.cbrt(weight.sum())
    most = min(int(np.ceil(10 * root)), len(scores))
    log_ml, answers = [], []
    for n_bins in range(min(max(1, int(root / 10)), most), most + 1):
        bins = equal_mass_bins(scores, weight, n_bins)
        n = bins.totals(weight)
        m = np.minimum(bins.totals(hits), n)
        cuts = np.where(bins.right > bins.left, scores[bins.left], bins.edges[::2])
        bounds = np.concatenate([[0], expit(cuts), [1]])
        middle = np.clip((bounds[1:] + bounds[:-1]) / 2, 1e-12, 1 - 1e-12)
        alpha, beta = 2 / len(n) * middle, 2 / len(n) * (1 - middle)
        log_ml.append((betaln(m + alpha, n - m + beta) - betaln(alpha, beta)).sum())
        answers.append(bins.steps((m + alpha) / (n + 2 / len(n)))(new))
    share = np.exp(np.array(log_ml) - max(log_ml))
    return share @ np.array(answers) / share.sum()


@pytest.mark.parametrize("weights", ["one", "integer", "any", "wide"])
@pytest.mark.parametrize("batch", [16, 2**18])
def test_binnings_cut_all_at_once_are_those_cut_one_by_one(weights, batch, monkeypatch):
    monkeypatch.setattr(_bayesian_binning, "BATCH", batch)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 300))
        z = np.round(rng.normal(size=n) * 3, seed % 3)  # from many ties to few
        y = rng.uniform(size=n) < expit(z + 1)
        y[:2] = [False, True]
        weight = {
            "one": np.ones(n),
            "integer": rng.integers(1, 5, n).astype(float),
            "any": rng.gamma(2, size=n) + 0.5,
            "wide": 10.0 ** rng.uniform(-6, 6, n),
        }[weights]
        weight[0] += 2
        new = np.concatenate([z, z + 0.01, [-40, 40]])
        answers = proba(BayesianBinning().fit(z[:, None], y, weight), new)
        assert_allclose(answers, bbq_one_by_one(z, y, weight, new), atol=1e-8)


def test_bbq_takes_many_rows_quickly_and_is_close_to_the_truth():
    z, y = scores(20_000)
    model = BayesianBinning().fit(z[:, None], y)
    assert np.abs(proba(model, z) - expit(z)).mean() < 0.02


@pytest.mark.parametrize("method", [HistogramBinning, ScalingBinning])
def test_unusable_numbers_of_bins(method):
    for n_bins in (0, 2.5, "10", True):
        with pytest.raises(ValueError, match="n_bins must be an integer of at least 1"):
            method(n_bins=n_bins).fit([[1.0], [2.0]], [0, 1])


@pytest.mark.parametrize("n_bins", [2**20 + 1, 10**9, 10**30])
@pytest.mark.parametrize(
    "calibrator",
    [HistogramBinning(), HistogramBinning(strategy="uniform"), ScalingBinning()],
    ids=repr,
)
def test_bins_that_would_fill_the_memory_are_refused(calibrator, n_bins):
    y = np.arange(60) % 2
    decision = np.linspace(-1, 1, 60)[:, None]
    with pytest.raises(ValueError, match=f"n_bins must be at most 1048576, got {n_bins}"):
        clone(calibrator).set_params(n_bins=n_bins).fit(decision, y)
    clone(calibrator).set_params(n_bins=2**20).fit(decision, y)


def test_averages_of_binnings_stay_probabilities_whatever_the_weights():
    """Levels near 0 are sums of jumps, and must not fall below it by rounding."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        y = np.arange(40) % 2
        decision = rng.normal(size=(40, 1)) * 10.0 ** rng.uniform(-5, 19, (40, 1))
        weight = 10.0 ** rng.uniform(-6, 6, 40)
        fitted = BayesianBinning().fit(decision, y, weight)
        (steps,) = fitted.maps_
        assert steps.levels.min() > 0
        assert steps.levels.max() <= 1
        assert np.isfinite(fitted.predict_proba(decision)).all()


def test_light_rows_beside_heavy_ones_keep_their_share():
    # Bins of equal width: the heavy rows are in the first, the others each have light rows.
    z = logit(np.repeat([0.05, 0.35, 0.65, 0.95], 4))
    y = np.tile([0, 0, 0, 1], 4)
    weight = np.repeat([1e17, 1.0, 1.0, 1.0], 4)
    model = HistogramBinning(n_bins=4, strategy="uniform", smoothing="none")
    model.fit(z[:, None], y, weight)
    assert_allclose(proba(model, z), 0.25, rtol=1e-12)
    turned = HistogramBinning(n_bins=4, strategy="uniform", smoothing="none")
    turned.fit(-z[:, None], 1 - y, weight)
    assert_allclose(proba(turned, -z), 0.75, rtol=1e-12)


def test_a_bin_of_outliers_alone():
    z, y = scores(400)
    far = np.argsort(np.where(y, -z, np.inf))[:30]
    z[far] = 1e12
    model = ScalingBinning(n_bins=20).fit(z[:, None], y)
    assert proba(model, z[far]).min() > 0.999
