"""Pairs of a fitted classifier and the calibrator learned from its held-out answers."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import _check_method_params

from skcalib._fitting import accepts_weight, columns_of_all, fit_calibrator
from skcalib._logits import SMALLEST_FLOOR, floor_of, looks_like_proba, softmax
from skcalib._outputs import warn_of_lost_logits
from skcalib._responses import (
    Response,
    logits_from_response,
    response_of,
    take_rows,
)

MIXED = (
    "{} answers with decision values for some number of classes and with probabilities for "
    "another, because its decision_function has no column for each class; stratify the splits."
)


class CalibratedPair:
    """A fitted classifier followed by its calibrator.

    Attributes
    ----------
    estimator : object
        The fitted classifier.

    calibrators : list
        The fitted calibrator; empty if there was nothing to learn from (fewer than two
        classes among the calibration samples): softmax of the logits then.

    classes : ndarray of shape (n_classes,)
        All labels; those that `estimator` never saw get probability 0.

    columns : ndarray
        The position among `classes` of each of the estimator's own classes.

    floor : float or None
        Smaller probabilities of `estimator` are raised to this before the logarithm; None
        if the calibrator learned from decision values.
    """

    def __init__(self, estimator, calibrators, *, classes, columns, floor):
        self.estimator = estimator
        self.calibrators = calibrators
        self.classes = classes
        self.columns = columns
        self.floor = floor

    def __repr__(self):
        return f"CalibratedPair({self.estimator!r}, {self.calibrators!r})"

    def predict_proba(self, X):
        """Return calibrated probabilities, a column for each of `classes`."""
        response = response_of(self.estimator, X)
        if response.is_proba != (self.floor is not None):
            raise ValueError(MIXED.format(type(self.estimator).__name__))
        logits = logits_from_response(response, self.floor)
        if not self.calibrators:
            proba, columns = softmax(logits), self.columns
        else:
            proba = self.calibrators[0].predict_proba(logits)
            columns = self.columns[self.calibrators[0].classes_]
        return columns_of_all(proba, columns, len(self.classes))

    @property
    def pools_by_geometric_mean(self):
        """Whether the calibrator asks for it, and no class has probability 0 throughout."""
        knows_all = len(self.columns) == len(self.classes)
        return knows_all and all(
            getattr(calibrator, "pools_by_geometric_mean", False)
            and len(calibrator.classes_) == len(self.classes)
            for calibrator in self.calibrators or [None]
        )


def mean_of_pairs(pairs, X):
    """Return the mean of the pairs' probabilities, geometric if all of them ask for that."""
    first, *others = pairs
    proba = first.predict_proba(X)
    if not others:
        return proba
    geometric = all(pair.pools_by_geometric_mean for pair in pairs)
    total = np.log(proba) if geometric else proba
    for pair in others:
        proba = pair.predict_proba(X)
        total = total + (np.log(proba) if geometric else proba)
    return softmax(total / len(pairs)) if geometric else total / len(pairs)


def fit_split(estimator, X, y, split, fit_params):
    """Fit on the training rows of one split; return it and its held-out answers."""
    train, test = split
    params = _check_method_params(y, params=fit_params, indices=train)
    X_train, X_test = take_rows(X, train), take_rows(X, test)
    if is_pairwise(estimator):
        X_train, X_test = (_safe_indexing(part, train, axis=1) for part in (X_train, X_test))
    estimator.fit(X_train, _safe_indexing(y, train), **params)
    return estimator, response_of(estimator, X_test)


def is_pairwise(estimator):
    """Tell whether X is a square matrix of distances or kernel values."""
    return hasattr(estimator, "__sklearn_tags__") and get_tags(estimator).input_tags.pairwise


def columns_among(classes, own):
    """Return the position of each of `own` labels among all `classes`."""
    position = {label: i for i, label in enumerate(classes.tolist())}
    return np.array([position[label] for label in own.tolist()])


def join_responses(responses, rows, codes, classes, own):
    """Put the held-out answers of all splits under each other.

    A split that was trained without a class has no answer for it. Samples of that class
    are left out there, and the column is filled with what means "unlikely": probability
    0, or the smallest decision value of all.

    Returns the joined response with the columns of `own`, and the row of each answer.
    """
    is_proba = responses[0].is_proba
    if any(response.is_proba != is_proba for response in responses):
        raise ValueError(MIXED.format("The estimator"))
    known = columns_among(classes, own)
    parts, kept = [], []
    for response, test in zip(responses, rows, strict=True):
        columns = columns_among(own, response.classes)
        seen = np.isin(codes[test], known[columns])
        part = np.full((int(seen.sum()), len(own)), np.nan, dtype=response.values.dtype)
        part[:, columns] = response.values[seen]
        parts.append(part)
        kept.append(test[seen])
    values = np.concatenate(parts)
    absent = np.isnan(values)
    if absent.any() and not absent.all():
        values[absent] = 0 if is_proba else values[~absent].min()
    return Response(values, is_proba, own), np.concatenate(kept)


def fit_pair(calibrator, estimator, response, codes, weight, classes):
    """Learn a calibrator from held-out answers and the codes of their true classes."""
    columns = columns_among(classes, response.classes)
    column_of_class = np.full(len(classes), -1)
    column_of_class[columns] = np.arange(len(columns))
    targets = column_of_class[codes]
    used = (targets >= 0) & (weight > 0)
    values = response.values
    if not used.all():
        values, targets, weight = values[used], targets[used], weight[used]
    floor = None
    if response.is_proba:
        floor = floor_of(values) if len(values) else SMALLEST_FLOOR
    fitted = []
    if len(np.unique(targets)) > 1:
        logits = logits_from_response(response._replace(values=values), floor)
        fitted = [fit_calibrator(clone(calibrator), logits, targets, weight, "method")]
    return CalibratedPair(estimator, fitted, classes=classes, columns=columns, floor=floor)


def warn_of_answers(estimator, responses):
    """Warn once if answers are not what they are taken for."""
    network, is_proba = responses[0].network, responses[0].is_proba
    name = network or f"{type(estimator).__name__}.decision_function"
    if any(not r.is_proba and looks_like_proba(r.values) for r in responses):
        way_out = (
            "pass from_logits=False to FrozenNetwork"
            if network
            else ("hide decision_function so that predict_proba is used")
        )
        warnings.warn(
            f"{name} answers with rows that are non-negative and sum to one. If these are "
            f"probabilities, {way_out}; as logits they are far too close together.",
            UserWarning,
            stacklevel=3,
        )
    if network and is_proba:
        warn_of_lost_logits(np.concatenate([r.values for r in responses]), network)
    elif is_proba and hasattr(estimator, "decision_function"):
        warnings.warn(
            f"{name} has no column for each class; predict_proba is used.",
            UserWarning,
            stacklevel=3,
        )


def warn_of_weights(calibrator, sample_weight):
    """Warn once if the calibrator cannot use the weights that were given."""
    if sample_weight is not None and not accepts_weight(calibrator):
        warnings.warn(
            f"method={calibrator!r} does not take sample_weight, so the calibration is "
            "unweighted.",
            UserWarning,
            stacklevel=3,
        )


def count_unknown(responses, rows, codes, weight, classes):
    """Count held-out answers to samples of a class that their classifier never saw."""
    unknown = 0
    for response, held in zip(responses, rows, strict=True):
        known = columns_among(classes, response.classes)
        unknown += np.sum(~np.isin(codes[held], known) & (weight[held] > 0))
    return int(unknown)


def warn_of_missing_classes(pairs, codes, weight, rows, left_out):
    """Warn once of all classes that some pair was trained or calibrated without."""
    untrained, uncalibrated, idle = set(), set(), 0
    for pair, held in zip(pairs, rows, strict=True):
        present = np.unique(codes[held][weight[held] > 0])
        untrained |= set(range(len(pair.classes))) - set(pair.columns.tolist())
        uncalibrated |= set(pair.columns.tolist()) - set(present.tolist())
        idle += not pair.calibrators
    if not (untrained or uncalibrated or left_out):
        return
    labels = pairs[0].classes
    said = []
    if untrained:
        said.append(
            f"some training rows lack {labels[sorted(untrained)].tolist()}, so that a pair of "
            "classifier and calibrator gives these probability 0"
        )
    if left_out:
        said.append(
            f"{left_out} calibration samples of classes that their classifier never saw are "
            "left out"
        )
    if uncalibrated:
        said.append(f"some calibration rows lack {labels[sorted(uncalibrated)].tolist()}")
    if idle:
        said.append(
            f"{idle} of {len(pairs)} calibrations had fewer than two classes to learn from, "
            "and the softmax of the logits is used as it is"
        )
    warnings.warn(
        f"Not every class is everywhere: {'; '.join(said)}. Calibrate on more samples, or "
        "shuffle or stratify the splits if there are any.",
        UserWarning,
        stacklevel=3,
    )
