"""Every calibrator in Keras, on whatever it runs on; affine ones in Keras's own layers."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.naive_bayes import GaussianNB
from support.calibrators import all_calibrators

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import IsotonicCalibration, TemperatureScaling
from skcalib.deploy import describe, from_description, load_keras, to_keras

keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")

JAX = keras.config.backend() == "jax"
BY_DEFAULT = {"TemperatureScaling", "StructuredMatrixScaling", "IsotonicCalibration"}
AFFINE = {
    *("DirichletCalibration", "MatrixScaling", "StructuredMatrixScaling"),
    *("StructuredVectorScaling", "TemperatureScaling", "VectorScaling"),
}


def everything():
    seen = set()
    for calibrator in all_calibrators():
        name = type(calibrator).__name__
        first = name in BY_DEFAULT and name not in seen
        seen.add(name)
        yield pytest.param(
            calibrator, id=repr(calibrator), marks=[] if first else pytest.mark.slow
        )


def problem(n_classes, n_samples=200):
    rng = np.random.default_rng(n_classes)
    y = rng.permutation(np.arange(n_samples) % n_classes)
    logits = rng.normal(0, 2, (n_samples, n_classes)) + 2 * np.eye(n_classes)[y]
    return logits, y, rng.normal(0, 4, (300, n_classes))


def answers_of(model, *logits):
    given = [keras.ops.convert_to_tensor(part) for part in logits]
    return keras.ops.convert_to_numpy(model(given[0] if len(given) == 1 else given))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("calibrator", everything())
def test_float32(calibrator, n_classes):
    logits, y, new = problem(n_classes)
    new = new.astype(np.float32)
    calibrator.fit(logits, y)
    found = answers_of(to_keras(calibrator), new)
    isotonic = isinstance(calibrator, IsotonicCalibration)
    right = calibrator.predict_proba(new.astype(np.float64))
    assert found.dtype == np.float32
    assert np.abs(found - right).max() <= (1e-4 if isotonic else 1e-6)


@pytest.mark.skipif(JAX, reason="JAX has no float64 unless it is asked for")
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("calibrator", everything())
def test_float64(calibrator, n_classes):
    logits, y, new = problem(n_classes)
    calibrator.fit(logits, y)
    # Among the rows that it was fitted to are all its knots.
    new = np.concatenate([new, logits])
    found = answers_of(to_keras(calibrator, dtype="float64"), new)
    assert found.dtype == np.float64
    assert np.abs(found - calibrator.predict_proba(new)).max() <= 1e-12


@pytest.mark.slow
@pytest.mark.skipif(not JAX, reason="for JAX alone")
def test_jax_is_told_that_it_has_no_float64():
    fitted = TemperatureScaling().fit(*problem(3)[:2])
    with pytest.raises(ValueError, match="jax_enable_x64"):
        to_keras(fitted, dtype="float64")


@pytest.mark.parametrize("calibrator", everything())
def test_only_affine_maps_are_written_in_layers_of_keras(calibrator):
    calibrator.fit(*problem(3)[:2])
    model = to_keras(calibrator)
    own = [x for x in model.layers if type(x).__module__.split(".")[0] != "keras"]
    assert (own == []) == (type(calibrator).__name__ in AFFINE)


def test_files_load_in_safe_mode(tmp_path):
    logits, y, new = problem(3)
    new = new.astype(np.float32)
    for number, calibrator in enumerate([TemperatureScaling(), IsotonicCalibration()]):
        calibrator.fit(logits, y)
        path = tmp_path / f"{number}.keras"
        to_keras(calibrator).save(path)
        found = answers_of(load_keras(path), new)
        assert np.abs(found - calibrator.predict_proba(new)).max() <= 1e-4


def test_a_description_is_as_good_as_what_it_describes():
    logits, y, new = problem(3)
    fitted = TemperatureScaling().fit(logits, y)
    model = to_keras(from_description(describe(fitted)))
    found = answers_of(model, new.astype(np.float32))
    assert np.abs(found - fitted.predict_proba(new)).max() <= 1e-6


@pytest.mark.parametrize("given", [TemperatureScaling, "temperature", None, keras.Sequential()])
def test_what_is_no_calibration(given):
    with pytest.raises(TypeError, match="fitted"):
        to_keras(given)


def test_a_classifier_that_is_no_network():
    X, y = load_breast_cancer(return_X_y=True)
    calibrated = CalibratedClassifierCV(GaussianNB(), cv=2).fit(X, y)
    with pytest.raises(TypeError, match="No network was found in GaussianNB"):
        to_keras(calibrated)


def test_types_are_named():
    fitted = TemperatureScaling().fit(*problem(3)[:2])
    with pytest.raises(ValueError, match="float16"):
        to_keras(fitted, dtype="float16")
