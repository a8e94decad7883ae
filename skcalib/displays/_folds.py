"""Predictions of cross-validated models for rows they were not trained on."""

import numpy as np

from skcalib.displays._models import proba_and_classes, refuse_labels
from skcalib.inputs import refuse_masked_array, take_rows


class FromCVResultsMixin:
    """Displays whose `from_predictions` takes `fold`."""

    @classmethod
    def from_cv_results(cls, cv_results, X, y, *, sample_weight=None, name=None, **params):
        """Draw the predictions of cross-validated models for rows they were not trained on.

        All test folds make one curve, with band and error, which is of the way of training
        rather than of one model; the folds' own curves are drawn thin.

        Parameters
        ----------
        cv_results : dict
            From :func:`sklearn.model_selection.cross_validate` with
            ``return_estimator=True, return_indices=True``.

        X : array-like of n_samples
            As given to `cross_validate`.

        y : array-like of shape (n_samples,)
            As given to `cross_validate`.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        name : str, default=None
            For the legend; the name of the class if None.

        **params : dict
            Those of `from_predictions`, but for `labels`.

        Returns
        -------
        display : object
            The display, drawn.

        Raises
        ------
        ValueError
            If `cv_results` lacks estimators or indices.
        """
        refuse_labels(params)
        for values, source in ((y, "y"), (sample_weight, "sample_weight")):
            refuse_masked_array(values, source)
        y_true, y_proba, labels, rows, fold, own_name = _out_of_fold(cv_results, X, y)
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)[rows]
        return cls.from_predictions(
            y_true,
            y_proba,
            labels=labels,
            sample_weight=sample_weight,
            fold=fold,
            name=name or own_name,
            **params,
        )


def _out_of_fold(cv_results, X, y):
    """Return labels, probabilities, all classes, rows, fold numbers and the models' name."""
    if not {"estimator", "indices"} <= set(cv_results):
        raise ValueError(
            "cv_results lacks estimators or indices; give cross_validate "
            "return_estimator=True and return_indices=True."
        )
    y, models, tests = np.asarray(y), cv_results["estimator"], cv_results["indices"]["test"]
    answers = [
        proba_and_classes(model, take_rows(X, rows), y[rows])
        for model, rows in zip(models, tests, strict=True)
    ]
    classes = np.unique(np.concatenate([own for _, own in answers]))
    probas = [_in_columns(proba, own, classes) for proba, own in answers]
    fold = np.repeat(np.arange(len(tests)), [len(rows) for rows in tests])
    rows = np.concatenate(tests)
    return y[rows], np.concatenate(probas), classes, rows, fold, type(models[0]).__name__


def _in_columns(proba, own, classes):
    """Give classes that a model was not trained on a probability of zero."""
    proba = np.asarray(proba)
    if len(own) == len(classes):
        return proba
    full = np.zeros((len(proba), len(classes)), dtype=proba.dtype)
    full[:, np.searchsorted(classes, own)] = proba
    return full
