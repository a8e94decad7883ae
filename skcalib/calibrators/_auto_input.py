"""The input of `AutoCalibration` as it is, but for zeros that were seen to be wrong."""

import numpy as np

from skcalib.inputs import softmax

ALMOST_ZERO = 1e-12  # in place of zeros, so that no mistake costs an infinite log loss
NEAR = 0.1  # of a logarithm: between the floor and the smallest positive one lies ln 2


class Identity:
    """The input itself; where it is a classifier's probabilities, wrong zeros are lifted.

    By the rule of succession: of m zeros among the calibration rows, w of which were the true
    class, each stands for a probability of (w + 1/2) / (m + 1), but for no more than the floor.
    If none was, they are left (but for 1e-12): to lift those of a classifier that is right
    costs more often than it gains, and one that is wrong among held-out rows tells at once.

    Parameters
    ----------
    floor : float or None
        What smaller probabilities were raised to before the logarithm; None if the logits are
        no logarithms of probabilities.
    """

    names = ("identity",)
    is_fitted = False

    def __init__(self, floor=None):
        self.floor = floor
        self.lifted = floor

    def fit(self, logits, codes, weight, *, tolerance):
        """Learn how often a class of probability zero is the true one."""
        if self.floor is not None:
            at_floor = self._find_floor(logits)
            zeros = weight @ at_floor.sum(axis=1)
            wrong = weight @ at_floor[np.arange(len(codes)), codes]
            lifted = (wrong + 0.5) / (zeros + 1) if wrong > 0 else ALMOST_ZERO
            self.lifted = min(self.floor, lifted)
        return self

    def probas(self, logits):
        """Yield the probabilities."""
        proba = softmax(logits)
        if self.lifted != self.floor:
            at_floor = self._find_floor(logits)
            proba[at_floor] *= proba.dtype.type(self.lifted / self.floor)
            proba /= proba.sum(axis=1, keepdims=True)
        yield proba

    def lift(self, proba, floor):
        """Return a classifier's own probabilities, those below the floor lifted."""
        below = proba < floor
        least = floor if self.lifted is None else min(self.lifted, floor)
        lifted = np.where(below, np.maximum(proba, proba.dtype.type(least)), proba)
        lifted /= lifted.sum(axis=1, keepdims=True, dtype=np.float64)
        return lifted.astype(proba.dtype, copy=False)

    def _find_floor(self, logits):
        """Tell which entries were raised to the floor.

        Of two classes only the difference is used, which is all that rows in bins have.
        """
        if logits.shape[1] > 2:
            return logits <= np.log(self.floor) + NEAR
        odds = logits[:, 1] - logits[:, 0]
        low = np.abs(odds) >= -np.log(self.floor) - NEAR
        return np.stack([low & (odds > 0), low & (odds < 0)], axis=1)
