"""Which rows an UncertaintyDisplay shows, and the draws of these, asked once."""

import numpy as np
from sklearn.utils import Bunch

from skcalib.inputs import count_rows, to_numpy
from skcalib.messages import check_count, quote
from skcalib.uncertainty import summarize_draws


def order_of_rows(order, n_rows, estimator=None, X=None):
    """Return a number for each row, the smallest first, or None for the smallest margins."""
    if isinstance(order, str) and order == "margin":
        return None
    if isinstance(order, str) and order == "novelty" and X is not None:
        if not hasattr(estimator, "score_samples"):
            raise ValueError(
                f"order='novelty' needs an estimator with score_samples, which "
                f"{type(estimator).__name__} has not. Give the scores of a fitted "
                "skcalib.novelty.FeatureNovelty: order=novelty.score_samples(X)."
            )
        return np.asarray(estimator.score_samples(X))
    others = "'margin', 'novelty'" if X is not None else "'margin'"
    if isinstance(order, str) or order is None:
        raise ValueError(f"order must be {others} or a vector, got {quote(order)}.")
    order = np.asarray(to_numpy(order, "order"))
    if order.shape != (n_rows,) or order.dtype.kind not in "biuf" or np.isnan(order).any():
        raise ValueError(
            f"order must be {others} or a number for each of the {n_rows} rows, without NaN; "
            f"got shape {order.shape} of {order.dtype}."
        )
    return order


def rows_to_show(margin, sample, n_samples):
    """Return the number of the row, or those of the smallest margins."""
    if sample is None:
        check_count("n_samples", n_samples)
        return np.argsort(margin, kind="stable")[:n_samples]
    if not -len(margin) <= sample < len(margin):
        raise ValueError(f"sample={quote(sample)}, but there are {len(margin)} rows.")
    return np.array([sample % len(margin)])


def choose_rows(draws, order, sample, n_samples):
    """Return the rows of the smallest margins, or of the smallest numbers in `order`."""
    if order is None:
        order = summarize_draws(draws, measures="likeliest").margin
    return rows_to_show(order, sample, n_samples)


def draws_to_show(estimator, X, sample, n_samples, order=None):
    """Ask a sampling classifier once; return the rows to show, and draws of these.

    The draws that choose the rows are those that are shown: another pass would give others
    where masks belong to places in X. Rows are those of the smallest margins, or numbers in
    `order`. Draws (n_draws, n_shown, n_classes) are NaN where a row has fewer than another.
    """
    margin = np.full(count_rows(X), np.inf) if order is None else order
    kept = {}
    wanted = rows_to_show(margin, sample, n_samples)
    for rows, draws in estimator.sample_proba(X, blocks=True):
        if draws.ndim > 3:
            raise ValueError("The estimator draws at several levels; set one rate.")
        numbers = np.arange(len(margin))[rows]
        if order is None:
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
