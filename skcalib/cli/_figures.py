"""The figures of a file of predictions, with intervals, and tests."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri
from scipy.stats import binomtest

from skcalib import metrics
from skcalib.metrics import compute_metric, events_of, prepared_by

# Up to so many rows intervals of means are bootstrapped (BCa), and slow figures are computed
# unasked; beyond, means are normal, as sums of so many are.
FEW_ROWS, MODERATE_ROWS = 2_000, 100_000
FEW_COLUMNS = 16
BLOCK = 2**16  # rows that stay in cache
RESAMPLES = (1000, 400)  # of calibration errors: of moderately many rows, and of more
MEANS = ("accuracy", "confidence", "confidence_gap", "log_loss", "brier")
RANGES = {
    "accuracy": (0, 1),
    "confidence": (0, 1),
    "confidence_gap": (-1, 1),
    "log_loss": (0, np.inf),
    "brier": (0, 1),
}
SLOW = ("slope", "intercept", "smooth_pvalue")


class Figure(NamedTuple):
    """A value and its interval; NaN where there is none."""

    value: float
    lower: float
    upper: float


class Asked(NamedTuple):
    """How figures are computed."""

    confidence_level: float = 0.95
    random_state: int = 0
    cluster: np.ndarray | None = None


def compute_figures(predictions, asked, slow=None):
    """Return the figures by name, those that take long if there are not too many rows.

    Parameters
    ----------
    predictions : Predictions
        Checked.

    asked : Asked
        How.

    slow : collection of str or None
        Which of the slow figures are computed whatever the number of rows.

    Returns
    -------
    figures : dict of str to Figure
        "accuracy", "confidence" (mean of the largest probability), "confidence_gap" (their
        difference), "log_loss" (nats), "brier" (halved, 0 to 1), "ece"
        (calibration_error_interval), "slope", "intercept", and p-values.
    """
    few = len(predictions.codes) <= MODERATE_ROWS
    wanted = {name for name in SLOW if few or name in (slow or ())}
    found = compute_means(predictions, asked)
    event = predictions
    if not few and len(predictions.classes) > 2:  # the likeliest class, looked for once
        event = events_of(predictions, "confidence")[0].as_predictions()
    found["ece"] = Figure(*_error(event, asked, RESAMPLES[not few]))
    if wanted & {"slope", "intercept"}:
        level = asked.confidence_level
        line = compute_metric(
            metrics.calibration_slope_intercept, predictions, confidence_level=level
        )
        found["slope"], found["intercept"] = Figure(*line[:3]), Figure(*line[3:6])
    for kind in ("cox", "smooth"):
        if kind == "cox" or "smooth_pvalue" in wanted:
            found[f"{kind}_pvalue"] = Figure(_test(event, asked, kind), np.nan, np.nan)
    return found


def _error(predictions, asked, n_resamples):
    return compute_metric(
        metrics.calibration_error_interval,
        predictions,
        n_resamples=n_resamples,
        confidence_level=asked.confidence_level,
        random_state=asked.random_state,
        groups=asked.cluster,
    )


def _test(predictions, asked, kind):
    found = compute_metric(
        metrics.calibration_test,
        predictions,
        kind=kind,
        random_state=asked.random_state,
        groups=asked.cluster,
    )
    return float(found.p_value)


def losses_of_rows(predictions):
    """Return an array for each of MEANS: what each row adds to the mean."""
    codes, proba = predictions.codes, predictions.given
    if proba.ndim == 1:
        columns = [1 - proba, proba] if predictions.pos else [proba, 1 - proba]
    else:
        columns = list(proba.T)
    two = len(columns) == 2
    if two:
        true = np.where(codes == 1, columns[1], columns[0])
        confidence = np.maximum(*columns)
        hit = (columns[1] > columns[0]) == (codes == 1)
        brier = (1 - true) ** 2
    else:
        true = proba[np.arange(len(codes)), codes]
        best, confidence = find_likeliest(proba)
        hit = best == codes
        brier = 0.5 * (np.einsum("ij,ij->i", proba, proba) - true**2 + (1 - true) ** 2)
    with np.errstate(divide="ignore"):
        log = -np.log(true)
    hit = hit.astype(np.float64)
    return dict(zip(MEANS, (hit, confidence, confidence - hit, log, brier), strict=True))


def find_likeliest(proba):
    """Return the column of the largest probability of each row, and that probability."""
    if proba.shape[1] > FEW_COLUMNS:
        best = proba.argmax(axis=1)
        return best, proba[np.arange(len(best)), best]
    best, confidence = np.zeros(len(proba), dtype=np.intp), proba[:, 0].copy()
    for k in range(1, proba.shape[1]):  # searching along short rows is slow
        better = proba[:, k] > confidence
        best[better] = k
        np.copyto(confidence, proba[:, k], where=better)
    return best, confidence


def add_up_means(predictions, asked):
    """Return the means of very many rows with normal intervals, block by block."""
    size, n_rows = predictions.weight.sum(), len(predictions.codes)
    unit = predictions.weight.strides == (0,)
    shift, sums, squares = None, np.zeros(len(MEANS)), np.zeros(len(MEANS))
    for start in range(0, n_rows, BLOCK):
        part = predictions.take(slice(start, start + BLOCK))
        values = list(losses_of_rows(part).values())
        if shift is None:
            shift = [float(own.mean()) if np.isfinite(own).all() else 0.0 for own in values]
        for k, own in enumerate(values):
            own = own - shift[k]
            weighted = own if unit else own * part.weight
            sums[k] += weighted.sum()
            squares[k] += weighted @ own
    found = {}
    with np.errstate(invalid="ignore"):
        excess = sums / size
        variance = np.maximum(squares / size - excess**2, 0) / max(size - 1, 1e-300)
        reach = ndtri((1 + asked.confidence_level) / 2) * np.sqrt(variance)
    for k, name in enumerate(MEANS):
        mean = shift[k] + float(excess[k])
        known = np.isfinite(mean) and size > 1
        found[name] = Figure(
            mean, *((mean - reach[k], mean + reach[k]) if known else [np.nan] * 2)
        )
    if not np.isfinite(found["log_loss"].value):
        found["log_loss"] = Figure(np.inf, np.nan, np.inf)
    return found


def compute_means(predictions, asked):
    """Return the figures that are means over rows."""
    weight = predictions.weight
    if len(weight) > FEW_ROWS and asked.cluster is None:
        found = add_up_means(predictions, asked)
    else:
        rows = losses_of_rows(predictions)
        found = {name: mean_of(values, weight, asked) for name, values in rows.items()}
    if 1 < len(weight) <= FEW_ROWS:
        found |= resample_means(predictions, rows, asked)
    if asked.cluster is None and np.ptp(weight) == 0 and weight[0] == 1:
        hits, level = round(found["accuracy"].value * len(weight)), asked.confidence_level
        low, high = binomtest(hits, len(weight)).proportion_ci(level, method="wilson")
        found["accuracy"] = Figure(found["accuracy"].value, low, high)
    return {name: within_range(name, figure) for name, figure in found.items()}


def within_range(name, figure):
    """Return a figure whose interval does not leave the range of its name."""
    low, high = RANGES.get(name, (-np.inf, np.inf))
    return Figure(figure.value, *np.clip(figure[1:], low, high).tolist())


def resample_means(predictions, rows, asked):
    """Return bootstrap intervals (BCa) of those means that are finite and can vary."""
    names = [name for name, values in rows.items() if np.isfinite(values).all()]
    names = [name for name in names if np.ptp(rows[name]) > 0]
    table = np.stack([rows[name] for name in names], axis=1) if names else None
    if not names:
        return {}

    def prepare(predictions):
        return lambda weight: weight @ table / weight.sum()

    @prepared_by(prepare)
    def means(y_true, y_proba):
        raise NotImplementedError("It is always prepared.")

    found = metrics.bootstrap_interval(
        means,
        predictions.codes,
        predictions.proba,
        labels=np.arange(len(predictions.classes)),
        sample_weight=predictions.weight,
        groups=asked.cluster,
        confidence_level=asked.confidence_level,
        random_state=asked.random_state,
    )
    parts = zip(names, found.estimate, found.low, found.high, strict=True)
    return {name: Figure(*map(float, figure)) for name, *figure in parts}


def mean_of(values, weight, asked):
    """Return the weighted mean with its normal interval; clusters vary as wholes."""
    size = weight.sum()
    mean = float(weight @ values / size)
    if not np.isfinite(mean):
        return Figure(mean, np.nan, np.inf)
    excess = weight * (values - mean)
    if asked.cluster is not None:
        number = np.unique(asked.cluster, return_inverse=True)[1]
        sums = np.bincount(number, excess)
        n_units, squares = len(sums), sums @ sums
    else:
        n_units, squares = size, float(excess @ (values - mean))
    if n_units <= 1:
        return Figure(mean, np.nan, np.nan)
    error = np.sqrt(squares * n_units / (n_units - 1)) / size
    reach = float(ndtri((1 + asked.confidence_level) / 2) * error)
    return Figure(mean, mean - reach, mean + reach)
