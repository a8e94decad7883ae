"""What structured matrix and vector scaling share: their logits and their penalties."""

import numpy as np

from skcalib.calibrators._affine import affine_proba
from skcalib.calibrators._mixture import mix_logits, uniform_share
from skcalib.calibrators._tempered import scale_free_beta
from skcalib.inputs import row_blocks
from skcalib.messages import is_number, warn

MANY_CLASSES = 300
# What is left of a penalty that is 0: enough for an optimum where a class has no row, and so
# little that sums over rows feel a hundred-thousandth of one.
TRACE = 1e-6


def check_penalty(penalty):
    """Raise ValueError unless this is a positive, finite number."""
    if not (is_number(penalty) and 0 < penalty < np.inf):
        raise ValueError(f"penalty must be a positive number, got {penalty!r}.")


def check_intercept_penalty(penalty):
    """Raise ValueError unless this is None or a finite number of at least 0."""
    if not (penalty is None or (is_number(penalty) and 0 <= penalty < np.inf)):
        raise ValueError(
            "intercept_penalty must be None (0 with two classes, the published penalty with "
            f"more) or a number of at least 0, got {penalty!r}."
        )


def resolve_intercept_penalty(intercept_penalty, penalty, n_classes):
    """Return the penalty of intercepts: None is none for two classes, else that of the rest.

    With two classes there is one intercept, which thousands of rows speak of: what is said
    then sums to what happens, also where the classifier was trained at another base rate.
    """
    if intercept_penalty is None:
        intercept_penalty = 0.0 if n_classes == 2 else penalty
    return max(intercept_penalty, min(TRACE, penalty))


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


def matrix_ridge(n_classes, n, penalty, intercept_penalty=None):
    """Return the ridge of a matrix and intercepts; see StructuredMatrixScaling."""
    ridge = np.full((n_classes, n_classes + 1), penalty * n_classes / n)
    ridge[:, :-1][~np.eye(n_classes, dtype=bool)] *= n_classes - 1
    of_intercepts = resolve_intercept_penalty(intercept_penalty, penalty, n_classes)
    ridge[:, -1] = of_intercepts * n_classes / n
    return ridge


def vector_ridge(n_classes, n, penalty, intercept_penalty=None):
    """Return the ridge of a diagonal and intercepts; see StructuredVectorScaling."""
    ridge = np.full((2, n_classes), penalty * n_classes / n)
    of_intercepts = resolve_intercept_penalty(intercept_penalty, penalty, n_classes)
    ridge[1] = of_intercepts * n_classes / n
    return ridge


def structured_proba(logits, beta, share, theta):
    """Return the probabilities for rows of logits, in their type."""
    out = np.empty(logits.shape, logits.dtype)
    for block in row_blocks(*logits.shape):
        out[block] = affine_proba(mix_logits(logits[block], beta, share), theta)
    return out
