"""The arrays of a reliability display, asked of the metrics."""

from functools import partial

import numpy as np
from sklearn.utils import check_consistent_length

from skcalib._parameters import check_choice
from skcalib.displays._events import said
from skcalib.displays._models import N_RESAMPLES, interval_of
from skcalib.metrics import (
    calibration_error,
    corp_curve,
    histogram_curve,
    reliability_curve,
    smooth_calibration_error,
    smooth_curve,
)

KINDS = ("binned", "corp", "smooth")
FEWEST_BINS, MOST_BINS = 4, 15
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
    labels,
    sample_weight,
    fold,
    random_state,
):
    """Return the lists of ReliabilityDisplay, an entry for each panel and model in it."""
    check_choice("kind", kind, KINDS)
    if isinstance(band, str) and band == "auto":
        band = "consistency" if kind == "corp" else "confidence"
    answers = [said(y_true, proba, notion, labels, sample_weight) for proba in probas]
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
        whole = (y_true, probas[0], sample_weight)
        parts = _by_fold(*whole, fold, notion, labels)
        found["fold_curve"] = [_curve(part, kind, None, *settings[2:], 0) for part in parts]
    return {
        **found,
        "notion": notion,
        "pos_label": pos_label,
        "band": band,
        "error_name": _name_of(metric, confidence_level),
        "n_panels_in_all": None if found["panel"] is None else len(all_panels),
    }


def _by_fold(y_true, proba, sample_weight, fold, notion, labels):
    """Yield the events of each fold."""
    arrays = [np.asarray(y_true), np.asarray(proba), np.asarray(fold)]
    check_consistent_length(*arrays)
    for number in np.unique(fold):
        rows = arrays[2] == number
        weight = None if sample_weight is None else np.asarray(sample_weight)[rows]
        known = np.unique(arrays[0]) if labels is None else labels
        yield said(arrays[0][rows], arrays[1][rows], notion, known, weight)[2][0]


def _curve(event, kind, band, n_bins, strategy, confidence_level, random_state):
    keywords = {"confidence_level": confidence_level, "band": band or "confidence"}
    if kind == "binned":
        bins = {"n_bins": _number_of_bins(event, n_bins), "strategy": strategy}
        return event.ask(reliability_curve, **bins, **keywords)
    if kind == "smooth":
        width = max(LEAST_WIDTH, event.ask(smooth_calibration_error))
        return event.ask(smooth_curve, width=width, **keywords)
    n_refits = CORP_REFITS if event.panel is None else CORP_REFITS // 2
    n_resamples = n_refits if band else 1
    keywords |= {"n_resamples": n_resamples, "random_state": random_state}
    return event.ask(corp_curve, **keywords)


def _error(event, metric, n_bins, strategy, confidence_level, random_state):
    """Return (estimate, low, high), or None.

    The interval of the squared error is the one that holds the truth as often as it says,
    also where there is no error; and so does its root.
    """
    if metric is None:
        return None
    root = isinstance(metric, str) and metric == "rms"
    if root:
        bins = {"n_bins": _number_of_bins(event, n_bins), "strategy": strategy}
        metric = partial(calibration_error, norm="l2_squared", debias=True, **bins)
    elif not callable(metric):
        raise ValueError(f"metric must be 'rms', a function or None, got {metric!r}.")
    ask = partial(interval_of, metric)
    n_resamples = N_RESAMPLES if event.panel is None else N_RESAMPLES // 2
    keywords = {"confidence_level": confidence_level, "n_resamples": n_resamples}
    found = event.ask(ask, random_state=random_state, **keywords)
    return tuple(np.sqrt(np.maximum(found, 0)).tolist()) if root else found


def _number_of_bins(event, n_bins):
    """Return the number asked for, or one by the number of rows with the rarer outcome."""
    if not (isinstance(n_bins, str) and n_bins == "auto"):
        return n_bins
    (_, _, hits, misses) = event.ask(histogram_curve, n_bins=1)
    n_bins = np.ceil(np.cbrt(min(hits[0], misses[0])) - 1e-9)
    return int(np.clip(n_bins, FEWEST_BINS, MOST_BINS))


def _name_of(metric, confidence_level):
    """Return the title of a legend of errors."""
    if metric is None:
        return None
    function = getattr(metric, "func", metric)  # of a partial
    name = getattr(function, "__name__", "error").replace("_", " ")
    name = "RMS calibration error" if isinstance(metric, str) else name
    return f"{name} [{100 * confidence_level:.3g} %]"


def _worst(panels, events, n_panels, n_bins, strategy):
    """Return the panels whose classes are responsible for most of the squared error."""
    if len(panels) <= n_panels:
        return panels
    share = dict.fromkeys(panels, -np.inf)
    for of_model in events:
        for panel, event in of_model.items():
            bins = {"n_bins": _number_of_bins(event, n_bins), "strategy": strategy}
            squared = event.ask(calibration_error, norm="l2_squared", debias=True, **bins)
            n_rows = len(event.hit) if event.weight is None else event.weight.sum()
            share[panel] = max(share[panel], squared * n_rows)
    return sorted(panels, key=lambda panel: -share[panel])[:n_panels]
