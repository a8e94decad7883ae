"""Callbacks and a loss, loaded with Keras or skorch when asked for, our measures put in."""

import numpy as np

from skcalib.backends import load_callbacks, load_keras_losses
from skcalib.metrics import calibration_error, log_loss
from skcalib.networks import FrozenNetwork, labels_from_one_hot

HOMES = {
    "CalibrationCallback": "keras",
    "GaussianLoss": "keras",
    "SkorchCalibrationCallback": "skorch",
    "SkorchSnapshotCallback": "skorch",
    "SnapshotCallback": "keras",
}


def load_class(name):
    """Return one of the classes, which pickles find where its user found it."""
    if name == "GaussianLoss":
        return load_keras_losses().GaussianLoss
    callback = getattr(load_callbacks(HOMES[name]), name)
    if name == "CalibrationCallback":
        callback.measure = staticmethod(_measure_model)
    elif name == "SkorchCalibrationCallback":
        callback.measure = staticmethod(_measure_net)
    callback.__module__ = __name__.rpartition(".")[0]
    return callback


def _measure_model(model, X, y, sample_weight):
    """Return the measures of a Keras model in training."""
    network = FrozenNetwork(model, multilabel=False)
    network.fit(X, y)
    labels = labels_from_one_hot(y)
    return _measure(labels, network.predict_proba(X), network.classes_, sample_weight, "val_")


def _measure_net(net, X, y, sample_weight):
    """Return the measures of a skorch net in training."""
    proba = np.asarray(net.predict_proba(X))
    if proba.ndim == 1:
        proba = np.stack([1 - proba, proba], axis=1)
    return _measure(np.asarray(y), proba, np.arange(proba.shape[1]), sample_weight, "valid_")


def _measure(labels, proba, classes, sample_weight, prefix):
    options = {"labels": classes, "sample_weight": sample_weight}
    return {
        f"{prefix}calibration_error": float(calibration_error(labels, proba, **options)),
        f"{prefix}log_loss": float(log_loss(labels, proba, **options)),
    }
