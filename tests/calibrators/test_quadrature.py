"""Nodes in place of rows: the same sums, the same curves, and rows where curves are steep."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from skcalib.calibrators import SplineCalibration
from skcalib.calibrators._quadrature import Nodes

BREAKS = np.array([-0.5, 0.0, 1.0, 1.5])


def rows(n=8000, seed=0):
    rng = np.random.default_rng(seed)
    x = np.sort(np.clip(rng.normal(size=n) / 3 + 0.5, -0.5, 1.5))
    weight = rng.gamma(2, size=n)
    return x, weight * (rng.uniform(size=n) < expit(4 * x - 2)), weight


def test_sums_over_nodes_are_those_over_rows():
    x, hits, weight = rows()
    nodes = Nodes.of(x, hits, weight, BREAKS)
    assert len(nodes.x) < len(x) / 5
    for amounts, of_nodes in ((hits, nodes.hits), (weight, nodes.weight)):
        for power in range(6):
            assert_allclose(of_nodes @ nodes.x**power, amounts @ x**power, rtol=1e-12)
        curve = np.logaddexp(0, 10 * x - 3)
        of_curve = of_nodes @ np.logaddexp(0, 10 * nodes.x - 3)
        assert_allclose(of_curve, amounts @ curve, rtol=1e-11)
        kinked = np.abs(x) ** 3  # at a break it may have a kink
        assert_allclose(of_nodes @ np.abs(nodes.x) ** 3, amounts @ kinked, rtol=1e-12)


def test_few_rows_and_breaks_without_width_have_no_nodes():
    x, hits, weight = rows(1000)
    assert Nodes.of(x, hits, weight, BREAKS) is None
    x, hits, weight = rows()
    assert Nodes.of(x, hits, weight, np.array([-0.5, 0.2, 0.2, 1.5])) is None


@pytest.mark.parametrize("weights", ["one", "any"])
@pytest.mark.parametrize("monotone", [True, False])
@pytest.mark.parametrize("spread", [2.0, 200.0])
def test_a_spline_of_nodes_is_that_of_rows(monotone, weights, spread, monkeypatch):
    rng = np.random.default_rng(1)
    z = rng.normal(size=8000) * 2
    y = rng.uniform(size=8000) < expit(2 * np.sin(2 * z) + z)
    z *= spread / 2
    weight = np.ones(8000) if weights == "one" else rng.gamma(2, size=8000)
    new = np.append(np.linspace(-5, 5, 50) * spread / 2, [-1e4, 1e4])[:, None]
    model = SplineCalibration(n_knots=5, monotone=monotone)
    monkeypatch.setattr("skcalib.calibrators._quadrature.SHARE", 1)
    answers = model.fit(z[:, None], y, weight).predict_proba(new)
    monkeypatch.setattr("skcalib.calibrators._quadrature.SHARE", 1e9)
    assert_allclose(model.fit(z[:, None], y, weight).predict_proba(new), answers, atol=1e-8)


def test_where_a_curve_is_steep_rows_are_taken(monkeypatch):
    x, _, weight = rows()
    nodes = Nodes.of(x, weight * (x > 0.5), weight, BREAKS)
    features = np.stack([np.ones_like(nodes.x), nodes.x])
    assert nodes.fit(features, np.zeros(2), np.zeros((2, 2))) is None  # there is no optimum
    found = nodes.fit(features, np.zeros(2), np.diag([0.0, 1e-2]))
    assert found is not None
    rng = np.random.default_rng(0)
    z = rng.normal(size=20_000)
    y = z + rng.normal(size=20_000) * 1e-3 > 0
    answers = SplineCalibration().fit(z[:, None], y).predict_proba(z[:, None])
    assert_allclose(answers[np.abs(z) > 0.1, 1], y[np.abs(z) > 0.1], atol=1e-3)
    monkeypatch.setattr("skcalib.calibrators._quadrature.SHARE", 1e9)
    of_rows = SplineCalibration().fit(z[:, None], y).predict_proba(z[:, None])
    assert_allclose(answers, of_rows, atol=1e-8)
