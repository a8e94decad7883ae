"""Running sums: what lies between two places is exact, whatever lies before."""

from math import fsum

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skcalib.calibrators._running_sums import ExactSums


@pytest.mark.parametrize("scale", [1e-290, 1.0, 1e290])
def test_light_amounts_beside_heavy_ones(scale):
    rng = np.random.default_rng(0)
    amounts = 10.0 ** rng.uniform(-10, 10, 200) * scale
    amounts[rng.integers(0, 200, 20)] = 0
    sums = ExactSums.of(amounts)
    first = rng.integers(0, 200, 500)
    last = first + rng.integers(0, 201 - first)
    expected = [fsum(amounts[i:j]) for i, j in zip(first, last, strict=True)]
    assert_allclose(sums.between(first, last), expected, rtol=1e-15)


def test_integers_have_one_part_and_nothing_has_too():
    sums = ExactSums.of(np.arange(1000.0))
    assert len(sums.parts) == 1
    assert sums.between(10, 1000) == sum(range(10, 1000))
    assert ExactSums.of(np.zeros(3)).between(0, 3) == 0
