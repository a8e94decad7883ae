"""Which column of a frame is which class."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skcalib.inputs._targets import column_names, columns_by_name, take_columns


@pytest.mark.parametrize(
    "given", [np.eye(2), [[1, 2]], pd.DataFrame(np.eye(3)), pd.Series([1, 2]), {"a": 1}, None]
)
def test_arrays_and_numbered_columns_have_no_names(given):
    assert column_names(given) is None


@pytest.mark.parametrize("names", [["a", "b"], [1, 0], [1, 2], ["0", "1"], [True, False]])
def test_names_of_a_frame(names):
    assert column_names(pd.DataFrame(np.eye(2), columns=names)) == names


@pytest.mark.parametrize(
    ("names", "labels", "columns"),
    [
        (["dog", "cat"], ["cat", "dog"], [1, 0]),
        (["1", "0"], [0, 1], [1, 0]),
        (["1", "0"], [0.0, 1.0], [1, 0]),
        (["1", "0"], [False, True], [1, 0]),
        (["True", "False"], [False, True], [1, 0]),
        ([True, False], [0, 1], [1, 0]),
        ([1.0, 0.0], [0, 1], [1, 0]),
        ([1, 0], ["0", "1"], [1, 0]),
        (["1.5", "2.5"], [1.5, 2.5], [0, 1]),
        (["p0", "p1"], [0, 1], None),
        ([7, 8], [0, 1], None),
        ([1, 2], [0, 1], None),
        ([5, 0, 9], [0, 1, 2], None),
        (None, [0, 1], None),
    ],
)
def test_names_that_are_the_labels_decide(names, labels, columns):
    assert columns_by_name(names, np.asarray(labels), "X") == columns


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["dog", "bee"], ["cat", "dog"]),
        (["dog", "cat", "bee"], ["cat", "dog"]),
        (["dog"], ["cat", "dog"]),
        (["dog", "dog"], ["cat", "dog"]),
        (["1", "2"], [0, 1]),
        ([2, 0, 0], [0, 1, 2]),
        ([1, 1], [0, 1]),
    ],
)
def test_some_labels_among_other_names_are_refused(names, labels):
    with pytest.raises(ValueError, match=r"X has columns named.*some names are labels"):
        columns_by_name(names, np.asarray(labels), "X")


def test_columns_are_taken_in_order():
    frame = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["a", "b", "c"])
    assert_array_equal(take_columns(frame, [2, 0]).to_numpy(), [[3, 1]])
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pandas(frame)
    assert column_names(table) == ["a", "b", "c"]
    assert take_columns(table, [2, 0]).column_names == ["c", "a"]
