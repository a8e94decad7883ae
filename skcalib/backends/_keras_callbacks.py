"""Callbacks for Keras: snapshots of one training run, and how calibrated it is."""

from numbers import Real

import keras

from skcalib.backends._cycles import plan_cycles, share_of_rate


class SnapshotCallback(keras.callbacks.Callback):
    r"""Keeps members of one training run: the model at the end of each cycle.

    The learning rate falls from its highest value to zero along half a cosine, and starts
    again, `n_snapshots` times: :math:`\alpha_0 (\cos(\pi t) + 1) / 2` for t from 0 to 1 in each
    cycle, step by step. So the run visits several minima, at the cost of one training.

    **When to use it.** Where a second training is too expensive, and rows are many. **When
    not.** If several trainings are affordable: ``DeepEnsembleClassifier`` gains more. On a few
    hundred rows: the short cycles cost more than the mean gains. The model that is left at
    the end is the last snapshot.

    Parameters
    ----------
    n_snapshots : int, default=5
        Number of cycles, of about as many epochs each.

    learning_rate : float or None, default=None
        The highest rate; None is that of the optimizer, which must be a number.

    Attributes
    ----------
    members_ : list of keras.Model
        Copies of the model at the end of each cycle so far, for
        ``DeepEnsembleClassifier.from_members``.

    References
    ----------
    G. Huang, Y. Li, G. Pleiss, Z. Liu, J. E. Hopcroft, K. Q. Weinberger. Snapshot
    Ensembles: Train 1, Get M for Free. ICLR 2017. arXiv:1704.00109

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from skcalib.uncertainty import DeepEnsembleClassifier, SnapshotCallback
    >>> X, y = load_iris(return_X_y=True)
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    >>> model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    >>> snapshots = SnapshotCallback(3)
    >>> _ = model.fit(X, y, epochs=9, callbacks=[snapshots], verbose=0)
    >>> ensemble = DeepEnsembleClassifier.from_members(snapshots.members_)
    >>> ensemble.sample_proba(X).shape
    (3, 150, 3)
    """

    def __init__(self, n_snapshots=5, learning_rate=None):
        super().__init__()
        self.n_snapshots = n_snapshots
        self.learning_rate = learning_rate

    def on_train_begin(self, logs=None):
        """Plan the cycles."""
        self._starts = plan_cycles(self.params["epochs"], self.n_snapshots)
        optimizer = self.model.optimizer
        schedule = getattr(optimizer, "_learning_rate", None)
        if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            raise ValueError(
                "SnapshotCallback sets the learning rate itself, but the optimizer has a "
                f"{type(schedule).__name__}. Compile the model with a number."
            )
        self._before = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        highest = self._before if self.learning_rate is None else self.learning_rate
        if not isinstance(highest, Real) or isinstance(highest, bool) or not highest > 0:
            raise ValueError(
                f"The 'learning_rate' parameter must be positive or None, got {highest!r}."
            )
        self._highest, self._epoch, self._weights = float(highest), 0, []

    def on_epoch_begin(self, epoch, logs=None):
        """Set the learning rate."""
        self._epoch = epoch
        self._set_rate(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        """Set the learning rate, where Keras lets it change within an epoch."""
        n_steps = self.params.get("steps")
        if n_steps and keras.config.backend() != "jax":
            self._set_rate(self._epoch + batch / n_steps)

    def on_epoch_end(self, epoch, logs=None):
        """Keep the weights at the end of a cycle."""
        if epoch + 1 in self._starts[1:]:
            self._weights.append(self.model.get_weights())

    def on_train_end(self, logs=None):
        """Put the learning rate back."""
        self.model.optimizer.learning_rate = self._before

    def _set_rate(self, epoch):
        rate = self._highest * share_of_rate(self._starts, epoch)
        self.model.optimizer.learning_rate = rate

    @property
    def members_(self):
        """Models with the weights at the end of each cycle."""
        return [self._copy(weights) for weights in vars(self).get("_weights", ())]

    def _copy(self, weights):
        model = type(self.model).from_config(self.model.get_config())
        if not model.built:
            model.build_from_config(self.model.get_build_config())
        model.set_weights(weights)
        if self.model.compiled:  # the loss tells logits from probabilities
            model.compile(loss=self.model.loss)
        return model

    def __deepcopy__(self, memo):
        """Copy the parameters: scikit-learn clones callbacks before each training."""
        return type(self)(self.n_snapshots, self.learning_rate)


class CalibrationCallback(keras.callbacks.Callback):
    """Reports calibration error and log loss of held-out rows at the end of each epoch.

    They are added to the logs as ``val_calibration_error`` and ``val_log_loss``, so that they
    are printed, kept in the history, and may be monitored by callbacks that come after this
    one, such as ``EarlyStopping("val_log_loss", mode="min", restore_best_weights=True)``.

    **When to use it.** To see when a network starts to be sure of too much: its accuracy still
    rises while its calibration error does. **When not.** To choose an epoch by the calibration
    error alone, which a network that knows nothing has at its least; use the log loss.

    Parameters
    ----------
    X : array-like of n_samples, or dict of arrays
        Held-out inputs of the network.

    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, as of :class:`~skcalib.FrozenNetwork`, or their one-hot code.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Attributes
    ----------
    history_ : dict of list
        Both measures for each epoch.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from skcalib.uncertainty import CalibrationCallback
    >>> X, y = load_iris(return_X_y=True)
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    >>> model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    >>> report = CalibrationCallback(X[1::2], y[1::2])
    >>> history = model.fit(X[::2], y[::2], epochs=4, callbacks=[report], verbose=0).history
    >>> history["val_log_loss"] == report.history_["val_log_loss"]
    True
    """

    def __init__(self, X, y, sample_weight=None):
        super().__init__()
        self.X = X
        self.y = y
        self.sample_weight = sample_weight

    def on_train_begin(self, logs=None):
        """Begin anew."""
        self.history_ = {}

    def on_epoch_end(self, epoch, logs=None):
        """Measure."""
        found = type(self).measure(self.model, self.X, self.y, self.sample_weight)
        for name, value in found.items():
            self.history_.setdefault(name, []).append(value)
        if logs is not None:
            logs.update(found)
