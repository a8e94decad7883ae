"""Calibrated Keras models as files, loaded by others: in fresh processes, on other runtimes."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")

from support.networks import (  # noqa: E402
    BACKEND,
    X_TWO,
    Y_TWO,
    X,
    Y,
    digits_model,
    trained,
    two_class_model,
)

from skcalib import CalibratedClassifierCV  # noqa: E402
from skcalib.deploy import to_keras  # noqa: E402

on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow writes it")
pytestmark = [
    pytest.mark.slow,
    # Of the exporters: tf2onnx, TFLite's interpreter, torch's and JAX's.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
]
NEW = X[1200:]
METHODS = {
    **{method: 1e-5 for method in ("temperature", "svs", "sms", "dirichlet", "beta", "spline")},
    "isotonic": 1e-4,
}


@pytest.fixture(scope="module")
def networks():
    keras.utils.set_random_seed(0)
    two = two_class_model()
    return trained(digits_model()), trained(two, X_TWO, Y_TWO, n_outputs=1)


def calibrate(network, method):
    return CalibratedClassifierCV(network, method=method).fit(X[600:1200], Y[600:1200])


def from_saved_model(model, path, given):
    import tensorflow as tf

    model.export(path, verbose=False)
    loaded = tf.saved_model.load(path)
    return loaded.serve(given).numpy()


def from_tflite(model, path, given):
    import tensorflow as tf

    content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, given.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, given)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def from_onnx(model, path, given):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    choices = {}
    if BACKEND == "tensorflow":
        pytest.importorskip("tf2onnx", reason="needs tf2onnx")
    elif BACKEND == "torch":
        choices["input_signature"] = [keras.InputSpec(shape=given.shape, dtype="float32")]
    else:
        pytest.importorskip("jax2onnx", reason="needs jax2onnx")
    model.export(path + ".onnx", format="onnx", verbose=False, **choices)
    session = onnxruntime.InferenceSession(path + ".onnx")
    return session.run(None, {session.get_inputs()[0].name: given})[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "load", [from_saved_model, pytest.param(from_tflite, marks=on_tensorflow), from_onnx]
)
def test_formats(networks, load, method, tmp_path):
    if BACKEND == "torch" and load is from_saved_model:
        pytest.skip("Keras writes no SavedModel of its own on torch")
    calibrated = calibrate(networks[0], method)
    found = load(to_keras(calibrated), str(tmp_path / "model"), NEW)
    assert np.abs(found - calibrated.predict_proba(NEW)).max() <= METHODS[method]


@on_tensorflow
@pytest.mark.parametrize("load", [from_saved_model, from_tflite, from_onnx])
def test_one_output_for_two_classes(networks, load, tmp_path):
    for method in ("temperature", "sigmoid", "venn-abers"):
        calibrated = CalibratedClassifierCV(networks[1], method=method)
        calibrated.fit(X_TWO[:400], Y_TWO[:400])
        found = load(to_keras(calibrated), str(tmp_path / method), X_TWO[400:])
        assert np.abs(found - calibrated.predict_proba(X_TWO[400:])).max() <= 1e-5


def run_elsewhere(code, folder):
    """Run code in a fresh process that has no skcalib."""
    begin = "import sys; sys.modules['skcalib'] = None\nimport numpy as np\n"
    done = subprocess.run(
        [sys.executable, "-c", begin + textwrap.dedent(code)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_affine_files_need_nothing_but_keras(networks, tmp_path):
    methods = ["temperature", "vector", "matrix", "svs", "sms", "dirichlet"]
    expected = {}
    for method in methods:
        calibrated = calibrate(networks[0], method)
        to_keras(calibrated).save(tmp_path / f"{method}.keras")
        expected[method] = calibrated.predict_proba(NEW)
    np.save(tmp_path / "X.npy", NEW)
    run_elsewhere(
        f"""
        import keras
        for method in {methods}:
            model = keras.saving.load_model(method + ".keras", safe_mode=True)
            np.save(method, model.predict(np.load("X.npy"), verbose=0))
        try:
            import skcalib
        except ImportError:
            pass
        else:
            raise SystemExit("skcalib is there")
        """,
        tmp_path,
    )
    for method, right in expected.items():
        assert np.abs(np.load(tmp_path / f"{method}.npy") - right).max() <= 1e-5


def test_other_files_need_our_layer(networks, tmp_path):
    calibrated = calibrate(networks[0], "isotonic")
    to_keras(calibrated).save(tmp_path / "model.keras")
    np.save(tmp_path / "X.npy", NEW)
    run_elsewhere(
        """
        import keras
        try:
            keras.saving.load_model("model.keras")
        except TypeError as error:
            assert "Could not locate class" in str(error)
        else:
            raise SystemExit("it was loaded without our layer")
        del sys.modules["skcalib"]
        from skcalib.deploy import load_keras
        model = load_keras("model.keras")
        np.save("found", model.predict(np.load("X.npy"), verbose=0))
        """.replace("from skcalib", f"sys.path.insert(0, {root()!r})\n        from skcalib"),
        tmp_path,
    )
    found = np.load(tmp_path / "found.npy")
    assert np.abs(found - calibrated.predict_proba(NEW)).max() <= 1e-4


def root():
    import skcalib

    return skcalib.__file__.rsplit("/", 2)[0]


@on_tensorflow
def test_exports_need_neither_skcalib_nor_keras(networks, tmp_path):
    calibrated = calibrate(networks[0], "isotonic")
    to_keras(calibrated).export(tmp_path / "saved", verbose=False)
    np.save(tmp_path / "X.npy", NEW)
    run_elsewhere(
        """
        import tensorflow as tf
        loaded = tf.saved_model.load("saved")
        np.save("found", loaded.serve(np.load("X.npy")).numpy())
        """,
        tmp_path,
    )
    found = np.load(tmp_path / "found.npy")
    assert np.abs(found - calibrated.predict_proba(NEW)).max() <= 1e-4


@pytest.mark.skipif(BACKEND == "tensorflow", reason="from another library to TensorFlow")
def test_a_file_from_another_library_goes_on_with_tensorflow(networks, tmp_path):
    calibrated = calibrate(networks[0], "sms")
    to_keras(calibrated).save(tmp_path / "model.keras")
    np.save(tmp_path / "X.npy", NEW)
    run_elsewhere(
        """
        import os
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras
        model = keras.saving.load_model("model.keras", safe_mode=True)
        assert keras.config.backend() == "tensorflow"
        np.save("found", model.predict(np.load("X.npy"), verbose=0))
        """,
        tmp_path,
    )
    found = np.load(tmp_path / "found.npy")
    assert np.abs(found - calibrated.predict_proba(NEW)).max() <= 1e-5
