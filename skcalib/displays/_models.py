"""What is shown: the probabilities of one model or of several, asked in one way."""

from collections.abc import Mapping

import numpy as np

from skcalib.inputs import column_names, columns_by_name, refuse_masked_array, to_numpy
from skcalib.messages import quote_labels
from skcalib.metrics import check_predictions, compute_interval, events_of, resolve_notion
from skcalib.networks import wrap_network

N_RESAMPLES = 200


class FromEstimatorMixin:
    """Displays that are made from predictions, and so from whoever predicts."""

    @classmethod
    def from_estimator(cls, estimator, X, y, *, name=None, **params):
        """Predict with a fitted classifier, and draw.

        Parameters
        ----------
        estimator : classifier, or dict of them by name
            Fitted, with `predict_proba`; or a trained Keras or torch network. Several
            models, all with the same classes, are drawn in one colour each.

        X : array-like of n_samples
            Rows that the classifier was not trained on, as it takes them.

        y : array-like of shape (n_samples,)
            Their labels.

        name : str, default=None
            For the legend; the name of the class if None.

        **params : dict
            Those of `from_predictions`, but for `labels`, which are the classifier's, and
            further ones for the artists.

        Returns
        -------
        display : object
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no `predict_proba`, or if models know different classes.
        """
        refuse_labels(params)
        models = estimator if isinstance(estimator, Mapping) else {None: estimator}
        answers = {key: proba_and_classes(model, X, y) for key, model in models.items()}
        probas = {key: proba for key, (proba, _) in answers.items()}
        (_, labels), *others = answers.values()
        if any(not np.array_equal(labels, classes) for _, classes in others):
            raise ValueError("The models know different classes; draw them one by one.")
        if estimator is not models:
            probas, name = probas[None], name or type(estimator).__name__
        return cls.from_predictions(y, probas, labels=labels, name=name, **params)


def refuse_labels(params):
    """Raise if labels are given beside a classifier, which has its own."""
    if "labels" in params:
        raise TypeError(
            "labels are those of the classifier; leave them out, or use from_predictions."
        )


def proba_and_classes(estimator, X, y):
    """Return the probabilities of a fitted classifier or a trained network, and its labels."""
    known = wrap_network(estimator)
    if known is not estimator:
        known = known.fit(X, y)  # learns the labels, and trains nothing
    if not hasattr(known, "predict_proba"):
        raise ValueError(
            f"{type(estimator).__name__} has no predict_proba; "
            "skcalib.CalibratedClassifierCV gives it one."
        )
    return known.predict_proba(X), known.classes_


def draws_and_labels(y_true, draws, labels):
    """Return draws as an array of three dimensions, and a label for each class."""
    for values, source in ((y_true, "y_true"), (draws, "draws")):
        refuse_masked_array(values, source)
    names, draws = column_names(draws), np.asarray(to_numpy(draws, "draws"))
    if draws.ndim == 1 and np.ndim(y_true) > 1:
        raise ValueError(
            "y_true and draws are swapped: the order of arguments is y_true, draws."
        )
    draws = draws[np.newaxis] if draws.ndim == 2 else draws
    if labels is None:
        return draws, np.arange(draws.shape[-1]) if names is None else np.asarray(names)
    labels = np.asarray(labels)
    if labels.shape != draws.shape[-1:]:
        raise ValueError(
            f"labels must be a list of {draws.shape[-1]} labels, one for each class; got shape "
            f"{labels.shape}."
        )
    named = columns_by_name(names, labels, "draws")
    if named is not None and named != list(range(len(labels))):
        raise ValueError(
            f"draws has columns named {quote_labels(names)}, but labels, the order of the "
            f"columns, is {quote_labels(labels)}. Leave labels out: the names decide."
        )
    return draws, labels


def models_of(y_proba, name):
    """Return lists of names and of arrays, an entry for each model."""
    if not isinstance(y_proba, Mapping):
        return [name], [y_proba]
    if name is not None:
        raise ValueError("name is for one model; the keys of y_proba name several.")
    if not y_proba:
        raise ValueError("y_proba holds no model.")
    return [str(key) for key in y_proba], list(y_proba.values())


def check_models(y_true, probas, labels, sample_weight, pos_label):
    """Return Predictions of each model: the only time that its probabilities are checked."""
    given = (labels, sample_weight, pos_label)
    return [check_predictions(y_true, proba, *given) for proba in probas]


def events_for(checked, notion):
    """Return the notion, and the one event of each model as predictions of two classes."""
    found = resolve_notion(checked[0], notion)
    if found in ("class-wise", "top-label"):
        raise ValueError(
            f"notion={notion!r} is a curve for each class; for one class against all others "
            "pass (y_true == label, y_proba[:, k])."
        )
    return found, [events_of(own, found)[0].as_predictions() for own in checked]


def interval_of(metric, predictions, *, n_resamples=N_RESAMPLES, **keywords):
    """Return estimate, low and high of a metric, from a normal bootstrap interval.

    None for a single row: nothing can vary.
    """
    if len(predictions.codes) == 1:
        return None
    return compute_interval(metric, predictions, n_resamples=n_resamples, **keywords)
