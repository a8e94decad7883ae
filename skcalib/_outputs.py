"""What a network's output is taken for."""

import warnings

import numpy as np

from skcalib._logits import looks_like_proba

SATURATED = 1e-6


def warn_of_lost_logits(proba, name):
    """Say that probabilities stand in for a network's logits, and how many are saturated."""
    share = np.mean(proba.max(axis=1) > 1 - SATURATED)
    warnings.warn(
        f"The logits of {name} cannot be had: its last operation is hidden (in a compiled "
        "function, or because it runs eagerly) or is none that is known. Logarithms of its "
        "probabilities stand in; "
        f"{share:.1%} of the rows are saturated (a probability rounds to 1), and what they "
        "know is lost. If you can, give a network that ends before the softmax or sigmoid, "
        "with FrozenNetwork(model, from_logits=True).",
        UserWarning,
        stacklevel=3,
    )


def reads_as_proba(values):
    """Tell whether values read as probabilities; None if they may be either."""
    if values.min() < 0 or values.max() > 1:
        return False
    if values.shape[1] == 1:
        return True
    return True if looks_like_proba(values) else None


def a_column_for_each_class(values, head, is_proba):
    """Give one output its second column; several sigmoids are one-vs-rest."""
    if values.shape[1] == 1:
        columns = [1 - values, values] if is_proba else [-values / 2, values / 2]
        return np.hstack(columns)
    if head == "sigmoid":
        return -np.logaddexp(0, -values)  # log(sigmoid)
    return values
