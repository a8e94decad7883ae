"""Held-out rows for the precision of a Laplace approximation, and the Hessians of others."""

import numpy as np
from sklearn.model_selection import KFold, check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _check_method_params

from skcalib.inputs import take_rows
from skcalib.networks import clone_with_parameters
from skcalib.sampling import STRUCTURES
from skcalib.uncertainty._laplace_precision import HeldOutPart
from skcalib.uncertainty._laplace_rows import LastLayer, make_indexable

HELD = 2**18  # probabilities of all draws of the rows that are held out; or of the rows
FEWEST_ROWS = 10
MOST_SPARED = 256  # rows are used in any case
N_FOLDS = 5


def sum_up(estimator, X, structure):
    """Return the last layer, its posterior given X, and the first block of its rows."""
    layer = LastLayer(estimator)
    posterior, few = STRUCTURES[structure](), None
    for _, rows in layer.blocks(X):
        posterior.add(rows.features, rows.logits)
        few = rows if few is None else few
    return layer, posterior.finish(), few


def hold_out(classifier, given, estimator, fit_params):
    """Return parts of held-out rows, each with the posterior of other rows.

    Parameters
    ----------
    classifier : LaplaceClassifier
        With ``classes_``, ``estimator_`` and ``seed_``.

    given : tuple (X, y, codes, X_train)
        As given to its fit, with the columns of the classes.

    estimator : classifier or None
        What is trained in each split; None if ``estimator_`` was trained before.

    fit_params : dict
        For its fit.
    """
    X, y, codes, X_train = given
    X = make_indexable(X)
    if len(codes) < FEWEST_ROWS:
        raise InvalidParameterError(
            f"prior_precision='held_out' is chosen on held-out rows and needs at least "
            f"{FEWEST_ROWS} of them, got {len(codes)}. Give a number."
        )
    n_draws = classifier.n_draws if classifier.predictive == "sampled" else 1
    most = HELD // (n_draws * len(classifier.classes_))
    rng = np.random.default_rng(classifier.seed_)
    chosen = np.sort(rng.permutation(len(codes))[: max(most, MOST_SPARED)])
    if X_train is not None:
        rows = LastLayer(classifier.estimator_).read(take_rows(X, chosen))
        return [HeldOutPart(classifier._posterior, rows, codes[chosen])]
    parts = []
    for train, test in _split(classifier, codes, y, estimator):
        member = classifier.estimator_
        if estimator is not None:
            params = _check_method_params(y, params=fit_params, indices=train)
            member = clone_with_parameters(estimator)
            member.fit(take_rows(X, train), _safe_indexing(y, train), **params)
        layer, posterior, _ = sum_up(member, take_rows(X, train), classifier.structure)
        test = np.intersect1d(test, chosen)
        if len(test) and np.array_equal(layer.classes_, classifier.classes_):
            rows = layer.read(take_rows(X, test))
            parts.append(HeldOutPart(posterior, rows, codes[test]))
    if not parts:
        raise ValueError(
            "No split has training rows of every class, so that no precision can be chosen. "
            "Give more rows, fewer folds (cv), or a number as prior_precision."
        )
    return parts


def _split(classifier, codes, y, estimator):
    """Yield training and held-out rows; a network trained before has no need of classes."""
    if estimator is None and classifier.cv is None:
        folds = KFold(min(N_FOLDS, len(codes)), shuffle=True, random_state=classifier.seed_)
        return folds.split(codes)
    return check_cv(classifier.cv, y, classifier=True).split(codes, codes)
