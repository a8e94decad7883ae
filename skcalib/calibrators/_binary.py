"""What binary methods share: the lifting of one map to any number of classes."""

from abc import abstractmethod

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._binary_looks import problems_by_looks
from skcalib.calibrators._lifting import (
    LIFTINGS,
    binary_columns,
    binary_problems,
    calibrate_odds,
    exponent_of,
    join_odds,
    magnify,
)
from skcalib.calibrators._mixture import SMOOTHINGS, uniform_share
from skcalib.inputs import DeviceRows, find_masked_entries, row_blocks
from skcalib.messages import check_choice


class BinaryCalibrator(Calibrator):
    r"""Base class of methods that map one column of log-odds to calibrated log-odds.

    With two classes there is one map, for the second class. With more, the class attribute
    or parameter ``multiclass`` tells how many classes become pairs:

    - "ovr", one-vs-rest: each class has a map of its log-odds against all others, and the
      probabilities of a row are divided by their sum; a row of zeros becomes uniform;
    - "ovo", one-vs-one: each pair of classes has a map of the difference of their logits,
      fitted to the rows of these two classes, and the probabilities of all pairs are
      coupled: with :math:`r_{kj}` the probability of k if it is k or j,
      :math:`p_k \propto 1 / (\sum_{j \ne k} 1 / r_{kj} - (K - 2))` [1]_. With more than
      100 classes that warns, with more than 300 it is refused.

    A row takes no part in the map of a class that it masks, and gives that class probability
    0; the others' are divided by their sum. In such rows K counts the classes left.

    If a class attribute or parameter ``smoothing`` is "mix", not "none", each map is mixed
    with the uniform distribution of its K outcomes (2 for pairs): :math:`(1 - \epsilon) p +
    \epsilon / K`, :math:`\epsilon = 1 / (n + 1)` with n the total weight of its samples.

    Attributes
    ----------
    maps_ : list
        What ``_fit_map`` returned: one item for two classes, else one for each class or
        for each pair of classes, (0, 1), (0, 2), ..., the second against the first; None
        for a pair that had no row, whose log-odds stay as they are.

    uniform_shares_ : list of float
        For each map the share of the uniform distribution that it is mixed with.

    exponents_ : list of int
        For each map the power of two that its log-odds are multiplied by; 0 but for log-odds
        below 1e-210.

    Notes
    -----
    Log-odds that are all below 1e-210 are multiplied by a power of two, so that none is
    subnormal; ``maps_``, and coefficients that are read from it, are for the product.

    Subclasses implement

    - ``_fit_map(z, target, weight)``: vectors; `z` the log-odds (float64; values that
      differ by rounding only have been made equal), `target` whether the label is the
      class in question (booleans, all False for a class without rows), `weight` positive
      numbers; returns anything;
    - ``_apply_map(fitted, z)``: the calibrated log-odds, given what ``_fit_map`` returned;
      plus and minus infinity stand for probabilities 1 and 0
      (:func:`scipy.special.logit` leads from probabilities to log-odds).

    References
    ----------
    .. [1] D. Price, S. Knerr, L. Personnaz, G. Dreyfus. Pairwise Neural Network Classifiers
       with Probabilistic Outputs. NIPS 7, 1994. ISBN 0-262-20104-6

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import BinaryCalibrator
    >>> class Shift(BinaryCalibrator):
    ...     def _fit_map(self, z, target, weight):
    ...         return np.average(target, weights=weight) - 0.5
    ...
    ...     def _apply_map(self, fitted, z):
    ...         return z + fitted
    >>> Shift().fit([[0.0, 2.0], [1.0, 0.0]], ["no", "yes"]).predict([[0.0, 3.0]]).item()
    'yes'
    """

    takes_masks = True
    multiclass = "ovr"
    smoothing = "none"

    @abstractmethod
    def _fit_map(self, z, target, weight):
        """Fit one map."""

    @abstractmethod
    def _apply_map(self, fitted, z):
        """Return the calibrated log-odds of the class for each of its log-odds."""

    def check_params(self):
        """Raise ValueError if `multiclass` or `smoothing` is unknown."""
        check_choice("multiclass", self.multiclass, LIFTINGS)
        check_choice("smoothing", self.smoothing, SMOOTHINGS)

    def _fit(self, logits, codes, weight):
        if isinstance(logits, DeviceRows):
            self._fit_on_device(logits)
            return
        self._fit_maps(binary_problems(logits, codes, weight, self.multiclass))

    def _fit_rows(self, rows):
        self._fit_maps(problems_by_looks(rows, self.multiclass))

    def _fit_maps(self, problems):
        self.maps_, self.uniform_shares_, self.exponents_ = [], [], []
        for z, target, of_rows in problems:
            self.exponents_.append(exponent_of(z))
            z = magnify(z, self.exponents_[-1])
            self.maps_.append(self._fit_map(z, target, of_rows) if len(z) else None)
            share = uniform_share(of_rows, self.smoothing) if len(z) else 0.0
            self.uniform_shares_.append(share)

    def _proba(self, logits):
        proba = np.empty_like(logits, order="C")
        for block in row_blocks(*logits.shape):
            masked = find_masked_entries(logits[block])
            columns = self._columns(logits[block])
            maps = zip(self.maps_, self.uniform_shares_, columns, strict=True)
            odds = calibrate_odds(self._apply_map, maps, logits[block], self.multiclass, masked)
            proba[block] = join_odds(odds, logits.shape[1], self.multiclass, masked)
        return proba

    def _predict_bounds(self, X, bounds_of):
        """Return lower and upper probabilities of each class against the rest.

        `bounds_of` gives those of one map, for its log-odds.
        """
        check_is_fitted(self)
        logits = self._check_logits(X, reset=False)
        if self.multiclass == "ovo" and logits.shape[1] > 2:
            raise ValueError(
                "predict_interval needs multiclass='ovr' with more than two classes."
            )
        lower, upper = np.empty((2, *logits.shape), dtype=logits.dtype)
        for block in row_blocks(*logits.shape):
            columns = self._columns(logits[block])
            pairs = [bounds_of(*each) for each in zip(self.maps_, columns, strict=True)]
            if len(pairs) == 1:
                pairs.insert(0, (1 - pairs[0][1], 1 - pairs[0][0]))
            lower[block], upper[block] = np.transpose(pairs, (1, 2, 0))
            if (masked := find_masked_entries(logits[block])) is not None:
                alone = (masked.sum(axis=1) == masked.shape[1] - 1)[:, None] & ~masked
                for bound in (lower, upper):
                    bound[block] = np.where(masked, 0, np.where(alone, 1, bound[block]))
        return lower, upper

    def _columns(self, logits):
        """Yield the log-odds that each map is applied to."""
        columns = binary_columns(logits, self.multiclass)
        yield from map(magnify, columns, self.exponents_)
