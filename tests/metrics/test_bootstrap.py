"""Bootstrap: closed forms, scipy, coverage, groups, strata, weights, edges, bad input."""

import sys
import warnings
from functools import partial
from inspect import signature

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn import metrics as sklearn_metrics
from sklearn.exceptions import UndefinedMetricWarning

from skcalib.metrics import (
    augrc_loss,
    aurc_loss,
    bootstrap_difference,
    bootstrap_interval,
    brier_score_loss,
    calibration_error,
    corp_decomposition,
    error_detection_auc_score,
    excess_aurc_loss,
    expected_calibration_error,
    log_loss,
    maximum_calibration_error,
    smooth_calibration_error,
)

# scipy renamed the parameter in 1.15.
SEED = "rng" if "rng" in signature(stats.bootstrap).parameters else "random_state"
HONEST = partial(calibration_error, norm="l2_squared", debias=True)


def binary(n, seed=0, power=1):
    """Return labels and probabilities; power 1 is calibrated."""
    rng = np.random.default_rng(seed)
    proba = rng.uniform(size=n)
    return (rng.uniform(size=n) < proba**power).astype(int), proba


def three_classes(n, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([1, 1, 1], n)
    return (rng.uniform(size=(n, 1)) > proba.cumsum(axis=1)).sum(axis=1), proba


def losses_of(y, proba):
    return -np.log(np.where(y == 1, proba, 1 - proba))


def endpoints(replicates, estimate, acceleration, level):
    """Return the limits of Efron's BCa, as values that occur among the replicates."""
    below = (replicates < estimate).mean() + (replicates == estimate).mean() / 2
    z0 = stats.norm.ppf(below)
    z = z0 + stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])
    at = stats.norm.cdf(z0 + z / (1 - acceleration * z))
    return np.sort(replicates)[np.ceil(at * len(replicates)).astype(int) - 1]


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_agrees_with_scipy_for_a_mean(method):
    y, proba = binary(40, seed=3)
    losses = losses_of(y, proba)
    expected = stats.bootstrap(
        (losses,),
        np.mean,
        method=method,
        n_resamples=20_000,
        **{SEED: np.random.default_rng(1)},
    )
    found = bootstrap_interval(
        log_loss, y, proba, method=method, n_resamples=20_000, random_state=0
    )
    sd = losses.std() / np.sqrt(40)
    assert found.estimate == pytest.approx(losses.mean(), rel=1e-12)
    assert found.standard_error == pytest.approx(sd, rel=4 / np.sqrt(2 * 20_000))
    low, high = expected.confidence_interval
    # Two quantiles at 0.025, each with the standard error sqrt(q (1 - q) / B) / density.
    bound = 4 * np.sqrt(2 * 0.025 * 0.975 / 20_000) / (stats.norm.pdf(1.96) / sd)
    assert found.low == pytest.approx(low, abs=bound)
    assert found.high == pytest.approx(high, abs=1.6 * bound)  # skewed, thinner there
    if method == "BCa":  # which the bounds can tell from percentiles
        plain = np.quantile(found.replicates, [0.025, 0.975])
        assert found.low - plain[0] > bound
        assert found.high - plain[1] > 1.6 * bound


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_limits_are_those_of_the_formula(level):
    y, proba = binary(60, seed=1)
    losses = losses_of(y, proba)
    keywords = {"confidence_level": level, "n_resamples": 997, "random_state": 2}
    found = bootstrap_interval(log_loss, y, proba, method="percentile", **keywords)
    expected = endpoints(found.replicates, np.median(found.replicates), 0, level)
    assert_array_equal([found.low, found.high], expected)

    found = bootstrap_interval(log_loss, y, proba, **keywords)
    assert_allclose(found.standard_error, np.std(found.replicates, ddof=1))
    acceleration = stats.skew(losses) / (6 * np.sqrt(60))
    expected = endpoints(found.replicates, found.estimate, acceleration, level)
    assert_array_equal([found.low, found.high], expected)

    weight = np.random.default_rng(0).integers(0, 4, 60)  # frequencies
    found = bootstrap_interval(log_loss, y, proba, sample_weight=weight, **keywords)
    acceleration = stats.skew(losses.repeat(weight)) / (6 * np.sqrt(weight.sum()))
    expected = endpoints(found.replicates, found.estimate, acceleration, level)
    assert_array_equal([found.low, found.high], expected)

    found = bootstrap_interval(log_loss, y, proba, stratify=y, **keywords)
    centred = losses - np.where(y == 1, losses[y == 1].mean(), losses[y == 0].mean())
    acceleration = (centred**3).sum() / (6 * (centred**2).sum() ** 1.5)
    expected = endpoints(found.replicates, found.estimate, acceleration, level)
    assert_array_equal([found.low, found.high], expected)


def test_acceleration_of_many_rows_is_found_from_blocks():
    y, proba = binary(1000, seed=1)
    proba = np.where(y == 1, proba**3, 1 - (1 - proba) ** 3)  # skewed losses
    losses = losses_of(y, proba)
    acceleration = stats.skew(losses) / (6 * np.sqrt(1000))
    found = bootstrap_interval(log_loss, y, proba, n_resamples=20_000, random_state=0)
    # The skewness of 200 sums of rows has a standard error of about sqrt(6 / 200).
    slack = 4 * np.sqrt(6 / 200) / (6 * np.sqrt(200))
    assert acceleration > slack  # so that none would be noticed
    least = endpoints(found.replicates, found.estimate, acceleration - slack, 0.95)
    most = endpoints(found.replicates, found.estimate, acceleration + slack, 0.95)
    assert (least <= [found.low, found.high]).all()
    assert ([found.low, found.high] <= most).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "truth", "method", "expected"),
    [
        (brier_score_loss, 1 / 6, "BCa", [0.925, 0.965]),
        pytest.param(
            brier_score_loss, 1 / 6, "percentile", [0.92, 0.965], marks=pytest.mark.slow
        ),
        pytest.param(log_loss, 1 / 2, "BCa", [0.925, 0.965], marks=pytest.mark.slow),
        (log_loss, 1 / 2, "percentile", [0.92, 0.965]),
    ],
)
def test_intervals_of_losses_cover(metric, truth, method, expected):
    covered = 0
    for seed in range(400):
        y, proba = binary(200, seed)
        found = bootstrap_interval(
            metric, y, proba, method=method, n_resamples=300, random_state=seed
        )
        covered += found.low <= truth <= found.high
    least, most = stats.binom.ppf([1e-3, 1 - 1e-3], 400, expected)
    assert least <= covered <= most


@pytest.mark.slow
@pytest.mark.parametrize("n_bins", [5, pytest.param(15, marks=pytest.mark.slow)])
def test_interval_of_the_debiased_error_of_a_calibrated_model_covers_zero(n_bins):
    # As the docstring of bootstrap_interval recommends it; 15 is the default.
    covered = 0
    for seed in range(200):
        y, proba = binary(500, seed)
        found = bootstrap_interval(
            partial(HONEST, n_bins=n_bins),
            y,
            proba,
            method="normal",
            n_resamples=150,
            random_state=seed,
        )
        covered += found.low <= 0 <= found.high
    assert covered >= stats.binom.ppf(1e-3, 200, 0.93)


PREPARED = [
    brier_score_loss,
    partial(brier_score_loss, scale_by_half=False),
    log_loss,
    aurc_loss,
    augrc_loss,
    excess_aurc_loss,
    error_detection_auc_score,
    HONEST,
    partial(partial(calibration_error, norm="l1"), norm="l2", notion="class-wise"),
    partial(calibration_error, debias=True),
    expected_calibration_error,
    partial(maximum_calibration_error, n_bins=3, strategy="quantile"),
    pytest.param(smooth_calibration_error, marks=pytest.mark.slow),
]


@pytest.mark.filterwarnings("ignore:All replicates lie on one side", "ignore:The estimate")
@pytest.mark.parametrize("binary_problem", [True, False])
@pytest.mark.parametrize("metric", PREPARED)
def test_ways_to_evaluate_agree(metric, binary_problem):
    y, proba = binary(40) if binary_problem else three_classes(40)

    def weighted(y_true, y_proba, *, labels, sample_weight=None):
        return metric(y_true, y_proba, labels=labels, sample_weight=sample_weight)

    def repeated(y_true, y_proba, labels=None):
        return metric(y_true, y_proba, labels=labels)

    rng = np.random.default_rng(0)
    keywords = {"n_resamples": 15, "random_state": 3}
    for more in (
        {},
        {"sample_weight": rng.integers(0, 4, 40)},
        {"groups": rng.integers(0, 15, 40), "stratify": None},
        {"stratify": y},
    ):
        fast = bootstrap_interval(metric, y, proba, **keywords, **more)
        for slow in (weighted, repeated):
            found = bootstrap_interval(slow, y, proba, **keywords, **more)
            assert_allclose(found.replicates, fast.replicates, rtol=1e-9, atol=1e-12)
            assert_allclose(found[:4], fast[:4], rtol=1e-9, atol=1e-12)
        y_of, proba_of = np.asarray(y), proba
        if "sample_weight" in more:
            y_of, proba_of = (
                y.repeat(more["sample_weight"]),
                proba.repeat(more["sample_weight"], axis=0),
            )
        assert fast.estimate == pytest.approx(metric(y_of, proba_of), abs=1e-12)


def test_what_the_result_looks_like():
    y, proba = binary(50)
    found = bootstrap_interval(brier_score_loss, y, proba, n_resamples=30)
    assert {type(part) for part in found[:4]} == {float}
    assert found.replicates.shape == (30,)
    assert found.low < found.estimate < found.high
    found = bootstrap_difference(brier_score_loss, y, proba, proba**2, n_resamples=30)
    assert {type(part) for part in found[:5]} == {float}
    assert found.replicates.shape == (30,)


def test_seeds():
    y, proba = binary(30)
    for function in (
        partial(bootstrap_interval, brier_score_loss, y, proba),
        partial(bootstrap_difference, brier_score_loss, y, proba, proba**2),
    ):
        draws = [
            function(n_resamples=9, random_state=seed).replicates
            for seed in (0, 0, np.random.RandomState(0), 1, None, None)
        ]
        assert_array_equal(draws[0], draws[1])
        assert_array_equal(draws[0], draws[2])
        for a, b in ((0, 3), (0, 4), (4, 5)):
            assert (draws[a] != draws[b]).any()
        assert len(set(draws[0])) == 9  # one resample is not like another


def test_weights_are_frequencies():
    y, proba = binary(50)
    weight = np.random.default_rng(1).integers(0, 4, 50)
    n, losses = weight.sum(), losses_of(y, proba).repeat(weight)
    kept = {"method": "percentile", "n_resamples": 10_000, "random_state": 0}
    weighted = bootstrap_interval(log_loss, y, proba, sample_weight=weight, **kept)
    repeated = bootstrap_interval(log_loss, y.repeat(weight), proba.repeat(weight), **kept)
    assert weighted.estimate == pytest.approx(repeated.estimate, rel=1e-13)
    expected = losses.std() / np.sqrt(n)
    for found in (weighted, repeated):
        assert found.standard_error == pytest.approx(expected, rel=4 / np.sqrt(20_000))
    assert stats.ks_2samp(weighted.replicates, repeated.replicates).pvalue > 1e-3

    # Doubled rows draw twice as many, so the standard error shrinks as if they were new.
    doubled = bootstrap_interval(log_loss, y, proba, sample_weight=2 * weight, **kept)
    expected = losses.std() / np.sqrt(2 * n)
    assert doubled.standard_error == pytest.approx(expected, rel=4 / np.sqrt(20_000))


@pytest.mark.filterwarnings("ignore:There are 30 rows in 10 strata")
def test_rows_of_weight_zero_do_not_matter():
    y, proba = binary(40)
    weight = np.arange(40) % 2 * 1.5
    groups = np.arange(40) // 4
    odd = weight > 0
    keywords = {"n_resamples": 20, "random_state": 0}
    for rows in ({}, {"groups": groups}, {"stratify": groups}):
        expected = bootstrap_interval(
            log_loss,
            y[odd],
            proba[odd],
            sample_weight=weight[odd],
            **keywords,
            **{name: values[odd] for name, values in rows.items()},
        )
        found = bootstrap_interval(
            log_loss,
            np.where(odd, y, 7),
            proba,
            sample_weight=weight,
            **keywords,
            **{name: np.where(odd, values, 99) for name, values in rows.items()},
        )
        assert_array_equal(found.replicates, expected.replicates)
        assert_array_equal(found[:4], expected[:4])


def test_strata_have_fixed_sizes():
    y, proba = three_classes(50)

    def shares(y_true, y_proba, *, sample_weight, labels):
        assert_array_equal(labels, [0, 1, 2])
        return [sample_weight[y_true == label].sum() for label in labels]

    keywords = {"method": "percentile", "n_resamples": 50, "random_state": 0}
    found = bootstrap_interval(shares, y, proba, stratify=y, **keywords)
    assert_array_equal(found.replicates, [np.bincount(y)] * 50)
    free = bootstrap_interval(shares, y, proba, **keywords)
    assert_array_equal(free.replicates.sum(axis=1), [50] * 50)
    assert (free.replicates.std(axis=0) > 1).all()
    groups = np.arange(50) // 2
    names = np.array(["a", "b"])[(groups > 8).astype(int)]

    def of_first(y_true, y_proba, *, sample_weight):
        return sample_weight[y_proba[:, 0] > 2 / 3].sum()

    proba = np.where((names == "a")[:, None], [1.0, 0, 0], [0, 1.0, 0])
    found = bootstrap_interval(of_first, y, proba, groups=groups, stratify=names, **keywords)
    assert_array_equal(found.replicates, [18] * 50)
    found = bootstrap_interval(of_first, y, proba, groups=groups, **keywords)
    assert len(set(found.replicates)) > 5


def test_stratified_standard_error_is_that_of_the_formula():
    y, proba = binary(100)
    proba = np.where(y == 1, 0.2 * proba, proba)  # losses differ between classes
    losses = losses_of(y, proba)
    found = bootstrap_interval(
        log_loss, y, proba, stratify=y, method="percentile", n_resamples=5000, random_state=0
    )
    within = sum(losses[y == k].var() * (y == k).sum() for k in (0, 1))
    expected = np.sqrt(within) / 100
    assert found.standard_error == pytest.approx(expected, rel=4 / np.sqrt(10_000))
    assert abs(losses.std() / 10 / expected - 1) > 0.1  # otherwise than without strata


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_groups_of_equal_rows_count_as_one_row_each(method):
    y, proba = binary(80)
    keywords = {"method": method, "n_resamples": 1000, "random_state": 0}
    plain = bootstrap_interval(log_loss, y, proba, **keywords)
    repeated = [values.repeat(4) for values in (y, proba, np.arange(80))]
    order = np.random.default_rng(0).permutation(320)
    y_4, proba_4, groups = (values[order] for values in repeated)
    clustered = bootstrap_interval(log_loss, y_4, proba_4, groups=groups, **keywords)
    assert_allclose(clustered.replicates, plain.replicates, rtol=1e-12)
    assert_allclose(clustered[:4], plain[:4], rtol=1e-12)
    named = groups.astype(str)
    other = bootstrap_interval(log_loss, y_4, proba_4, groups=named, **keywords)
    assert other.standard_error == pytest.approx(plain.standard_error, rel=0.15)
    naive = bootstrap_interval(log_loss, y_4, proba_4, **keywords)
    assert naive.standard_error == pytest.approx(plain.standard_error / 2, rel=0.15)


def test_resamples_that_lack_a_class():
    y, proba = np.array(["a", "b", "c"]), np.full((3, 3), 1 / 3)
    keywords = {"n_resamples": 50, "random_state": 0}
    for metric, expected in (
        (brier_score_loss, 2 / 3),
        (sklearn_metrics.log_loss, np.log(3)),
        (partial(sklearn_metrics.brier_score_loss, labels=["a", "b", "c"]), 2 / 3),
        (partial(log_loss, labels=["a", "b", "c"]), np.log(3)),
    ):
        found = bootstrap_interval(metric, y, proba, **keywords)
        assert_allclose(found.replicates, expected)


def test_metrics_of_scikit_learn():
    y, proba = binary(60)
    auc = bootstrap_interval(
        sklearn_metrics.roc_auc_score, y, proba, n_resamples=200, random_state=0
    )
    assert auc.estimate == pytest.approx(sklearn_metrics.roc_auc_score(y, proba))
    assert auc.low < auc.estimate < auc.high <= 1
    for theirs, ours in (
        (sklearn_metrics.log_loss, log_loss),
        (sklearn_metrics.brier_score_loss, brier_score_loss),
    ):
        keywords = {"n_resamples": 50, "random_state": 1}
        expected = bootstrap_interval(ours, y, proba, **keywords)
        found = bootstrap_interval(theirs, y, proba, **keywords)
        assert_allclose(found.replicates, expected.replicates, rtol=1e-9)


def test_undefined_resamples_are_left_out_with_one_warning():
    y = [1] * 8 + [0] * 2
    proba = [0.9, 0.8, 0.7, 0.6, 0.95, 0.85, 0.75, 0.65, 0.92, 0.55]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = bootstrap_interval(error_detection_auc_score, y, proba, random_state=0)
    n_undefined = int(np.isnan(found.replicates).sum())
    assert 50 < n_undefined < 200  # (8 / 10)**10 is 0.107
    assert [f"NaN in {n_undefined} of 1000" in str(w.message) for w in caught] == [True]
    assert np.isfinite(found[:4]).all()
    assert found.low < found.estimate < found.high
    defined = found.replicates[~np.isnan(found.replicates)]
    assert found.standard_error == pytest.approx(defined.std(ddof=1))


def test_one_warning_even_where_leaving_a_row_out_is_undefined():
    y, proba = [1] * 7 + [0], [0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.78]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = bootstrap_interval(error_detection_auc_score, y, proba, random_state=0)
    assert np.isfinite(found[:4]).all()
    assert [issubclass(w.category, UndefinedMetricWarning) for w in caught] == [False]


def test_infinite_losses():
    y, proba = binary(60)
    y[0], proba[0] = 1, 0
    for method in ("percentile", "BCa"):
        found = bootstrap_interval(log_loss, y, proba, method=method, random_state=0)
        assert (found.estimate, found.high, found.standard_error) == (np.inf,) * 3
        assert 0.2 < found.low < 1
        assert not np.isnan(found.replicates).any()
        other = np.where(proba == 0, 0.5, proba)
        found = bootstrap_difference(log_loss, y, proba, other, method=method, random_state=0)
        assert (found.difference, found.high) == (np.inf, np.inf)
        assert found.low == 0
        assert 0.01 < found.p_value <= 1


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_nothing_is_claimed_about_an_undefined_difference(method):
    y, proba = binary(60)
    y[0], proba[0] = 1, 0  # infinite minus infinite
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        found = bootstrap_difference(
            log_loss, y, proba, np.sqrt(proba), method=method, random_state=0
        )
    assert np.isnan(found.difference)
    assert np.isnan(found.low) or found.low < found.high
    assert np.isnan(found.p_value) or found.p_value > 0.05 or found.low > 0 or found.high < 0
    if method == "BCa":  # which has nothing to correct by
        assert_array_equal([found.low, found.high, found.p_value], [np.nan] * 3)


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_metrics_of_several_figures(method):
    y, proba = binary(60)
    keywords = {"n_resamples": 99, "random_state": 4, "method": method}
    found = bootstrap_interval(corp_decomposition, y, proba, **keywords)
    assert_array_equal(found.estimate, corp_decomposition(y, proba))
    assert [part.shape for part in found] == [(4,)] * 4 + [(99, 4)]
    loss, miscalibration, discrimination, uncertainty = found.replicates.T
    assert_allclose(loss, miscalibration - discrimination + uncertainty)
    for k in range(4):

        def part(y_true, y_proba, *, labels, sample_weight, k=k):
            return corp_decomposition(
                y_true, y_proba, labels=labels, sample_weight=sample_weight
            )[k]

        expected = bootstrap_interval(part, y, proba, **keywords)
        assert_array_equal([column[k] for column in found[:4]], expected[:4])
    expected = bootstrap_interval(brier_score_loss, y, proba, **keywords)
    assert_allclose([column[0] for column in found[:4]], expected[:4], rtol=1e-9)


def test_differences_of_several_figures():
    y, proba = binary(60)
    keywords = {"n_resamples": 99, "random_state": 4}

    def array_of(*args, labels, sample_weight):
        return np.array(corp_decomposition(*args, labels=labels, sample_weight=sample_weight))

    expected = bootstrap_difference(array_of, y, proba, proba**2, **keywords)
    assert [part.shape for part in expected] == [(4,)] * 5 + [(99, 4)]
    scalar = bootstrap_difference(brier_score_loss, y, proba, proba**2, **keywords)
    assert_allclose([part[0] for part in expected[:5]], scalar[:5], rtol=1e-9)
    found = bootstrap_difference(corp_decomposition, y, proba, proba**2, **keywords)
    assert_array_equal(found.replicates, expected.replicates)


def test_progress_is_printed_if_asked(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)  # as if it were not installed
    y, proba = binary(30)
    bootstrap_interval(brier_score_loss, y, proba, n_resamples=50)
    bootstrap_difference(brier_score_loss, y, proba, proba, n_resamples=50)
    assert capsys.readouterr() == ("", "")
    bootstrap_interval(brier_score_loss, y, proba, n_resamples=50, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "50 of 50 resamples" in err
    bootstrap_difference(brier_score_loss, y, proba, proba, n_resamples=70, verbose=2)
    assert "70 of 70 resamples" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_difference_is_antisymmetric(method):
    y, proba = binary(80)
    # 999 * 0.025 is no whole number, so that order statistics mirror each other.
    keywords = {"n_resamples": 999, "random_state": 0, "method": method}
    found = bootstrap_difference(log_loss, y, proba, proba**1.3, **keywords)
    mirror = bootstrap_difference(log_loss, y, proba**1.3, proba, **keywords)
    assert_array_equal(mirror.replicates, -found.replicates)
    assert (mirror.difference, mirror.low, mirror.high) == (
        -found.difference,
        -found.high,
        -found.low,
    )
    assert mirror.p_value == pytest.approx(found.p_value, rel=1e-9)
    expected = log_loss(y, proba) - log_loss(y, proba**1.3)
    assert found.difference == pytest.approx(expected, rel=1e-12)
    single = [
        bootstrap_interval(log_loss, y, p, **keywords).replicates for p in (proba, proba**1.3)
    ]
    assert_array_equal(found.replicates, single[0] - single[1])  # of the same rows


@pytest.mark.parametrize("method", ["percentile", "BCa"])
@pytest.mark.parametrize("power", [1.1, 0.92, 1.3])
def test_interval_at_the_level_of_the_p_value_touches_zero(method, power):
    y, proba = binary(150, seed=7)
    difference = partial(
        bootstrap_difference,
        log_loss,
        y,
        proba,
        proba**power,
        method=method,
        n_resamples=4000,
        random_state=0,
    )
    p_value = difference().p_value
    assert 0.005 < p_value < 0.995
    narrow = difference(confidence_level=1 - p_value * 1.02 - 0.001)
    wide = difference(confidence_level=1 - p_value * 0.98 + 0.001)
    assert wide.low < 0 < wide.high
    assert narrow.low > 0 or narrow.high < 0


def test_identical_models_do_not_differ():
    y, proba = three_classes(50)
    for method in ("percentile", "BCa"):
        found = bootstrap_difference(log_loss, y, proba, proba.copy(), method=method)
        assert found[:5] == (0, 0, 0, 0, 1)


@pytest.mark.slow
def test_p_values_are_uniform_if_there_is_no_difference():
    p_values = {"BCa": [], "percentile": []}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        truth = rng.uniform(0.2, 0.8, 150)
        y = rng.uniform(size=150) < truth
        one, two = truth + rng.uniform(-0.15, 0.15, (2, 150))
        for method, values in p_values.items():
            found = bootstrap_difference(
                brier_score_loss, y, one, two, method=method, n_resamples=300, random_state=seed
            )
            values.append(found.p_value)
    for values in p_values.values():
        assert 0 < min(values) <= max(values) <= 1
        assert stats.kstest(values, "uniform").pvalue > 1e-3
        least, most = stats.binom.ppf([1e-3, 1 - 1e-3], 300, [0.04, 0.065])
        assert least <= np.sum(np.array(values) < 0.05) <= most


def test_clear_differences():
    y, proba = binary(500)
    keywords = {"n_resamples": 999, "random_state": 0}
    worse = np.clip(proba**3, 1e-6, 1)
    found = bootstrap_difference(log_loss, y, proba, worse, **keywords)
    assert found.high < 0
    assert 0 < found.p_value < 0.01
    percentile = bootstrap_difference(
        log_loss, y, worse, proba, method="percentile", **keywords
    )
    assert percentile.low > 0
    assert percentile.p_value == pytest.approx(1 / 1000)  # the least there is
    # Known better than from two intervals.
    apart = [bootstrap_interval(log_loss, y, p, **keywords) for p in (proba, proba**1.2)]
    independent = np.hypot(*[interval.standard_error for interval in apart])
    found = bootstrap_difference(log_loss, y, proba, proba**1.2, **keywords)
    assert found.standard_error < 0.5 * independent


def test_replicates_on_one_side_of_the_estimate_are_told():
    proba = np.linspace(0.05, 0.95, 10).repeat(20)
    y = (np.arange(200) % 20 + 0.5) / 20 < proba  # better than by chance in each bin
    metric = partial(expected_calibration_error, n_bins=10)
    assert metric(y, proba) < 0.001
    with pytest.warns(UserWarning, match="on one side of the estimate.*l2_squared"):
        bootstrap_interval(metric, y, proba, n_resamples=50, random_state=0)
    with pytest.warns(UserWarning, match="outside of its own interval.*percentile"):
        bootstrap_interval(metric, y, proba, method="percentile", n_resamples=50)


@pytest.mark.parametrize("method", ["percentile", "BCa"])
@pytest.mark.parametrize(
    "rows",
    [
        {"y_true": [1] * 30, "y_proba": [0.7] * 30},
        {"y_true": [1] * 30, "y_proba": [0.7] * 30, "groups": np.arange(30) // 2},
    ],
)
def test_of_equal_rows_the_interval_is_the_estimate(method, rows):
    for metric in (brier_score_loss, log_loss):
        found = bootstrap_interval(metric, labels=[0, 1], n_resamples=20, method=method, **rows)
        assert_allclose([found.low, found.high], found.estimate, rtol=1e-12)
        assert found.standard_error == pytest.approx(0, abs=1e-12)


N_ROWS = 40
FIXED = {
    "one row": ({"rows": 1}, "There is one row"),
    "one group": ({"groups": np.zeros(N_ROWS)}, "There is one group"),
    "a stratum each": ({"stratify": np.arange(N_ROWS)}, "Each stratum is one row"),
    "a group in each stratum": (
        {"groups": np.arange(N_ROWS) // 20, "stratify": np.arange(N_ROWS) // 20},
        "Each stratum is one group",
    ),
    "weight in one row": ({"sample_weight": 9.0 * (np.arange(N_ROWS) == 3)}, "one row"),
    "weight in one group": (
        {"sample_weight": np.arange(N_ROWS) < 4, "groups": np.arange(N_ROWS) // 4},
        "one group",
    ),
}


@pytest.mark.parametrize("method", ["BCa", "percentile", "normal"])
@pytest.mark.parametrize(("given", "message"), FIXED.values(), ids=FIXED)
def test_where_nothing_can_vary_there_is_no_interval(method, given, message):
    y, proba = binary(N_ROWS)
    given = dict(given)
    rows = slice(given.pop("rows", None))
    y, proba = y[rows], proba[rows]
    keywords = {"labels": [0, 1], "method": method, "n_resamples": 20, **given}
    weight = given.get("sample_weight")
    with pytest.warns(UserWarning, match=f"{message}.*interval is NaN") as caught:
        found = bootstrap_interval(brier_score_loss, y, proba, **keywords)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    expected = brier_score_loss(y, proba, labels=[0, 1], sample_weight=weight)
    assert found.estimate == pytest.approx(expected)
    assert np.isnan([*found[1:4], *found.replicates]).all()
    with pytest.warns(UserWarning, match=message):
        found = bootstrap_difference(brier_score_loss, y, proba, proba**2, **keywords)
    assert np.isnan(found[1:5]).all()
    with pytest.warns(UserWarning, match=message):
        found = bootstrap_interval(corp_decomposition, y, proba, **keywords)
    assert np.isnan(found.low).all()
    assert found.estimate.shape == found.low.shape == (4,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"groups": np.arange(N_ROWS) // 20}, "only 2 groups"),
        ({"groups": np.repeat([0, 1, 2], [38, 1, 1])}, "only 3 groups"),
        ({"groups": np.minimum(np.arange(N_ROWS), 8)}, "only 9 groups"),
        ({"stratify": np.arange(N_ROWS) // 2}, "40 rows in 20 strata.*29 % too small"),
        (
            {"groups": np.arange(N_ROWS) // 2, "stratify": np.arange(N_ROWS) // 4},
            "20 groups in 10 strata.*29 % too small",
        ),
    ],
)
def test_little_variation_warns(given, message):
    y, proba = binary(N_ROWS)
    for metric in (brier_score_loss, log_loss):
        with pytest.warns(UserWarning, match=message) as caught:
            bootstrap_interval(metric, y, proba, n_resamples=99, random_state=0, **given)
        assert any(w.filename == __file__ for w in caught)


@pytest.mark.slow
def test_standard_error_within_small_strata_is_too_small_as_the_warning_says():
    y, proba = binary(400)
    losses = losses_of(y, proba)
    strata = np.arange(400) // 2
    with pytest.warns(UserWarning, match="29 % too small"):
        found = bootstrap_interval(
            log_loss, y, proba, stratify=strata, n_resamples=2000, random_state=0
        )
    within = losses.reshape(200, 2).var(axis=1, ddof=1).sum() * 2 / 400**2
    assert found.standard_error == pytest.approx(np.sqrt(within / 2), rel=0.06)


def test_enough_groups_and_strata_do_not_warn():
    y, proba = binary(N_ROWS)
    for given in ({"groups": np.arange(N_ROWS) // 4}, {"stratify": np.arange(N_ROWS) // 8}):
        found = bootstrap_interval(brier_score_loss, y, proba, n_resamples=99, **given)
        assert found.low < found.estimate < found.high


def test_an_estimate_outside_of_its_own_interval_warns_and_names_the_way_out():
    rng = np.random.default_rng(1)
    proba = rng.uniform(size=500)
    y = rng.uniform(size=500) < proba
    for method in ("BCa", "percentile"):
        with pytest.warns(UserWarning, match="outside of its own interval") as caught:
            found = bootstrap_interval(
                maximum_calibration_error,
                y,
                proba,
                method=method,
                confidence_level=0.3,
                n_resamples=200,
                random_state=0,
            )
        assert not found.low <= found.estimate <= found.high
        (warning,) = caught
        assert "calibration_error_interval" in str(warning.message)
        assert method in str(warning.message)
        assert warning.filename == __file__


def test_labels_and_the_positive_class_of_a_partial_are_those_of_the_columns():
    y, proba = binary(60)
    names = np.where(y == 1, "ant", "bee")  # the positive class sorts first
    keywords = {"n_resamples": 30, "random_state": 0}
    matrix = np.stack([1 - proba, proba], axis=1)
    order = {"labels": ["bee", "ant"]}
    for metric in (log_loss, expected_calibration_error, corp_decomposition):
        expected = bootstrap_interval(metric, y, proba, method="normal", **keywords)
        for call in (
            partial(bootstrap_interval, metric, names, proba, pos_label="ant"),
            partial(bootstrap_interval, partial(metric, pos_label="ant"), names, proba),
            partial(bootstrap_interval, metric, names, matrix, **order),
            partial(bootstrap_interval, partial(metric, **order), names, matrix),
            partial(bootstrap_interval, partial(metric, **order), names, proba),
        ):
            found = call(method="normal", **keywords)
            for part, other in zip(found, expected, strict=True):
                assert_allclose(part, other, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="metric fixes pos_label='bee', but pos_label='ant'"):
        bootstrap_interval(partial(log_loss, pos_label="bee"), names, proba, pos_label="ant")
    with pytest.raises(ValueError, match="pos_label is not specified"):
        bootstrap_interval(log_loss, names, proba)


def test_metrics_of_scikit_learn_are_about_the_same_class():
    y, proba = binary(60)
    names = np.where(y == 1, "ant", "bee")
    keywords = {"n_resamples": 30, "random_state": 0, "method": "normal"}
    for metric in (
        sklearn_metrics.roc_auc_score,
        sklearn_metrics.average_precision_score,
        sklearn_metrics.log_loss,
        sklearn_metrics.brier_score_loss,
    ):
        expected = bootstrap_interval(metric, y, proba, **keywords)
        found = bootstrap_interval(metric, names, proba, pos_label="ant", **keywords)
        assert_allclose(found[:4], expected[:4], rtol=1e-9)
    seen = []

    def own(y_true, y_proba):
        seen.append(y_proba)
        return float(y_proba.mean())

    found = bootstrap_interval(own, names, proba, pos_label="ant", **keywords)
    assert found.estimate == pytest.approx(proba.mean())  # as it was given


def plain(y_true, y_proba):
    return float(np.mean(y_true - y_proba))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"method": "bca"}, "method must be one of .*'BCa', 'percentile'.*'bca'"),
        ({"method": None}, "method must be one of"),
        ({"method": ["BCa"]}, "method must be one of"),
        ({"confidence_level": 95}, "confidence_level must be a number between 0 and 1, got 95"),
        ({"confidence_level": 0}, "confidence_level"),
        ({"confidence_level": 1}, "confidence_level"),
        ({"confidence_level": np.nan}, "confidence_level"),
        ({"confidence_level": "0.95"}, "confidence_level"),
        ({"n_resamples": 1}, "n_resamples must be an integer of at least 2, got 1"),
        ({"n_resamples": 100.0}, "n_resamples"),
        ({"n_resamples": None}, "n_resamples"),
        ({"n_resamples": True}, "n_resamples"),
        ({"random_state": "a"}, "seed"),
        ({"groups": [1]}, "inconsistent numbers of samples"),
        ({"stratify": [1, 2, 3, 4, 5]}, "inconsistent numbers of samples"),
        ({"groups": np.ones((4, 2))}, "groups must be one-dimensional"),
        ({"stratify": np.ones((4, 2))}, "stratify must be one-dimensional"),
        ({"groups": [None, 1, 2, "a"]}, "groups must hold values that sort together"),
        ({"groups": [0, 0, 1, 1], "stratify": [0, 1, 1, 1]}, "stratify and groups contradict"),
        ({"metric": plain, "sample_weight": [1, 2, 0.5, 1]}, "sample_weight.*fractions"),
        ({"sample_weight": [0.1, 0.1, 0.1, 0.1]}, "sample_weight sums to 0.4"),
        ({"sample_weight": [1e300, 1, 1, 1]}, "sample_weight"),
        ({"metric": lambda y, p: np.eye(2)}, "metric must return numbers.*shape"),
        ({"metric": "brier"}, "metric"),
        ({"metric": None}, "metric"),
        ({"metric": lambda y, p: "high"}, "metric"),
        ({"metric": lambda y, p: None}, "metric"),
        ({"metric": lambda y, p: []}, "metric"),
        ({"y_proba": [0.1, 0.2, 0.3, 1.4]}, "outside"),
        ({"labels": [0, 1, 2]}, "labels has 3 classes"),
    ],
)
def test_bad_input(bad, message):
    given = {
        "metric": brier_score_loss,
        "y_true": [0, 1, 0, 1],
        "y_proba": [0.1, 0.2, 0.3, 0.4],
        "n_resamples": 5,
        **bad,
    }
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(**given)
    with pytest.raises(ValueError, match=message):
        bootstrap_difference(**given, y_proba_other=[0.2, 0.3, 0.4, 0.5])


def test_the_other_probabilities_are_checked_too():
    with pytest.raises(ValueError, match="outside"):
        bootstrap_difference(log_loss, [0, 1], [0.1, 0.2], [0.1, 1.2])
    with pytest.raises(ValueError, match="inconsistent"):
        bootstrap_difference(log_loss, [0, 1], [0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match=r"2 classes.*3 columns"):
        bootstrap_difference(log_loss, [0, 1], [0.1, 0.2], np.full((2, 3), 1 / 3))
