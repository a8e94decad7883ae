"""Scaling-binning."""

import numpy as np
from scipy.special import expit

from skcalib.calibrators._binary import BinaryCalibrator
from skcalib.calibrators._bins import check_memory, equal_mass_bins
from skcalib.calibrators._platt import fit_platt
from skcalib.calibrators._tied_scores import pool_ties
from skcalib.messages import check_count


class ScalingBinning(BinaryCalibrator):
    r"""Platt's probabilities, averaged in bins of equal mass.

    .. math:: p = \frac{\sum_i w_i g(z_i)}{\sum_i w_i},
              \qquad g(z) = \sigma(a z + b)

    where the sums go over the calibration rows in the bin of z, and g is
    :class:`PlattScaling` of the same rows. Means of g vary less than frequencies of labels
    do, so that a good estimate of each bin needs fewer rows than :class:`HistogramBinning`;
    and unlike that of g itself, the calibration error of a map with few values can be
    measured.

    **When to use it.** Where a calibration error must be certified: the map takes `n_bins`
    values only. **When not.** For a low loss: :class:`PlattScaling` itself keeps the order
    within a bin, at no cost.

    Parameters
    ----------
    n_bins : int, default=10
        Number of bins, from 1 to 1,048,576; fewer where ties demand it.

    multiclass : {"ovr", "ovo"}, default="ovr"
        With more than two classes: a map for each class against the rest, or for each pair
        of classes; see :class:`BinaryCalibrator`.

    Attributes
    ----------
    maps_ : list of Steps
        Edges (of log-odds, two for each cut between bins) and levels; one for two classes
        (the second class), else one for each class or pair.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If a parameter is unusable (raised by `fit`).

    Warns
    -----
    ConvergenceWarning
        If Newton's iteration stops short of the optimum.

    See Also
    --------
    HistogramBinning : Frequencies of labels instead of means of probabilities.

    Notes
    -----
    As in the authors' own code all rows serve for all three steps: to fit g, to place the
    cuts, to average. Their guarantee is for a sample split in three. Levels may be as close
    to 0 and 1 as g is; they are never there.

    References
    ----------
    A. Kumar, P. Liang, T. Ma. Verified Uncertainty Calibration. NeurIPS 2019.
    arXiv:1909.10155

    Examples
    --------
    >>> from skcalib.calibrators import ScalingBinning
    >>> decision = [[-3.0], [-1.0], [0.5], [-0.5], [1.0], [3.0]]
    >>> y = ["no", "no", "no", "yes", "yes", "yes"]
    >>> calibrator = ScalingBinning(n_bins=2).fit(decision, y)
    >>> calibrator.predict_proba([[-9.0], [9.0]]).round(2)
    array([[0.66, 0.34],
           [0.34, 0.66]])
    """

    short_name = "scaling-binning"

    def __init__(self, *, n_bins=10, multiclass="ovr"):
        self.n_bins = n_bins
        self.multiclass = multiclass

    def check_params(self):
        """Raise ValueError if a parameter is unusable."""
        super().check_params()
        check_count("n_bins", self.n_bins)
        check_memory(self.n_bins)

    def _fit_map(self, z, target, weight):
        slope, intercept = fit_platt(z, target, weight)
        scores, _, weight = pool_ties(z, target, weight)
        bins = equal_mass_bins(scores, weight, self.n_bins)
        total = bins.totals(weight)
        inside = bins.totals(weight * expit(slope * scores + intercept)) / total
        outside = bins.totals(weight * expit(-slope * scores - intercept)) / total
        tiny = np.finfo(float).tiny  # where an outlier is alone
        return bins.steps(np.log(np.maximum(inside, tiny)) - np.log(np.maximum(outside, tiny)))

    def _apply_map(self, fitted, z):
        return fitted(z)
