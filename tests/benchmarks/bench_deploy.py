"""How large descriptions and ONNX models are, and how fast they answer.

Run from the repository: python tests/benchmarks/bench_deploy.py
"""

import json
import pickle
import time
import warnings

import numpy as np

from skcalib import calibrators
from skcalib.deploy import describe, from_description, to_onnx

METHODS = [
    "TemperatureScaling",
    "EnsembleTemperatureScaling",
    "VectorScaling",
    "StructuredMatrixScaling",
    "DirichletCalibration",
    "PlattScaling",
    "BetaCalibration",
    "QuadraticScaling",
    "SplineCalibration",
    "IsotonicCalibration",
    "HistogramBinning",
    "BayesianBinning",
    "ScalingBinning",
    "VennAbersCalibration",
    "HierarchicalCalibration",
    "AutoCalibration",
]
TOL = 1e-4


def problem(n_classes, n_samples, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    logits = 2 * rng.normal(size=(n_samples, n_classes)) + 4 * np.eye(n_classes)[y]
    return logits, y


def kilobytes(description):
    return len(json.dumps(description, separators=(",", ":"))) / 1000


def seconds(function, *arguments):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


def measure(name, n_classes, n_samples, rows):
    import onnxruntime

    logits, y = problem(n_classes, n_samples)
    fitted = getattr(calibrators, name)().fit(logits, y)
    whole, thinned = describe(fitted), describe(fitted, tol=TOL)
    expected = fitted.predict_proba(rows)
    moved = np.abs(from_description(thinned).predict_proba(rows) - expected).max()
    described = from_description(whole)
    exact = np.abs(described.predict_proba(rows) - expected).max()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    data = to_onnx(fitted).SerializeToString()
    session = onnxruntime.InferenceSession(data, options)
    run = (session.run, ["probabilities"], {"logits": rows})
    onnx = np.abs(session.run(*run[1:])[0] - expected).max()
    times = [seconds(fitted.predict_proba, rows), seconds(described.predict_proba, rows)]
    print(
        f"{name:28s} {n_classes:4d} {len(pickle.dumps(fitted)) / 1000:9.1f} "
        f"{kilobytes(whole):9.1f} {kilobytes(thinned):9.1f} {len(data) / 1000:9.1f} "
        f"{exact:8.0e} {moved:8.0e} {onnx:8.0e} "
        f"{times[0]:7.3f} {times[1]:7.3f} {seconds(*run):7.3f}",
        flush=True,
    )


def main():
    warnings.simplefilter("ignore")
    print(
        f"kB: pickle, JSON, JSON with tol={TOL:g}, ONNX; largest differences: JSON, with tol,"
    )
    print("ONNX (float64); seconds for 100,000 rows on one core: fitted, JSON, ONNX Runtime")
    for n_classes, n_samples in ((10, 2000), (10, 10_000)):
        print(f"{n_classes} classes, {n_samples:,} calibration rows")
        rows, _ = problem(n_classes, 100_000, seed=1)
        for name in METHODS:
            measure(name, n_classes, n_samples, rows)
    print("100 classes, 100,000 calibration rows")
    measure("VennAbersCalibration", 100, 100_000, problem(100, 10_000, seed=1)[0])


if __name__ == "__main__":
    main()
