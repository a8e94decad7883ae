"""MCDropoutClassifier: dropout left on at prediction, at about the price of one."""

from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import process_routing

from skcalib.inputs import refuse_streams
from skcalib.networks import (
    clone_with_parameters,
    encode_labels,
    ends_frozen,
    expect_randomness,
    fit_network_labels,
    is_multilabel,
    list_inputs,
    refuse_paths,
    wrap_network,
)
from skcalib.sampling import keep_network_seeds
from skcalib.uncertainty._base import SamplingClassifier
from skcalib.uncertainty._dropout import DropoutMixin
from skcalib.uncertainty._dropout_choice import choose_scale
from skcalib.uncertainty._dropout_parameters import check_parameters


class MCDropoutClassifier(DropoutMixin, SamplingClassifier):
    """Monte Carlo dropout: how much do a network's sub-networks disagree?

    Dropout stays on at prediction; each draw is one sub-network, and their mean is the
    prediction. What comes before the first random layer is computed once for each row, and
    many draws of the rest run in one batch, so that a network whose dropout is near its
    end costs about as much as one prediction.

    Use it for a network that was trained with dropout, to see which predictions depend on
    the sub-network. It does not calibrate: for probabilities to act on, wrap it in
    :class:`~skcalib.TemperatureCalibratedClassifier`. If you can afford it, an ensemble of
    networks does the same better.

    Dropout can also be added to a network that was trained without it (`inject`), and always
    is to an ``MLPClassifier``. That is a heuristic: it seldom beats one temperature for the
    plain network, and higher rates soon harm the prediction. Retrain with dropout if you can.

    Parameters
    ----------
    estimator : keras.Model, torch.nn.Module, FrozenNetwork, classifier around a network, \
            MLPClassifier or None, default=None
        Pass a trained network as it is (or in :class:`~skcalib.FrozenNetwork`, for
        labels other than 0..K-1) and never trained. A ``scikeras.wrappers.KerasClassifier``,
        ``keras.wrappers.SKLearnClassifier``, ``skorch.NeuralNetClassifier`` or
        :class:`sklearn.neural_network.MLPClassifier`, also at the end of a Pipeline, is
        cloned and trained; inside a
        :class:`sklearn.frozen.FrozenEstimator` it is not. None is an ``MLPClassifier``.

    n_draws : int or "exact", default=50
        Draws for each row. The standard error of a probability is its standard deviation
        over the draws divided by the root of this.

        "exact" draws no masks, where the only random layer is a Dropout or
        GaussianDropout right before the last dense layer (``inject="last"``, say), with at
        most 200 classes: the mean and covariance of the logits are known then. They are
        assumed to be Gaussian, which is more accurate the more features are dropped, and 64
        fixed points of that distribution replace all draws; `standard_error` is NaN.

    tol : float or None, default=None
        If given, a row stops drawing when the largest standard error of its probabilities
        is at most this: after 10 draws, 15, 22, and so on, and after `n_draws` at the
        latest. Most rows need few draws, which saves time. Variances count
        as mu (1 - mu) / 4 at least, as a few draws may agree by chance. This is a target, not
        a guarantee: a row stops when its draws are similar, so that the true error is
        somewhat larger than for a number fixed beforehand. With several levels a row goes on
        until it is reached at all of them. Not with ``n_draws="exact"``.

    rate : float, list of float, "auto" or None, default=None
        Dropout rates of all random layers, in [0, 1). None leaves each layer the rate it was
        trained with, and is 0.1 where dropout is injected. For a list, `sample_proba` and
        `predict_uncertainty` return results for each of these levels, with the same random
        numbers; `predict_proba` needs one level. Read at each prediction:
        ``set_params(rate=0.3)`` needs no new fit. "auto": `fit` chooses one rate, and a
        temperature for the draws, by log loss on held-out rows, and `comparison_` shows
        whether that was worth it. For a trained network these are the rows passed to `fit`,
        which it must not have been trained on; otherwise they come from cross-validation.

    masks : {"shared", "independent"}, default="shared"
        "shared": all rows see the same masks in a draw, so that it is one sub-network, and
        the answer for a row depends on no other row. "independent": each row has its own,
        drawn by its position in X. Means, intervals and all other measures of a row agree in
        distribution; averages over rows have a smaller Monte Carlo error with independent
        masks, which take much more time.

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

    centered : bool, default=False
        Whether draws of the logits are moved so that their mean is the plain network's
        answer: ``z + spread * (z_t - mean(z_t))``. The likeliest class is then nearly always
        the plain network's. With ``rate="auto"`` the rate is 0.1, and the spread is chosen;
        else it is 1. Costs one more prediction.

    cv : int, splitter or None, default=None
        How estimators that `fit` trains are cross-validated for ``rate="auto"``; 5 folds by
        default.

    batch_size : int or None, default=None
        Rows that go through the network at once. By default as many as hold about a
        million input values, at least 32 and at most 2048. Draws are made, held and
        reduced for one batch, or for a few small ones (1,024 rows at most), at a time.

    random_state : int, RandomState instance or None, default=None
        Draws a seed once, in `fit`; predictions are the same in each call then.

    verbose : int, default=0
        If positive, `fit` prints a forecast of the cost and predictions show progress
        (through tqdm if it is installed).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    estimator_ : classifier
        The fitted classifier around the network.

    seed_ : int
        The seed of all masks.

    scale_ : tuple (rate, spread, temperature)
        What ``rate="auto"`` has chosen: draws are ``softmax(log(p) / temperature)``.

    comparison_ : dict
        With ``rate="auto"``, for "plain", "plain, temperature" and "dropout" the
        ``log_loss``, ``calibration_error`` (ECE) and ``error_auroc`` on the same held-out rows;
        for each fold of these, what was best for the others. ``pandas.DataFrame`` makes it a
        table. At most so many rows are used that draws at one rate hold 4 million values.

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
    skcalib.uncertainty.EnsembleMembersClassifier : The trees of a forest as draws.
    MCDropoutRegressor : The same for regression.
    TemperatureCalibratedClassifier : Calibrates its probabilities.
    skcalib.uncertainty.summarize_draws : The measures, for draws from any source.

    Notes
    -----
    Only dropout is random: that of layers, of recurrent layers and attention, and of functions
    that a network's own code calls. BatchNormalization uses its moving statistics, and noise
    and augmentation layers are off. The network is not changed in any way.

    The interval of `predict_uncertainty` is the spread over sub-networks at the given rates:
    it has no frequentist coverage, and a higher rate makes it wider. The standard error is
    that of a finite number of draws, and goes to zero. The 64 points of ``n_draws="exact"``
    are chosen, not drawn, so that their error cannot be estimated from their spread and
    number.

    Keras models on TensorFlow, JAX and torch, torch modules, and perceptrons in NumPy. With the
    same weights a Keras model gives the same draws on each library. `fit` looks at what a
    network does with two rows: it is refused if it draws random numbers that are no dropout.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation: Representing Model
    Uncertainty in Deep Learning. ICML 2016. arXiv:1506.02142

    A. Loquercio, M. Segu, D. Scaramuzza. A General Framework for Uncertainty Estimation in
    Deep Learning (dropout added to trained networks). IEEE Robotics and Automation
    Letters 5, 2020. doi:10.1109/LRA.2020.2974682

    M.-H. Laves, S. Ihler, K.-P. Kortmann, T. Ortmaier. Well-calibrated Model Uncertainty
    with Temperature Scaling for Dropout Variational Inference. 2019. arXiv:1909.13550

    S. Wang, C. Manning. Fast Dropout Training (Gaussian logits instead of draws).
    ICML 2013. https://proceedings.mlr.press/v28/wang13a.html

    A. Kirsch, J. van Amersfoort, Y. Gal. BatchBALD (masks shared by all rows).
    NeurIPS 2019. arXiv:1906.08158

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_digits
    >>> from skcalib import MCDropoutClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> _ = keras.utils.set_random_seed(0)
    >>> layers = [keras.layers.Dense(64, "relu"), keras.layers.Dropout(0.5)]
    >>> output = keras.layers.Dense(10, "softmax")
    >>> model = keras.Sequential([keras.Input((64,)), *layers, output])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> _ = model.fit(X[:1500], y[:1500], epochs=5, verbose=0)
    >>> mc = MCDropoutClassifier(model, n_draws=100, random_state=0).fit(X, y)
    >>> mc.predict_proba(X[1500:]).shape
    (297, 10)
    >>> result = mc.predict_uncertainty(X[1500:])
    >>> result.low.shape, result.epistemic.shape
    ((297, 10), (297,))
    """

    def __init__(
        self,
        estimator=None,
        *,
        n_draws=50,
        tol=None,
        rate=None,
        masks="shared",
        inject=None,
        drop_in_bases=None,
        centered=False,
        cv=None,
        batch_size=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.n_draws = n_draws
        self.tol = tol
        self.rate = rate
        self.masks = masks
        self.inject = inject
        self.drop_in_bases = drop_in_bases
        self.centered = centered
        self.cv = cv
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None, **fit_params):
        """Train a clone of the estimator, or learn only the labels of a trained network.

        Parameters
        ----------
        X : array-like, dataframe or dict of arrays, of n_samples
            Whatever `estimator` takes; some inputs of a trained network.

        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Labels, or their one-hot code. A trained network needs none if its labels are
            0..K-1 or given.

        **fit_params : dict
            Passed to the estimator's `fit`, if it is trained.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If the network has no random layer, or one that cannot be drawn; if it is not what
            ``n_draws="exact"`` needs; if the labels do not match its outputs; if a parameter
            is out of range; if X is a dataset, a loader or a generator.

        Warns
        -----
        UserWarning
            With ``rate="auto"``, if the plain network, as it is or with one temperature, is
            at least as good.
        """
        refuse_streams(X)
        refuse_paths(self.estimator, "The 'estimator' parameter of MCDropoutClassifier")
        check_parameters(self)
        X = list_inputs(self._get_estimator(), X)
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        for name in ("scale_", "comparison_"):  # of an earlier fit
            vars(self).pop(name, None)
        with keep_network_seeds(self._get_estimator()), expect_randomness():
            estimator, labels, y = self._prepare_estimator(X, y)
            trained = isinstance(estimator, FrozenEstimator)
            if not trained:
                self._refuse_beforehand(estimator, X, y)
            twin = estimator if trained else clone_with_parameters(estimator)
            self.estimator_ = twin if trained else twin.fit(X, y, **fit_params)
        self.classes_ = self._inspect_network(X)
        self._take_features(self.estimator_, X)
        if isinstance(self.rate, str):
            choose_scale(self, X, y, labels, None if trained else estimator, fit_params)
        if self.verbose:
            print(self._describe_cost())
        return self

    def _get_estimator(self):
        if self.estimator is None:
            return MLPClassifier(random_state=self.random_state)
        return wrap_network(self.estimator)

    def _prepare_estimator(self, X, y):
        """Return the estimator as it is trained, or frozen; classes and codes; and y."""
        estimator = self._get_estimator()
        if is_multilabel(estimator):
            raise InvalidParameterError(
                "The 'estimator' parameter of MCDropoutClassifier has several labels for each "
                "sample (multilabel=True); draws are of one classification. Give networks that "
                "end at one label each, and a MCDropoutClassifier to each."
            )
        if not hasattr(estimator, "fit"):
            raise InvalidParameterError(
                "The 'estimator' parameter of MCDropoutClassifier must be a Keras model, a "
                "torch module, a FrozenNetwork or a classifier around a network. Got "
                f"{estimator!r} instead."
            )
        if y is None and self._trains_nothing():
            if isinstance(self.rate, str):
                raise ValueError(
                    "rate='auto' needs y, the labels of rows that the network has not seen."
                )
            return fit_network_labels(estimator, X, None, []), None, None
        classes, codes, y = encode_labels(y, estimator)
        estimator = fit_network_labels(estimator, X, y, classes)
        if not isinstance(estimator, FrozenEstimator) and len(classes) < 2:
            raise ValueError(
                f"y has one class only ({classes[0]!r}); training needs at least two classes."
            )
        return estimator, (classes, codes), y

    def _trains_nothing(self):
        estimator = self._get_estimator()
        return isinstance(estimator, FrozenEstimator) or ends_frozen(estimator)
