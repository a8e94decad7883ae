"""Draws for rows that the network was not trained on, to choose the rate of dropout by."""

from copy import copy

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _check_method_params

from skcalib.inputs import columns_among, is_dict_of_arrays, take_rows
from skcalib.networks import clone_with_parameters
from skcalib.sampling import N_POINTS
from skcalib.uncertainty._dropout_scale import log_of
from skcalib.uncertainty._dropout_tuning import FEWEST_ROWS

HELD = 2**22  # probabilities of all draws at one rate


class HeldOut:
    """Held-out rows of a classifier by dropout, and how it draws for them.

    Parameters
    ----------
    classifier : MCDropoutClassifier
        With ``classes_``, ``estimator_`` and ``seed_``.

    X, codes :
        All rows given to its fit, and the columns of their classes.

    members : list of (fitted estimator, rows)
        What answers for which rows.
    """

    def __init__(self, classifier, X, codes, members):
        rows = np.unique(np.concatenate([held for _, held in members]))
        self._n_draws = classifier.n_draws
        n_draws = N_POINTS if classifier.n_draws == "exact" else int(classifier.n_draws)
        most = HELD // (n_draws * len(classifier.classes_))
        if len(rows) > most:
            few = np.random.default_rng(classifier.seed_).choice(rows, most, replace=False)
            rows = np.sort(few)
        if len(rows) < FEWEST_ROWS:
            raise InvalidParameterError(
                f"rate='auto' is chosen on held-out rows and needs at least {FEWEST_ROWS} of "
                f"them, got {len(rows)}. Give a number as rate."
            )
        self.codes = codes[rows]
        self._classes = classifier.classes_
        self._parts = []
        for estimator, held in members:
            probe = copy(classifier)
            probe.set_params(rate=0.0, centered=False, tol=None, verbose=0, random_state=0)
            probe.estimator_ = estimator
            places = np.flatnonzero(np.isin(rows, held))
            if len(places):
                part = take_rows(X, rows[places])
                probe.classes_ = probe._inspect_network(part)
                probe.seed_ = classifier.seed_
                self._parts.append((probe, part, places))

    def log_draws(self, rate):
        """Return log-probabilities (n_draws, n_rows, n_classes) at this rate."""
        out = None
        for probe, X, places in self._parts:
            columns = columns_among(self._classes, probe.classes_)
            probe.set_params(rate=rate, n_draws=self._n_draws if rate else 1)
            draws = probe.sample_proba(X)
            if out is None:
                shape = len(draws), len(self.codes), len(self._classes)
                out = np.full(shape, log_of(np.float32(0)))  # of classes that a fold lacks
            out[:, places[:, None], columns] = log_of(draws)
        return out


def train_members(estimator, X, y, codes, cv, fit_params):
    """Train clones in cross-validation; return each with the rows it has not seen."""
    rows = codes if is_dict_of_arrays(X) else X
    members = []
    for train, test in check_cv(cv, y, classifier=True).split(rows, codes):
        params = _check_method_params(y, params=fit_params, indices=train)
        fitted = clone_with_parameters(estimator)
        fitted.fit(take_rows(X, train), _safe_indexing(y, train), **params)
        members.append((fitted, test))
    return members
