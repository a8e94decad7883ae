"""Labels as calibrators receive them."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skcalib.inputs._targets import check_labels, check_weight, columns_of_classes

RNG = np.random.default_rng(0)
LABELS = {
    "few": RNG.integers(0, 5, 300),
    "gaps": RNG.choice([-7, 0, 3, 90], 300),
    "all of int8": np.arange(-128, 128).astype(np.int8).repeat(3),
    "uint8": RNG.choice([1, 255], 300).astype(np.uint8),
    "huge": RNG.choice([2**62, 2**62 + 1], 300),
    "hugest": RNG.choice([2**64 - 1, 2**64 - 3], 300).astype(np.uint64),
    "far apart": RNG.choice([-(2**63), 2**63 - 1], 300),
    "booleans": RNG.integers(0, 2, 300) == 1,
    "floats": RNG.integers(0, 5, 300) * 1.0,
    "strings": RNG.choice(["b", "a", "long"], 300),
    "objects": RNG.choice(np.array(["b", "a", "long"], dtype=object), 300),
}


@pytest.mark.parametrize("kind", LABELS)
def test_classes_and_codes_are_those_of_unique(kind):
    y = LABELS[kind]
    vector, classes, codes = check_labels(y)
    expected, inverse = np.unique(y, return_inverse=True)
    assert_array_equal(vector, y)
    assert_array_equal(classes, expected)
    assert classes.dtype == expected.dtype
    assert_array_equal(codes, inverse)


@pytest.mark.parametrize("n_samples", [20, 21, 50])
@pytest.mark.parametrize("n_classes", [2, 9, 10, 11, 12, 20, 24, 25, 26, 27])
def test_many_classes_warn_as_scikit_learn_does(n_samples, n_classes):
    y = np.arange(n_samples) % n_classes
    n_classes = len(np.unique(y))
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        check_labels(y)
    assert len(record) == (n_samples > 20 and n_classes > round(0.5 * n_samples))


def test_classes_without_a_used_row_are_none():
    classes, codes = np.array(["a", "b", "c", "d"]), np.array([0, 1, 2, 3, 1])
    used = np.array([True, False, True, True, False])
    found, columns = columns_of_classes(classes, codes, used, 3)
    assert_array_equal(found, ["a", "c", "d"])
    assert_array_equal(columns[used], [0, 1, 2])
    assert columns.max() <= 2


def test_relative_weights_sum_to_the_number_of_samples_that_have_one():
    given = np.array([0.0, 1.0, 3.0, 0.0])
    for factor in (1e-300, 0.1, 1, 1e6, 1e305):
        weight = check_weight(given * factor, np.zeros(4), "relative")
        assert_allclose(weight, [0, 0.5, 1.5, 0], rtol=1e-12)
    assert_array_equal(check_weight(None, np.zeros(4), "relative"), np.ones(4))
    assert_array_equal(check_weight(given, np.zeros(4)), given)
