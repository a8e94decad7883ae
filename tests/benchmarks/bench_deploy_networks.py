"""A calibrated network in every format: how far it is from scikit-learn's side, and how large.

Run ``python tests/benchmarks/bench_deploy_networks.py [METHOD ...]``, with TensorFlow,
tf2onnx, onnxruntime and torch installed. A network for digits (64-32-10, 100 epochs on 600
rows) is calibrated on 600 more; differences are the largest on the remaining 597. Beside: the
network's own, without a calibration. The tables: ``docs/production.md``.
"""

import copy
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import torch
from onnxruntime import InferenceSession
from sklearn.datasets import load_digits
from sklearn.utils import shuffle

from skcalib import CalibratedClassifierCV, FrozenNetwork
from skcalib.deploy import load_keras, to_keras, to_torch

METHODS = ["temperature", "sms", "beta", "spline", "isotonic", "venn-abers"]


def run_keras(model, path, X):
    model.save(path.with_suffix(".keras"))
    return load_keras(path.with_suffix(".keras")).predict(X, verbose=0)


def run_saved_model(model, path, X):
    model.export(path, verbose=False)
    loaded = tf.saved_model.load(path)
    return loaded.serve(X).numpy()


def run_tflite(model, path, X):
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    interpreter = tf.lite.Interpreter(str(path))
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, X.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, X)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def run_onnx(model, path, X):
    model.export(path, format="onnx", verbose=False)
    session = InferenceSession(path)
    return session.run(None, {session.get_inputs()[0].name: X})[0]


def size_of(path):
    found = [*path.parent.glob(f"{path.name}*")]
    files = [file for top in found for file in [top, *top.rglob("*")] if file.is_file()]
    return sum(file.stat().st_size for file in files)


def make_torch_twin(model):
    """The same network as a torch module."""
    parts = []
    for layer in model.layers:
        kernel, bias = layer.get_weights()
        linear = torch.nn.Linear(*kernel.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(kernel.T))
            linear.bias.copy_(torch.tensor(bias))
        parts += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*parts[:-1], torch.nn.Softmax(1))


def main():
    warnings.simplefilter("ignore")
    keras.utils.set_random_seed(0)
    X, y = shuffle(*load_digits(return_X_y=True), random_state=0)
    X = (X / 16).astype(np.float32)
    hidden, out = keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")
    model = keras.Sequential([keras.Input((64,)), hidden, out])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X[:600], y[:600], epochs=100, verbose=0)
    module = make_torch_twin(model)
    held, new = slice(600, 1200), X[1200:]
    runs = [run_keras, run_saved_model, run_tflite, run_onnx]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        bare = FrozenNetwork(model).predict_proba(new)
        print("format", "network alone", *(sys.argv[1:] or METHODS), sep=" | ")
        tables = {
            run.__name__: [show(run, model, folder / f"0{run.__name__}", new, bare)]
            for run in runs
        }
        tables["run_torch"] = []
        for method in sys.argv[1:] or METHODS:
            calibrated = CalibratedClassifierCV(model, method=method).fit(X[held], y[held])
            exported, right = to_keras(calibrated), calibrated.predict_proba(new)
            for run in runs:
                path = folder / f"{method}_{run.__name__}"
                tables[run.__name__].append(show(run, exported, path, new, right))
            calibrated = CalibratedClassifierCV(copy.deepcopy(module), method=method)
            calibrated.fit(X[held], y[held])
            with torch.no_grad():
                found = to_torch(calibrated)(torch.tensor(new)).numpy()
            far = np.abs(found - calibrated.predict_proba(new)).max()
            tables["run_torch"].append(f"{far:.1e}")
    for name, cells in tables.items():
        print(name.removeprefix("run_"), *cells, sep=" | ")


def show(run, model, path, X, right):
    difference = np.abs(run(model, path, X) - right).max()
    return f"{difference:.1e} ({size_of(path) / 1000:.0f} kB)"


if __name__ == "__main__":
    main()
