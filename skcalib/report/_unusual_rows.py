"""Rows unlike the training rows."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.stats import betabinom

from skcalib.novelty import FeatureNovelty
from skcalib.report._row_matrix import join_rows

RARE = 0.05
MOST_TRAIN, MOST_ROWS = 3000, 2000


class UnusualRows(NamedTuple):
    """How many rows are rarer than 5 % of the training rows are."""

    n_unusual: int
    n_rows: int
    n_train: int
    pvalue: float


def find_unusual_rows(X, X_train, codes_train, seed):
    """Score rows by a density of training rows; None where they cannot be compared.

    A share of the training rows is held back. If rows come from where these came from, how many
    are rarer than a twentieth of those follows a beta-binomial law.
    """
    if X is None or X_train is None:
        return None
    joined = join_rows(X, X_train, seed)
    if joined is None or joined[0].shape[1] == 0 or len(joined[1]) < 50:
        return None
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(joined[1]))[:MOST_TRAIN]
    here = joined[0][rng.permutation(len(joined[0]))[:MOST_ROWS]]
    labels = None if codes_train is None else codes_train[some]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rows that are all equal: none is unusual then
        novelty = FeatureNovelty(on="inputs", random_state=seed).fit(joined[1][some], labels)
    n_held_out = len(novelty.held_out_scores_)
    n_rarest = int(RARE * (n_held_out + 1))
    if n_rarest < 1:
        return None
    unusual = novelty.novelty_pvalue(here) <= n_rarest / (n_held_out + 1)
    count = int(unusual.sum())
    law = (len(here), n_rarest, n_held_out + 1 - n_rarest)
    return UnusualRows(count, len(here), len(joined[1]), float(betabinom.sf(count - 1, *law)))
