"""An outlier detector on what a classifier sees of a row."""

from copy import copy

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted, validate_data

from skcalib.estimators import Result, VersionedMixin
from skcalib.inputs import (
    check_feature_names,
    check_labels,
    count_rows,
    learn_feature_names,
    take_rows,
)
from skcalib.messages import check_count, check_fraction, is_number, is_word, quote
from skcalib.networks import SharedNetworkMixin, wrap_network
from skcalib.novelty._densities import check_density, make_density
from skcalib.novelty._distance import Distance, novelty_pvalues, warn_of_equal_rows
from skcalib.novelty._features import FeatureReader, check_reading

FALSE_ALARMS = 0.05


class FeatureNovelty(OutlierMixin, SharedNetworkMixin, VersionedMixin, BaseEstimator):
    r"""Detect rows unlike those of `fit`, by the features of a trained classifier.

    The features of a row (what the last layer of a network takes) are scored by a density
    of the features of usual rows. A share of the rows of `fit` is held back, to score usual
    rows that the density has not seen.

    **When to use it.** To find inputs of a kind that a classifier was not trained on: other
    objects, broken sensors, new kinds of customers. The features show that a digit is rotated
    even if every pixel is in its usual range. **When not.** For small or simple inputs,
    distances between the inputs themselves can be better (``on="inputs"``): compare both on
    rows that you know to be unusual.

    Parameters
    ----------
    estimator : fitted classifier, keras.Model or torch.nn.Module, default=None
        The trained classifier, which is never changed. Without one, the features are the
        inputs.

    density : str, callable or outlier detector, default="gaussian"
        How usual features are; as in :class:`DistanceAwareTemperatureClassifier`.

    on : {"features", "inputs"}, default="features"
        What is scored: what the classifier's last layer takes, or its inputs.

    layer : str, default=None
        The name of the layer of a network whose input is scored; the last one with weights
        by default.

    held_out_share : float, default=0.3
        The share of the rows of `fit` that is held back, between 0 and 1.

    contamination : "auto" or float, default="auto"
        Where `predict` draws the line. "auto": so that 5 % of usual rows are called
        outliers, as the held-out rows tell. A number in (0, 0.5]: so that this share of the
        rows of `fit` is, which are taken to hold so many outliers, as in scikit-learn.

    random_state : int, RandomState instance or None, default=None
        Which rows are held back.

    Attributes
    ----------
    offset_ : float
        The score below which rows are called outliers.

    held_out_scores_ : ndarray
        Sorted scores of the rows that were held back.

    n_features_in_ : int
        Number of columns seen in `fit`, if X is a matrix.

    See Also
    --------
    DistanceAwareTemperatureClassifier : Probabilities that allow for the distance.

    References
    ----------
    J. Mukhoti, A. Kirsch, J. van Amersfoort, P. Torr, Y. Gal. Deep Deterministic
    Uncertainty: A New Simple Baseline. CVPR 2023. arXiv:2102.11582

    S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia. Testing for Outliers with Conformal
    p-values. Annals of Statistics 51, 2023. doi:10.1214/22-AOS2244

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skcalib.novelty import FeatureNovelty
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_new, y, _ = train_test_split(X / 16, y, test_size=300, random_state=0)
    >>> network = MLPClassifier(random_state=0, max_iter=500).fit(X[:700], y[:700])
    >>> novelty = FeatureNovelty(network, random_state=0).fit(X[700:])
    >>> for rows in (X_new, 1 - X_new):  # usual ones, and their negatives
    ...     print(f"{novelty.novelty_pvalue(rows).mean():.2f}")
    0.48
    0.00
    """

    def __init__(
        self,
        estimator=None,
        *,
        density="gaussian",
        on="features",
        layer=None,
        held_out_share=0.3,
        contamination="auto",
        random_state=None,
    ):
        self.estimator = estimator
        self.density = density
        self.on = on
        self.layer = layer
        self.held_out_share = held_out_share
        self.contamination = contamination
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn the density of usual rows.

        Parameters
        ----------
        X : array-like of n_samples
            Usual rows, as the classifier takes them. For exact p-values, rows that it was
            not trained on.

        y : array-like of shape (n_samples,), default=None
            Their labels. Without them, what the classifier predicts.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is unusable, if X holds fewer than two rows, or if features hold
            NaN or infinite values.
        """
        self._check_params()
        if self.estimator is not None:
            check_is_fitted(wrap_network(self.estimator))
        X = self._check_X(X, reset=True)
        codes = self._codes(X, y)
        n_rows = count_rows(X)
        if n_rows < 2:
            raise ValueError(
                f"Found array with {n_rows} sample(s) while a minimum of 2 is required: one to "
                "learn from and one to hold back."
            )
        rng = check_random_state(self.random_state)
        n_held_out = min(max(1, round(self.held_out_share * n_rows)), n_rows - 1)
        rows = rng.permutation(n_rows)
        hold, learn = rows[:n_held_out], rows[n_held_out:]
        reader = FeatureReader(wrap_network(self.estimator), self.on, self.layer)
        known = reader.fit(take_rows(X, learn))
        warn_of_equal_rows(known)
        density = make_density(self.density).fit(known, codes[learn], np.ones(len(learn)))
        scores = density.score_samples(reader.read(take_rows(X, hold)))
        self._distance = Distance(reader, density, scores, np.ones(len(hold)))
        self._neighbors = NearestNeighbors().fit(known)
        self._rows, self._labels = learn, None if y is None else np.asarray(y)[learn]
        self.held_out_scores_ = self._distance.held_out
        if self.contamination == "auto":
            rank = int(np.floor(FALSE_ALARMS * (len(scores) + 1)))
            self.offset_ = self.held_out_scores_[rank - 1] if rank else -np.inf
        else:
            share = 100 * self.contamination
            self.offset_ = np.percentile(self.score_samples(X), share)
        return self

    def __sklearn_clone__(self):
        """Clone; the trained classifier is shared, as if it were frozen."""
        hollow = copy(self)
        hollow.estimator = None
        twin = super(FeatureNovelty, hollow).__sklearn_clone__()
        twin.estimator = self.estimator
        return twin

    def score_samples(self, X):
        """Score how usual rows are.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Higher for more usual rows; the unit depends on `density`.
        """
        check_is_fitted(self)
        return self._distance.score(self._check_X(X, reset=False))

    def decision_function(self, X):
        """Score minus ``offset_``.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        values : ndarray of shape (n_samples,)
            Negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Tell usual rows from outliers.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            -1 for outliers, else 1.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def novelty_pvalue(self, X):
        """p-value of each row: the share of held-out rows that are at least as unusual.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        pvalues : ndarray of shape (n_samples,)
            In (0, 1]: ``(1 + n_as_unusual) / (n_held_out + 1)``. For rows that come from
            where the held-out rows came from, at most `level` with probability `level` at
            the most, if the classifier was not trained on the rows of `fit`.
        """
        return novelty_pvalues([self._distance], [self.score_samples(X)])

    def nearest(self, X, n_neighbors=5):
        """Find the usual rows that are nearest to each row.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        n_neighbors : int, default=5
            How many for each row.

        Returns
        -------
        found : :class:`sklearn.utils.Bunch`
            ``rows``: ndarray of shape (n_samples, n_neighbors), numbers of rows of `fit`,
            nearest first; ``distances``, of the same shape, between features; ``labels``, if
            `fit` was given any.
        """
        check_is_fitted(self)
        check_count("n_neighbors", n_neighbors)
        n_neighbors = min(n_neighbors, len(self._rows))
        features = self._distance.reader.read(self._check_X(X, reset=False))
        distances, found = self._neighbors.kneighbors(features, n_neighbors)
        result = Result(rows=self._rows[found], distances=distances)
        if self._labels is not None:
            result.labels = self._labels[found]
        return result

    def _check_X(self, X, *, reset):
        """Check a plain matrix; whatever else a classifier takes goes to it as it is."""
        if self.estimator is None:
            return validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        (learn_feature_names if reset else check_feature_names)(self, X)
        return X

    def _codes(self, X, y):
        if y is not None:
            labels, _, codes = check_labels(y)
            if len(labels) != count_rows(X):
                raise ValueError(f"X has {count_rows(X)} rows, but y {len(labels)} labels.")
            return codes
        if self.estimator is None:
            return np.zeros(count_rows(X), dtype=int)
        predicted = wrap_network(self.estimator).predict(X)
        return np.unique(np.asarray(predicted), return_inverse=True)[1].ravel()

    def _check_params(self):
        check_density(self.density)
        check_reading(self.on, self.layer)
        check_fraction("held_out_share", self.held_out_share)
        wanted = self.contamination
        if not (is_number(wanted) and 0 < wanted <= 0.5) and not is_word(wanted, ["auto"]):
            raise InvalidParameterError(
                f"contamination must be 'auto' or a number in (0, 0.5], got {quote(wanted)}."
            )
