"""The likeliest class of the input, kept."""

import numpy as np


def keep_argmax(proba, logits, tempered):
    """Mix in as much of the tempered input as the input's likeliest class needs."""
    rows = np.arange(len(logits))
    top = logits.argmax(axis=1)
    behind = proba - proba[rows, top][:, None]
    ahead = tempered[rows, top][:, None] - tempered
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(behind > 0, behind / (behind + ahead), 0).max(axis=1)
    changed = share > 0
    share = share[:, None]
    mixed = np.where(changed[:, None], (1 - share) * proba + share * tempered, proba)
    # What ties by that must not be parted by rounding, nor go to the first class.
    best = np.nextafter(mixed.max(axis=1), 2, dtype=proba.dtype)
    mixed = mixed.astype(proba.dtype, copy=False)
    mixed[changed, top[changed]] = best[changed]
    return mixed
