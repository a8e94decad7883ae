"""A classifier and a temperature that grows with the distance of a row."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.estimators import columns_of_all
from skcalib.folds import CalibratedPair, logits_from_response
from skcalib.inputs import softmax
from skcalib.messages import is_number, is_word, quote


def check_strength(strength):
    """Raise unless this is an exponent, or a way to choose one."""
    right = is_number(strength) and 0 <= strength < np.inf
    if not right and not is_word(strength, ["held_out"]):
        raise InvalidParameterError(
            "strength must be a finite number that is not negative, or 'held_out', got "
            f"{quote(strength)}."
        )


class DistanceAwarePair(CalibratedPair):
    """A pair of a classifier and its temperature, and the distance of rows beside it.

    Attributes
    ----------
    distance : Distance
        Scores rows, and knows how usual rows are scored.

    start : float
        The score below which the temperature grows.

    temperature, exponent : float
        Logits are divided by ``temperature * (1 + e) ** exponent``, e being how far a row's
        score lies below `start`.

    log_prior : ndarray of shape (n_own_classes,)
        The answer far away, as logarithms.
    """

    def __init__(self, pair, distance, log_shares):
        super().__init__(
            pair.estimator,
            pair.calibrators,
            classes=pair.classes,
            columns=pair.columns,
            floor=pair.floor,
        )
        self.distance = distance
        self.log_prior = log_shares
        self.temperature = pair.calibrators[0].temperature_ if pair.calibrators else 1.0
        self.start, self.exponent = distance.limit, 1.0

    def predict_proba(self, X):
        """Return probabilities, a column for each of `classes`."""
        response, scores = self.distance.answer(X)
        logits = logits_from_response(self._check_response(response), self.floor)
        return self.proba_of(logits, self.factor(scores))

    def factor(self, scores):
        """Return the number by which the temperature of each row is multiplied."""
        with np.errstate(over="ignore"):
            return (1 + self.distance.measure_shortfall(scores, self.start)) ** self.exponent

    def proba_of(self, logits, factor):
        """Return probabilities of logits; a row of factor 1 is that of temperature alone."""
        if self.calibrators and self.temperature == self.calibrators[0].temperature_:
            proba = self.calibrators[0].predict_proba(logits)
        else:
            proba = softmax(logits, 1 / self.temperature)
        far = factor > 1
        if far.any():
            beta = 1 / factor[far, None]
            rows = logits[far].astype(np.float64)
            rows = (rows - rows.max(axis=1, keepdims=True)) * (beta / self.temperature)
            proba[far] = softmax(rows + (1 - beta) * self.log_prior)
        return columns_of_all(proba, self.columns, len(self.classes))

    def fit_strength(self, logits, scores, codes, weight):
        """Choose temperature and exponent by the log loss of held-out rows.

        The temperature then grows from the median of the held-out scores on.
        """
        self.start = self.distance.median
        log_beyond = np.log1p(self.distance.measure_shortfall(scores, self.start))
        logits = logits - logits.max(axis=1, keepdims=True)
        rows = np.arange(len(codes))

        def loss(parameters):
            beta = np.exp(-parameters[0] - parameters[1] * log_beyond)[:, None]
            tempered = logits * beta + (1 - beta * np.exp(parameters[0])) * self.log_prior
            return -weight @ log_softmax(tempered, axis=1)[rows, codes] / weight.sum()

        begin = [np.log(self.temperature), 0.5]
        found = minimize(loss, begin, method="L-BFGS-B", bounds=[(-10, 10), (0, 5)])
        self.temperature, self.exponent = float(np.exp(found.x[0])), float(found.x[1])
        return self
