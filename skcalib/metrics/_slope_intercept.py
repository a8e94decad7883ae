"""Slope and intercept of the outcome's logistic regression on the log-odds that were said."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, expit

from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._resampling import check_level
from skcalib.metrics._validation import check_predictions

FARTHEST = 40.0  # log-odds: beyond, a coefficient is infinite
OUTSIDE = 0.99  # of the farthest: there it counts as infinite
TINY = float(np.finfo(np.float32).tiny)


class CalibrationSlopeIntercept(NamedTuple):
    """What :func:`calibration_slope_intercept` returns: floats."""

    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float
    in_the_large: float
    in_the_large_low: float
    in_the_large_high: float


def _compute(predictions, *, notion, confidence_level):
    """Return the estimates of predictions that are checked."""
    check_level(confidence_level)
    event = _one_event(predictions, notion)
    rows = _regression(event)
    reach = float(chdtri(1, 1 - confidence_level)) / 2
    if rows is None:
        line = (-np.inf, np.inf)
        return CalibrationSlopeIntercept(1.0, *line, 0.0, *line, 0.0, *line)
    large = rows.with_offset()
    one_outcome = rows.hit.min() == rows.hit.max()
    if (
        one_outcome or np.ptp(rows.odds) < 1e-12 * np.abs(rows.odds).max() + 1e-300
    ):  # any slope does
        found = large.profile_interval(0, reach, [0.0, 0.0])
        whole = (1.0, -np.inf, np.inf)
        return CalibrationSlopeIntercept(*whole, *found, *found)
    best = rows.fit()
    slope = rows.profile_interval(1, reach, best)
    intercept = (0.0, -np.inf, np.inf)
    if np.isfinite(slope[0]):
        intercept = rows.profile_interval(0, reach, best)
    return CalibrationSlopeIntercept(
        *slope, *intercept, *large.profile_interval(0, reach, [0.0, 0.0])
    )


def _one_event(predictions, notion):
    events = events_of(predictions, notion)
    if notion in ("class-wise", "top-label"):
        raise ValueError(
            f"notion={notion!r} is several regressions; for one class against all others pass "
            "(y_true == label, y_proba[:, k])."
        )
    return events[0]


def _regression(event):
    """Return the rows that tell something, or None.

    Probabilities of 0 and 1 that were kept fit any slope above zero. If one of them was broken,
    none would do: then all of them are moved to half the smallest probability between 0 and 1.
    """
    value, hit = event.value.astype(np.float64), event.hit.astype(np.float64)
    weight = np.asarray(event.weight, dtype=np.float64)
    certain = (value == 0) | (value == 1)
    if (certain & (value != hit)).any():
        inside = np.minimum(value, 1 - value)[~certain]
        floor = max(inside.min() / 2, TINY) if len(inside) else TINY
        outermost = np.where(value == 1, -1, 1) * (np.log(floor) - np.log1p(-floor))
        with np.errstate(divide="ignore"):
            odds = np.where(certain, outermost, np.log(value) - np.log1p(-value))
    elif certain.all():
        return None
    else:
        value, hit, weight = value[~certain], hit[~certain], weight[~certain]
        odds = np.log(value) - np.log1p(-value)
    return _Regression(odds, hit, weight)


class _Regression:
    """Minus the log-likelihood of ``expit(offset + intercept + slope * odds)``."""

    def __init__(self, odds, hit, weight, offset=None):
        self.odds, self.hit, self.weight, self.offset = odds, hit, weight, offset
        self.features = [np.ones(1), np.zeros(1) if offset is not None else odds]
        spread = np.sqrt(weight @ odds**2 / weight.sum())
        self.farthest = [FARTHEST, FARTHEST / max(spread, 1e-12)]

    def with_offset(self):
        """Return the regression on an intercept alone, with a slope of one."""
        return _Regression(self.odds, self.hit, self.weight, offset=self.odds)

    def loss(self, coefficients):
        """Return minus the log-likelihood."""
        eta = self._eta(coefficients)
        return self.weight @ (np.logaddexp(0, eta) - self.hit * eta)

    def _eta(self, coefficients):
        intercept, slope = coefficients
        eta = intercept + slope * self.features[1]
        return eta + (0 if self.offset is None else self.offset)

    def _gradient(self, coefficients, number):
        """Return the loss's first and second derivative by one coefficient."""
        proba, feature = expit(self._eta(coefficients)), self.features[number]
        first = self.weight @ ((proba - self.hit) * feature)
        return first, self.weight @ (proba * (1 - proba) * feature**2)

    def minimise(self, number, others):
        """Return the coefficients with one of them where the loss is least."""
        low, high = -self.farthest[number], self.farthest[number]
        found = list(others)
        if number == 0 and self.hit.min() == self.hit.max():
            return [high if self.hit[0] else low, *found[1:]]
        found[number] = float(np.clip(found[number], low, high))
        tiny = 1e-14 * self.weight.sum()
        for _ in range(200):
            first, second = self._gradient(found, number)
            if first > 0:
                high = found[number]
            else:
                low = found[number]
            if abs(first) <= tiny:
                break
            flat = second <= tiny  # no step of Newton's is to be trusted: halve
            following = np.inf if flat else found[number] - first / second
            if not low <= following <= high:
                following = (low + high) / 2
            moved = abs(following - found[number])
            found[number] = following
            if moved <= 1e-8 * (1 + abs(following)):  # its square is left
                break
        return found

    def fit(self):
        """Return intercept and slope, the slope far out where it never stops to gain."""
        found = self._newton()
        if found is not None:
            return found
        far = self.farthest[1]

        def steepness(slope):
            return self._gradient(self.minimise(0, [0.0, slope]), 1)[0]

        noise = 1e-12 * self.weight @ np.abs(self.odds)
        if steepness(far) < noise:
            return self.minimise(0, [0.0, far])
        if steepness(-far) > -noise:
            return self.minimise(0, [0.0, -far])
        return self.minimise(0, [0.0, brentq(steepness, -far, far)])

    def _newton(self):
        """Return the optimum by Newton's method for both, or None where it does not settle."""
        found = np.array([0.0, 1.0])
        for _ in range(20):
            proba = expit(self._eta(found))
            first = self.weight * (proba - self.hit)
            second = self.weight * proba * (1 - proba)
            cross = second @ self.odds
            hessian = np.array([[second.sum(), cross], [cross, second @ self.odds**2]])
            if np.linalg.cond(hessian) > 1e12:
                return None
            step = np.linalg.solve(hessian, [first.sum(), first @ self.odds])
            found = found - step
            if (np.abs(found) > 0.5 * np.array(self.farthest)).any():
                return None
            if (np.abs(step) <= 1e-9 * (1 + np.abs(found))).all():
                return found.tolist()
        return None

    def profile_interval(self, number, reach, best):
        """Return a coefficient, and where the likelihood falls by `reach` on both sides."""
        best = list(best) if self.offset is None else self.minimise(0, best)
        least, at, far = self.loss(best), best[number], self.farthest[number]
        if abs(at) >= OUTSIDE * far:
            best, at = list(best), float(np.copysign(far, at))

        def excess(value):
            """Return what is nearly a line: roots of likelihood ratios, beyond the limit."""
            fixed = list(best)
            fixed[number] = value
            free = fixed if self.offset is not None else self.minimise(1 - number, fixed)
            best[1 - number] = free[1 - number]  # where to begin the next time
            return np.sqrt(max(self.loss(free) - least, 0.0)) - np.sqrt(reach)

        step = np.sqrt(2 * reach / max(self._gradient(best, number)[1], 1e-300))
        step = min(step, far)
        ends = [self._crossing(excess, at, own, far) for own in (-step, step)]
        values = (at, *ends)
        return tuple(
            float(np.copysign(np.inf, v)) if abs(v) >= OUTSIDE * far else float(v)
            for v in values
        )

    @staticmethod
    def _crossing(excess, at, step, far):
        """Return where a function that rises away from `at` is zero, or the end."""
        inner = at
        while True:
            outer = float(np.clip(at + step, -far, far))
            if excess(outer) > 0:
                return brentq(excess, inner, outer, xtol=1e-11)
            if abs(outer) == far:
                return outer
            inner, step = outer, 2 * step


@computed_by(_compute)
def calibration_slope_intercept(
    y_true,
    y_proba,
    *,
    notion="auto",
    confidence_level=0.95,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Calibration slope and intercept, and calibration in the large, with intervals.

    The outcome's log-odds are regressed on those that were said (Cox)::

        logit P(y = 1) = intercept + slope * logit(p)

    A slope of 1 and an intercept of 0 are calibrated. A slope below 1 is overconfidence: the
    log-odds should be multiplied by it. ``in_the_large`` is the intercept if the slope is held
    at 1: above 0 where probabilities are too low on the whole.

    **When to use it.** To say in two numbers what is wrong, with an interval each; medical
    guidelines ask for them. **When not.** A curve that is wrong on both sides of the line may
    have slope 1 and intercept 0: look at :func:`smooth_curve`, too. Whether they differ from
    1 and 0 jointly: ``calibration_test(kind="cox")``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    notion : {"auto", "positive", "confidence"}, default="auto"
        Whose probability: that of the positive class, or the largest of each row. "auto" is
        "positive" for two classes, "confidence" for more.

    confidence_level : float in (0, 1), default=0.95
        Of each interval by itself.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies.

    Returns
    -------
    estimates : CalibrationSlopeIntercept
        A named tuple of floats: ``slope``, ``intercept`` and ``in_the_large``, each followed
        by ``_low`` and ``_high``, the ends of its profile likelihood interval. In log-odds,
        but for the slope, which has no unit. Where the outcomes are separated by p the
        slope is infinite, as is the end of its interval, and the intercept may be any: it is 0,
        and its interval the whole line. Where all probabilities, or all outcomes, are equal any
        slope fits: it is 1, and its interval the whole line. Probabilities of 0 and 1 that were
        kept say nothing; if one was broken, all of them are moved to half the smallest one
        inside.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `notion` or `confidence_level` is unusable.

    See Also
    --------
    calibration_test : Whether slope and intercept could be 1 and 0.

    References
    ----------
    Cox (1958), "Two further applications of a model for binary regression",
    doi:10.1093/biomet/45.3-4.562.

    Van Calster et al. (2019), "Calibration: the Achilles heel of predictive analytics",
    doi:10.1186/s12916-019-1466-7.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import calibration_slope_intercept
    >>> rng = np.random.default_rng(0)
    >>> odds = rng.normal(size=2000)
    >>> y_true = rng.uniform(size=2000) < 1 / (1 + np.exp(-odds))
    >>> found = calibration_slope_intercept(y_true, 1 / (1 + np.exp(-2 * odds)))
    >>> round(found.slope, 2), round(found.slope_low, 2), round(found.slope_high, 2)
    (0.51, 0.45, 0.57)
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(predictions, notion=notion, confidence_level=confidence_level)
