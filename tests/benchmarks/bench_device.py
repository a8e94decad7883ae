"""What calibration costs where the logits are, beside copying them to the host.

Run ``python tests/benchmarks/bench_device.py [temperature | maps | metrics | images | tokens
...]``; without names, all parts. It needs torch, and runs on the graphics card if there is one
(CUDA, or Apple's), else on the processor, on fewer rows; it says where it ran. Nothing is
asserted.

The unit is one pass of ``torch.softmax(logits, 1)``, with the array that it returns: best of
five, as all times, with the device idle before and after. "Numbers to the host" are all that
left the device in a fit or a metric, counted where torch hands them out.
"""

import os
import sys
import time

os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import sklearn
import torch

from skcalib import metrics
from skcalib.calibrators import (
    EnsembleTemperatureScaling,
    MatrixScaling,
    PlattScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VectorScaling,
)

ON_HOST = [(5_000, 1000), (200_000, 10)]
ON_CARD = [(50_000, 1000), (1_000_000, 1000), (100_000, 50_257), (10_000_000, 10)]
HANDED_OUT = ("__array__", "numpy", "tolist", "cpu", "item", "__float__", "__int__")


def find_device():
    """Return the device that torch has."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


DEVICE = find_device()


def wait():
    """Let the device finish."""
    if DEVICE.type != "cpu":
        getattr(torch, DEVICE.type).synchronize()


def best_time(function, times=5):
    """Return the shortest time of several, in seconds."""
    found = []
    for _ in range(times):
        wait()
        start = time.perf_counter()
        function()
        wait()
        found.append(time.perf_counter() - start)
    return min(found)


def count_numbers(function):
    """Return how many numbers left the device."""
    counted, kept = [], {name: getattr(torch.Tensor, name) for name in HANDED_OUT}

    def counting(before):
        def method(self, *args, **kwargs):
            counted.append(self.numel())
            return before(self, *args, **kwargs)

        return method

    try:
        for name, before in kept.items():
            setattr(torch.Tensor, name, counting(before))
        function()
    finally:
        for name, before in kept.items():
            setattr(torch.Tensor, name, before)
    return sum(counted)


def draw(n_rows, n_classes, seed=0):
    """Draw logits of which 1.5 is the true temperature, and labels."""
    generator = torch.Generator(device=DEVICE).manual_seed(seed)
    kwargs = {"device": DEVICE, "generator": generator}
    logits = torch.randn((n_rows, n_classes), **kwargs) * 2
    y = torch.empty(n_rows, dtype=torch.int64, device=DEVICE)
    for rows in torch.arange(n_rows, device=DEVICE).split(2**20 * 16 // n_classes + 1):
        proba = torch.softmax(logits[rows], 1)
        y[rows] = torch.multinomial(proba, 1, generator=generator)[:, 0]
    logits *= 1.5
    return logits, y


def report(name, shape, seconds, unit, moved):
    """Print a line."""
    where = " x ".join(f"{n:,}" for n in shape)
    size = int(np.prod(shape))
    print(
        f"{name:28} {where:>20}  {seconds * 1e3:9.1f} ms  {seconds / unit:7.2f} units  "
        f"{moved:>9,} numbers to the host ({moved / size:.1e} of the logits)",
        flush=True,
    )


def sizes():
    """Return the sizes for this device."""
    return ON_HOST if DEVICE.type == "cpu" else ON_CARD


def measure(name, function, logits, unit):
    """Time a function and count what it moves."""
    moved = count_numbers(function)
    report(name, logits.shape, best_time(function), unit, moved)


def temperature():
    """Fit and apply a temperature; copy the logits, for comparison."""
    for n_rows, n_classes in sizes():
        _temperature(*draw(n_rows, n_classes))


def _temperature(logits, y):
    unit = best_time(lambda: torch.softmax(logits, 1))
    fitted = TemperatureScaling().fit(logits, y)
    report("one softmax", logits.shape, unit, unit, 0)
    measure("temperature, fit", lambda: TemperatureScaling().fit(logits, y), logits, unit)
    measure("temperature, predict", lambda: fitted.predict_proba(logits), logits, unit)
    if DEVICE.type != "cpu":
        report("a copy to the host", logits.shape, best_time(logits.cpu), unit, logits.numel())
    host, labels = logits.cpu().numpy(), y.cpu().numpy()
    with sklearn.config_context(array_api_dispatch=False):
        seconds = best_time(lambda: TemperatureScaling().fit(host, labels), 2)
        expected = TemperatureScaling().fit(host, labels).temperature_
    report("NumPy, fit", logits.shape, seconds, unit, 0)
    print(f"  temperature {fitted.temperature_:.9f}, NumPy's {expected:.9f}")


def maps():
    """Fit the other methods."""
    n_rows = 20_000 if DEVICE.type == "cpu" else 1_000_000
    logits, y = draw(n_rows, 10)
    unit = best_time(lambda: torch.softmax(logits, 1))
    for method in (
        VectorScaling(),
        MatrixScaling(),
        StructuredVectorScaling(),
        StructuredMatrixScaling(),
        EnsembleTemperatureScaling(),
        PlattScaling(),
    ):
        measure(type(method).__name__, lambda m=method: m.fit(logits, y), logits, unit)


def losses():
    """Compute metrics."""
    for n_rows, n_classes in sizes():
        _losses(*draw(n_rows, n_classes))


def _losses(logits, y):
    proba, labels = torch.softmax(logits, 1), np.arange(logits.shape[1])
    unit = best_time(lambda: torch.softmax(logits, 1))
    for metric in (
        metrics.log_loss,
        metrics.brier_score_loss,
        metrics.expected_calibration_error,
    ):
        name = metric.__name__
        measure(name, lambda m=metric: m(y, proba, labels=labels), proba, unit)


def several_axes(shape, axis, name):
    """Fit along an axis, some labels ignored."""
    n_classes = shape[axis]
    n_rows = int(np.prod(shape)) // n_classes
    logits, y = draw(n_rows, n_classes)
    lead = [n for i, n in enumerate(shape) if i != axis % len(shape)]
    logits = logits.reshape(*lead, n_classes).movedim(-1, axis).contiguous()
    y = torch.where(torch.rand(lead, device=DEVICE) < 0.1, -100, y.reshape(lead))
    unit = best_time(lambda: torch.softmax(logits, axis))
    kwargs = {"axis": axis, "ignore_index": -100}
    measure(f"{name}, fit", lambda: TemperatureScaling().fit(logits, y, **kwargs), logits, unit)
    fitted = TemperatureScaling().fit(logits, y, **kwargs)
    measure(f"{name}, predict", lambda: fitted.predict_proba(logits, axis=axis), logits, unit)
    proba = torch.softmax(logits, axis)
    kwargs["labels"] = np.arange(n_classes)
    error = metrics.expected_calibration_error
    measure(f"{name}, ECE", lambda: error(y, proba, **kwargs), logits, unit)


def images():
    """Segment: (n_samples, n_classes, height, width)."""
    several_axes((4 if DEVICE.type == "cpu" else 128, 21, 128, 128), 1, "images")


def tokens():
    """Model language: (n_samples, n_tokens, n_classes)."""
    several_axes((2, 64, 32_000) if DEVICE.type == "cpu" else (64, 512, 50_257), -1, "tokens")


PARTS = {
    "temperature": temperature,
    "maps": maps,
    "metrics": losses,
    "images": images,
    "tokens": tokens,
}


def main(names):
    """Print the parts that are asked for."""
    what = (
        torch.cuda.get_device_name()
        if DEVICE.type == "cuda"
        else f"{torch.get_num_threads()} threads"
    )
    versions = f"torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    print(f"device: {DEVICE} ({what}); {versions}")
    with sklearn.config_context(array_api_dispatch=True):
        for name in names or PARTS:
            PARTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
