"""Answers of estimators that predict by draws, put together block by block."""

import numpy as np

from skcalib.estimators import Result
from skcalib.sampling._summary import join_blocks, stack_levels, summary


def gather_draws(draws, blocks):
    """Return all draws of `Draws` in one array, or block by block if that is asked for."""
    if draws.ragged and not blocks:
        raise ValueError(
            "Rows have different numbers of draws, which do not fit into one array. Use "
            "sample_proba(X, blocks=True), which yields rows and their draws, or tol=None."
        )
    one = draws.levels is None
    found = ((rows, block[0] if one else block) for rows, block in draws.blocks)
    if blocks:
        return found
    return np.concatenate([block for _, block in found], axis=-2)


def summarize_blocks(draws, classes, chosen, interval):
    """Return the measures of `Draws`, with labels, as `predict_uncertainty` does."""
    rows, counts, parts = [], [], []
    for block_rows, values in draws.blocks:
        rows.append(block_rows)
        counts.append(np.full(values.shape[2], values.shape[1]))
        parts.append([summary(level, chosen, interval) for level in values])
    one = draws.levels is None
    result = Result(**{name: x[0] if one else x for name, x in stack_levels(parts, rows)})
    if draws.ragged:
        result.n_draws = join_blocks(rows, counts)
    if "likeliest" in result:
        result.likeliest = classes[result.likeliest]
    if "standard_error" in result and not draws.random:
        result.standard_error = np.full_like(result.standard_error, np.nan)
    result.classes = classes
    if not one:
        result.levels = np.asarray(draws.levels)
    return result
