"""Every calibrator, found through ``__all__``, and problems to try them on."""

import inspect

import numpy as np
from hypothesis import strategies as st

from skcalib import calibrators

# Parameters worth a separate run of every law.
VARIANTS = {
    "BayesianBinning": [{"multiclass": "ovo"}],
    "HistogramBinning": [{"strategy": "uniform"}],
    "IsotonicCalibration": [{"smoothing": "none"}, {"curve": "smooth"}],
    "TemperatureScaling": [{"smoothing": "mix"}, {"smoothing": "targets"}],
    "QuadraticScaling": [{"monotone": False, "smoothing": "none"}],
    "VennAbersCalibration": [{"multiclass": "ovo", "point": "brier"}],
}


def all_calibrators():
    """Return an instance of every concrete calibrator, and of its variants."""
    found = []
    for name in calibrators.__all__:
        thing = getattr(calibrators, name)
        if inspect.isclass(thing) and not inspect.isabstract(thing):
            found += [thing(**parameters) for parameters in [{}, *VARIANTS.get(name, [])]]
    return found


@st.composite
def problems(draw, min_classes=2, max_classes=5, max_samples=30):
    """Draw logits, labels 0..K-1 of which each has a row, and positive integer weights.

    Logits are multiples of 1/8: shifts by such numbers are exact, and so are ties.
    """
    n_classes = draw(st.integers(min_classes, max_classes))
    n_samples = draw(st.integers(n_classes, max_samples))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([1, 8, 64, 400]))
    signal = draw(st.sampled_from([0, 0, 1, 3]))
    y = rng.permutation(np.concatenate([np.arange(n_classes)] * n_samples)[:n_samples])
    logits = rng.integers(-size, size + 1, (n_samples, n_classes)).astype(float)
    logits[np.arange(n_samples), y] += signal * size / 2
    weight = rng.integers(1, 4, n_samples).astype(float)
    return np.round(logits) / 8, y, weight
