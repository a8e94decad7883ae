"""Parts of the rows with a certificate each, and the error that each may have."""

import numpy as np

from skcalib.decision._certificates import NOTHING, certify, fewest_rows, take_share
from skcalib.messages import quote, warn


def certify_parts(rows, parts, demand, error, *, binary):
    """Return the certificate of each part, and warn of those that have none.

    Parameters
    ----------
    rows : tuple of ndarrays of shape (n_samples,)
        Scores, losses and weights.

    parts : tuple
        The part of each row, the labels of the parts, and what they are; None if there is one.

    demand : tuple
        The largest risk, and the coverage if that is None.

    error : tuple
        The probability that a certificate does not hold, and whether it is for all at once.

    binary : bool
        Whether losses are 0 or 1.

    Returns
    -------
    found : list of Certificate
        One for each part.
    """
    (part, labels, kind), (max_error, coverage), (level, together) = parts, demand, error
    n_parts = 1 if labels is None else len(labels)
    split = [tuple(values[part == k] for values in rows) for k in range(n_parts)]
    if max_error is None:
        return [take_share(*own, coverage) for own in split]
    sizes = np.bincount(part, rows[2], minlength=n_parts)
    levels = divide_level(sizes, max_error, level) if together else np.full(n_parts, level)
    found = [
        certify(*own, max_error, own_level, binary=binary) if own_level else NOTHING
        for own, own_level in zip(split, levels, strict=True)
    ]
    failed = np.isinf([own.threshold for own in found])
    if failed.any():
        what = "nothing"
        if labels is not None:
            what = f"nothing of the {kind} {quote(labels[failed].tolist())}"
        warn_of_nothing(sizes, failed, max_error, level / n_parts**together, what)
    return found


def divide_level(sizes, max_error, level):
    """Return the error of each part's certificate, 0 for those that can have none.

    Only parts that are large enough to certify anything count, which is known before any loss.
    """
    order = np.argsort(-sizes, kind="stable")
    able = [
        count
        for count in range(1, len(sizes) + 1)
        if sizes[order[count - 1]] >= fewest_rows(max_error, 1 - level / count)
    ]
    levels = np.zeros(len(sizes))
    if able:
        levels[order[: able[-1]]] = level / able[-1]
    return levels


def warn_of_nothing(sizes, failed, max_error, level, what):
    """Warn that parts have no certificate, with the number of rows that are missing.

    `level` is the error that each would be allowed; `what` names those that failed.
    """
    fewest, largest = fewest_rows(max_error, 1 - level), sizes[failed].max()
    than = "there are" if len(sizes) == 1 else "the largest of these has"
    missing = f", {fewest - largest:.0f} more than {than}" if largest < fewest else ""
    warn(
        f"With {sizes.sum():.0f} rows {what} can be certified to have a risk of at most "
        f"{max_error}, so that it is never decided. Without an error among the surest "
        f"it takes {fewest} rows{'' if len(sizes) == 1 else ' of each'}{missing}; more if "
        "there are errors. Give more rows, or a larger max_error.",
    )
