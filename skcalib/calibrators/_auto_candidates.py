"""The calibrators among which `AutoCalibration` chooses, and their honest answers."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib._blocks import row_blocks
from skcalib._logits import softmax
from skcalib.calibrators._affine import affine_proba, fit_affine
from skcalib.calibrators._beta import BetaCalibration
from skcalib.calibrators._masks import count_classes
from skcalib.calibrators._mixture import mix_logits
from skcalib.calibrators._quadratic import QuadraticScaling
from skcalib.calibrators._structured import matrix_ridge, structured_logits, vector_ridge
from skcalib.calibrators._venn_abers import VennAbersCalibration

MANY_CLASSES = 300  # above, a matrix has too many entries
RIDGES = {"svs": vector_ridge, "sms": matrix_ridge}


def candidates_for(n_classes, masked=False):
    """Return what can be chosen: families, whose names in a row are the candidates.

    Where classes are masked, matrices, which mix columns, are not among them.
    """
    if n_classes == 2:
        singles = [QuadraticScaling(), BetaCalibration(), VennAbersCalibration()]
        return [Identity(), Tempered([("svs", 1), ("sms", 1)]), *map(Single, singles)]
    if n_classes <= MANY_CLASSES and not masked:
        members = [("svs", 1), ("sms", 1), ("sms", 0.1), ("sms", 0.01)]
    else:
        members = [("svs", 1), ("svs", 0.1), ("svs", 0.01)]
    return [Identity(), Tempered(members)]


class Identity:
    """The input itself."""

    names = ("identity",)

    def fit(self, logits, codes, weight, *, closely):
        """Learn nothing."""
        return self

    def probas(self, logits):
        """Yield the softmax."""
        yield softmax(logits)


class Single:
    """One calibrator."""

    def __init__(self, calibrator):
        self.calibrator = calibrator
        self.names = (calibrator.short_name,)

    def fit(self, logits, codes, weight, *, closely):
        """Fit it."""
        self.calibrator.fit_columns(logits, codes, weight)
        return self

    def probas(self, logits):
        """Yield its probabilities."""
        yield self.calibrator._proba(logits)


class Tempered:
    """Temperature with the uniform mixture, and what structured scaling makes of it.

    There is one temperature for all. Members are pairs of a kind and a penalty; each starts
    from the one before, if that is of its kind.
    """

    def __init__(self, members):
        self.members = members
        named = [kind if penalty == 1 else f"{kind}({penalty})" for kind, penalty in members]
        self.names = ("temperature", *named)

    def fit(self, logits, codes, weight, *, closely):
        """Fit them all."""
        z, self.beta, self.share = structured_logits(logits, codes, weight)
        self.thetas, last = [], None
        for kind, penalty in self.members:
            start = self.thetas[-1] if kind == last else None
            penalty *= count_classes(logits) / logits.shape[1]
            ridge = RIDGES[kind](logits.shape[1], weight.sum(), penalty)
            self.thetas.append(fit_affine(z, codes, weight, ridge, start, closely=closely))
            last = kind
        return self

    def probas(self, logits):
        """Yield the probabilities of each."""
        z = mix_logits(logits, self.beta, self.share)
        yield softmax(z)
        for theta in self.thetas:
            yield affine_proba(z, theta)


def names_of(families):
    """Return the names of all candidates."""
    return tuple(name for family in families for name in family.names)


def pool_proba(families, weights, logits):
    """Return the weighted mean of all candidates' probabilities, in the type of logits."""
    out = np.empty(logits.shape, logits.dtype)
    for block in row_blocks(*logits.shape):
        answers = (p for family in families for p in family.probas(logits[block]))
        total = np.zeros(logits[block].shape)
        for weight, proba in zip(weights, answers, strict=True):
            total += weight * proba
        out[block] = total / total.sum(axis=1, keepdims=True)
    return out


def fit_without_fold(logits, codes, weight, shares, masked=False):
    """Fit all candidates without a fold; return what they say of its rows' true classes.

    `shares` is the weight of each row in the fold. If the rest has one class only, nothing is
    fitted, and every candidate is the input.
    """
    held = np.flatnonzero(shares)
    left = weight - shares
    kept = np.flatnonzero(left > 1e-9 * weight)
    families = candidates_for(logits.shape[1], masked)
    if len(np.unique(codes[kept])) < 2:
        own = true_column(softmax(logits[held]), codes[held])
        return np.repeat(own[:, None], len(names_of(families)), axis=1)
    with warnings.catch_warnings():
        # A candidate that fares badly without a fold is weighed by that.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for family in families:
            family.fit(logits[kept], codes[kept], left[kept], closely=False)
    truth = np.empty((len(held), len(names_of(families))))
    for block in row_blocks(len(held), logits.shape[1]):
        part, true = logits[held[block]], codes[held[block]]
        answers = (p for family in families for p in family.probas(part))
        for j, proba in enumerate(answers):
            truth[block, j] = true_column(proba, true)
    return truth


def true_column(proba, codes):
    """Return the probability of each row's true class, not quite zero."""
    true = proba[np.arange(len(codes)), codes].astype(np.float64)
    return np.maximum(true, 1e-15)
