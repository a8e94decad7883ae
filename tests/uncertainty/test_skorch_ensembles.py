"""Ensembles and callbacks of skorch nets."""

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'skcalib[torch]'")
skorch = pytest.importorskip("skorch", reason="needs skorch: pip install 'skcalib[torch]'")

from skcalib import DeepEnsembleClassifier, TemperatureCalibratedClassifier  # noqa: E402
from skcalib.metrics import log_loss  # noqa: E402
from skcalib.uncertainty import (  # noqa: E402
    SkorchCalibrationCallback,
    SkorchSnapshotCallback,
)

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
NAMES = np.array([f"digit {k}" for k in Y])
ROWS, REST = slice(0, 300), slice(300, 500)


class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)
        )

    def forward(self, X):
        return self.layers(X)


def net(max_epochs=6, **more):
    return skorch.NeuralNetClassifier(
        Module,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.02,
        max_epochs=max_epochs,
        batch_size=50,
        train_split=None,
        verbose=0,
        **more,
    )


def test_an_ensemble_of_nets():
    state = torch.random.get_rng_state()
    ensemble = DeepEnsembleClassifier(net(), n_members=3, random_state=0)
    draws = ensemble.fit(X[ROWS], NAMES[ROWS]).sample_proba(X[REST])
    assert torch.equal(state, torch.random.get_rng_state())
    assert np.abs(draws[0] - draws[1]).max() > 0.01
    torch.manual_seed(5)
    again = DeepEnsembleClassifier(net(), n_members=3, random_state=0, n_jobs=2)
    with parallel_config(backend="threading"):
        again.fit(X[ROWS], NAMES[ROWS])
    assert_allclose(again.sample_proba(X[REST]), draws, atol=1e-6)
    assert ensemble.score(X[REST], NAMES[REST]) > 0.6
    calibrated = TemperatureCalibratedClassifier(
        DeepEnsembleClassifier.from_members(ensemble.members_)
    ).fit(X[REST], NAMES[REST])
    assert calibrated.predict_uncertainty(X[REST]).epistemic.max() > 0


def test_snapshots_and_measures_of_a_run():
    class Rates(skorch.callbacks.Callback):
        seen_ = ()

        def on_batch_end(self, net, training=None, **kwargs):
            if training:
                self.seen_ = (*self.seen_, net.optimizer_.param_groups[0]["lr"])

    snapshots, report, rates = (
        SkorchSnapshotCallback(3),
        SkorchCalibrationCallback(X[REST], Y[REST]),
        Rates(),
    )
    fitted = net(callbacks=[snapshots, report, rates]).fit(X[ROWS], Y[ROWS])
    assert len(snapshots.members_) == 3
    steps = np.arange(12)
    expected = np.tile(0.01 * (np.cos(np.pi * steps / 12) + 1), 3)
    assert_allclose(rates.seen_, expected, atol=1e-8)
    assert fitted.optimizer_.param_groups[0]["lr"] == 0.02
    learned = DeepEnsembleClassifier.from_members(snapshots.members_).fit(X[REST], Y[REST])
    ensemble = DeepEnsembleClassifier.from_members(snapshots.members_, classes=range(10))
    assert_allclose(learned.predict_proba(X[REST]), ensemble.predict_proba(X[REST]))
    last = ensemble.sample_proba(X[REST])[-1]
    assert_allclose(last, fitted.predict_proba(X[REST]), atol=1e-6)
    found = fitted.history[-1, "valid_log_loss"]
    assert_allclose(found, log_loss(Y[REST], last), rtol=1e-5)
    assert fitted.history[-1, "valid_calibration_error"] > 0
