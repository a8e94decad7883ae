"""Is it a count, a flag, a number, one of a few words: each asked in one way."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.messages._quotes import quote

LONGEST = 200  # characters of a value that are quote


def is_flag(value):
    """Tell whether it is True or False; 1 and 0 are not."""
    return isinstance(value, bool | np.bool_)


def is_count(value, lowest=1):
    """Tell whether it is an integer of at least `lowest`; True is not."""
    return isinstance(value, Integral) and not is_flag(value) and value >= lowest


def is_number(value):
    """Tell whether it is a real number; True and NaN are not, infinity is."""
    return isinstance(value, Real) and not is_flag(value) and bool(value == value)


def is_word(value, words):
    """Tell whether it is one of a few strings, whatever else it may be."""
    return isinstance(value, str) and value in words


def check_flag(name, value, *, others=()):
    """Raise InvalidParameterError unless it is True, False or one of a few other values."""
    _check(name, value, is_flag(value), ["True", "False"], others)


def check_count(name, value, lowest=1, *, others=()):
    """Raise InvalidParameterError unless it is an integer of at least `lowest`, or another."""
    right = is_count(value, lowest)
    _check(name, value, right, [f"an integer of at least {lowest}"], others)


def check_fraction(name, value, *, others=()):
    """Raise InvalidParameterError unless it is a number between 0 and 1, neither of them."""
    right = is_number(value) and 0 < value < 1
    _check(name, value, right, ["a number between 0 and 1"], others)


def check_choice(name, value, choices):
    """Raise InvalidParameterError unless it is one of a few strings."""
    if not is_word(value, choices):
        listed = ", ".join(map(repr, choices))
        raise InvalidParameterError(f"{name} must be one of {listed}, got {quote(value)}.")


def _check(name, value, right, wanted, others):
    if right or any(value is other or is_word(value, [other]) for other in others):
        return
    *first, last = [*wanted, *map(repr, others)]
    listed = f"{', '.join(first)} or {last}" if first else last
    raise InvalidParameterError(f"{name} must be {listed}, got {quote(value)}.")
