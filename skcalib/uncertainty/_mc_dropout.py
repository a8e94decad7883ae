"""MCDropoutClassifier: dropout left on at prediction, at about the price of one."""

from numbers import Real

import numpy as np
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch, _safe_indexing, check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from skcalib._progress import shown
from skcalib._responses import count_rows, is_dict_of_arrays
from skcalib._streams import refuse_streams
from skcalib._wrapped_networks import (
    faithful_clone,
    final_network,
    prepared,
    sheltered,
)
from skcalib._wrapping import WrappingMixin, encoded
from skcalib.backends._arrays import batches as batches_of
from skcalib.backends._arrays import each_array, map_arrays
from skcalib.networks import FrozenNetwork
from skcalib.uncertainty._base import SamplingClassifier
from skcalib.uncertainty._parameters import check_parameters
from skcalib.uncertainty._passes import ending_of, passes_of, undisturbed


class MCDropoutClassifier(WrappingMixin, SamplingClassifier):
    """Monte Carlo dropout: how much do a network's sub-networks disagree?

    Dropout stays on at prediction; each draw is one sub-network, and their mean is the
    prediction. What comes before the first random layer is computed once for each row, and
    many draws of the rest run in one batch, so that a network whose dropout is near its
    end costs about as much as one prediction.

    Use it for a network that was trained with dropout, to see which predictions depend on
    the sub-network. It does not calibrate: put
    :class:`~skcalib.TemperatureCalibratedClassifier` around it for probabilities to act on.
    Where you can afford it, an ensemble of networks is better at the same.

    Parameters
    ----------
    estimator : keras.Model, FrozenNetwork or classifier around a Keras model
        A trained network is given as it is (or in :class:`~skcalib.FrozenNetwork`, for
        labels other than 0..K-1) and never trained. A ``scikeras.wrappers.KerasClassifier``
        or ``keras.wrappers.SKLearnClassifier``, also at the end of a Pipeline, is cloned and
        trained; in :class:`sklearn.frozen.FrozenEstimator` it is not.

    n_draws : int, default=50
        Draws for each row. The standard error of a probability is its standard deviation
        over the draws divided by the root of this.

    rate : float, list of float or None, default=None
        Dropout rates of all random layers, in [0, 1). None leaves each layer the rate it
        was trained with. For a list, `sample_proba` and `predict_uncertainty` answer
        for each of these levels, with the same random numbers; `predict_proba` needs
        one level. Read at each prediction: ``set_params(rate=0.3)`` needs no new fit.

    masks : {"shared", "independent"}, default="shared"
        "shared": all rows see the same masks in a draw, so that it is one sub-network, and
        the answer for a row depends on no other row. "independent": each row has its own,
        drawn by its position in X. Means, intervals and all other measures of a row agree in
        distribution; averages over rows have less Monte Carlo noise with independent
        masks, which take much more time.

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

    n_features_in_ : int
        Number of features that `estimator_` saw, if it says.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these features, if it says.

    See Also
    --------
    TemperatureCalibratedClassifier : Makes its probabilities mean what they say.
    skcalib.uncertainty.summarize_draws : The measures, for draws of any origin.

    Notes
    -----
    Only dropout is random: Dropout, SpatialDropout, AlphaDropout and GaussianDropout.
    BatchNormalization uses its moving statistics, noise and augmentation layers are off, and
    a nested model that was called with ``training=False`` stays deterministic. The network
    is not changed in any way.

    The interval of `predict_uncertainty` is the spread over sub-networks at the given
    rates: it has no frequentist coverage, and a higher rate makes it wider. The
    standard error is the noise of a finite number of draws, and goes to zero.

    Sequential and functional Keras models on TensorFlow are supported; random layers
    inside attention, recurrent or custom layers are refused.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation: Representing Model
    Uncertainty in Deep Learning. ICML 2016. arXiv:1506.02142

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
        estimator,
        *,
        n_draws=50,
        rate=None,
        masks="shared",
        batch_size=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.n_draws = n_draws
        self.rate = rate
        self.masks = masks
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
            If the network has no random layer, or one that cannot be drawn; if the labels
            do not match its outputs; if a parameter is out of range; if X is a dataset, a
            loader or a generator.
        NotImplementedError
            If the network is not a Keras model on TensorFlow.
        """
        refuse_streams(X)
        check_parameters(self)
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        with undisturbed(self._get_estimator()):
            self.estimator_ = self._fitted(X, y, fit_params)
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        few = _few_rows(X)
        network, inputs = self._network(self.estimator_, few)
        with undisturbed(network):
            _, _, self.classes_ = network._answer(inputs)  # all that FrozenNetwork checks
            self._ending = ending_of(network, inputs)
            passes, inputs, _ = self._prepared(few)
            passes.refuse_other_answers(network, inputs)
        self._take_features(self.estimator_)
        if self.verbose:
            print(_sentence(self.forecast_cost()))
        return self

    def forecast_cost(self):
        """Forecast what a prediction costs, in predictions of the plain network.

        Returns
        -------
        cost : sklearn.utils.Bunch
            ``ratio``, multiplications of one answer divided by those of one plain
            prediction, which is 1 if dropout comes last; ``loop_ratio``, the same for a loop of
            as many predictions; ``share``, the share of the network's multiplications that is
            repeated for each draw. Estimated from the shapes of the layers.
        """
        check_is_fitted(self)
        levels = len(self._all_levels())
        before, after = self._cost
        total = max(1, before + after)
        n_draws = self.n_draws * levels
        ratio = (before + n_draws * after) / total
        return Bunch(ratio=ratio, loop_ratio=n_draws, share=after / total)

    def get_metadata_routing(self):
        """Return who consumes which metadata: `estimator`.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            See scikit-learn's user guide on metadata routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=self).add(
            estimator=self._get_estimator(), method_mapping=mapping
        )

    def _get_estimator(self):
        return sheltered(self.estimator)

    def _fitted(self, X, y, fit_params):
        estimator = self._get_estimator()
        if not hasattr(estimator, "fit"):
            raise InvalidParameterError(
                "The 'estimator' parameter of MCDropoutClassifier must be a Keras model, a "
                "FrozenNetwork or a classifier around a Keras model. Got "
                f"{estimator!r} instead."
            )
        if y is None and self._trains_nothing():
            return prepared(estimator, X, None, [])
        classes, _, y = encoded(y, estimator)
        estimator = prepared(estimator, X, y, classes)
        if isinstance(estimator, FrozenEstimator):
            return estimator
        if len(classes) < 2:
            raise ValueError(
                f"y has one class only ({classes[0]!r}); training needs at least two classes."
            )
        return faithful_clone(estimator).fit(X, y, **fit_params)

    def _network(self, estimator, X):
        found = final_network(estimator, X)
        if found is None:
            raise InvalidParameterError(
                "The 'estimator' parameter of MCDropoutClassifier must hold a network with "
                f"dropout (a Keras model, or a wrapper of one). Got {self.estimator!r} instead."
            )
        return found[:2]

    def _blocks(self, X):
        passes, inputs, order = self._prepared(X)
        if not all(len(part) for part in each_array(inputs)):
            raise ValueError("X must hold one or more samples, got none.")
        size = self.batch_size or passes.rows_in_batch(inputs)
        batches = list(batches_of(inputs, size))  # views
        work = passes.blocks(shown(batches, len(batches), "MC dropout", "blocks", self.verbose))
        for rows, draws in work:
            yield rows, draws if order is None else draws[..., order]

    def _prepared(self, X):
        """Return Passes, the inputs of the network, and the output of each class."""
        check_parameters(self)
        refuse_streams(X)
        network, inputs = self._network(self.estimator_, X)
        passes, inputs = passes_of(
            network,
            inputs,
            self._ending,
            levels=self._all_levels(),
            n_draws=self.n_draws,
            seed=self.seed_,
            shared=self.masks == "shared",
        )
        self._cost = passes.sampler.cost[:2]
        return passes, inputs, network._order()

    def _trains_nothing(self):
        return isinstance(self._get_estimator(), FrozenEstimator | FrozenNetwork)

    def _levels(self):
        check_parameters(self)
        return None if self.rate is None or isinstance(self.rate, Real) else list(self.rate)

    def _all_levels(self):
        return [self.rate] if self._levels() is None else self._levels()


def _few_rows(X):
    """Return two rows of X at most, of dicts, too."""
    if is_dict_of_arrays(X):
        return map_arrays(_few_rows, X)
    X = X if hasattr(X, "__getitem__") else np.asarray(X)
    return _safe_indexing(X, np.arange(min(2, count_rows(X))))


def _sentence(cost):
    return (
        f"[MC dropout] {cost.share:.1%} of the network is repeated for each draw: about "
        f"{cost.ratio:.1f} times the work of one prediction (a loop: {cost.loop_ratio})."
    )
