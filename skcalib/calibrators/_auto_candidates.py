"""The calibrators among which `AutoCalibration` chooses, and their honest answers."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators._affine import COARSELY, affine_proba, fit_affine
from skcalib.calibrators._auto_input import Identity
from skcalib.calibrators._beta import BetaCalibration
from skcalib.calibrators._hierarchical import HierarchicalCalibration
from skcalib.calibrators._masks import count_classes
from skcalib.calibrators._mixture import mix_logits
from skcalib.calibrators._platt import PlattScaling
from skcalib.calibrators._quadratic import QuadraticScaling
from skcalib.calibrators._spline import SplineCalibration
from skcalib.calibrators._structured import matrix_ridge, structured_logits, vector_ridge
from skcalib.calibrators._venn_abers import VennAbersCalibration
from skcalib.inputs import row_blocks, softmax

MANY_CLASSES = 300  # above, a matrix has too many entries
RIDGES = {"svs": vector_ridge, "sms": matrix_ridge}
BINARY = [("svs", 1), ("sms", 1)]
MATRICES = [("svs", 1), ("sms", 1), ("sms", 0.1), ("sms", 0.01)]
# The published penalty grows with the number of classes; a thousand want far less of it.
VECTORS = [("svs", 1), ("svs", 0.1), ("svs", 0.01), ("svs", 0.001), ("svs", 0.0001)]


def candidates_for(n_classes, masked=False, floor=None, *, many=True, thrifty=False):
    """Return what can be chosen: families, whose names in a row are the candidates.

    Where classes are masked, matrices, which mix columns, are not among them. Where fits are
    expensive (`thrifty`), vectors are not, which matrices of several penalties make
    superfluous; without `many` rows, nor are splines, which then are nearly straight.
    """
    if n_classes == 2:
        singles = [PlattScaling(), QuadraticScaling(), BetaCalibration()]
        singles += [SplineCalibration()] if many else []
        singles += [VennAbersCalibration(), HierarchicalCalibration()]
        return [Identity(floor), Tempered(BINARY), *map(Single, singles)]
    if n_classes > MANY_CLASSES:
        return [Identity(floor), Tempered(VECTORS)]
    if masked:
        return [Identity(floor), Tempered(VECTORS[:3])]
    return [Identity(floor), Tempered(MATRICES[1:] if thrifty else MATRICES)]


class Parts(NamedTuple):
    """What an automatic calibration is made of.

    ``families`` hold the candidates, of which each has a number in ``weights``; the log-odds
    of two classes are moved by ``shift``, more classes multiplied by ``factors``; with
    ``uniform_share`` what is unchanged is mixed with the uniform distribution; ``masked``
    tells whether rows without all classes were among those that it was fitted to.
    """

    families: list
    weights: np.ndarray
    shift: float
    factors: np.ndarray
    uniform_share: float
    masked: bool


class Single:
    """One calibrator."""

    def __init__(self, calibrator):
        self.calibrator = calibrator
        self.names = (calibrator.short_name,)

    def fit(self, logits, codes, weight, *, tolerance):
        """Fit it."""
        self.calibrator.fit_columns(logits, codes, weight)
        return self

    @property
    def is_fitted(self):
        """Whether it was fitted."""
        return hasattr(self.calibrator, "classes_")

    def probas(self, logits):
        """Yield its probabilities."""
        yield self.calibrator._proba(logits)


class Tempered:
    """Temperature with the uniform mixture, and what structured scaling makes of it.

    There is one temperature for all. Members are pairs of a kind and a penalty; each starts
    from the one before, if that is of its kind; and in a second fit from the first.
    """

    def __init__(self, members):
        self.members = members
        self.thetas = []
        self.is_fitted = False
        named = [kind if penalty == 1 else f"{kind}({penalty})" for kind, penalty in members]
        self.names = ("temperature", *named)

    def fit(self, logits, codes, weight, *, tolerance):
        """Fit them all."""
        z, self.beta, self.share = structured_logits(logits, codes, weight)
        before, self.thetas, last = self.thetas, [], None
        for number, (kind, penalty) in enumerate(self.members):
            start = self.thetas[-1] if kind == last else None
            start = before[number] if before else start
            n_per_class = weight.sum() * logits.shape[1] / count_classes(logits)
            ridge = RIDGES[kind](logits.shape[1], n_per_class, penalty)
            self.thetas.append(fit_affine(z, codes, weight, ridge, start, tolerance=tolerance))
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


def weights_by_family(families, weights):
    """Yield each family with the weights of its candidates, if any of them counts."""
    start = 0
    for family in families:
        own = weights[start : start + len(family.names)]
        start += len(family.names)
        if own.any():
            yield family, own


def pool_proba(families, weights, logits):
    """Return the weighted mean of all candidates' probabilities, in the type of logits."""
    out = np.empty(logits.shape, logits.dtype)
    for block in row_blocks(*logits.shape):
        total = np.zeros(logits[block].shape)
        for family, own in weights_by_family(families, weights):
            for weight, proba in zip(own, family.probas(logits[block]), strict=True):
                if weight:
                    total += weight * proba
        out[block] = total / total.sum(axis=1, keepdims=True)
    return out


def fit_without_fold(families, logits, codes, weight, shares):
    """Fit all candidates without a fold; return what they say of its rows' true classes.

    `shares` is the weight of each row in the fold. If the rest has one class only, nothing is
    fitted, and every candidate is the input.
    """
    held = np.flatnonzero(shares)
    left = weight - shares
    kept = np.flatnonzero(left > 1e-9 * weight)
    if len(np.unique(codes[kept])) < 2:
        own = true_column(softmax(logits[held]), codes[held])
        return np.repeat(own[:, None], len(names_of(families)), axis=1)
    with warnings.catch_warnings():
        # A candidate that fares badly without a fold is weighed by that.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for family in families:
            family.fit(logits[kept], codes[kept], left[kept], tolerance=COARSELY)
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
