"""Where most scores lie."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skcalib.calibrators._bulk import bulk_of


def problem(n_samples=300, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, n_samples) == 1
    return rng.normal(size=n_samples) + 3 * target - 1.5, target


def test_all_of_ordinary_scores():
    for seed in range(20):
        for n_samples in (10, 100, 1000):
            z, target = problem(n_samples, seed)
            bulk = bulk_of(z, target)
            assert not bulk.is_left_by(z)
            assert_array_equal(bulk.compress(z), z)


def test_centre_and_spread_are_quantiles_of_distinct_scores():
    z, target = problem(301)
    bulk = bulk_of(z, target)
    assert bulk.centre == np.median(z)
    assert_allclose(np.mean(np.abs(z - bulk.centre) <= bulk.spread), 0.75, atol=0.01)
    rows = np.repeat(np.arange(301), np.arange(301) % 4 + 1)
    assert bulk_of(z[rows], target[rows]) == bulk


@pytest.mark.parametrize("size", [1e4, 1e9, 1e30])
def test_outliers_of_any_size_are_beyond_the_reach(size):
    z, target = problem()
    z[:20] = np.where(target[:20], size, -size) * np.linspace(1, 2, 20)
    bulk = bulk_of(z, target)
    far = np.abs(z - bulk.centre) > bulk.reach
    assert_array_equal(np.flatnonzero(far), np.arange(20))
    brought = bulk.bring_in(z[:20])
    assert (np.abs(brought - bulk.centre) <= bulk.reach).all()
    assert_array_equal(np.sign(brought - bulk.centre), np.sign(z[:20]))
    compressed = bulk.compress(z)
    assert_array_equal(compressed[20:], z[20:])
    assert (np.abs(compressed - bulk.centre) <= 2 * bulk.reach).all()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_masked_scores_may_be_most_of_them(share):
    z, target = problem(2000)
    clean = bulk_of(z, target)
    masked = np.random.default_rng(1).uniform(size=2000) < share
    z[masked] = np.where(target[masked], 1e9, -1e9) + z[masked]
    bulk = bulk_of(z, target)
    assert clean.spread / 2 < bulk.spread < 2 * clean.spread
    assert abs(bulk.centre - clean.centre) < clean.spread


def test_no_spread():
    bulk = bulk_of(np.full(5, 3.0), np.arange(5) % 2 == 0)
    assert bulk.spread == 0
    assert not bulk.is_left_by(np.full(5, 3.0))
