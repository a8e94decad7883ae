"""Metrics of predictions that are checked already: several of them, checked once."""

from skcalib.metrics._evaluation import figure_of_weights, own_parameters, without_labels
from skcalib.metrics._replicates import Rows, interval, replicate


def compute_metric(metric, predictions, **params):
    """Return what a metric of this package returns.

    Parameters
    ----------
    metric : callable
        It has `compute`, see `prepared_by` and `computed_by`.

    predictions : Predictions
        From `check_predictions`, or those of an event.

    **params : dict
        The metric's own parameters.

    Returns
    -------
    value : object
        What the metric returns.
    """
    return metric.compute(predictions, **own_parameters(metric, predictions, params))


def compute_interval(metric, predictions, *, confidence_level, n_resamples, random_state):
    """Return estimate, low and high of any metric, as `bootstrap_interval` by "normal" does."""
    classes, two = predictions.classes, len(predictions.classes) == 2
    pos_label = classes.tolist()[predictions.pos] if two else None
    metric, *_ = without_labels(metric, classes, pos_label)
    y_true = classes[predictions.codes]
    found = replicate(
        figure_of_weights(metric, y_true, predictions),
        predictions.weight,
        Rows(None, None, None, y_true),
        method="normal",
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        random_state=random_state,
        verbose=0,
    )
    return interval(found, confidence_level)[:3]
