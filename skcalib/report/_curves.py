"""Arrays for the pictures and tables of the report."""

import numpy as np

from skcalib.metrics import check_predictions, compute_metric, reliability_curve
from skcalib.report._bounds import mean_interval, share_interval

N_BINS = 20  # of the histogram


def compute_curves(evidence):
    """Return dictionaries of vectors, by the names of ``_codes``."""
    curves = {
        "reliability": _reliability(evidence.predictions),
        "histogram": _histogram(evidence),
        "classes": _classes(evidence),
        "predicted": _parts(
            evidence, "label", evidence.classes, evidence.rows_predicted, with_loss=False
        ),
    }
    if evidence.groups is not None:
        curves["groups"] = _parts(
            evidence, "group", evidence.group_names, evidence.group_rows, with_loss=True
        )
    found = evidence.recalibrated
    if found:
        curves["calibrators"] = {
            "method": np.array([own.method for own in found]),
            "gain": np.array([own.gain for own in found]),
            "low": np.array([own.lower for own in found]),
            "high": np.array([own.upper for own in found]),
            "log_loss": np.array([own.log_loss for own in found]),
        }
        if found[0].lower > 0 and not evidence.is_spoilt:
            curves["reliability_after"] = _reliability_after(evidence, found[0].proba)
    return curves


def _reliability(predictions):
    curve = compute_metric(reliability_curve, predictions)
    return dict(curve._asdict())


def _reliability_after(evidence, proba):
    proba = np.clip(proba, 0, 1)
    proba = proba / proba.sum(axis=1, keepdims=True)
    labels = evidence.classes.tolist()
    pos = {"pos_label": labels[evidence.pos]} if len(labels) == 2 else {}
    truth = evidence.classes[evidence.codes]
    predictions = check_predictions(truth, proba, evidence.classes, evidence.weight, **pos)
    return _reliability(predictions)


def _histogram(evidence):
    edges = np.linspace(0, 1, N_BINS + 1)
    place = np.minimum((evidence.confidence * N_BINS).astype(int), N_BINS - 1)
    count = np.bincount(place, evidence.weight, minlength=N_BINS)
    hits = np.bincount(place, evidence.weight * evidence.hit, minlength=N_BINS)
    return {"left": edges[:-1], "right": edges[1:], "count": count, "hits": hits}


def _classes(evidence):
    said = evidence.weight @ evidence.proba / evidence.total
    count = np.bincount(evidence.codes, evidence.weight, minlength=len(said))
    true = count / evidence.total
    low, high = share_interval(true, evidence.total)
    names = ("label", "count", "said", "true", "low", "high")
    return dict(zip(names, (evidence.classes, count, said, true, low, high), strict=True))


def _parts(evidence, key, names, slices, *, with_loss):
    count = np.array([evidence.weight[rows].sum() for rows in slices])
    table = {key: np.asarray(names), "count": count}
    sums = {"confidence": evidence.confidence, "accuracy": evidence.hit}
    for name, values in sums.items():
        totals = [evidence.weight[rows] @ values[rows] for rows in slices]
        table[name] = np.divide(totals, count, out=np.full(len(count), np.nan), where=count > 0)
    low, high = share_interval(np.nan_to_num(table["accuracy"]), count)
    empty = count == 0
    table["low"], table["high"] = np.where(empty, np.nan, low), np.where(empty, np.nan, high)
    if with_loss:
        with np.errstate(divide="ignore"):
            losses = -np.log(evidence.true_proba)
        table["log_loss"] = np.array(
            [mean_interval(losses[rows], evidence.weight[rows])[0] for rows in slices]
        )
    return table
