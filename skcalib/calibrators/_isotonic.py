"""Isotonic calibration."""

import numpy as np
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression

from skcalib.calibrators._base import BinaryCalibrator
from skcalib.calibrators._mixture import check_smoothing, uniform_share


class IsotonicCalibration(BinaryCalibrator):
    r"""The monotone step function that fits the labels best, without exact zeros and ones.

    The log-odds of each class are mapped to probabilities by isotonic regression (pool
    adjacent violators; ties averaged first; linear between the steps; constant beyond the
    ends). Since its first and last steps are often exactly 0 and 1, so that one mistake
    costs an infinite log loss, the map is by default mixed with the uniform distribution:

    .. math:: p \leftarrow (1 - \epsilon)\, p + \epsilon / K,
              \qquad \epsilon = 1 / (n + 1)

    where n is the total weight of the calibration samples and K the number of classes.
    With more than two classes this is done to each class's map, before rows are divided by
    their sum.

    **When to use it.** Two classes and thousands of calibration samples: it fits any
    monotone distortion. **When not.** Below about a thousand samples it overfits, and
    it ties scores that were distinct (AUC may fall): use :class:`PlattScaling` or
    :class:`TemperatureScaling`.

    Parameters
    ----------
    smoothing : {"mix", "none"}, default="mix"
        "mix" mixes with the uniform distribution as above. "none" is plain isotonic
        regression, with exact zeros and ones, as in scikit-learn.

    Attributes
    ----------
    maps_ : list of (IsotonicRegression, float)
        The fitted regressions and their share of the uniform distribution; one for two
        classes (the second class), else one for each class.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If `smoothing` is unknown (raised by `fit`).

    See Also
    --------
    PlattScaling : Two parameters; for few samples.

    References
    ----------
    B. Zadrozny, C. Elkan. Transforming Classifier Scores into Accurate Multiclass
    Probability Estimates. KDD 2002. doi:10.1145/775047.775151

    Examples
    --------
    >>> from skcalib.calibrators import IsotonicCalibration
    >>> decision = [[-3.0], [-1.0], [0.5], [-0.5], [1.0], [3.0]]
    >>> y = ["no", "no", "no", "yes", "yes", "yes"]
    >>> IsotonicCalibration().fit(decision, y).predict_proba([[2.0]]).round(2)
    array([[0.07, 0.93]])
    >>> plain = IsotonicCalibration(smoothing="none").fit(decision, y)
    >>> plain.predict_proba([[2.0]])
    array([[0., 1.]])
    """

    short_name = "isotonic"

    def __init__(self, *, smoothing="mix"):
        self.smoothing = smoothing

    def check_params(self):
        """Raise ValueError if `smoothing` is unknown."""
        check_smoothing(self.smoothing)

    def _fit_map(self, z, target, weight):
        regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        regression.fit(z, target.astype(np.float64), weight)
        return regression, uniform_share(weight, self.smoothing)

    def _apply_map(self, fitted, z):
        regression, share = fitted
        # Rounding of z must not lift a zero: rows are divided by their sum.
        proba = np.clip(np.round(regression.predict(z), 10), 0, 1)
        return logit((1 - share) * proba + share / len(self.classes_))
