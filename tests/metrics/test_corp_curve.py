"""The CORP curve: isotonic regression by scikit-learn, coverage of the bands, edges."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom, ks_2samp
from sklearn.isotonic import IsotonicRegression

from skcalib.metrics import brier_score_loss, corp_curve, corp_decomposition

GRID = 16
SEEDS = st.integers(0, 2**32 - 1)
VALUES = np.arange(1, 10) / 10


@st.composite
def predictions(draw, max_classes=4):
    """Draw column numbers, probabilities on a grid or not, and keywords with weights."""
    n_classes = draw(st.integers(2, max_classes))
    n_samples = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(SEEDS))
    proba = rng.dirichlet(np.ones(n_classes), n_samples)
    if draw(st.booleans()):
        proba = rng.multinomial(GRID, proba) / GRID
    codes = (rng.uniform(size=(n_samples, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    weight = rng.integers(0, 4, n_samples)
    weight[rng.integers(n_samples)] = 2
    keywords = {"labels": np.arange(n_classes), "sample_weight": weight}
    return codes, proba, keywords


def event(codes, proba):
    if proba.shape[1] == 2:
        return proba[:, 1], codes
    return proba.max(axis=1), (codes == proba.argmax(axis=1)).astype(int)


def of_values(seed, times=100, power=1, **keywords):
    """Return the curve of nine distinct probabilities p that come true with p**power."""
    rng = np.random.default_rng(seed)
    proba = VALUES.repeat(times)
    y = (rng.uniform(size=len(proba)) < proba**power).astype(int)
    return corp_curve(y, proba, random_state=seed, **keywords)


@given(problem=predictions(), unit=st.sampled_from([1, 0.5]))
def test_interpolates_isotonic_regression(problem, unit):
    codes, proba, keywords = problem
    keywords["sample_weight"] = weight = keywords["sample_weight"] * (1 + unit) / 1.5
    if weight.sum() < 1:
        return
    curve = corp_curve(codes, proba, n_resamples=1, random_state=0, **keywords)
    value, hit = event(codes, proba)
    model = IsotonicRegression(out_of_bounds="clip")
    model.fit(value[weight > 0], hit[weight > 0], sample_weight=weight[weight > 0])
    at = np.linspace(0, 1, 201)
    at = np.r_[at, value]
    found = np.interp(at, curve.proba, curve.frequency)
    assert_allclose(found, model.predict(at), atol=1e-9)


@given(problem=predictions())
def test_corners_are_the_ends_of_steps(problem):
    codes, proba, keywords = problem
    weight = keywords["sample_weight"]
    curve = corp_curve(codes, proba, n_resamples=3, random_state=0, **keywords)
    assert {array.dtype for array in curve} == {np.dtype(float)}
    assert len({len(array) for array in curve}) == 1
    value, hit = event(codes, proba)
    value, hit, weight = (array[weight > 0] for array in (value, hit, weight))
    assert (np.diff(curve.proba) > 0).all()
    assert (np.diff(curve.frequency) >= 0).all()
    assert set(curve.proba) <= set(value)
    assert (curve.proba[0], curve.proba[-1]) == (value.min(), value.max())
    for height in np.unique(curve.frequency):  # a step
        ends = curve.proba[curve.frequency == height]
        assert 1 <= len(ends) <= 2
        inside = (ends[0] <= value) & (value <= ends[-1])
        mean = np.average(hit[inside], weights=weight[inside])
        assert height == pytest.approx(mean, abs=1e-12)
    # Nothing lies between steps.
    low, high = (
        np.array([f(curve.proba[curve.frequency == h]) for h in np.unique(curve.frequency)])
        for f in (np.min, np.max)
    )
    assert ((low <= value[:, None]) & (value[:, None] <= high)).any(axis=1).all()
    ordered = [0 * curve.low, curve.low, curve.high, 0 * curve.low + 1]
    assert np.diff(ordered, axis=0).min() >= 0


def test_the_decomposition_is_that_of_this_curve():
    rng = np.random.default_rng(0)
    proba = rng.uniform(size=300).round(2)
    y = rng.uniform(size=300) < proba**2
    curve = corp_curve(y, proba, n_resamples=1, random_state=0)
    best = brier_score_loss(y, np.interp(proba, curve.proba, curve.frequency))
    gained = brier_score_loss(y, proba) - best
    assert corp_decomposition(y, proba).miscalibration == pytest.approx(gained, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_consistency_band_has_its_level_at_each_point(level):
    curves = [of_values(seed, confidence_level=level, n_resamples=150) for seed in range(250)]
    inside = []
    for curve in curves:
        assert_array_equal(curve.proba, VALUES)  # or corners would depend on the outcomes
        inside.append((curve.low <= curve.frequency) & (curve.frequency <= curve.high))
        assert (curve.low < VALUES).all()
        assert (curve.high > VALUES).all()
    least, most = binom.ppf([1e-4, 1 - 1e-4], 250, [level - 0.02, level + 0.03])
    covered = np.sum(inside, axis=0)
    assert (least <= covered).all()
    assert (covered <= most).all()


@pytest.mark.parametrize(
    "power",
    [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(0.5, marks=pytest.mark.slow)],
)
def test_confidence_band_covers_the_true_curve(power):
    inside, width = [], []
    for seed in range(250):
        curve = of_values(
            seed, power=power, band="confidence", confidence_level=0.9, n_resamples=150
        )
        low, high = (np.interp(VALUES, curve.proba, c) for c in (curve.low, curve.high))
        inside.append((low <= VALUES**power) & (VALUES**power <= high))
        width.append(high - low)
        assert (curve.low <= curve.frequency + 1e-12).mean() > 0.7
    some = VALUES**power * (1 - VALUES**power) > 0.1  # enough of both outcomes
    # Where outcomes are pooled the band is wider than it need be.
    least, most = binom.ppf([1e-4, 1 - 1e-4], 250, [0.87, 0.97])
    covered = np.sum(inside, axis=0)[some]
    assert (least <= covered).all()
    assert (covered <= most).all()
    normal = 2 * 1.645 * np.sqrt(VALUES**power * (1 - VALUES**power) / 100)
    assert_allclose(np.mean(width, axis=0)[some], normal[some], rtol=0.2)


def test_confidence_band_has_no_width_on_steps_of_zero_and_one():
    y, proba = np.repeat([0, 1], 50), np.repeat([0.1, 0.9], 50)
    curve = corp_curve(y, proba, band="confidence", random_state=0)
    assert_allclose(curve.low, [0, 1])  # as documented
    assert_allclose(curve.high, [0, 1])


def test_consistency_band_is_left_by_what_is_miscalibrated():
    curve = of_values(0, power=2)
    assert (curve.frequency < curve.low).sum() >= len(VALUES) - 2
    assert (curve.low < curve.proba).all()
    assert (curve.proba < curve.high).all()
    confidence = of_values(0, power=2, band="confidence")
    assert_array_equal(confidence.frequency, curve.frequency)  # around this curve
    middle = slice(2, -2)
    assert (confidence.low <= curve.frequency)[middle].all()
    assert (curve.frequency <= confidence.high)[middle].all()
    assert (confidence.high < curve.proba)[middle].all()


def test_more_rows_narrow_the_band():
    widths = []
    for times in (100, 1600):
        curve = of_values(0, times=times, n_resamples=500)
        widths.append(np.mean(curve.high - curve.low))
        normal = 2 * 1.96 * np.sqrt(VALUES * (1 - VALUES) / times)
        assert_allclose(curve.high - curve.low, normal, rtol=0.25)
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.1)
    narrow, wide = (of_values(0, confidence_level=level) for level in (0.5, 0.99))
    assert (wide.low < narrow.low).all()
    assert (narrow.high < wide.high).all()


def test_seeds():
    rng = np.random.default_rng(0)
    proba = rng.uniform(size=100)
    y = (rng.uniform(size=100) < proba).astype(int)
    for band in ("consistency", "confidence"):
        curves = [
            corp_curve(y, proba, band=band, random_state=seed)
            for seed in (0, 0, np.random.RandomState(0), 1, None, None)
        ]
        for other in curves[1:3]:
            assert_array_equal(other, curves[0])
        for a, b in ((0, 3), (0, 4), (4, 5)):
            assert_array_equal(curves[a][:2], curves[b][:2])  # not random
            assert (curves[a].low != curves[b].low).any()
    assert_array_equal(pickle.loads(pickle.dumps(curves[0])), curves[0])


def test_weights_are_frequencies():
    rng = np.random.default_rng(0)
    proba = rng.uniform(size=40).round(1)
    y = (rng.uniform(size=40) < proba).astype(int)
    weight = rng.integers(0, 5, 40)
    repeated = y.repeat(weight), proba.repeat(weight)
    for band in ("consistency", "confidence"):
        found = [
            [
                corp_curve(*rows, band=band, n_resamples=1, random_state=seed, **keywords)
                for seed in range(300)
            ]
            for rows, keywords in (((y, proba), {"sample_weight": weight}), (repeated, {}))
        ]
        for a, b in zip(*found, strict=True):
            assert_allclose(a[:2], b[:2], rtol=1e-12)
        for corner in range(len(found[0][0].proba)):  # one refit is low and high at once
            heights = [[curve.low[corner] for curve in curves] for curves in found]
            assert ks_2samp(*heights).pvalue > 1e-4
    doubled = corp_curve(y, proba, sample_weight=100 * weight, random_state=0)
    single = corp_curve(y, proba, sample_weight=weight, random_state=0)
    shrunk = np.mean(doubled.high - doubled.low) / np.mean(single.high - single.low)
    assert 0.05 < shrunk < 0.2  # about a tenth


def test_events():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([1, 1, 1], 60)
    codes = rng.integers(0, 3, 60)
    expected = corp_curve(codes == proba.argmax(axis=1), proba.max(axis=1), random_state=0)
    assert_array_equal(corp_curve(codes, proba, random_state=0), expected)
    names = np.array(["a", "b", "c"])
    turned = {"labels": names[::-1], "random_state": 0}
    found = corp_curve(names[codes], proba[:, ::-1], **turned)
    assert_array_equal(found, expected)
    y = (codes == 0).astype(int)
    expected = corp_curve(y, proba[:, 0], random_state=0)
    for form in (proba[:, [0]], np.stack([1 - proba[:, 0], proba[:, 0]], axis=1)):
        assert_array_equal(corp_curve(y, form, random_state=0), expected)


@pytest.mark.parametrize("band", ["consistency", "confidence"])
def test_few_rows_few_values(band):
    def curve(y, proba, **keywords):
        return corp_curve(y, proba, labels=[0, 1], band=band, random_state=0, **keywords)

    one = curve([1], [0.7])
    assert_array_equal(one[:2], [[0.7], [1]])
    assert_array_equal([one.low, one.high], [[band == "confidence"], [1]])
    constant = curve([1, 0, 0, 0] * 25, [0.3] * 100)
    assert_array_equal(constant[:2], [[0.3], [0.25]])
    centre = 0.3 if band == "consistency" else 0.25
    assert constant.low == pytest.approx(centre - 0.09, abs=0.03)
    assert constant.high == pytest.approx(centre + 0.09, abs=0.03)
    wrong = curve([1, 1, 0, 0], [0.1, 0.2, 0.6, 0.7])  # one step from end to end
    assert_array_equal(wrong[:2], [[0.1, 0.7], [0.5, 0.5]])
    perfect = curve([0, 1] * 20, [0, 1] * 20)
    assert_array_equal(perfect[:2], [[0, 1], [0, 1]])
    assert_array_equal([perfect.low, perfect.high], [[0, 1], [0, 1]])
    assert_array_equal(curve([1], [0.7], sample_weight=[3])[:2], one[:2])
    seen = curve([0, 1, 1], [0.2, 0.4, 0.9], sample_weight=[1, 1, 0])
    assert_array_equal(seen.proba, [0.2, 0.4])


def test_no_refit_is_taken_for_the_others():
    y, proba = np.arange(40) % 2, np.linspace(0.1, 0.9, 40)
    one = corp_curve(y, proba, n_resamples=1, random_state=0)
    assert_array_equal(one.low, one.high)
    many = corp_curve(y, proba, n_resamples=400, random_state=0)
    assert (many.low < many.high).all()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"band": "credible"}, "band must be one of .*'consistency', 'confidence'.*'credible'"),
        ({"band": None}, "band must be one of"),
        ({"band": ["consistency"]}, "band must be one of"),
        ({"confidence_level": 95}, "confidence_level must be a number between 0 and 1, got 95"),
        ({"confidence_level": 0}, "confidence_level"),
        ({"confidence_level": np.nan}, "confidence_level"),
        ({"confidence_level": None}, "confidence_level"),
        ({"n_resamples": 0}, "n_resamples must be an integer of at least 1, got 0"),
        ({"n_resamples": 10.0}, "n_resamples"),
        ({"n_resamples": None}, "n_resamples"),
        ({"random_state": "a"}, "seed"),
        ({"sample_weight": [0.1, 0.1]}, "sample_weight sums to 0.2"),
        ({"sample_weight": [1, -1]}, "Negative"),
        ({"sample_weight": [1, 1e300]}, "sample_weight"),
        ({"y_proba": [0.1, 1.2]}, "outside"),
        ({"y_true": [0, 1, 1]}, "inconsistent numbers of samples"),
        ({"y_true": [1, 1]}, "Pass labels="),
    ],
)
def test_bad_input(bad, message):
    with pytest.raises(ValueError, match=message):
        corp_curve(**{"y_true": [0, 1], "y_proba": [0.6, 0.7], **bad})
