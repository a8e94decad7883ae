"""What structured matrix and vector scaling share: their logits and their penalties."""

import numpy as np

from skcalib._blocks import row_blocks
from skcalib._parameters import is_number
from skcalib._warnings import warn
from skcalib.calibrators._affine import affine_proba
from skcalib.calibrators._mixture import mix_logits, uniform_share
from skcalib.calibrators._tempered import scale_free_beta

MANY_CLASSES = 300


def check_penalty(penalty):
    """Raise ValueError unless this is a positive, finite number."""
    if not (is_number(penalty) and 0 < penalty < np.inf):
        raise ValueError(f"penalty must be a positive number, got {penalty!r}.")


def warn_of_many_classes(n_classes):
    """Say that a matrix is not for so many classes."""
    if n_classes > MANY_CLASSES:
        warn(
            f"A matrix for {n_classes} classes has {n_classes * (n_classes + 1):,} parameters, "
            "which is slow and seldom better; use StructuredVectorScaling.",
            UserWarning,
        )


def structured_logits(logits, codes, weight):
    """Return tempered logits, mixed with the uniform distribution; beta; and its share.

    The temperature may be at its bound: the mixture and the penalties see to the rest.
    """
    beta, _ = scale_free_beta(logits, codes, weight)
    share = uniform_share(weight)
    return mix_logits(logits, beta, share), beta, share


def matrix_ridge(n_classes, n, penalty):
    """Return the ridge of a matrix and intercepts; see StructuredMatrixScaling."""
    ridge = np.full((n_classes, n_classes + 1), penalty * n_classes / n)
    ridge[:, :-1][~np.eye(n_classes, dtype=bool)] *= n_classes - 1
    return ridge


def vector_ridge(n_classes, n, penalty):
    """Return the ridge of a diagonal and intercepts; see StructuredVectorScaling."""
    return np.full((2, n_classes), penalty * n_classes / n)


def structured_proba(logits, beta, share, theta):
    """Return the probabilities for rows of logits, in their type."""
    out = np.empty(logits.shape, logits.dtype)
    for block in row_blocks(*logits.shape):
        out[block] = affine_proba(mix_logits(logits[block], beta, share), theta)
    return out
