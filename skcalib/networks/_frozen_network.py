"""FrozenNetwork: a trained Keras or torch network as a scikit-learn classifier."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import InvalidParameterError

from skcalib._logits import check_finite, check_proba, float_array, log_of_floored
from skcalib._predictions import ProbabilisticClassifierMixin
from skcalib._representations import VersionedMixin
from skcalib._rows import check_feature_names, learn_feature_names, refuse_streams
from skcalib.backends import as_arrays, each_array, filled_arrays, map_arrays, network_backend
from skcalib.networks._outputs import (
    Answer,
    a_column_for_each_class,
    classes_of_outputs,
    order_of_outputs,
    reads_as_proba,
    warn_of_lost_logits,
)
from skcalib.networks._sharing import AdapterMixin

IF_LOGITS = "if they are logits, say so: FrozenNetwork(model, from_logits=True)"
ROWS_TO_LOOK_AT = 1000  # when nothing else tells logits from probabilities


class _Learned(NamedTuple):
    """What fit has learnt."""

    classes: np.ndarray
    head: str | None  # the network's last operation
    order: np.ndarray | None  # the output of each class


class FrozenNetwork(AdapterMixin, VersionedMixin, ProbabilisticClassifierMixin, BaseEstimator):
    """A trained Keras model or torch module as a scikit-learn classifier.

    It predicts and is never trained: `fit` learns the class labels only, a clone shares
    the network, and neither weights nor modes of the network ever change.
    :class:`~skcalib.CalibratedClassifierCV` and its relatives put a bare network into
    this adapter themselves; use it in a :class:`~sklearn.pipeline.Pipeline`, for
    other labels than 0..K-1, or to get at a network's logits.

    Parameters
    ----------
    model : keras.Model or torch.nn.Module
        The trained network, with one output: an array of shape (n_samples, n_classes), or
        of shape (n_samples, 1) or (n_samples,) for two classes.

    classes : array-like of shape (n_classes,), default=None
        The label of each output, in the order of the outputs (of one output: the label
        that it speaks against, then the one that it speaks for). By default the labels
        that `fit` sees, sorted, or 0..K-1 if these are integers from that range.

    from_logits : bool or "auto", default="auto"
        Whether the network's output is logits (True) or probabilities (False). "auto"
        follows from the network: its last operation (softmax, sigmoid, neither), then the
        loss that a Keras model was compiled with; where both are silent, `fit` looks at
        the outputs for its X.

    batch_size : int or None, default=None
        Rows in a batch. By default as many as hold about a million input values, at
        least 32 and at most 2048.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels; columns of all answers are in this order.

    has_logits_ : bool
        Whether the network's true logits can be had (after `fit`).

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns that `fit` saw, if X was a frame with names that are text.
        Answers for a frame with other names, or in another order, are refused.

    Warns
    -----
    UserWarning
        By `decision_function`, if the true logits cannot be had: the logarithms of the
        probabilities stand in for them, and the warning says how many are saturated.

    See Also
    --------
    CalibratedClassifierCV : Calibrates it.
    sklearn.frozen.FrozenEstimator : The same for scikit-learn's own classifiers.

    Notes
    -----
    A softmax that says 1.0000000 for one class has lost how sure the network is. Its
    *logits*, the values before the softmax, still know. They are found whether the last
    activation belongs to the last layer, is a layer of its own or a function that the
    model calls, in sequential, functional, subclassed and nested models: on TensorFlow in
    the traced graph, on JAX and torch by noting which activation gave the output. Several
    sigmoids, one for each class, are read as one-vs-rest: their probabilities are
    normalised, their logits are log(sigmoid(z)).

    On TensorFlow and JAX a network is compiled once for each shape and type of input,
    whatever the number of rows (JAX: for each power of two of rows in a batch).

    X may be an array of any number of dimensions, a dataframe, a sparse matrix (made
    dense) or, for several inputs, a dict of arrays by input name. Datasets, loaders and
    generators hold labels and batches and are refused; ask for logits batch by batch and
    fit a calibrator of :mod:`skcalib.calibrators` to them.

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

    def __init__(self, model, *, classes=None, from_logits="auto", batch_size=None):
        self.model = model
        self.classes = classes
        self.from_logits = from_logits
        self.batch_size = batch_size

    def fit(self, X, y=None):
        """Learn the class labels; the network is not trained.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Some inputs of the network.

        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Labels, or their one-hot code. Integers from 0..K-1 stand for the outputs of
            that number; other labels, sorted, for the outputs in their order, and must
            number as many. Without y, labels are 0..K-1 (or `classes`).

        Returns
        -------
        self : object
            The same network, which now knows its labels.

        Raises
        ------
        ValueError
            If the labels do not match the network's outputs, if X is a dataset, a loader
            or a generator, or if the network has no weights yet.
        """
        values, head = self._run(X, n_rows=2)  # one row is squeezed by some networks
        if y is not None:
            check_consistent_length(*each_array(as_arrays(X)), y)
        says = self._says_logits() if head is None else True
        if says is None:
            values, head = self._run(X, n_rows=ROWS_TO_LOOK_AT)
            says = self._look_at(values, decide=True)
        n_classes = max(2, values.shape[1])
        self._learned = _Learned(
            classes_of_outputs(y, self.classes, n_classes),
            head,
            order_of_outputs(self.classes),
        )
        self.has_logits_ = says
        learn_feature_names(self, X)
        return self

    @property
    def classes_(self):
        """Sorted labels."""
        if hasattr(self, "_learned"):
            return self._learned.classes
        n_outputs = self._backend().n_outputs(self.model)
        if self.classes is None and n_outputs is None:
            raise AttributeError(
                "FrozenNetwork does not know its classes yet: call fit(X, y), or give classes."
            )
        return classes_of_outputs(None, self.classes, n_outputs and max(2, n_outputs))

    def decision_function(self, X):
        """True logits of the network, a column for each class.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        logits : ndarray of shape (n_samples, n_classes) or (n_samples,)
            Their softmax is `predict_proba`. One-dimensional for two classes: the
            log-odds of ``classes_[1]``.
        """
        values, is_proba, classes, _ = self.answer(X)
        if is_proba:
            warn_of_lost_logits(values, type(self.model).__name__)
            values = log_of_floored(values, 0.0)
        return values[:, 1] - values[:, 0] if len(classes) == 2 else values

    def predict_proba(self, X):
        """Probabilities as the network itself gives them, uncalibrated.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In [0, 1], rows sum to one, columns in the order of ``classes_``.
        """
        return self.answer(X).proba()

    def predict(self, X):
        """Label of the largest logit.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels from ``classes_``.
        """
        found = self.answer(X)
        return found.classes[found.values.argmax(axis=1)]

    def answer(self, X):
        """Logits or probabilities, whichever the network has, and which of these they are.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        answer : named tuple (values, is_proba, classes, head)
            ``values`` (n_samples, n_classes) in the order of ``classes``, also for two
            classes; ``head`` is the network's last operation, None if it is not known.
        """
        check_feature_names(self, X)
        values, head = self._run(X)
        learned = getattr(self, "_learned", None)
        if learned is not None and learned.head != head:
            raise ValueError(
                f"The network ended in {learned.head} when it was fitted and ends in {head} "
                "now. Fit again; if that depends on X, give a network that ends before it."
            )
        is_proba = head is None and not self._output_is_logits(values)
        values = a_column_for_each_class(values, head, is_proba)
        name = f"The output of {type(self.model).__name__}"
        if is_proba:
            check_proba(values, name, way_out=IF_LOGITS)
        else:
            check_finite(values, name)
        if learned is not None:
            classes, order = learned.classes, learned.order
        else:
            classes = classes_of_outputs(None, self.classes, values.shape[1])
            order = order_of_outputs(self.classes)
        if len(classes) != values.shape[1]:
            raise ValueError(
                f"The network has {values.shape[1]} outputs, but there are {len(classes)} "
                f"classes: {classes.tolist()}."
            )
        values = values if order is None else values[:, order]
        return Answer(values, is_proba, classes, head)

    def _run(self, X, n_rows=None):
        """Return what stands before the last activation, and its name."""
        self._check_params()
        refuse_streams(X)
        X = filled_arrays(X)
        if n_rows is not None:
            X = map_arrays(lambda part: part[:n_rows], X)
        values, head = self._backend().forward(self.model, X, self.batch_size)
        if head in ("softmax", "log_softmax") and values.shape[1] == 1:
            raise ValueError(
                "The network ends in a softmax of one output, which is always 1; two "
                "classes need two outputs with a softmax, or one with a sigmoid."
            )
        if head in ("softmax", "sigmoid") and self.from_logits is True:
            raise ValueError(
                f"from_logits=True, but the network ends in a {head}: its output is "
                "probabilities. Leave from_logits at 'auto': the logits are found."
            )
        if head == "linear" and self.from_logits is False:
            head = None  # if that is what its user says
        return float_array(values, "The network's output"), head

    def _says_logits(self):
        """Tell whether an output of unknown origin is logits, None if nothing tells."""
        if self.from_logits != "auto":
            return bool(self.from_logits)
        return self._backend().says_logits(self.model)

    def _output_is_logits(self, values):
        says = getattr(self, "has_logits_", None)
        says = self._says_logits() if says is None else says
        return self._look_at(values, decide=False) if says is None else says

    def _look_at(self, values, decide):
        """Tell from values alone whether they are logits, or ask."""
        reads = reads_as_proba(values)
        if reads is False:
            return True
        if reads and decide:
            return False
        raise ValueError(
            "The network's last operation could not be seen, and its output may be logits or "
            "probabilities. Say from_logits=True or False"
            + ("." if decide else ", or call fit first.")
        )

    def _backend(self):
        backend = network_backend(self.model)
        if backend is None:
            raise InvalidParameterError(
                "The 'model' parameter of FrozenNetwork must be a keras.Model (Keras 3) or a "
                f"torch.nn.Module. Got {self.model!r} instead. A fitted scikit-learn "
                "classifier goes into sklearn.frozen.FrozenEstimator."
            )
        return backend

    def _check_params(self):
        if not (isinstance(self.from_logits, bool | np.bool_) or self.from_logits == "auto"):
            raise InvalidParameterError(
                "The 'from_logits' parameter of FrozenNetwork must be True, False or 'auto'. "
                f"Got {self.from_logits!r} instead."
            )
        if self.batch_size is not None and not (
            isinstance(self.batch_size, Integral) and self.batch_size > 0
        ):
            raise InvalidParameterError(
                "The 'batch_size' parameter of FrozenNetwork must be a positive int or None. "
                f"Got {self.batch_size!r} instead."
            )
