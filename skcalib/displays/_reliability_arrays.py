"""The arrays of a reliability display, asked of the metrics."""

from functools import partial

import numpy as np
from sklearn.utils import check_consistent_length

from skcalib._messages import name_in_picture, quote
from skcalib._parameters import check_choice
from skcalib._rows import refuse_masked_array
from skcalib.backends import to_numpy
from skcalib.displays._events import said
from skcalib.displays._models import N_RESAMPLES, interval_of
from skcalib.metrics import (
    calibration_error,
    calibration_error_interval,
    corp_curve,
    histogram_curve,
    reliability_curve,
    smooth_calibration_error,
    smooth_curve,
)

KINDS = ("binned", "corp", "smooth")
LEAST_WIDTH = 0.04  # narrower kernels show noise
CORP_REFITS = 100  # half of it for each of many panels, as with errors
HISTOGRAM_BINS = 25


def reliability_arrays(
    y_true,
    probas,
    *,
    kind,
    notion,
    band,
    n_bins,
    strategy,
    confidence_level,
    metric,
    n_panels,
    pos_label,
    labels,
    sample_weight,
    fold,
    random_state,
):
    """Return the lists of ReliabilityDisplay, an entry for each panel and model in it."""
    check_choice("kind", kind, KINDS)
    if isinstance(band, str) and band == "auto":
        band = "consistency" if kind == "corp" else "confidence"
    answers = [
        said(y_true, proba, notion, labels, sample_weight, pos_label) for proba in probas
    ]
    notion, pos_label, _ = answers[0]
    events = [{event.panel: event for event in found} for _, _, found in answers]
    all_panels = list(dict.fromkeys(panel for of_model in events for panel in of_model))
    settings = (kind, band, n_bins, strategy, confidence_level)
    found = {"curve": [], "histogram": [], "error": [], "panel": [], "model": []}
    for panel in _worst(all_panels, events, n_panels, n_bins, strategy):
        for model, of_model in enumerate(events):
            if panel not in of_model:
                continue  # a class that this model never predicts
            event = of_model[panel]
            found["curve"].append(_curve(event, *settings, random_state))
            found["histogram"].append(event.ask(histogram_curve, n_bins=HISTOGRAM_BINS))
            found["error"].append(_error(event, metric, *settings[2:], random_state))
            found["panel"].append(panel)
            found["model"].append(model)
    if all_panels == [None]:
        found["panel"] = None
    if fold is not None:
        if found["panel"] is not None or len(probas) > 1:
            raise ValueError("fold is for one model, and for notions of one curve.")
        (event,) = answers[0][2]
        found["fold_curve"] = [
            _curve(part, kind, None, *settings[2:], 0)
            for part in _by_fold(event, fold, y_true, sample_weight)
        ]
    return {
        **found,
        "notion": notion,
        "pos_label": pos_label,
        "band": band,
        "error_name": _name_of(metric, confidence_level),
        "n_panels_in_all": None if found["panel"] is None else len(all_panels),
    }


def _by_fold(event, fold, y_true, sample_weight):
    """Return the events of each fold."""
    refuse_masked_array(fold, "fold")
    check_consistent_length(y_true, fold)
    fold = np.asarray(to_numpy(fold, "fold"))
    if sample_weight is not None and np.ndim(sample_weight) > 0:
        fold = fold[np.asarray(to_numpy(sample_weight, "sample_weight")) > 0]
    return [event.take(fold == number) for number in np.unique(fold)]


def _curve(event, kind, band, n_bins, strategy, confidence_level, random_state):
    keywords = {"confidence_level": confidence_level, "band": band or "confidence"}
    if kind == "binned":
        bins = {"n_bins": n_bins, "strategy": strategy}
        return event.ask(reliability_curve, **bins, **keywords)
    if kind == "smooth":
        width = max(LEAST_WIDTH, event.ask(smooth_calibration_error))
        return event.ask(smooth_curve, width=width, **keywords)
    n_refits = CORP_REFITS if event.panel is None else CORP_REFITS // 2
    n_resamples = n_refits if band else 1
    keywords |= {"n_resamples": n_resamples, "random_state": random_state}
    return event.ask(corp_curve, **keywords)


def _error(event, metric, n_bins, strategy, confidence_level, random_state):
    """Return (estimate, low, high), or None, also where there is no interval."""
    if metric is None:
        return None
    n_resamples = N_RESAMPLES if event.panel is None else N_RESAMPLES // 2
    keywords = {"confidence_level": confidence_level, "n_resamples": n_resamples}
    keywords["random_state"] = random_state
    if isinstance(metric, str) and metric == "rms":
        ask, bins = calibration_error_interval, {"n_bins": n_bins, "strategy": strategy}
        keywords |= bins
    elif callable(metric):
        ask = partial(interval_of, metric)
    else:
        raise ValueError(f"metric must be 'rms', a function or None, got {quote(metric)}.")
    if len(event.hit) == 1:
        return None  # nothing can vary
    return event.ask(ask, **keywords)


def _name_of(metric, confidence_level):
    """Return the title of a legend of errors."""
    if metric is None:
        return None
    function = getattr(metric, "func", metric)  # of a partial
    name = getattr(function, "__name__", "error").replace("_", " ")
    name = "RMS calibration error" if isinstance(metric, str) else name
    return f"{name_in_picture(name)} [{100 * confidence_level:.3g} %]"


def _worst(panels, events, n_panels, n_bins, strategy):
    """Return the panels whose classes are responsible for most of the squared error."""
    if len(panels) <= n_panels:
        return panels
    share = dict.fromkeys(panels, -np.inf)
    for of_model in events:
        for panel, event in of_model.items():
            bins = {"n_bins": n_bins, "strategy": strategy}
            squared = event.ask(calibration_error, norm="l2_squared", debias=True, **bins)
            n_rows = len(event.hit) if event.weight is None else event.weight.sum()
            share[panel] = max(share[panel], squared * n_rows)
    return sorted(panels, key=lambda panel: -share[panel])[:n_panels]
