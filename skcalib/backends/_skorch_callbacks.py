"""Callbacks for skorch: snapshots of one training run, and how calibrated it is."""

from copy import deepcopy

from skorch.callbacks import Callback

from skcalib.backends._cycles import plan_cycles, share_of_rate


class SkorchSnapshotCallback(Callback):
    """Keeps members of one training run of a skorch net: the module at the end of each cycle.

    As :class:`~skcalib.uncertainty.SnapshotCallback` does for Keras. The net begins with it,
    not with a scheduler of its own.

    Parameters
    ----------
    n_snapshots : int, default=5
        Number of cycles, of about as many epochs each.

    learning_rate : float or None, default=None
        The highest rate; None is that of the net, of each group of its parameters.

    Attributes
    ----------
    members_ : list of torch.nn.Module
        Copies of the module at the end of each cycle so far, for
        ``DeepEnsembleClassifier.from_members``.

    References
    ----------
    G. Huang, Y. Li, G. Pleiss, Z. Liu, J. E. Hopcroft, K. Q. Weinberger. Snapshot
    Ensembles: Train 1, Get M for Free. ICLR 2017. arXiv:1704.00109
    """

    def __init__(self, n_snapshots=5, learning_rate=None):
        self.n_snapshots = n_snapshots
        self.learning_rate = learning_rate

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Plan the cycles."""
        self.starts_ = plan_cycles(net.max_epochs, self.n_snapshots)
        groups = net.optimizer_.param_groups
        self.before_ = [group["lr"] for group in groups]
        given = self.learning_rate
        self.highest_ = [old if given is None else given for old in self.before_]
        self.epoch_, self.batch_, self.members_ = 0, 0, []

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Count the steps of the epoch."""
        iterator = net.get_iterator(dataset_train, training=True)
        self.n_steps_ = len(iterator) if hasattr(iterator, "__len__") else 0
        self.batch_ = 0

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        """Set the learning rate."""
        if not training:
            return
        within = min(1.0, self.batch_ / self.n_steps_) if self.n_steps_ else 0.0
        share = share_of_rate(self.starts_, self.epoch_ + min(within, 1 - 1e-9))
        for group, highest in zip(net.optimizer_.param_groups, self.highest_, strict=True):
            group["lr"] = highest * share
        self.batch_ += 1

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Keep the module at the end of a cycle."""
        self.epoch_ += 1
        if self.epoch_ in self.starts_[1:]:
            self.members_.append(deepcopy(net.module_).eval())

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """Put the learning rate back."""
        for group, before in zip(net.optimizer_.param_groups, self.before_, strict=True):
            group["lr"] = before


class SkorchCalibrationCallback(Callback):
    """Reports calibration error and log loss of held-out rows at the end of each epoch.

    They are recorded in the net's history, as ``valid_calibration_error`` and
    ``valid_log_loss``, and printed with it.

    Parameters
    ----------
    X : array-like of n_samples
        Held-out rows, as the net takes them.

    y : array-like of shape (n_samples,)
        Labels, as the net takes them.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599
    """

    def __init__(self, X, y, sample_weight=None):
        self.X = X
        self.y = y
        self.sample_weight = sample_weight

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Measure."""
        found = type(self).measure(net, self.X, self.y, self.sample_weight)
        for name, value in found.items():
            net.history.record(name, value)
