"""Values in messages and names in pictures are short; masks are seen wherever they are."""

import numpy as np
import pytest

from skcalib import logits_from_proba
from skcalib.inputs._rows import refuse_masked_array
from skcalib.messages._quotes import name_in_legend, name_in_picture, quote, quote_labels


@pytest.mark.parametrize(
    "value", ["a" * 10**5, list(range(10**5)), np.arange(10**6), {"a": "b" * 1000}]
)
def test_quotes_are_short(value):
    assert len(quote(value)) <= 200
    assert quote(value)[:5] == repr(value)[:5]
    assert quote("short") == "'short'"


def test_labels_are_listed_in_short():
    assert quote_labels(np.array([1, 2])) == "1, 2"
    assert quote_labels(list("abcdefgh")) == "'a', 'b', 'c', 'd', 'e', 'f', ..."
    for n_labels in (1, 2, 6, 50):
        words = quote_labels(["x" * 1000] * n_labels)
        assert len(words) <= 200
        assert words.startswith("'xxxxx")


def test_names_in_pictures_are_literal():
    assert name_in_picture(3) == "3"
    assert name_in_picture(r"$\frac{1}{$ok") == r"\$\frac{1}{\$ok"
    assert name_in_picture("_a") == "_a"
    assert name_in_legend("_a") == " _a"
    assert len(name_in_picture("a" * 1000)) == 40


def test_masks_are_refused_and_counted():
    masked = np.ma.masked_array([[0.2, 0.8], [0.5, 0.5]], [[0, 1], [0, 0]])
    for values in (masked, list(masked), tuple(masked)):
        with pytest.raises(ValueError, match="proba is a masked array with 1 masked values"):
            logits_from_proba(values)
    for values in (None, 3, [1, 2], np.ma.masked_array([1, 2]), "text", [np.ones(2)]):
        refuse_masked_array(values, "values")
