"""Rows dealt to folds, and what candidates say of the folds they did not see."""

from copy import deepcopy
from typing import NamedTuple

import numpy as np

from skcalib.calibrators._auto_candidates import fit_without_fold
from skcalib.calibrators._auto_folds import assign_to_folds, condense, merge_rows
from skcalib.messages import call_at_line, find_users_line, run_parallel

MANY = 1000  # samples, for which three folds, once, are enough
FEW_PLAN, MANY_PLAN = (5, 3), (3, 1)  # folds, repetitions
CONDENSED = 20_000  # rows of two classes, above which they are pooled in bins
EXPENSIVE = 200_000  # logits of many classes, of which a third is held out, once


class Plan(NamedTuple):
    """What lies in which piece, and which pieces are held out together."""

    shares: np.ndarray  # (n_pieces, n_samples), the weight of each row in each piece
    fits: list  # of lists of pieces
    repetitions: np.ndarray  # (n_pieces,), the number of the repetition
    n_repeats: float  # how often each row is held out, on average


def is_expensive(logits):
    """Tell whether there is so much to learn from that one fit has to do."""
    return logits.shape[1] > 2 and logits.size >= EXPENSIVE


def deal_rows(logits, codes, weight, rng):
    """Return different rows (logits, codes, weights) and the plan of what is held out."""
    if is_expensive(logits):  # two sixths, each weighed by what was learned from the other
        rows = merge_rows(logits, codes, weight)
        shares = assign_to_folds(*rows[1:], 6, rng).T[:2]
        return rows, Plan(shares, [[0, 1]], np.zeros(2), shares.sum() / weight.sum())
    n_folds, n_repeats = MANY_PLAN if weight.sum() >= MANY else FEW_PLAN
    if logits.shape[1] == 2 and len(logits) > CONDENSED:
        shares = assign_to_folds(codes, weight, n_folds, rng)
        *rows, shares = condense(logits, codes, weight, shares)
        plans = [shares]
    else:
        rows = merge_rows(logits, codes, weight)
        plans = [assign_to_folds(*rows[1:], n_folds, rng) for _ in range(n_repeats)]
    shares = np.hstack(plans).T
    fits = [[piece] for piece in range(len(shares))]
    return rows, Plan(shares, fits, np.arange(len(shares)) // n_folds, n_repeats)


def hold_out_candidates(families, logits, codes, weight, plan, *, n_jobs, verbose):
    """Return what each candidate says of the labels of rows that it was not fitted on.

    Parameters
    ----------
    families : list
        Unfitted; they stay so unless there is but one fit. With two classes the last is the
        one with a learned prior, which with few rows is not fitted for each fold.

    logits, codes, weight : ndarray
        Rows.

    plan : Plan

    n_jobs, verbose : int or None, bool
        As in `AutoCalibration`.

    Returns
    -------
    truth : ndarray of shape (n_entries, n_candidates)
        Piece by piece, an entry for each row that has a share in it.
    """
    learned = None
    if logits.shape[1] == 2 and weight.sum() < MANY:
        *families, learned = families
    line = find_users_line()
    held = [plan.shares[pieces].sum(axis=0) for pieces in plan.fits]
    copies = [families] if len(held) == 1 else [deepcopy(families) for _ in held]
    found = run_parallel(
        call_at_line,
        [
            (line, fit_without_fold, members, logits, codes, weight, share)
            for members, share in zip(copies, held, strict=True)
        ],
        n_jobs=n_jobs,
        name="auto calibration",
        unit="folds",
        verbose=verbose,
    )
    truth = []
    for pieces, share, said in zip(plan.fits, held, found, strict=True):
        rows = np.flatnonzero(share)
        for piece in pieces:
            truth.append(said[np.searchsorted(rows, np.flatnonzero(plan.shares[piece]))])
    truth = np.vstack(truth)
    if learned is None:
        return truth
    last = np.concatenate(learned.calibrator.hold_out(logits, codes, weight, plan.shares))
    return np.column_stack([truth, np.maximum(last, 1e-15)])
