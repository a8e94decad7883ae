"""DeepEnsembleRegressor: the same regressor trained several times, a mixture of normals."""

from inspect import signature

import numpy as np
from scipy.sparse import issparse
from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPRegressor
from sklearn.utils import get_tags
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import check_is_fitted

from skcalib.backends import is_network
from skcalib.estimators import Result
from skcalib.inputs import count_rows, refuse_streams
from skcalib.messages import check_count, check_flag, is_number
from skcalib.networks import TrainableRegressor, check_answers, refuse_paths
from skcalib.sampling import Draws, check_interval, standard_deviation
from skcalib.uncertainty._base_regressor import SamplingRegressor
from skcalib.uncertainty._deep_ensemble_parameters import is_function
from skcalib.uncertainty._normal_mixtures import mixture_quantiles
from skcalib.uncertainty._trained_members import TrainedMembersMixin

OWNER = "parameter of DeepEnsembleRegressor"


class DeepEnsembleRegressor(TrainedMembersMixin, SamplingRegressor):
    r"""A regressor trained several times by different seeds: a mixture of normal distributions.

    Each member says :math:`N(\mu_m(x), \sigma_m^2(x))`; the prediction is their equal mixture,
    with the mean :math:`\mu = \frac{1}{M} \sum_m \mu_m`. Its variance is the mean of the
    :math:`\sigma_m^2`, noise that every member sees, plus the variance of the
    :math:`\mu_m`, what they disagree about.

    **When to use it.** For intervals of a network's predictions that are wider where it knows
    less, and where the noise is larger. **When not.** For intervals whose coverage is
    guaranteed: a conformal method. With one training only:
    :class:`~skcalib.MCDropoutRegressor`.

    Parameters
    ----------
    estimator : regressor, callable or None, default=None
        Any regressor, cloned and trained. If its `predict` has ``return_std`` (Bayesian ridge,
        Gaussian processes), or it has ``pred_dist`` (NGBoost), that is :math:`\sigma_m`. A
        function without arguments that returns a new, compiled Keras model is called for each
        member; compiled with ``skcalib.uncertainty.GaussianLoss()`` its outputs are means
        and variances. None is an ``MLPRegressor``.

    n_members : int, default=5
        How many are trained.

    noise_variance : float or None, default=None
        Variance of an observation around a member's prediction, for members that say none
        themselves. None is no noise: intervals are for members then, not for observations.

    bootstrap : bool, default=False
        Whether each member is trained on rows drawn with replacement.

    warm_start : bool, default=False
        Whether `fit` keeps members that are trained and only trains those missing.

    n_jobs : int or None, default=None
        Members trained in parallel by joblib.

    random_state : int, RandomState instance or None, default=None
        Seeds all members, differently, as :class:`~skcalib.DeepEnsembleClassifier` does.

    verbose : bool, default=False
        Whether to show progress.

    Attributes
    ----------
    members_ : list of n_members regressors
        The trained members; after a failure or an interruption those that are trained.

    noise_variance_ : float
        `noise_variance`, 0 for None.

    seed_ : int
        What the seeds of all members are derived from.

    train_ : str
        "separate".

    n_features_in_ : int
        Number of features that the members saw, if they say.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if X was a frame.

    See Also
    --------
    DeepEnsembleClassifier : The same for classes.
    MCDropoutRegressor : Sub-networks of one network.

    Notes
    -----
    ``epistemic_std`` is the standard deviation of the means (ddof 1), ``std`` the root of its
    square plus the mean variance; ``low`` and ``high`` are quantiles of the mixture itself, not
    of a normal distribution with its moments.

    References
    ----------
    B. Lakshminarayanan, A. Pritzel, C. Blundell. Simple and Scalable Predictive
    Uncertainty Estimation using Deep Ensembles. NeurIPS 2017. arXiv:1612.01474

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import BayesianRidge
    >>> from skcalib.uncertainty import DeepEnsembleRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> y = X[:, 0] + rng.normal(0, 0.5, 300)
    >>> ensemble = DeepEnsembleRegressor(BayesianRidge(), bootstrap=True, random_state=0)
    >>> result = ensemble.fit(X[:200], y[:200]).predict_uncertainty(X[200:], interval=0.9)
    >>> covered = (result.low < y[200:]) & (y[200:] < result.high)
    >>> bool(0.8 < covered.mean() < 0.97)
    True
    """

    def __init__(
        self,
        estimator=None,
        *,
        n_members=5,
        noise_variance=None,
        bootstrap=False,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=False,
    ):
        self.estimator = estimator
        self.n_members = n_members
        self.noise_variance = noise_variance
        self.bootstrap = bootstrap
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        estimator = self._get_estimator()
        if hasattr(estimator, "__sklearn_tags__"):
            tags.target_tags.multi_output = get_tags(estimator).target_tags.multi_output
        return tags

    def fit(self, X, y=None, **fit_params):
        """Train the members.

        Parameters
        ----------
        X : array-like of n_samples
            Whatever `estimator` takes.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        **fit_params : dict
            Passed to the `fit` of each member; arrays as long as X follow its bootstrap. With
            metadata routing enabled, they go to whoever requested them.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is out of range; if the estimator is trained already, or is a
            classifier; if X is a dataset, a loader or a generator. What training a member
            raises.
        """
        refuse_streams(X)
        refuse_paths(self.estimator, f"The 'estimator' {OWNER}")
        self._check_parameters()
        estimator = self._check_estimator()
        if y is None:
            raise ValueError(
                "DeepEnsembleRegressor requires y to be passed, but the target y is None."
            )
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        numbers = self._missing_members()
        codes = np.zeros(count_rows(X), int)  # rows are drawn among all
        if numbers:
            self._train(estimator, X, y, codes, numbers, fit_params)
        self.noise_variance_ = float(self.noise_variance or 0.0)
        self._take_features(self.members_[0], X)
        return self

    def predict(self, X, return_std=False):
        """Mean of the mixture.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        return_std : bool, default=False
            Whether to return the standard deviation of the mixture, too.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Mean of the members' means.

        std : ndarray of the same shape
            Only with `return_std`.
        """
        if not return_std:
            return super().predict(X)
        result = self.predict_uncertainty(X)
        return result.mean, result.std

    def predict_uncertainty(self, X, interval=0.9):
        """Mean, spread and interval of each prediction.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        interval : float, default=0.9
            Share of the predictive distribution between ``low`` and ``high``, in (0, 1).

        Returns
        -------
        result : sklearn.utils.Bunch
            As of :class:`~skcalib.MCDropoutRegressor`, and ``noise_std``, the root of the
            mean variance that the members say.

        Raises
        ------
        ValueError
            For an interval outside (0, 1); if an answer is NaN or infinite.
        """
        check_is_fitted(self, "members_")
        check_interval(interval)
        if not _says_std(self.members_[0]):
            result = super().predict_uncertainty(X, interval)
            result.noise_std = np.full_like(result.mean, np.sqrt(self.noise_variance_))
            return result
        means, stds = self._answers(X)
        mean = means.mean(axis=0, dtype=np.float64)
        spread, noise = standard_deviation(means, mean), (stds**2).mean(axis=0)
        shares = (1 - interval) / 2, (1 + interval) / 2
        ends = [
            list(mixture_quantiles(means[..., k], stds[..., k] ** 2, shares))
            for k in range(means.shape[-1])
        ]
        low, high = np.moveaxis(np.array(ends), 0, -1)
        found = {"mean": mean, "std": np.sqrt(spread**2 + noise), "epistemic_std": spread}
        found |= {"standard_error": spread / np.sqrt(len(means)), "low": low, "high": high}
        found["noise_std"] = np.sqrt(noise)
        one = means.shape[-1] == 1
        return Result(**{name: v[:, 0] if one else v for name, v in found.items()})

    def _answers(self, X):
        """Return means and standard deviations (n_members, n_samples, n_outputs)."""
        X = self._check_rows(X)
        found = [_ask_normal(member, X) for member in self.members_]
        means, stds = (
            np.stack([np.asarray(part).reshape(len(part), -1) for part in parts])
            for parts in zip(*found, strict=True)
        )
        stds = np.broadcast_to(stds, means.shape)
        for name, values in (("mean", means), ("standard deviation", stds)):
            check_answers(values, f"A member's {name}")
        return means, np.maximum(stds, np.finfo(np.float64).tiny ** 0.25)

    def _draws(self, X):
        X = self._check_rows(X)
        values = [np.asarray(member.predict(X)) for member in self.members_]
        draws = np.stack([value.reshape(len(value), -1) for value in values])
        return Draws([(slice(0, draws.shape[1]), draws[np.newaxis])])

    def _check_rows(self, X):
        check_is_fitted(self, "members_")
        refuse_streams(X)
        self._check_features(self.members_[0], X)
        return X.tocsr() if issparse(X) else X

    def _noise(self):
        return self.noise_variance_

    def _get_estimator(self):
        if self.estimator is None:
            return MLPRegressor(random_state=self.random_state)
        return (
            TrainableRegressor(self.estimator)
            if is_function(self.estimator)
            else self.estimator
        )

    def _check_parameters(self):
        check_count(f"The 'n_members' {OWNER}", self.n_members)
        check_flag(f"The 'bootstrap' {OWNER}", self.bootstrap)
        check_flag(f"The 'warm_start' {OWNER}", self.warm_start)
        noise = self.noise_variance
        if noise is not None and not (is_number(noise) and 0 <= noise < np.inf):
            raise InvalidParameterError(
                f"The 'noise_variance' {OWNER} must be a number of at least 0 or None, got "
                f"{noise!r}."
            )

    def _check_estimator(self):
        estimator = self._get_estimator()
        given = f"The 'estimator' {OWNER}"
        if is_network(estimator) or isinstance(estimator, FrozenEstimator):
            raise InvalidParameterError(
                f"{given} is trained already, and members are trained anew; for a Keras model "
                "give a function that builds and compiles it."
            )
        is_class = isinstance(estimator, type)
        tagged = not is_class and hasattr(estimator, "__sklearn_tags__")
        classifies = tagged and is_classifier(estimator)
        if is_class or not hasattr(estimator, "fit") or classifies:
            raise InvalidParameterError(
                f"{given} must be a regressor (an instance), or a function that returns a new, "
                f"compiled keras.Model. Got {estimator!r} instead."
            )
        return estimator


def _ask_normal(member, X):
    """Return means and standard deviations that a member says; NGBoost has its own way."""
    if hasattr(member, "pred_dist"):
        found = member.pred_dist(X)
        return found.mean(), found.std()
    return member.predict(X, return_std=True)


def _says_std(member):
    """Tell whether a member says how far observations are from its predictions."""
    if isinstance(member, TrainableRegressor):
        return member.gives_variances_
    return hasattr(member, "pred_dist") or "return_std" in signature(member.predict).parameters
