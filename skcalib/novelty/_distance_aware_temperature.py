"""A temperature that grows with the distance from what the classifier knows."""

from functools import partial

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcalib.calibrators import TemperatureScaling
from skcalib.folds import CrossCalibratedClassifier
from skcalib.inputs import columns_among, take_rows
from skcalib.messages import check_choice
from skcalib.novelty._densities import check_density
from skcalib.novelty._distance import (
    check_training_rows,
    fit_distance,
    fit_distance_in_folds,
    novelty_pvalues,
    split_for_densities,
)
from skcalib.novelty._distance_aware_pair import DistanceAwarePair, check_strength
from skcalib.novelty._features import check_reading


class DistanceAwareTemperatureClassifier(CrossCalibratedClassifier):
    r"""Temperature scaling that is less sure of rows unlike the training data.

    Logits are divided by a temperature T, fitted to held-out rows, times a factor that is 1
    for usual rows and grows with the distance of a row's features from those of the
    training rows:

    .. math:: p = \mathrm{softmax}\!\left(\frac{L}{T\,(1 + e)^a}\right), \qquad
        e = \max\left(0, \frac{q_{.95} - s}{q_{.5} - q_{.95}}\right)

    s being the score of a row's features (higher for more usual rows; by default their log
    density under one Gaussian for each class), and q the scores that half and 95 % of the
    held-out rows exceed. Far away, where logits grow as the distance does but log densities
    as its square, the probabilities become uniform.

    **When to use it.** Wherever new rows may differ from the training data: other
    sensors, rotated images, columns in other units, unknown classes. Usual rows
    get the probabilities of temperature scaling; unusual ones lose the confidence that
    calibration, dropout or ensembles leave to them. **When not.** Corruption that does not
    move the features is not detected. With thousands of features and few rows,
    densities say little; ``density="nearest"`` or a smaller layer may.

    Parameters
    ----------
    estimator : estimator instance, keras.Model or torch.nn.Module, default=None
        The classifier, as in :class:`~skcalib.TemperatureCalibratedClassifier`: wrap one that
        is trained in :class:`sklearn.frozen.FrozenEstimator`; pass a trained network
        as it is; any other is trained in folds. By default ``LinearSVC(random_state=0)``.

    density : str, callable or outlier detector, default="gaussian"
        How usual features are:

        - "gaussian": the log density of a mixture with one Gaussian for each class, its
          covariance shrunk by Ledoit and Wolf and a quarter of the way to that of all
          classes. They all share this one if theirs would hold more than 2e7 numbers, and so
          do classes of fewer than 5 rows (``distance.density.pooled_`` tells which);
        - "mahalanobis": minus the squared distance to the nearest class mean, by the
          covariance of all classes; "relative_mahalanobis": less that to the mean of all
          rows, for unusual rows that resemble a class;
        - "nearest": minus the mean distance to the five nearest training rows;
        - an outlier detector of scikit-learn with `score_samples`, as an instance;
        - a function ``density(known, codes, features)`` that gives a number for each row of
          `features`, higher for more usual ones; `known` are the training rows' features
          and `codes` the numbers of their classes.

    on : {"features", "inputs"}, default="features"
        What is scored. "features": the input of the last layer of a network or perceptron;
        the leaves of a random forest, as up to 65 coordinates; the classifier's inputs for
        all others. "inputs": the classifier's inputs as they are (behind the
        transformations of a pipeline). The features of networks include the logarithm of
        their length, those from sparse inputs or text that of the inputs, which is small for
        rows of unknown words or patterns.

    layer : str, default=None
        The layer of a network whose input is scored; the last one with weights by default.

    strength : float or "held_out", default=1.0
        The exponent a, not negative; 0 is temperature scaling. "held_out" chooses it and T by
        the log loss of held-out rows, from :math:`q_{.5}` on: noisier, and weaker under shift.

    prior : {"uniform", "classes"}, default="uniform"
        What the probabilities become far away: equal, or the shares of the classes in `fit`.
        Only with "uniform" does the likeliest class of a row never change.

    cv : int, cross-validation generator or iterable, default=None
        How to split, for training or densities; 5 stratified folds by default.

    n_jobs : int, default=None
        Number of splits to train at the same time.

    Attributes
    ----------
    calibrated_classifiers_ : list
        The pairs of classifier and temperature, each with ``temperature``, ``exponent`` and
        ``distance`` (with ``median``, ``limit`` and ``spread`` of the held-out scores).

    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    held_out_scores_ : ndarray
        Sorted scores of the held-out rows, as `score_samples` gives them.

    offset_ : float
        -1, the score below which 5 % of the held-out rows lie.

    n_features_in_ : int
        The number of features of the fitted estimator, if it has this attribute.

    feature_names_in_ : ndarray of shape (n_features,)
        Those of the fitted estimator, if it has this attribute.

    See Also
    --------
    FeatureNovelty : Scores and p-values alone, as an outlier detector.

    References
    ----------
    C. Tomani, F. Waseda, Y. Shen, D. Cremers. Beyond In-Domain Scenarios: Robust
    Density-Aware Calibration. ICML 2023. arXiv:2302.05118

    J. Mukhoti, A. Kirsch, J. van Amersfoort, P. Torr, Y. Gal. Deep Deterministic
    Uncertainty: A New Simple Baseline. CVPR 2023. arXiv:2102.11582 (the Gaussians)

    J. H. Friedman. Regularized Discriminant Analysis. Journal of the American Statistical
    Association 84, 1989. doi:10.1080/01621459.1989.10478752 (their covariances)

    K. Lee, K. Lee, H. Lee, J. Shin. A Simple Unified Framework for Detecting
    Out-of-Distribution Samples and Adversarial Attacks. NeurIPS 2018. arXiv:1807.03888

    J. Ren, S. Fort, J. Liu, A. G. Roy, S. Padhy, B. Lakshminarayanan. A Simple Fix to
    Mahalanobis Distance for Improving Near-OOD Detection. 2021. arXiv:2106.09022

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skcalib.novelty import DistanceAwareTemperatureClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_held_out, y, y_held_out = train_test_split(X / 16, y, random_state=0)
    >>> trained = MLPClassifier(random_state=0, max_iter=500).fit(X, y)
    >>> model = DistanceAwareTemperatureClassifier(FrozenEstimator(trained))
    >>> model = model.fit(X_held_out, y_held_out, X_train=X, y_train=y)
    >>> strange = 1 - X_held_out[:1]  # the negative of a digit
    >>> for answers in (trained, model):
    ...     print(f"{answers.predict_proba(strange).max():.2f}")
    1.00
    0.19
    """

    ensemble, verbose, weights = "auto", 0, "frequency"  # what the base asks for

    def __init__(
        self,
        estimator=None,
        *,
        density="gaussian",
        on="features",
        layer=None,
        strength=1.0,
        prior="uniform",
        cv=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.density = density
        self.on = on
        self.layer = layer
        self.strength = strength
        self.prior = prior
        self.cv = cv
        self.n_jobs = n_jobs

    def fit(self, X, y=None, sample_weight=None, X_train=None, y_train=None, **fit_params):
        """Fit the classifier (unless it is trained), the temperature and the distance.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe, list or dict of arrays, of n_samples
            Whatever `estimator` takes. For a trained classifier, rows that it has not seen.

        y : array-like of shape (n_samples,)
            Class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative frequencies, for temperature and distance and, if it takes them,
            the estimator.

        X_train : like X, of n_train rows, default=None
            For a trained classifier: the rows that it was trained on, or some of them, from
            which the density is learned. Without them it is learned from X, and what is
            usual from densities that leave out a fold each.

        y_train : array-like of shape (n_train,), default=None
            Their labels.

        **fit_params : dict
            Passed to the estimator's `fit`, as in
            :meth:`TemperatureCalibratedClassifier.fit
            <skcalib.TemperatureCalibratedClassifier.fit>`.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is unusable, if X_train comes without y_train, or for a classifier
            that is trained here; as TemperatureCalibratedClassifier does.
        """
        self._check_params(X_train, y_train)
        self._training_rows = X_train, y_train  # for _fit_pairs, no longer
        try:
            return super().fit(X, y, sample_weight, **fit_params)
        finally:
            del self._training_rows

    def _fit_labels(self, *arguments):
        raise ValueError(
            f"{type(self).__name__} is for one label; a network with multilabel=True has "
            "several. To detect unusual rows, use skcalib.novelty.FeatureNovelty."
        )

    def _fit_pairs(self, calibrator, estimator, data, splits, fit_params):
        """Fit the pairs, and learn beside each how far rows lie from what it knows."""
        super()._fit_pairs(calibrator, estimator, data, splits, fit_params)
        X, _, y_classes, codes, weight = data
        codes = columns_among(self.classes_, y_classes)[codes]
        pairs = []
        for pair, (train, test) in zip(self.calibrated_classifiers_, splits, strict=True):
            if len(pair.columns) < 2:
                pairs.append(pair)  # its training rows were of one class: it says nothing
                continue
            frozen = isinstance(train, slice)
            held_out = X if frozen else take_rows(X, test), codes[test], weight[test]
            known = None if frozen else (take_rows(X, train), codes[train], weight[train])
            distance = self._distance(pair.estimator, known, held_out)
            pairs.append(self._grow(pair, distance, held_out))
        self.calibrated_classifiers_ = pairs
        held_out = [d.rescale(d.held_out) for d in self._distances()]
        self.held_out_scores_ = np.sort(np.concatenate(held_out))
        self.offset_ = -1.0

    def _distance(self, estimator, known, held_out):
        """Learn a density from known rows, or by folds of the held-out ones."""
        choices = self.density, self.on, self.layer
        X_train, y_train = self._training_rows
        if known is None and X_train is None:
            return fit_distance_in_folds(
                estimator, held_out, partial(split_for_densities, self.cv), choices
            )
        if known is not None and X_train is not None:
            raise ValueError(
                "X_train is for classifiers that are already trained (networks, or in "
                "FrozenEstimator). This one is trained in folds, whose training rows are known."
            )
        if known is None:
            known = check_training_rows(X_train, y_train, self.classes_)
        return fit_distance(estimator, known, held_out, choices)

    def _distances(self):
        check_is_fitted(self)
        return [p.distance for p in self.calibrated_classifiers_ if hasattr(p, "distance")]

    def score_samples(self, X):
        """Score how usual rows are, on the scale of held-out rows.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Higher for more usual rows: 0 is the median of held-out rows, and 5 % of them lie
            below -1. The mean over the pairs if there are several.
        """
        return np.mean([d.rescale(d.score(X)) for d in self._distances()], axis=0)

    def novelty_pvalue(self, X):
        """p-value of each row: the share of held-out rows that are at least as unusual.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        pvalues : ndarray of shape (n_samples,)
            In (0, 1]: ``(1 + n_as_unusual) / (n_held_out + 1)``. Uniform or above for rows
            like the held-out ones if these trained neither classifier nor density (a trained
            classifier with `X_train`); approximately so otherwise.
        """
        distances = self._distances()
        return novelty_pvalues(distances, [distance.score(X) for distance in distances])

    def predict_novelty(self, X, level=0.05):
        """Tell usual rows from unusual ones.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        level : float, default=0.05
            The share of usual rows that may be called unusual.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            -1 where `novelty_pvalue` is at most `level`, else 1.
        """
        return np.where(self.novelty_pvalue(X) <= level, -1, 1)

    def _new_calibrator(self):
        return TemperatureScaling(smoothing="targets")

    def _check_params(self, X_train, y_train):
        check_density(self.density)
        check_reading(self.on, self.layer)
        check_strength(self.strength)
        check_choice("prior", self.prior, ["uniform", "classes"])
        if (X_train is None) != (y_train is None):
            raise ValueError("X_train and y_train go together; one of them is missing.")

    def _grow(self, pair, distance, held_out):
        """Return the pair with a temperature that grows."""
        X, codes, weight = held_out
        log_prior = np.zeros(len(pair.columns))
        if self.prior == "classes":
            shares = np.bincount(codes, weight, minlength=len(pair.classes))[pair.columns]
            log_prior = np.log((shares + 0.5) / (shares + 0.5).sum())
        pair = DistanceAwarePair(pair, distance, log_prior)
        if self.strength != "held_out":
            pair.exponent = float(self.strength)
            return pair
        own = np.full(len(pair.classes), -1)
        own[pair.columns] = np.arange(len(pair.columns))
        used = (own[codes] >= 0) & (weight > 0)
        logits, scores = pair.predict_logits(X), distance.score(X)
        return pair.fit_strength(logits[used], scores[used], own[codes][used], weight[used])
