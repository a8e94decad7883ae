"""Which rows an UncertaintyDisplay shows, and the draws of these, asked once."""

import numpy as np
from sklearn.utils import Bunch

from skcalib._messages import quote
from skcalib._parameters import check_count
from skcalib._rows import count_rows
from skcalib.uncertainty import summarize_draws


def rows_to_show(margin, sample, n_samples):
    """Return the number of the row, or those of the smallest margins."""
    if sample is None:
        check_count("n_samples", n_samples)
        return np.argsort(margin, kind="stable")[:n_samples]
    if not -len(margin) <= sample < len(margin):
        raise ValueError(f"sample={quote(sample)}, but there are {len(margin)} rows.")
    return np.array([sample % len(margin)])


def draws_to_show(estimator, X, sample, n_samples):
    """Ask a sampling classifier once; return the rows to show, and draws of these.

    The draws that choose the rows are those that are shown: another pass would give others
    where masks belong to places in X. Draws (n_draws, n_shown, n_classes) are NaN where a row
    has fewer than another.
    """
    margin, kept = np.full(count_rows(X), np.inf), {}
    wanted = rows_to_show(margin, sample, n_samples)
    for rows, draws in estimator.sample_proba(X, blocks=True):
        if draws.ndim > 3:
            raise ValueError("The estimator draws at several levels; set one rate.")
        numbers = np.arange(len(margin))[rows]
        margin[numbers] = summarize_draws(draws, measures="likeliest").margin
        wanted = rows_to_show(margin, sample, n_samples)
        for place in np.flatnonzero(np.isin(numbers, wanted)):
            kept[numbers[place]] = draws[:, place].copy()  # the block can go
        kept = {row: kept[row] for row in wanted if row in kept}
    found = [kept[row] for row in wanted]
    out = np.full((max(map(len, found)), len(found), found[0].shape[1]), np.nan)
    out = out.astype(found[0].dtype)
    for place, own in enumerate(found):
        out[: len(own), place] = own
    return wanted, out


def own_draws(draws, place):
    """Return the draws (n_draws, 1, n_classes) of one of the rows that are shown."""
    own = draws[:, place : place + 1]
    return own[~np.isnan(own[:, 0, 0])]


def summary_of_shown(draws, **keywords):
    """Return what `summarize_draws` does, also of rows with different numbers of draws."""
    if not np.isnan(draws).any():
        return summarize_draws(draws, **keywords)
    each = [summarize_draws(own_draws(draws, i), **keywords) for i in range(draws.shape[1])]
    return Bunch(**{name: np.concatenate([own[name] for own in each]) for name in each[0]})
