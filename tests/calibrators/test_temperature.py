"""Temperature scaling against independent references."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators import TemperatureScaling, _temperature_search, logits_from_proba


def overconfident(n_samples, n_classes, scale, seed=0):
    """Draw logits whose true temperature is `scale`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n_samples, n_classes)) * 2
    proba = np.exp(log_softmax(logits, axis=1))
    y = (proba.cumsum(axis=1) < rng.uniform(size=(n_samples, 1))).sum(axis=1)
    return logits * scale, np.minimum(y, n_classes - 1)


def reference(logits, y, weight):
    """Minimise the log loss in log beta by golden sections, to machine precision."""

    def loss(log_beta):
        chosen = log_softmax(np.exp(log_beta) * logits, axis=1)[np.arange(len(y)), y]
        return -weight @ chosen / weight.sum()

    found = minimize_scalar(loss, bounds=(-10, 10), method="bounded", options={"xatol": 1e-12})
    return np.exp(-found.x)


@pytest.mark.parametrize("n_classes", [2, 3, 10, 100])
@pytest.mark.parametrize("scale", [0.01, 0.3, 1, 5, 300])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_scipy(n_classes, scale, weighted):
    logits, y = overconfident(500, n_classes, scale)
    weight = np.random.default_rng(1).uniform(0.1, 5, 500) if weighted else np.ones(500)
    model = TemperatureScaling().fit(logits, y, weight)
    # Golden sections resolve a minimum to the square root of the precision of the loss.
    assert_allclose(model.temperature_, reference(logits, y, weight), rtol=1e-6)
    assert_allclose(model.beta_ * model.temperature_, 1, rtol=1e-15)


def test_closed_form_for_one_confidence():
    # Always the same margin, right in four of five: sigmoid(beta * 4) = 0.8.
    logits = np.array([[4.0, 0.0]] * 4 + [[0.0, 4.0]])
    model = TemperatureScaling().fit(logits, [0, 0, 0, 1, 1])
    assert_allclose(model.temperature_, 4 / np.log(4), rtol=1e-12)


def test_derivatives_by_finite_differences():
    logits, y = overconfident(300, 5, 2)
    weight = np.random.default_rng(2).uniform(size=300)

    def loss(beta):
        return -weight @ log_softmax(beta * logits, axis=1)[np.arange(300), y]

    first, second = _temperature_search._derivatives(logits, y, weight, 0.7)
    step = 1e-4
    assert_allclose(first, (loss(0.7 + step) - loss(0.7 - step)) / (2 * step), rtol=1e-6)
    numeric = (loss(0.7 + step) - 2 * loss(0.7) + loss(0.7 - step)) / step**2
    assert_allclose(second, numeric, rtol=1e-4)


def test_recovers_the_true_temperature_of_float32_softmax_outputs():
    logits, y = overconfident(4000, 10, 3)
    proba = np.exp(log_softmax(logits, axis=1)).astype(np.float32)
    model = TemperatureScaling().fit(logits_from_proba(proba), y)
    assert_allclose(model.temperature_, 3, rtol=0.05)


def test_is_the_same_in_blocks(monkeypatch):
    logits, y = overconfident(999, 7, 3)
    whole = TemperatureScaling().fit(logits, y)

    def small_blocks(n_samples, n_classes):
        return [slice(start, start + 100) for start in range(0, n_samples, 100)]

    monkeypatch.setattr(_temperature_search, "row_blocks", small_blocks)
    assert_allclose(TemperatureScaling().fit(logits, y).beta_, whole.beta_, rtol=1e-12)


def test_memory_order_does_not_matter():
    logits, y = overconfident(500, 7, 3)
    model = TemperatureScaling().fit(logits, y)
    fortran = np.asfortranarray(logits)
    assert_allclose(TemperatureScaling().fit(fortran, y).beta_, model.beta_, rtol=1e-12)
    assert_allclose(model.predict_proba(fortran), model.predict_proba(logits), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1, 50])
def test_likeliest_class_stays_likeliest_ties_included(scale):
    rng = np.random.default_rng(0)
    logits = rng.integers(-3, 4, (400, 4)) * scale
    y = np.where(rng.uniform(size=400) < 0.5, logits.argmax(axis=1), rng.integers(0, 4, 400))
    proba = TemperatureScaling().fit(logits, y).predict_proba(logits)
    rows = np.arange(400)
    assert_array_equal(proba[rows, logits.argmax(axis=1)], proba.max(axis=1))


def test_separable_data_warn_at_the_bound():
    logits = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    with pytest.warns(ConvergenceWarning, match="classified correctly"):
        model = TemperatureScaling().fit(logits, [0, 1, 1])
    assert_allclose(model.temperature_, np.exp(-10))
    assert_array_equal(model.predict_proba(logits), [[1, 0], [0, 1], [0, 1]])


def test_anti_correlated_logits_warn_at_the_bound():
    logits = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        model = TemperatureScaling().fit(logits, [1, 0, 0])
    assert_allclose(model.temperature_, np.exp(10))
    assert_allclose(model.predict_proba(logits), 0.5, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_extreme_scale_warns_at_the_bound(scale):
    logits, y = overconfident(500, 3, scale)
    with pytest.warns(ConvergenceWarning, match="scale"):
        model = TemperatureScaling().fit(logits, y)
    assert_allclose(abs(np.log(model.temperature_)), 10)


def test_logits_constant_in_each_row_leave_the_temperature_at_one():
    logits = np.repeat(np.arange(6.0)[:, None], 3, axis=1)
    model = TemperatureScaling().fit(logits, [0, 1, 2, 0, 1, 2])
    assert model.temperature_ == 1
    assert_allclose(model.predict_proba(logits), 1 / 3)


def test_failure_to_converge_is_said(monkeypatch):
    monkeypatch.setattr(_temperature_search, "MAX_ITER", 1)
    logits, y = overconfident(300, 3, 5)
    with pytest.warns(ConvergenceWarning, match="did not converge in 1 iterations"):
        TemperatureScaling().fit(logits, y)


def test_equal_shares_of_a_constant_answer_are_no_matter_of_scale():
    # A constant answer and balanced classes: the derivative at zero is zero but for rounding.
    logits = np.broadcast_to([1.0, 0.3, -0.7], (33, 3))
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        model = TemperatureScaling().fit(logits, np.arange(33) % 3)
    assert_allclose(model.predict_proba(logits), 1 / 3, atol=1e-4)


def optimum(logits, y, weight):
    """Solve for the root of the derivative of the log loss, in double precision."""
    logits = logits.astype(np.float64)
    chosen = logits[np.arange(len(y)), y]

    def derivative(log_beta):
        proba = softmax(np.exp(log_beta) * logits, axis=1)
        return weight @ ((proba * logits).sum(axis=1) - chosen)

    return np.exp(-brentq(derivative, -9.9, 9.9, xtol=1e-14))


@pytest.mark.parametrize(
    ("n_samples", "n_classes"), [(40_000, 2), (20_000, 10), (8000, 100), (2500, 1000)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "weights", ["any", *(pytest.param(w, marks=pytest.mark.slow) for w in ("none", "zeros"))]
)
def test_agrees_with_the_root_of_the_derivative_on_many_rows(
    n_samples, n_classes, dtype, weights
):
    logits, y = overconfident(n_samples, n_classes, 2.5, seed=n_classes)
    logits = logits.astype(dtype) + dtype(20)
    weight = None
    if weights != "none":
        weight = np.random.default_rng(1).uniform(0.1, 5, n_samples)
        weight[:: 3 if weights == "zeros" else n_samples] = 0
    model = TemperatureScaling()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y has no sample of the classes")
        model.fit(logits, y, weight)
    expected = optimum(logits, y, np.ones(n_samples) if weight is None else weight)
    assert_allclose(model.temperature_, expected, rtol=1e-6)


def evaluations(monkeypatch):
    """Return a list that will hold the number of rows of each evaluation."""
    seen, derivatives = [], _temperature_search._derivatives

    def counted(logits, *args, **kwargs):
        seen.append(len(logits))
        return derivatives(logits, *args, **kwargs)

    monkeypatch.setattr(_temperature_search, "_derivatives", counted)
    return seen


@pytest.mark.parametrize("scale", [0.01, 1, 100])
def test_one_look_at_all_rows_is_enough(monkeypatch, scale):
    logits, y = overconfident(100_000, 3, scale)
    seen = evaluations(monkeypatch)
    model = TemperatureScaling().fit(logits, y)
    assert seen.count(100_000) == 1
    assert_allclose(model.temperature_, optimum(logits, y, np.ones(100_000)), rtol=1e-6)


@pytest.mark.parametrize("odd", [100.0, 0.0, -1.0])
def test_a_misleading_sample_does_not_mislead(monkeypatch, odd):
    # Every eleventh row, the sample, is of another scale, or constant, or of the wrong sign.
    logits, y = overconfident(21_000, 4, 2)
    logits[_temperature_search.STRIDE // 2 :: _temperature_search.STRIDE] *= odd
    seen = evaluations(monkeypatch)
    model = TemperatureScaling().fit(logits, y)
    assert_allclose(model.temperature_, optimum(logits, y, np.ones(21_000)), rtol=1e-6)
    assert seen.count(21_000) > 1


def test_a_separable_sample_does_not_mislead():
    logits, y = overconfident(21_000, 4, 2)
    sample = slice(_temperature_search.STRIDE // 2, None, _temperature_search.STRIDE)
    y[sample] = logits[sample].argmax(axis=1)
    model = TemperatureScaling().fit(logits, y)
    assert_allclose(model.temperature_, optimum(logits, y, np.ones(21_000)), rtol=1e-6)


@pytest.mark.parametrize("n_samples", [500, 20_000])
@pytest.mark.parametrize(
    ("wrong", "message"), [(0.0, "classified correctly"), (1.0, "no better than chance")]
)
def test_bounds_are_told_apart_on_few_and_many_rows(n_samples, wrong, message):
    logits, _ = overconfident(n_samples, 3, 2)
    y = (wrong * -logits + (1 - wrong) * logits).argmax(axis=1)
    with pytest.warns(ConvergenceWarning, match=message) as record:
        TemperatureScaling().fit(logits, y)
    assert len(record) == 1


def test_higher_derivatives_by_finite_differences():
    logits, y = overconfident(300, 5, 2)
    weight = np.random.default_rng(2).uniform(size=300)

    def derivatives(beta):
        return _temperature_search._derivatives(logits, y, weight, beta, order=4)

    numeric = (derivatives(0.7 + 1e-5) - derivatives(0.7 - 1e-5)) / 2e-5
    assert_allclose(derivatives(0.7)[1:], numeric[:-1], rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3, 10, 100, 1000])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 2e-5), (np.float64, 1e-13)])
def test_probabilities_are_the_plain_formula(n_classes, dtype, rtol):
    rng = np.random.default_rng(0)
    n_samples = 2**20 // n_classes  # more than one block
    logits = rng.normal(size=(n_samples, n_classes)).astype(dtype)
    # Some rows are extreme: shifted far off, or with differences beyond all exponentials.
    logits[::7] += rng.choice([-300, 300], (len(logits[::7]), 1)).astype(dtype)
    logits[::11] *= dtype(1e27)
    model = TemperatureScaling().fit_columns(*overconfident(200, n_classes, 2), np.ones(200))
    proba = model.predict_proba(logits)
    expected = softmax(model.beta_ * logits.astype(np.float64), axis=1)
    assert proba.dtype == dtype
    assert_allclose(proba, expected, rtol=rtol, atol=1e-37)
    # No row's answer depends on the rows beside it, to the last bit.
    some = rng.permutation(n_samples)[:50]
    assert_array_equal(model.predict_proba(logits[some]), proba[some])


def test_the_first_bad_row_is_named_wherever_it_is():
    logits, y = overconfident(300_000, 2, 2)
    logits[299_000, 1] = np.nan
    logits[299_500, 0] = np.inf
    with pytest.raises(ValueError, match=r"2 of 300000 rows .* row 299000"):
        TemperatureScaling().fit(logits, y)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_likeness_to_probabilities_counts_rows_of_positive_weight_in_all_blocks(n_classes):
    rng = np.random.default_rng(0)
    logits = rng.dirichlet(np.ones(n_classes), 200_000)
    y = rng.integers(0, n_classes, 200_000)
    logits[-1] = -2.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        TemperatureScaling().fit(logits, y)
        with pytest.warns(UserWarning, match="logits_from_proba"):
            TemperatureScaling().fit(logits, y, np.r_[np.ones(199_999), 0])


FROM_DISK = """
import re, resource, sys
import numpy as np
from skcalib.calibrators import TemperatureScaling

few = np.eye(3)[np.arange(1500) % 3]
TemperatureScaling().fit(few, np.arange(1500) % 2).predict_proba(few)  # imports come first
shape = (60_000, 500)
logits = np.memmap(sys.argv[1], np.float32, "r", shape=shape)
proba = np.memmap(sys.argv[2], np.float32, "w+", shape=shape)
y, weight = np.load(sys.argv[3]), np.arange(60_000) % 3
data = int(re.search(r"VmData:\\s+(\\d+)", open("/proc/self/status").read()).group(1))
resource.setrlimit(resource.RLIMIT_DATA, (data * 1024 + int(sys.argv[4]), -1))
for sample_weight in (None, weight):
    model = TemperatureScaling().fit(logits, y, sample_weight)
for start in range(0, 60_000, 2000):
    proba[start : start + 2000] = model.predict_proba(logits[start : start + 2000])
print(model.temperature_)
try:
    np.array(logits)
except MemoryError:
    print("a copy does not fit")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of data differ")
@pytest.mark.slow
@pytest.mark.parametrize(("n_threads", "mebibytes"), [(1, 24), (2, 48)])
def test_a_file_of_logits_is_read_in_blocks(tmp_path, n_threads, mebibytes):
    """A process may use that much for its data, the file being 114, and gets along with it.

    A second thread has a stack and free memory of its own.
    """
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((60_000, 500), dtype=np.float32)
    y = (logits + rng.gumbel(size=(60_000, 1)) / 2).argmax(axis=1)
    y[::2] = rng.integers(0, 500, 30_000)
    logits.tofile(tmp_path / "logits")
    np.save(tmp_path / "y.npy", y)
    files = [str(tmp_path / name) for name in ("logits", "proba", "y.npy")]
    done = subprocess.run(
        [sys.executable, "-c", FROM_DISK, *files, str(mebibytes * 2**20)],
        env={**os.environ, "OMP_NUM_THREADS": str(n_threads)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    temperature, copied = done.stdout.splitlines()
    assert copied == "a copy does not fit"
    model = TemperatureScaling().fit(logits, y, np.arange(60_000) % 3)
    assert float(temperature) == model.temperature_
    proba = np.fromfile(tmp_path / "proba", np.float32).reshape(logits.shape)
    assert_array_equal(proba, model.predict_proba(logits))


def test_the_mixture_with_the_uniform():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(50, 3))
    y = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    weight = rng.uniform(0.5, 2, 50)
    plain = TemperatureScaling().fit(logits, y, weight)
    mixed = TemperatureScaling(smoothing="mix").fit(logits, y, weight)
    share = 1 / (weight.sum() + 1)
    assert_allclose(mixed.uniform_share_, share)
    assert plain.uniform_share_ == 0
    expected = (1 - share) * plain.predict_proba(logits) + share / 3
    assert_allclose(mixed.predict_proba(logits), expected, rtol=1e-14)
    with pytest.raises(ValueError, match="smoothing must be one of 'none', 'targets', 'mix'"):
        TemperatureScaling(smoothing="laplace").fit(logits, y)
