"""MCDropoutRegressor: dropout left on at prediction, for numbers instead of classes."""

import numpy as np
from sklearn import get_config
from sklearn.neural_network import MLPRegressor
from sklearn.utils import Bunch
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import MethodMapping, process_routing

from skcalib.inputs import refuse_streams
from skcalib.networks import (
    clone_with_parameters,
    is_trained,
    list_inputs,
    refuse_paths,
    wrap_regression_network,
)
from skcalib.sampling import find_regression_source, keep_network_seeds
from skcalib.uncertainty._base_regressor import SamplingRegressor
from skcalib.uncertainty._dropout import DropoutMixin
from skcalib.uncertainty._dropout_learned_noise import estimate_noise
from skcalib.uncertainty._dropout_parameters import check_noise, check_parameters


class MCDropoutRegressor(DropoutMixin, SamplingRegressor):
    """Monte Carlo dropout for regression: a prediction, its spread, and an interval.

    Dropout stays on at prediction; each draw is one sub-network, their mean is the
    prediction and their spread what the network does not know. With a `noise_variance` each
    draw is the mean of a normal distribution, and the prediction their mixture, as in Gal
    and Ghahramani: its intervals are meant for observations.

    Use it for a network that was trained with dropout, with ``noise_variance="auto"`` and
    rows that the network has not seen, if the noise is about the same everywhere. Where it
    is not, use quantile regression; for intervals whose coverage is guaranteed, a conformal
    method. Without `noise_variance` the intervals are for sub-networks, not for observations.

    Dropout can also be added to a network that was trained without it (`inject`), and always
    is to an ``MLPRegressor``. That is a heuristic, and higher rates soon harm the prediction:
    choose `rate` by the score of held-out rows, and retrain with dropout if you can.

    Parameters
    ----------
    estimator : keras.Model, torch.nn.Module, regressor around a Keras model, \
            MLPRegressor or None, default=None
        Pass a trained network, whose outputs are the targets, as it is; it is never
        trained. A ``scikeras.wrappers.KerasRegressor``, ``keras.wrappers.SKLearnRegressor``
        or :class:`sklearn.neural_network.MLPRegressor`, also at the end of a Pipeline or
        in a search, is cloned and trained; inside a :class:`sklearn.frozen.FrozenEstimator`
        it is not. None is an ``MLPRegressor``.

    n_draws : int, default=50
        Draws for each row. The standard error of a prediction is its `epistemic_std`
        divided by the root of this.

    rate : float, list of float or None, default=None
        Dropout rates of all random layers, in [0, 1). None leaves each layer the rate it was
        trained with, and is 0.1 where dropout is injected. For a list, `sample` and
        `predict_uncertainty` return results for each of these levels, with the same random
        numbers; `predict` needs one level. Read at each prediction: ``set_params(rate=0.3)``
        needs no new fit, unless the noise was learned for another rate.

    masks : {"shared", "independent"}, default="shared"
        "shared": all rows see the same masks in a draw, so that it is one sub-network, and
        the answer for a row depends on no other row. "independent": each row has its own,
        drawn by its position in X, which takes much more time.

    inject : "hidden", "last", list of str or None, default=None
        Where dropout is added to a network that was trained without it: after each hidden
        activation, before the output layer, or after the layers of these names (Keras only).
        None adds none to a Keras model, and means "hidden" for a perceptron. Nothing is
        cloned or changed for that. "last" is cheapest.

    drop_in_bases : bool or None, default=None
        Whether dropout is drawn inside a nested Keras model that its author calls with
        ``training=False``, as in ``base(x, training=False)`` of transfer learning. Keras
        trains such a model with its dropout on all the same: the argument of the outer call
        replaces it. None leaves it off, as False does, and warns if there is any.

    noise_variance : float, "auto" or None, default=None
        Variance of an observation around each draw, the same for all rows (a float: for
        all outputs, too). "auto" learns it in `fit`: for a trained network from the rows
        passed to `fit`, which must be rows that it **has not seen**; for an estimator that
        `fit` trains, by cross-validation (`cv`). None is no noise.

    cv : int, splitter or None, default=None
        Folds for ``noise_variance="auto"``; None is five, not shuffled. Not used if
        nothing is trained.

    batch_size : int or None, default=None
        Rows that go through the network at once. By default as many as hold about a
        million input values, at least 32 and at most 2048.

    random_state : int, RandomState instance or None, default=None
        Draws a seed once, in `fit`; predictions are the same in each call then.

    verbose : int, default=0
        If positive, `fit` prints a forecast of the cost and predictions show progress
        (through tqdm if it is installed).

    Attributes
    ----------
    estimator_ : regressor
        The fitted regressor around the network.

    noise_variance_ : float or ndarray
        The learned noise, or the given one (0 for None). If it was learned: an array of
        shape (n_outputs,) for several outputs; with a list of rates the first axis is
        theirs.

    seed_ : int
        The seed of all masks.

    sites_ : list of sklearn.utils.Bunch
        What is random here, in the order of the calls: ``name`` and ``path`` of a layer or
        module, ``kind`` ("dropout", "alpha" or "gaussian"), its ``rate``, and the ``shape`` of
        the masks of one row.

    n_features_in_ : int
        Number of features that `estimator_` saw, if it says.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if it says.

    See Also
    --------
    MCDropoutClassifier : The same for classes.
    sklearn.gaussian_process.GaussianProcessRegressor : Smooth functions, few rows.

    Notes
    -----
    For draws d_1, ..., d_T and the noise variance v the predictive distribution is
    (N(d_1, v) + ... + N(d_T, v)) / T, with the mean of the draws and their variance plus v.
    ``low`` and ``high`` are its quantiles, found by Newton's method, not by random numbers.
    "auto" maximises the likelihood of this mixture over v for held-out rows (all, or
    2**20 / (n_draws * n_outputs * n_levels) evenly chosen ones, at least 1,000), each of the
    same weight. Where residuals are smaller than the spread of the draws, as for high rates,
    it ends near zero, and the intervals are too wide.

    Only dropout is random; see :class:`~skcalib.MCDropoutClassifier` for layers that are not,
    and for networks that are supported. Predictions are on the scale of the network's
    outputs: if it was trained on scaled targets, scale them back yourself. (If `predict` is
    all you need, :class:`sklearn.compose.TransformedTargetRegressor` around this does so.)

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation: Representing Model
    Uncertainty in Deep Learning. ICML 2016. arXiv:1506.02142

    A. Loquercio, M. Segu, D. Scaramuzza. A General Framework for Uncertainty Estimation in
    Deep Learning (dropout added to trained networks). IEEE Robotics and Automation
    Letters 5, 2020. doi:10.1109/LRA.2020.2974682

    E. Ledda, G. Fumera, F. Roli. Dropout Injection at Test Time for Post Hoc Uncertainty
    Quantification in Neural Networks. Information Sciences 645, 2023. arXiv:2302.02924

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neural_network import MLPRegressor
    >>> from skcalib import MCDropoutRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-2, 2, (1000, 1))
    >>> y = np.sin(2 * X[:, 0]) + rng.normal(0, 0.3, 1000)
    >>> mlp = MLPRegressor(solver="lbfgs", alpha=0.1, tol=1e-2, max_iter=1000, random_state=0)
    >>> mc = MCDropoutRegressor(mlp, rate=0.01, noise_variance="auto", random_state=0)
    >>> mc = mc.fit(X[:200], y[:200])
    >>> mean, std = mc.predict(X[200:], return_std=True)
    >>> result = mc.predict_uncertainty(X[200:], interval=0.9)
    >>> covered = (result.low < y[200:]) & (y[200:] < result.high)
    >>> bool(0.86 < covered.mean() < 0.96)
    True
    """

    _wrap_network = staticmethod(wrap_regression_network)
    _find_source = staticmethod(find_regression_source)
    _wanted = (
        "a Keras model, a torch module, scikeras.wrappers.KerasRegressor, "
        "keras.wrappers.SKLearnRegressor, or scikit-learn's MLPRegressor"
    )

    def __init__(
        self,
        estimator=None,
        *,
        n_draws=50,
        rate=None,
        masks="shared",
        inject=None,
        drop_in_bases=None,
        noise_variance=None,
        cv=None,
        batch_size=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.n_draws = n_draws
        self.rate = rate
        self.masks = masks
        self.inject = inject
        self.drop_in_bases = drop_in_bases
        self.noise_variance = noise_variance
        self.cv = cv
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None, **fit_params):
        """Train a clone of the estimator unless it is trained; learn the noise if requested.

        Parameters
        ----------
        X : array-like, dataframe or dict of arrays, of n_samples
            Whatever `estimator` takes; some inputs of a trained network, which it has not
            seen if ``noise_variance="auto"``.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets. A trained network needs none unless ``noise_variance="auto"``.

        **fit_params : dict
            Passed to the estimator's `fit`, if it is trained; arrays as long as X are
            split like X. With metadata routing enabled, they go to whoever requested them.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If the network has no random layer, or one that cannot be drawn; if it is a
            classifier; if y is missing though needed, or does not match the outputs; if an
            answer is NaN or infinite; if a parameter is out of range; if X is a dataset, a
            loader or a generator.
        """
        refuse_streams(X)
        refuse_paths(self.estimator, "The 'estimator' parameter of MCDropoutRegressor")
        check_parameters(self)
        X = list_inputs(self._get_estimator(), X)
        check_noise(self)
        estimator = self._check_estimator(y)
        params = self._route(fit_params)
        if not is_trained(estimator):
            self._refuse_beforehand(estimator, X, y)
        with keep_network_seeds(estimator):
            self.estimator_ = (
                estimator
                if is_trained(estimator)
                else clone_with_parameters(estimator).fit(X, y, **params.estimator.fit)
            )
        self._inspect_network(X)
        self._take_features(self.estimator_, X)
        self._learn_noise(estimator, X, y, params)
        if self.verbose:
            print(self._describe_cost())
        return self

    def get_metadata_routing(self):
        """Return who consumes which metadata: `estimator` and `cv`.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            See scikit-learn's user guide on metadata routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="split")
        return super().get_metadata_routing().add(splitter=self.cv, method_mapping=mapping)

    def _route(self, fit_params):
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, "fit", **fit_params)
        return Bunch(estimator=Bunch(fit=fit_params), splitter=Bunch(split={}))

    def _get_estimator(self):
        if self.estimator is None:
            return MLPRegressor(random_state=self.random_state)
        return wrap_regression_network(self.estimator)

    def _check_estimator(self, y):
        estimator = self._get_estimator()
        if not hasattr(estimator, "fit"):
            raise InvalidParameterError(
                "The 'estimator' parameter of MCDropoutRegressor must be a Keras model, a "
                f"torch module or a regressor around a network. Got {estimator!r} instead."
            )
        if y is None and not is_trained(estimator):
            raise ValueError(
                "MCDropoutRegressor requires y to be passed, but the target y is None. (A "
                "trained network needs none: give it as it is or in FrozenEstimator.)"
            )
        if y is None and self.noise_variance == "auto":
            raise ValueError(
                "noise_variance='auto' requires y to be passed, but the target y is None: give "
                "rows that the network has not seen and their targets, or a number."
            )
        return estimator

    def _learn_noise(self, estimator, X, y, params):
        if self.noise_variance != "auto":
            self.noise_variance_ = float(self.noise_variance or 0.0)
            return
        noise = estimate_noise(
            self, estimator, X, y, params.estimator.fit, params.splitter.split
        )
        noise = noise[..., 0] if noise.shape[1] == 1 else noise
        noise = noise[0] if self._levels() is None else noise
        self._noise_is_for = self._what_is_dropped()
        self.noise_variance_ = noise if np.ndim(noise) else float(noise)

    def _noise(self):
        """Return the noise variance, to be broadcast to (n_levels, n_outputs)."""
        check_noise(self)
        if self.noise_variance != "auto":
            return float(self.noise_variance or 0.0)
        if getattr(self, "_noise_is_for", None) != self._what_is_dropped():
            raise ValueError(
                "noise_variance='auto' has not been learned for this rate and inject; call fit "
                "again with rows that the network has not seen."
            )
        return np.reshape(self.noise_variance_, (len(self._all_levels()), -1))

    def _what_is_dropped(self):
        return [*self._all_levels()], str(self.inject)
