"""Held-out answers: each split's classifier is asked about the rows it was not trained on."""

import numpy as np
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import _check_method_params

from skcalib.folds._responses import Response, response_of
from skcalib.folds._training import train
from skcalib.inputs import columns_among, take_rows

MIXED = (
    "{} returns decision values for some numbers of classes and probabilities for "
    "others, because its decision_function has no column for each class; stratify the splits."
)


def fit_split(estimator, X, y, labels, classes, split, fit_params):
    """Fit on the training rows of one split; return the fitted and its held-out answers."""
    rows, test = split
    params = _check_method_params(y, params=fit_params, indices=rows)
    X_train, X_test = take_rows(X, rows), take_rows(X, test)
    if is_pairwise(estimator):
        X_train, X_test = (_safe_indexing(part, rows, axis=1) for part in (X_train, X_test))
    y_train = _safe_indexing(y, rows)
    fitted = train(estimator, X_train, y_train, labels[rows], classes, params)
    return fitted, response_of(fitted, X_test)


def is_pairwise(estimator):
    """Tell whether X is a square matrix of distances or kernel values."""
    return hasattr(estimator, "__sklearn_tags__") and get_tags(estimator).input_tags.pairwise


def join_responses(responses, rows, codes, classes, own):
    """Put the held-out answers of all splits under each other.

    A split that was trained without a class has no answer for it. Samples of that class
    are left out there, and the column is filled with what means "unlikely": probability
    0, or the smallest decision value of all. (Leaving out all answers of such a split was
    measured to be worse, since fewer samples are left.) A split that was trained on one
    class has no answer at all.

    Returns the joined response with the columns of `own`, and the row of each answer.
    """
    telling = [i for i, response in enumerate(responses) if len(response.classes) > 1]
    if telling:
        responses, rows = [responses[i] for i in telling], [rows[i] for i in telling]
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
