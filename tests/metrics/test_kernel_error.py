"""The kernel, top-k and integrated errors against plain loops."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from skcalib.metrics import (
    calibration_error,
    integrated_calibration_error,
    kernel_calibration_error,
    smooth_curve,
    top_k_calibration_error,
)

squared = partial(kernel_calibration_error, norm="l2_squared")


def slow_square(y, proba, weight, width, debias):
    """Return the mean over pairs of rows of probabilities, each repeated as its weight says."""
    rows = np.repeat(np.arange(len(y)), weight)
    proba, residual = proba[rows], (np.eye(proba.shape[1])[y] - proba)[rows]
    distance = np.sqrt(((proba[:, None] - proba) ** 2).sum(axis=2))
    pairs = np.exp(-distance / width) * (residual @ residual.T)
    if not debias:
        return pairs.mean()
    return (pairs.sum() - np.trace(pairs)) / (len(rows) * (len(rows) - 1))


@pytest.mark.parametrize("debias", [True, False])
@pytest.mark.parametrize("width", [0.01, 0.4, 3.0])
def test_kernel_errors_are_means_over_pairs(width, debias):
    rng = np.random.default_rng(0)
    proba, y = rng.dirichlet(np.ones(3), 30), rng.integers(0, 3, 30)
    weight = rng.integers(1, 4, 30)
    how = {"sample_weight": weight, "width": width, "debias": debias}
    found = squared(y, proba, notion="canonical", **how)
    assert found == pytest.approx(slow_square(y, proba, weight, width, debias), abs=1e-12)
    confidence, hit = proba.max(axis=1), (proba.argmax(axis=1) == y).astype(int)
    both = np.stack([1 - confidence, confidence], axis=1)
    own = slow_square(hit, both, weight, np.sqrt(2) * width, debias) / 2
    assert squared(y, proba, **how) == pytest.approx(own, abs=1e-12)
    root = kernel_calibration_error(y, proba, **how)
    assert root == pytest.approx(np.sqrt(max(own, 0)), abs=1e-9)


def test_automatic_width_is_the_root_mean_squared_distance():
    rng = np.random.default_rng(0)
    proba, y = rng.dirichlet(np.ones(4), 40), rng.integers(0, 4, 40)
    distance = ((proba[:, None] - proba) ** 2).sum(axis=2)
    width = np.sqrt(distance.mean())
    expected = squared(y, proba, notion="canonical", width=width)
    assert squared(y, proba, notion="canonical") == pytest.approx(expected, rel=1e-9)


def test_debiased_squares_have_a_mean_of_zero_where_probabilities_are_true():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), 40)
    drawn = (rng.uniform(size=(600, 40, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=2)
    for notion in ("canonical", "confidence"):
        found = np.array([squared(y, proba, notion=notion, labels=range(3)) for y in drawn])
        assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"width": 0}, "width must be 'auto' or a number of at least 0.002, got 0"),
        ({"width": np.inf}, "width must be"),
        ({"width": "median"}, "width must be"),
        ({"norm": "l1"}, "norm must be one of 'l2', 'l2_squared'"),
        ({"debias": 1}, "debias must be True, or False|debias must be True or False"),
        ({"notion": "rows"}, "notion must be one of"),
    ],
)
def test_bad_input(params, message):
    with pytest.raises(ValueError, match=message):
        kernel_calibration_error([0, 1], [0.2, 0.7], **params)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_is_the_calibration_error_of_a_sum(k):
    rng = np.random.default_rng(0)
    proba, y = rng.dirichlet(np.ones(5), 200), rng.integers(0, 5, 200)
    order = np.argsort(-proba, axis=1, kind="stable")[:, :k]
    promised = np.take_along_axis(proba, order, axis=1).sum(axis=1)
    hit = (order == y[:, None]).any(axis=1).astype(int)
    for params in ({}, {"norm": "l2", "debias": True, "n_bins": 7, "strategy": "quantile"}):
        expected = calibration_error(hit, promised, **params)
        found = top_k_calibration_error(y, proba, k=k, **params)
        assert found == pytest.approx(expected, abs=1e-12)
    if k == 1:
        found = top_k_calibration_error(y, proba, k=1)
        assert found == pytest.approx(calibration_error(y, proba, notion="confidence"))


def test_top_k_of_ties_and_of_all_classes():
    tied = np.full((4, 4), 0.25)
    found = top_k_calibration_error([0, 1, 2, 3], tied, k=2, n_bins=1)
    assert found == 0  # 0 and 1 are listed: half of the rows, as promised
    assert top_k_calibration_error([2, 3, 2, 3], tied, k=2, labels=range(4)) == 0.5
    assert top_k_calibration_error([0, 1], [0.2, 0.3], k=2) == 0
    for k in (0, 1.5, True, "all"):
        with pytest.raises(ValueError, match="k must be an integer of at least 1"):
            top_k_calibration_error([0, 1], [0.2, 0.3], k=k)


def slow_distances(y, p, weight, width):
    """Return |c(p) - p| at each row, with images of the rows reflected at 0 and 1."""
    images = [p + 2 * shift for shift in (-2, -1, 0, 1, 2)]
    images += [2 * shift - p for shift in (-2, -1, 0, 1, 2)]
    kernel = sum(norm.pdf(p[:, None], image, width) for image in images)
    return np.abs(kernel @ (weight * (y - p)) / (kernel @ weight))


def test_integrated_errors_are_distances_of_a_kernel_regression():
    rng = np.random.default_rng(0)
    p, weight = rng.uniform(size=300), rng.integers(1, 4, 300)
    y = (rng.uniform(size=300) < p**1.5).astype(int)
    for width in (0.05, 0.2):
        distance = slow_distances(y, p, weight, width)
        how = {"width": width, "sample_weight": weight}
        found = integrated_calibration_error(y, p, **how)
        assert found == pytest.approx(weight @ distance / weight.sum(), abs=1e-5)
        repeated = np.sort(distance.repeat(weight))
        for quantile in (0.0, 0.5, 0.9, 1.0):
            place = max(int(np.ceil(quantile * len(repeated))) - 1, 0)
            found = integrated_calibration_error(y, p, quantile=quantile, **how)
            assert found == pytest.approx(repeated[place], abs=1e-4)
    spread = np.sqrt(np.average((p - np.average(p, weights=weight)) ** 2, weights=weight))
    width = 1.06 * spread * weight.sum() ** -0.2
    expected = integrated_calibration_error(y, p, width=width, sample_weight=weight)
    found = integrated_calibration_error(y, p, sample_weight=weight)
    assert found == pytest.approx(expected, rel=1e-9)


def test_integrated_error_is_that_of_the_smooth_curve():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.1, 0.9, size=2000)
    y = (rng.uniform(size=2000) < p**2).astype(int)
    curve = smooth_curve(y, p, width=0.05)
    at = np.linspace(p.min(), p.max(), len(curve.proba))
    gap = np.interp(p, at, np.abs(curve.frequency - curve.proba))
    found = integrated_calibration_error(y, p, width=0.05)
    assert found == pytest.approx(gap.mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"quantile": 1.5}, "quantile must be None or a number from 0 to 1, got 1.5"),
        ({"quantile": "mean"}, "quantile must be"),
        ({"width": 0}, "width must be 'auto' or a number in"),
    ],
)
def test_bad_input_of_the_integrated_error(params, message):
    with pytest.raises(ValueError, match=message):
        integrated_calibration_error([0, 1], [0.2, 0.7], **params)


def test_means_over_classes_go_by_their_rows():
    rng = np.random.default_rng(0)
    proba, y = rng.dirichlet(np.ones(3), 90), rng.integers(0, 3, 90)
    each = [integrated_calibration_error(y == k, proba[:, k], width=0.1) for k in range(3)]
    found = integrated_calibration_error(y, proba, notion="class-wise", width=0.1)
    assert_allclose(found, np.mean(each))
    top = proba.argmax(axis=1)
    parts = [
        (
            (top == k).sum(),
            integrated_calibration_error(
                (y == k)[top == k], proba[top == k, k], width=0.1, labels=[False, True]
            ),
        )
        for k in range(3)
    ]
    expected = sum(n * own for n, own in parts) / 90
    found = integrated_calibration_error(y, proba, notion="top-label", width=0.1)
    assert_allclose(found, expected)
