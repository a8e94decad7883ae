"""FrozenNetwork: a trained Keras or torch network as a scikit-learn classifier."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length

from skcalib.backends import as_arrays, list_arrays
from skcalib.estimators import ProbabilisticClassifierMixin, VersionedMixin
from skcalib.inputs import learn_feature_names, log_of_floored
from skcalib.networks._answers import AnswerMixin
from skcalib.networks._checks import (
    backend_of,
    is_one_vs_rest,
    outputs_logits,
)
from skcalib.networks._labels import (
    check_multi_hot,
    log_odds_of_labels,
    make_binary_classes,
    proba_of_labels,
)
from skcalib.networks._outputs import (
    Learned,
    are_logits,
    classes_of_outputs,
    order_of_outputs,
    warn_of_lost_logits,
)
from skcalib.networks._randomness import warn_of_random_answers
from skcalib.networks._sharing import AdapterMixin, list_inputs

ROWS_TO_LOOK_AT = 1000  # when nothing else tells logits from probabilities


class FrozenNetwork(
    AnswerMixin, AdapterMixin, VersionedMixin, ProbabilisticClassifierMixin, BaseEstimator
):
    """A trained Keras model or torch module as a scikit-learn classifier.

    It predicts and is never trained: `fit` learns the class labels only, a clone shares
    the network, and neither weights nor modes of the network ever change.
    :class:`~skcalib.CalibratedClassifierCV` and the other meta-estimators wrap a bare network
    in this adapter themselves; use it in a :class:`~sklearn.pipeline.Pipeline`, for
    labels other than 0..K-1, or to obtain a network's logits.

    Parameters
    ----------
    model : keras.Model or torch.nn.Module
        The trained network, whose output is an array of shape (n_samples, n_classes), or
        of shape (n_samples, 1) or (n_samples,) for two classes. Of several outputs `output`
        chooses one.

    classes : array-like of shape (n_classes,), default=None
        The label of each output, in the order of the outputs (for one output: the label
        of low values, then that of high values). By default the labels
        that `fit` sees, sorted, or 0..K-1 if these are integers from that range.

    from_logits : bool or "auto", default="auto"
        Whether the network's output is logits (True) or probabilities (False). "auto"
        is decided by the network: its last operation (softmax, sigmoid, neither), then the
        loss that a Keras model was compiled with; if neither tells, `fit` looks at
        the outputs for its X.

    multilabel : bool or None, default=None
        What several sigmoids mean. True: a sample may have any number of labels, each with a
        sigmoid of its own; y is a matrix of zeros and ones, a column for each label, and
        nothing is normalised. False: each sample has one class, and sigmoids are read as one
        against the rest. None: not specified, and a network that ends in several sigmoids (or
        in several logits, if it was compiled with a binary loss) is an error.

    output : str, int or None, default=None
        Which of several outputs has the classes: its name (a key of a dict, a field, or one
        of a Keras model's ``output_names``), or its number, from 0. None takes
        the only output, or the one called logits. Weights, inputs and names of layers are
        those of `model`; nothing is copied.

    batch_size : int or None, default=None
        Rows in a batch. By default as many as hold about a million input values, at
        least 32 and at most 2048.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of such
        Sorted labels; columns of all answers are in this order. With ``multilabel=True`` a
        list with ``[0, 1]`` for each label, as of
        :class:`~sklearn.multioutput.MultiOutputClassifier`.

    has_logits_ : bool
        Whether the network's true logits are available (after `fit`).

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns that `fit` saw, if X was a frame with names that are text.
        A frame with other names, or in another order, is refused.

    Warns
    -----
    UserWarning
        By `decision_function`, if the true logits are not available: the logarithms of the
        probabilities replace them, and the warning says how many are saturated.

    See Also
    --------
    CalibratedClassifierCV : Calibrates it.
    sklearn.frozen.FrozenEstimator : The same for scikit-learn's own classifiers.

    Notes
    -----
    A softmax that returns 1.0000000 for one class no longer shows how sure the network is.
    Its *logits*, the values before the softmax, still do. They are found whether the last
    activation belongs to the last layer, is a layer of its own or a function that the
    model calls, in sequential, functional, subclassed and nested models: on TensorFlow in
    the traced graph, on JAX and torch by noting which activation gave the output. Several
    sigmoids read as one-vs-rest (``multilabel=False``) are normalised, their logits are
    log(sigmoid(z)). Of a dict or another object the entry called logits is used, unless
    `output` names another.

    On TensorFlow and JAX a network is compiled once for each shape and type of input,
    whatever the number of rows (JAX: for each power of two of rows in a batch).

    X may be an array of any number of dimensions, a dataframe, a table of Arrow, a tensor, a
    sparse matrix (made dense) or, for several inputs, a dict of arrays by name, or a list in
    their order. Datasets, loaders and generators hold labels and batches and are refused; ask
    for logits batch by batch and fit a calibrator to them.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

    Examples
    --------
    >>> import keras, numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skcalib import FrozenNetwork
    >>> X, y = load_digits(return_X_y=True)
    >>> _ = keras.utils.set_random_seed(0)
    >>> model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> _ = model.fit(X[:1500], y[:1500], epochs=20, verbose=0)
    >>> network = FrozenNetwork(model).fit(X, y)  # learns the labels only
    >>> network.decision_function(X).shape  # true logits, not logarithms of probabilities
    (1797, 10)
    >>> bool(network.score(X[1500:], y[1500:]) > 0.8)
    True
    """

    def __init__(
        self,
        model,
        *,
        classes=None,
        from_logits="auto",
        multilabel=None,
        output=None,
        batch_size=None,
    ):
        self.model = model
        self.classes = classes
        self.from_logits = from_logits
        self.multilabel = multilabel
        self.output = output
        self.batch_size = batch_size

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = bool(self.multilabel)
        return tags

    def fit(self, X, y=None):
        """Learn the class labels; the network is not trained.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Some inputs of the network.

        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Labels, or their one-hot code; with ``multilabel=True`` zeros and ones, of shape
            (n_samples, n_labels). Integers from 0..K-1 stand for the outputs of
            that number; other labels, sorted, for the outputs in their order, and must
            number as many. Without y, labels are 0..K-1 (or `classes`).

        Returns
        -------
        self : object
            The same network, which now knows its labels.

        Raises
        ------
        ValueError
            If the labels do not match the network's outputs, if these are several sigmoids and
            `multilabel` is None, if X is a dataset, a loader or a generator, or if the network
            has no weights yet.
        """
        X = list_inputs(self, X)
        values, last_activation = self._run(X, n_rows=2)  # one row is squeezed by some
        if y is not None:
            check_consistent_length(*list_arrays(as_arrays(X)), y)
        says = outputs_logits(self) if last_activation is None else True
        if says is None:
            values, last_activation = self._run(X, n_rows=ROWS_TO_LOOK_AT)
            says = are_logits(values, self.multilabel, decide=True)
        is_one_vs_rest(self, values, last_activation, says)
        if self.multilabel:
            if y is not None:
                check_multi_hot(y, values.shape[1])
            classes = make_binary_classes(values.shape[1])
        else:
            classes = classes_of_outputs(y, self.classes, max(2, values.shape[1]))
        self._learned = Learned(classes, last_activation, order_of_outputs(self.classes))
        self.has_logits_ = says
        learn_feature_names(self, X)
        warn_of_random_answers(self.chosen_model, X)
        return self

    @property
    def classes_(self):
        """Sorted labels."""
        if hasattr(self, "_learned"):
            return self._learned.classes
        n_outputs = backend_of(self.model).n_outputs(self.chosen_model)
        if self.multilabel and n_outputs is not None:
            return make_binary_classes(n_outputs)
        if self.classes is None and n_outputs is None:
            raise AttributeError(
                "FrozenNetwork does not know its classes yet: call fit(X, y), or give classes."
            )
        return classes_of_outputs(None, self.classes, n_outputs and max(2, n_outputs))

    def decision_function(self, X):
        """True logits of the network, one column for each class.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes) or (n_samples,)
            Their softmax is `predict_proba`. One-dimensional for two classes: the
            log-odds of ``classes_[1]``. With several labels the log-odds of each.
        """
        values, is_proba, classes, _ = self.answer(X)
        if self.multilabel:
            if is_proba:
                warn_of_lost_logits(np.maximum(values, 1 - values), type(self.model).__name__)
                values = log_odds_of_labels(values)
            return values
        if is_proba:
            warn_of_lost_logits(values, type(self.model).__name__)
            values = log_of_floored(values, 0.0)
        return values[:, 1] - values[:, 0] if len(classes) == 2 else values

    def predict_proba(self, X):
        """Uncalibrated probabilities of the network.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), or list of n_labels such
            In [0, 1], rows sum to one, columns in the order of ``classes_``. With several
            labels a list: for each label the probabilities of its absence and presence.
        """
        found = self.answer(X)
        if self.multilabel:
            return proba_of_labels(found.values, found.is_proba)
        return found.proba()

    def predict(self, X):
        """Label of the largest logit; with several labels, those with a probability above 1/2.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels from ``classes_``; with several labels zeros and ones.
        """
        found = self.answer(X)
        if self.multilabel:
            return (found.values > (0.5 if found.is_proba else 0)).astype(np.intp)
        return found.classes[found.values.argmax(axis=1)]
