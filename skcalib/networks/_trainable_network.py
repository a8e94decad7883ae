"""TrainableNetwork: a Keras model that a function builds, as a classifier that trains it."""

from contextlib import nullcontext

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skcalib.backends import (
    check_arrays,
    list_arrays,
    load_keras_stacking,
    load_keras_training,
    map_arrays,
    seeded,
)
from skcalib.estimators import ProbabilisticClassifierMixin, VersionedMixin
from skcalib.inputs import check_labels, learn_feature_names, refuse_streams
from skcalib.messages import check_count
from skcalib.networks._frozen_network import FrozenNetwork
from skcalib.networks._outputs import classes_of_outputs, labels_from_one_hot


class KerasTrainer(VersionedMixin, BaseEstimator):
    """What estimators share that build a Keras model and train it."""

    def __init__(
        self,
        build,
        *,
        epochs=1,
        batch_size=None,
        callbacks=None,
        fit_kwargs=None,
        random_state=None,
        verbose=0,
    ):
        self.build = build
        self.epochs = epochs
        self.batch_size = batch_size
        self.callbacks = callbacks
        self.fit_kwargs = fit_kwargs
        self.random_state = random_state
        self.verbose = verbose

    def _seeded(self):
        return nullcontext() if self.random_state is None else seeded(int(self.random_state))

    def _fit_model(self, training, model, arrays, target, sample_weight, fit_params):
        options = self._training_options(fit_params)
        options["callbacks"] = training.make_callbacks(options["callbacks"])
        self.callbacks_ = options["callbacks"] or []
        self.history_ = training.fit(model, arrays, target, sample_weight, options)

    def _training_options(self, fit_params):
        """Return what ``keras.Model.fit`` gets besides the rows."""
        check_count(f"The 'epochs' parameter of {type(self).__name__}", self.epochs)
        own = {"epochs": self.epochs, "batch_size": self.batch_size, "verbose": self.verbose}
        return {**own, "callbacks": self.callbacks, **(self.fit_kwargs or {}), **fit_params}

    def _learn_names(self, X):
        learn_feature_names(self, X)
        return self


class TrainableNetwork(ProbabilisticClassifierMixin, KerasTrainer):
    """A function that builds a Keras model, as a classifier that trains a new one in `fit`.

    What :class:`~skcalib.FrozenNetwork` is for a trained network: it clones, takes any labels,
    and gives true logits. :class:`~skcalib.DeepEnsembleClassifier` puts a function that it
    is given into it.

    **When to use it.** To train a Keras model where scikit-learn clones and trains: in the
    folds of a calibration, in a search, as member of an ensemble. **When not.** For a model
    that is trained already: :class:`~skcalib.FrozenNetwork`.

    Parameters
    ----------
    build : callable
        Takes no arguments and returns a new, compiled ``keras.Model`` each time. Under joblib's
        processes it travels with the classifier, as any function does.

    epochs : int, default=1
        As in ``keras.Model.fit``.

    batch_size : int or None, default=None
        As in ``keras.Model.fit``; None is Keras's 32.

    callbacks : list of keras.callbacks.Callback, callable or None, default=None
        Copied for each training; a function without arguments makes them.

    fit_kwargs : dict or None, default=None
        What else ``keras.Model.fit`` shall get: ``validation_split``, ``class_weight`` (by the
        numbers of the sorted labels), ``shuffle``.

    random_state : int or None, default=None
        Seeds Python, NumPy and Keras during `fit`: weights, shuffles and dropout. They
        are put back afterwards. None leaves them as they are.

    verbose : int or "auto", default=0
        As in ``keras.Model.fit``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    model_ : keras.Model
        The trained model.

    history_ : dict of list
        Losses and metrics of each epoch.

    callbacks_ : list
        The copies of `callbacks` that watched the training.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X was a frame.

    See Also
    --------
    FrozenNetwork : A trained network, which is never trained again.
    DeepEnsembleClassifier : Several such networks, and what they disagree about.

    Notes
    -----
    The labels reach a loss whose name begins with ``sparse``, and one of your own, as the
    numbers 0..K-1, every other loss of Keras one-hot, and a model with one output as 0 and 1.
    If a model has more outputs than there are labels, these must be numbers of outputs.

    References
    ----------
    B. Lakshminarayanan, A. Pritzel, C. Blundell. Simple and Scalable Predictive
    Uncertainty Estimation using Deep Ensembles. NeurIPS 2017. arXiv:1612.01474

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from skcalib import TrainableNetwork
    >>> X, y = load_iris(return_X_y=True)
    >>> def build():
    ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    ...     model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    ...     return model
    >>> network = TrainableNetwork(build, epochs=20, random_state=0).fit(X, y)
    >>> bool(network.score(X, y) > 0.8)
    True
    """

    def fit(self, X, y, sample_weight=None, **fit_params):
        """Build a model, and train it.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or their one-hot code.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the loss.

        **fit_params : dict
            Passed to ``keras.Model.fit``, in place of the parameters of this name.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If the model is not compiled, or does not have an output for each label.
        """
        training = load_training(self)
        refuse_streams(X)
        with self._seeded():
            arrays, labels = self._check_rows(X, y)
            model = training.build(self.build)
            codes, classes, n_columns = find_codes(model, arrays, labels)
            target = training.encode(model, codes, n_columns)
            self._fit_model(training, model, arrays, target, sample_weight, fit_params)
        return self._take_model(model, arrays, classes)._learn_names(X)

    def _take_model(self, model, arrays, classes):
        """Have a model that was trained, and whose outputs are for these classes."""
        few = map_arrays(lambda part: part[:2], arrays)
        numbered = np.array_equal(classes, np.arange(len(classes)))
        network = FrozenNetwork(model, classes=None if numbered else classes, multilabel=False)
        self.network_ = network.fit(few)
        self.model_, self.classes_ = model, self.network_.classes_
        return self

    def _check_rows(self, X, y):
        arrays, labels = check_arrays(X), labels_from_one_hot(y)
        labels, _, _ = check_labels(labels)
        check_consistent_length(*list_arrays(arrays), labels)
        return arrays, labels

    def predict_proba(self, X):
        """Probabilities of the trained model.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self, "network_")
        return self.network_.predict_proba(X)

    def decision_function(self, X):
        """True logits of the trained model.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes) or (n_samples,)
            As of :class:`~skcalib.FrozenNetwork`.
        """
        check_is_fitted(self, "network_")
        return self.network_.decision_function(X)


def find_codes(model, arrays, labels):
    """Return the output of each label, the label of each output, and how many columns."""
    training = load_keras_training()
    few = map_arrays(lambda part: part[:2], arrays)
    n_columns = training.count_columns(model, few)
    seen = np.unique(labels)
    n_outputs = len(seen) if n_columns is None else max(2, n_columns)
    classes = classes_of_outputs(labels, None, n_outputs)
    return np.searchsorted(classes, labels), classes, n_columns


def load_training(network):
    """Return the module that trains what a function builds."""
    if not callable(network.build) or hasattr(network.build, "fit"):
        raise InvalidParameterError(
            f"The 'build' parameter of {type(network).__name__} must be a function without "
            "arguments that returns a new, compiled keras.Model. Got "
            f"{network.build!r} instead."
        )
    return load_keras_training()


def fit_together(networks, X, y, rows, fit_params):
    """Fit several of one kind in one graph, each on its own rows, or raise CannotStack.

    The networks differ in nothing but their seeds. They are what `fit` would have made of them,
    up to rounding; ``history_`` has the losses only.

    Parameters
    ----------
    networks : list of TrainableNetwork
        With a `random_state` each.

    X, y : as in `fit`

    rows : list
        For each of them the positions of its rows; None for all.

    fit_params : dict
        As in `fit`.
    """
    training, stacking = load_training(networks[0]), load_keras_stacking()
    refuse_streams(X)
    weight = fit_params.pop("sample_weight", None)
    options = networks[0]._training_options(fit_params)
    stacking.check_options(options)
    arrays, labels = networks[0]._check_rows(X, y)
    arrays = training.convert(arrays)
    if weight is not None:
        weight = np.asarray(weight, dtype=np.float32)
        check_consistent_length(labels, weight)
    models, members = [], []
    for network, own in zip(networks, rows, strict=True):
        with seeded(int(network.random_state)):
            model = training.build(network.build)
            codes, classes, n_columns = find_codes(model, arrays, labels)
            own = np.arange(len(labels)) if own is None else own
            members.append(stacking.Rows(stacking.draw_orders(len(own), options), own))
            models.append(model)
    stacking.check_models(models, arrays)
    target = training.encode(models[0], codes, n_columns)
    losses = stacking.train(models, arrays, target, weight, members, options)
    for network, model, history in zip(networks, models, losses.T, strict=True):
        network.history_, network.callbacks_ = {"loss": history.tolist()}, []
        network._take_model(model, arrays, classes)._learn_names(X)
    return networks
