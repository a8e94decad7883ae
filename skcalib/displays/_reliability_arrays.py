"""The arrays of a reliability display, asked of the metrics."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length

from skcalib.displays._models import N_RESAMPLES, check_models, interval_of
from skcalib.displays._tests import p_value_of
from skcalib.inputs import refuse_masked_array, to_numpy
from skcalib.messages import check_choice, name_in_picture, quote
from skcalib.metrics import (
    calibration_error,
    calibration_error_interval,
    compute_metric,
    corp_curve,
    events_of,
    histogram_curve,
    log_loss,
    reliability_curve,
    resolve_notion,
    smooth_calibration_error,
    smooth_curve,
)

KINDS = ("binned", "corp", "smooth")
LEAST_WIDTH = 0.04  # narrower kernels show noise
CORP_REFITS = 100  # half of it for each of many panels, as with errors
HISTOGRAM_BINS = 25
LISTS = ("curve", "histogram", "error", "p_value", "panel", "model")


class CurveSettings(NamedTuple):
    """How curves and errors are computed, as ReliabilityDisplay.from_predictions is told."""

    kind: str
    band: str | None
    n_bins: int | str
    strategy: str
    confidence_level: float
    metric: Callable | str | None
    test: str | None
    random_state: int | np.random.RandomState | None

    @property
    def bins(self):
        """The parameters that bins are made by."""
        return {"n_bins": self.n_bins, "strategy": self.strategy}


def reliability_arrays(
    y_true, probas, settings, *, notion, n_panels, pos_label, labels, sample_weight, fold
):
    """Return the lists of ReliabilityDisplay, an entry for each panel and model in it."""
    check_choice("kind", settings.kind, KINDS)
    if isinstance(settings.band, str) and settings.band == "auto":
        band = "consistency" if settings.kind == "corp" else "confidence"
        settings = settings._replace(band=band)
    checked = check_models(y_true, probas, labels, sample_weight, pos_label)
    models = [_events_by_panel(own, notion) for own in checked]
    all_panels = list(dict.fromkeys(panel for of_model in models for panel in of_model))
    found = {name: [] for name in LISTS}
    for panel in _worst(all_panels, models, n_panels, settings.bins):
        for model, of_model in enumerate(models):
            if panel not in of_model:
                continue  # a class that this model never predicts
            event, alone = of_model[panel], panel is None
            histogram = compute_metric(histogram_curve, event, n_bins=HISTOGRAM_BINS)
            found["curve"].append(_curve(event, settings, alone))
            found["histogram"].append(histogram)
            found["error"].append(_error(event, settings, alone))
            found["p_value"].append(p_value_of(event, settings.test, settings.random_state))
            found["panel"].append(panel)
            found["model"].append(model)
    if settings.test is None:
        found["p_value"] = None
    if all_panels == [None]:
        found["panel"] = None
    if fold is not None:
        if found["panel"] is not None or len(probas) > 1:
            raise ValueError("fold is for one model, and for notions of one curve.")
        (event,) = models[0].values()
        of_fold = settings._replace(band=None, random_state=0)
        parts = _by_fold(event, fold, y_true, sample_weight)
        found["fold_curve"] = [_curve(part, of_fold, alone=True) for part in parts]
    return {
        **found,
        "loss": _losses(checked, settings.metric, found["panel"]),
        "notion": resolve_notion(checked[0], notion),
        "pos_label": checked[0].classes.tolist()[checked[0].pos],
        "band": settings.band,
        "error_name": _name_of(settings.metric, settings.confidence_level),
        "n_panels_in_all": None if found["panel"] is None else len(all_panels),
    }


def _losses(checked, metric, panel):
    """Return the log loss of each model, beside the usual error of curves in one axes."""
    if panel is not None or not isinstance(metric, str):
        return None
    return [compute_metric(log_loss, own) for own in checked]


def _events_by_panel(predictions, notion):
    """Return what is drawn in each panel, as predictions of two classes; None: in one axes."""
    events = events_of(predictions, notion)
    if resolve_notion(predictions, notion) in ("positive", "confidence"):
        return {None: events[0].as_predictions()}
    labels = predictions.classes
    return {str(labels[event.target]): event.as_predictions() for event in events}


def _by_fold(event, fold, y_true, sample_weight):
    """Return the events of each fold."""
    refuse_masked_array(fold, "fold")
    check_consistent_length(y_true, fold)
    fold = np.asarray(to_numpy(fold, "fold"))
    if sample_weight is not None and np.ndim(sample_weight) > 0:
        fold = fold[np.asarray(to_numpy(sample_weight, "sample_weight")) > 0]
    return [event.take(fold == number) for number in np.unique(fold)]


def _curve(event, settings, alone):
    """Return a curve; whether it is alone in the picture tells how long it may take."""
    band = settings.band or "confidence"
    keywords = {"confidence_level": settings.confidence_level, "band": band}
    if settings.kind == "binned":
        return compute_metric(reliability_curve, event, **settings.bins, **keywords)
    if settings.kind == "smooth":
        width = max(LEAST_WIDTH, compute_metric(smooth_calibration_error, event))
        return compute_metric(smooth_curve, event, width=width, **keywords)
    n_refits = CORP_REFITS if alone else CORP_REFITS // 2
    n_resamples = n_refits if settings.band else 1
    keywords |= {"n_resamples": n_resamples, "random_state": settings.random_state}
    return compute_metric(corp_curve, event, **keywords)


def _error(event, settings, alone):
    """Return (estimate, low, high), or None, also where there is no interval."""
    metric = settings.metric
    if metric is None:
        return None
    known = isinstance(metric, str) and metric == "rms"
    if not (known or callable(metric)):
        raise ValueError(f"metric must be 'rms', a function or None, got {quote(metric)}.")
    if len(event.codes) == 1:
        return None  # nothing can vary
    keywords = {
        "confidence_level": settings.confidence_level,
        "n_resamples": N_RESAMPLES if alone else N_RESAMPLES // 2,
        "random_state": settings.random_state,
    }
    if known:
        return compute_metric(calibration_error_interval, event, **settings.bins, **keywords)
    return interval_of(metric, event, **keywords)


def _name_of(metric, confidence_level):
    """Return the title of a legend of errors."""
    if metric is None:
        return None
    function = getattr(metric, "func", metric)  # of a partial
    name = getattr(function, "__name__", "error").replace("_", " ")
    name = "RMS calibration error" if isinstance(metric, str) else name
    return f"{name_in_picture(name)} [{100 * confidence_level:.3g} %]"


def _worst(panels, models, n_panels, bins):
    """Return the panels whose classes are responsible for most of the squared error."""
    if len(panels) <= n_panels:
        return panels
    share = dict.fromkeys(panels, -np.inf)
    how = {"norm": "l2_squared", "debias": True, **bins}
    for of_model in models:
        for panel, event in of_model.items():
            squared = compute_metric(calibration_error, event, **how)
            share[panel] = max(share[panel], squared * event.weight.sum())
    return sorted(panels, key=lambda panel: -share[panel])[:n_panels]
