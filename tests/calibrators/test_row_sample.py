"""Samples of rows in blocks: the same whatever the shares, small, and never changed."""

import pickle
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skcalib.calibrators import _row_sample
from skcalib.calibrators._row_sample import RowSample


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """Let 341 rows of three numbers fill a sample."""
    monkeypatch.setattr(_row_sample, "MOST_BYTES", 2**12)
    monkeypatch.setattr(_row_sample, "LEAST_BYTES", 2**8)


def make_rows(n_rows):
    numbers = np.arange(n_rows)
    return np.outer(numbers, [1.0, 2.0, 3.0]), numbers, numbers + 0.5


def blocks_of(length, n_blocks):
    rows = make_rows(length * n_blocks)
    return list(zip(*(np.split(part, n_blocks) for part in rows), strict=True))


def test_blocks_by_their_shares_make_the_sample_of_all():
    blocks = blocks_of(256, 8)
    expected = RowSample().add(*make_rows(2048)).take()
    assert_array_equal(expected[1], np.arange(0, 2048, 8))
    samples = [RowSample(1 / 8).add(*block) for block in blocks]
    assert max(sample.n_bytes for sample in samples) <= 2 * 2**12 / 8
    while len(samples) > 1:
        pairs = zip(samples[::2], samples[1::2], strict=True)
        samples = [first.merge(second) for first, second in pairs]
    for found, part in zip(samples[0].take(), expected, strict=True):
        assert_array_equal(found, part)


def test_what_is_joined_stays_as_it_is():
    first, second = (RowSample().add(*block) for block in blocks_of(300, 2))
    before = pickle.dumps([first, second])
    joined = pickle.dumps(first.merge(second))
    assert pickle.dumps([first, second]) == before
    assert pickle.dumps(first.merge(second)) == joined


def test_a_small_share_keeps_enough_beside_blocks_without_rows():
    sample = RowSample(1e-9).add(*make_rows(1000))
    assert 2**7 < sample.n_bytes <= 2**8
    assert sys.getsizeof(sample) > sample.n_bytes


def test_many_short_blocks_are_few_parts():
    sample = RowSample()
    for block in blocks_of(1, 3000):
        sample = sample.merge(RowSample().add(*block))
    assert len(sample.parts) < 10
    expected = RowSample().add(*make_rows(3000)).take()
    assert_array_equal(sample.take()[1], expected[1])
