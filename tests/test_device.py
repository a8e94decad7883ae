"""Arrays that stay on their device, and logits of several axes: the answers of flat NumPy."""

import re
import tracemalloc
import warnings
from math import prod
from pathlib import Path

import numpy as np
import pytest
import scipy
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skcalib import metrics
from skcalib.calibrators import (
    EnsembleTemperatureScaling,
    IsotonicCalibration,
    MatrixScaling,
    PlattScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VectorScaling,
)
from skcalib.inputs import _device

RNG = np.random.default_rng(0)
SHAPE, K = (6, 5, 8), 3  # images, height, width
Y = RNG.integers(0, K, SHAPE)
Z = RNG.normal(size=(*SHAPE, K)) * 2 + 2 * np.eye(K)[Y] + [1, 0, 0]  # classes last
WEIGHT = RNG.integers(0, 4, SHAPE).astype(float)
LABELS = np.where(RNG.random(SHAPE) < 0.2, 255, Y)
KEPT = LABELS.ravel() != 255

METHODS = [
    TemperatureScaling(),
    TemperatureScaling(smoothing="mix"),
    TemperatureScaling(smoothing="targets"),
    VectorScaling(),
    MatrixScaling(),
    StructuredVectorScaling(),
    StructuredMatrixScaling(),
    EnsembleTemperatureScaling(),
    PlattScaling(),
]
METRICS = [
    (metrics.log_loss, {}),
    (metrics.brier_score_loss, {}),
    (metrics.brier_score_loss, {"scale_by_half": True}),
    (metrics.expected_calibration_error, {}),
    (metrics.maximum_calibration_error, {"n_bins": 4}),
    (metrics.calibration_error, {"notion": "class-wise", "norm": "l2", "debias": True}),
    (metrics.calibration_error, {"notion": "top-label", "n_bins": 7}),
    (metrics.calibration_error, {"strategy": "quantile"}),
    (metrics.calibration_error, {"notion": "top-label", "strategy": "quantile"}),
    (metrics.calibration_error, {"n_bins": "auto"}),
    (metrics.calibration_error, {"n_bins": "cube_root", "notion": "class-wise"}),
]
every_method = pytest.mark.parametrize("method", METHODS, ids=repr)
every_metric = pytest.mark.parametrize(
    ("metric", "params"), METRICS, ids=lambda v: getattr(v, "__name__", str(v))
)


@pytest.fixture
def dispatch(monkeypatch):
    """Have scikit-learn's option set, as for users of a device."""
    if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 14):
        pytest.skip("scikit-learn dispatches by the array API with SciPy 1.14 or newer")
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with sklearn.config_context(array_api_dispatch=True):
        yield


def library(name):
    module = pytest.importorskip(name, reason=f"{name} is not installed")
    return module.asarray


every_library = pytest.mark.parametrize("name", ["numpy", "torch", "array_api_strict"])


def flat(method, weight=None, dtype=np.float64):
    """Fit on rows of NumPy; return the probabilities with the classes last."""
    rows = Z.reshape(-1, K).astype(dtype)
    w = None if weight is None else weight.ravel()[KEPT]
    fitted = clone(method).fit(rows[KEPT], LABELS.ravel()[KEPT], w)
    return fitted, fitted.predict_proba(rows).reshape(Z.shape)


@every_method
@pytest.mark.parametrize("axis", [1, -1, 0])
def test_several_axes_are_the_flat_rows(method, axis):
    expected, proba = flat(method, WEIGHT)
    X = np.moveaxis(Z, -1, axis)
    fitted = clone(method).fit(X, LABELS, WEIGHT, axis=axis, ignore_index=255)
    assert_array_equal(fitted.classes_, expected.classes_)
    assert fitted.n_features_in_ == K
    found = fitted.predict_proba(X, axis=axis)
    assert_allclose(np.moveaxis(found, axis, -1), proba, rtol=0, atol=1e-6)
    labels = fitted.predict(X, axis=axis)
    assert_array_equal(labels, expected.predict(Z.reshape(-1, K)).reshape(SHAPE))
    assert_allclose(fitted.predict_log_proba(X, axis=axis), np.log(found))
    # What was fitted along an axis answers flat rows, too.
    assert_allclose(fitted.predict_proba(Z.reshape(-1, K)), proba.reshape(-1, K), atol=1e-6)


@every_metric
@pytest.mark.parametrize("axis", [1, -1])
def test_metrics_of_several_axes_are_those_of_flat_rows(metric, params, axis):
    P = softmax(Z, axis=-1)
    w = WEIGHT.ravel()[KEPT]
    value = metric(Y.ravel()[KEPT], P.reshape(-1, K)[KEPT], sample_weight=w, **params)
    given_, kwargs = np.moveaxis(P, -1, axis), {"axis": axis, "ignore_index": 255}
    found = metric(LABELS, given_, sample_weight=WEIGHT, **params, **kwargs)
    assert type(found) is float
    assert_allclose(found, value, rtol=0, atol=1e-12)


@every_library
@every_method
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_calibrator_computes_where_the_logits_are(dispatch, name, method, dtype):
    make = library(name)
    X = Z.reshape(-1, K).astype(dtype)
    y, weight = Y.ravel(), WEIGHT.ravel()
    with sklearn.config_context(array_api_dispatch=False):
        expected = clone(method).fit(X, y, weight).predict_proba(X)
    fitted = clone(method).fit(make(X), make(y), make(weight))
    proba = fitted.predict_proba(make(X))
    assert type(proba) is type(make(X))
    assert proba.dtype == make(X).dtype
    assert_allclose(np.asarray(proba), expected, rtol=0, atol=1e-6)
    labels = fitted.predict(make(X))
    assert type(labels) is type(proba)
    assert_array_equal(np.asarray(labels), expected.argmax(axis=1))
    assert_allclose(np.asarray(fitted.predict_log_proba(make(X))), np.log(expected), atol=1e-5)
    # Fitted there, it serves arrays of NumPy.
    with sklearn.config_context(array_api_dispatch=False):
        assert_allclose(fitted.predict_proba(X), expected, rtol=0, atol=1e-6)


@every_library
@every_method
def test_several_axes_where_the_logits_are(dispatch, name, method):
    make = library(name)
    _, expected = flat(method)
    X = make(np.ascontiguousarray(np.moveaxis(Z, -1, 1)))
    fitted = clone(method).fit(X, make(LABELS), axis=1, ignore_index=255)
    proba = fitted.predict_proba(X, axis=1)
    assert type(proba) is type(X)
    assert_allclose(np.moveaxis(np.asarray(proba), 1, -1), expected, rtol=0, atol=1e-6)


@every_library
@every_metric
def test_a_metric_computes_where_the_probabilities_are(dispatch, name, metric, params):
    make = library(name)
    for dtype in ("float64", "float32"):
        P = softmax(Z.reshape(-1, K), axis=1).astype(dtype)
        y, weight = Y.ravel(), WEIGHT.ravel()
        expected = metric(y, P, sample_weight=weight, **params)
        found = metric(make(y), make(P), sample_weight=make(weight), **params)
        assert type(found) is float
        assert_allclose(found, expected, rtol=0, atol=1e-12)


@every_library
@pytest.mark.parametrize("pos_label", ["no", "yes"])
def test_two_classes_as_a_vector_or_columns(dispatch, name, pos_label):
    make = library(name)
    y = np.array(["no", "yes"])[Y.ravel() % 2]
    p = np.random.default_rng(1).uniform(size=len(y))
    for given_ in (p, p[:, None], np.stack([1 - p, p], axis=1)):
        for metric, params in METRICS[:6]:
            args = {"pos_label": pos_label, **params}
            expected = metric(y, given_, **args)
            assert_allclose(metric(y, make(given_), **args), expected, rtol=0, atol=1e-12)
    f = np.log(p / (1 - p))[:, None]
    for method in METHODS:
        expected = clone(method).fit(f, y).predict_proba(f)
        fitted = clone(method).fit(make(f), y)
        assert fitted.n_features_in_ == 1
        assert_allclose(np.asarray(fitted.predict_proba(make(f))), expected, atol=1e-6)
        assert fitted.predict(make(f)).tolist() == fitted.predict(f).tolist()


@pytest.fixture
def counted(monkeypatch):
    """Count the numbers of all tensors that become arrays, lists or numbers of the host."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    sizes = []

    def count(name):
        before = getattr(torch.Tensor, name)

        def counting(self, *args, **kwargs):
            sizes.append(self.numel())
            return before(self, *args, **kwargs)

        monkeypatch.setattr(torch.Tensor, name, counting)

    for name in ("__array__", "numpy", "tolist", "cpu", "item", "__float__", "__int__"):
        count(name)
    return sizes


@every_method
@pytest.mark.parametrize("n_axes", [2, 3])
def test_no_more_than_sums_come_to_the_host(dispatch, counted, method, n_axes):
    import torch

    y = torch.arange(6000) % K
    X = torch.as_tensor(RNG.normal(size=(6000, K))) + 2 * torch.eye(K)[y]
    kwargs = {}
    if n_axes == 3:
        X, y, kwargs = X.reshape(6, 1000, K).permute(0, 2, 1), y.reshape(6, 1000), {"axis": 1}
    fitted = clone(method).fit(X, y, **kwargs)
    fitted.predict_proba(X, **kwargs)
    assert counted
    assert max(counted) <= 12**2  # the Hessian of a matrix
    counted.clear()
    for metric, params in METRICS[:7]:
        metric(y, torch.softmax(X, 1), **params, **kwargs)
    assert max(counted) <= 2 * K * 2 * 16
    counted.clear()
    metrics.calibration_error(y, torch.softmax(X, 1), strategy="quantile", **kwargs)
    assert max(counted) == 6000  # the confidences, not all probabilities


def test_a_copy_would_be_counted(counted):
    import torch

    rows = torch.tensor(Z.reshape(-1, K))
    TemperatureScaling().fit(rows, torch.tensor(Y.ravel()))
    assert max(counted) == rows.numel()


def test_nothing_as_large_as_the_logits_is_made_along_an_axis(monkeypatch):
    monkeypatch.setattr(_device, "OF_CACHE", 2**14)
    monkeypatch.setattr(_device, "FEW", 0)
    y = RNG.integers(0, 64, (16, 32, 32)).astype(np.uint8)
    X = np.moveaxis(np.eye(64, dtype=np.float32)[y], -1, 1).copy()  # 4 MiB
    X += RNG.normal(size=X.shape).astype(np.float32)
    P = softmax(X, axis=1)
    tracemalloc.start()
    TemperatureScaling().fit(X, y, axis=1, ignore_index=255)
    metrics.log_loss(y, P, axis=1)
    metrics.expected_calibration_error(y, P, axis=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 4


@pytest.mark.parametrize("method", [METHODS[0], METHODS[6], METHODS[8]], ids=repr)
def test_blocks_of_any_size_give_the_same(method, monkeypatch):
    X, P = np.moveaxis(Z, -1, 1), np.moveaxis(softmax(Z, axis=-1), -1, 1)
    _, expected = flat(method)
    value = metrics.calibration_error(Y, P, axis=1)
    for size in (7 * K, 100 * K):  # parts of lines; lines of an image
        monkeypatch.setattr(_device, "OF_CACHE", size)
        monkeypatch.setattr(_device, "LABELS", size)
        fitted = clone(method).fit(X, LABELS, axis=1, ignore_index=255)
        proba = np.moveaxis(fitted.predict_proba(X, axis=1), 1, -1)
        assert_allclose(proba, expected, rtol=0, atol=1e-6)
        found = metrics.calibration_error(Y, P, axis=1)
        assert_allclose(found, value, rtol=0, atol=1e-12)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 40))
def test_blocks_hold_each_row_once_and_are_small(lead, limit):
    rows, seen = np.arange(prod(lead)).reshape(lead), []
    for index in _device.cut_rows(tuple(lead), limit):
        assert rows[index].size <= limit
        seen += rows[index].ravel().tolist()
    assert sorted(seen) == list(range(prod(lead)))


@pytest.mark.slow
def test_single_precision_alone_as_on_apples_cards(monkeypatch):
    monkeypatch.setattr(_device, "_widest", lambda xp, device: xp.float32)
    X, P = np.moveaxis(Z, -1, 1).astype(np.float32), softmax(Z, axis=-1)
    for method in METHODS:
        _, expected = flat(method, dtype=np.float32)
        fitted = clone(method).fit(X, LABELS, axis=1, ignore_index=255)
        found = np.moveaxis(fitted.predict_proba(X, axis=1), 1, -1)
        assert_allclose(found, expected, rtol=0, atol=1e-4)
    for metric, params in METRICS[:7]:
        value = metric(Y.ravel(), P.reshape(-1, K), **params)
        found = metric(Y, P.astype(np.float32), axis=-1, **params)
        assert_allclose(found, value, rtol=0, atol=1e-4)


MASKED = np.where((RNG.random(Z.shape) < 0.3) & (np.eye(K)[Y] == 0), -np.inf, Z)


@pytest.mark.parametrize("name", ["torch", "array_api_strict"])
@pytest.mark.parametrize("lowest", ["-inf", "float64", "float32", "float16"])
def test_masked_classes(dispatch, name, lowest):
    make = library(name)
    if lowest == "float16" and name != "torch":
        return  # which the standard does not know
    low = -np.inf if lowest == "-inf" else np.finfo(lowest).min
    X = np.where(-np.inf == MASKED, low, MASKED)
    X = X.reshape(-1, K).astype(np.float64 if lowest == "-inf" else lowest)
    y = Y.ravel()
    for method in [*METHODS[:3], METHODS[7]]:
        expected = clone(method).fit(X, y).predict_proba(X)
        fitted = clone(method).fit(make(X), make(y))
        proba = np.asarray(fitted.predict_proba(make(X)))
        assert proba.dtype == expected.dtype  # half precision becomes single
        assert_allclose(proba, expected, rtol=0, atol=1e-6)
        assert (proba[MASKED.reshape(-1, K) == -np.inf] == 0).all()
    for method in (VectorScaling(), PlattScaling(), MatrixScaling()):
        with pytest.raises(ValueError, match="X masks classes in some rows"):
            clone(method).fit(make(X), make(y))
    wrong = np.where(np.eye(K)[y] == 1, low, Z.reshape(-1, K)).astype(X.dtype)
    with pytest.raises(ValueError, match="y is a class that X masks"):
        TemperatureScaling().fit(make(wrong), make(y))


@pytest.mark.parametrize("name", ["torch", "array_api_strict"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 2e30, -2e30])
def test_unusable_logits_are_said_to_be(dispatch, name, bad):
    make = library(name)
    X = Z.reshape(-1, K).copy()
    X[5, 1] = bad
    for call in (
        lambda: TemperatureScaling().fit(make(X), make(Y.ravel())),
        lambda: flat(METHODS[0])[0].predict_proba(make(X)),
    ):
        with pytest.raises(ValueError, match=r"X has NaN, infinite .* in 1 rows of 240"):
            call()


class Halved(TemperatureScaling):
    """What somebody else has derived, and knows nothing of devices."""

    def _proba(self, logits):
        return softmax(logits / 2, axis=1)


@pytest.mark.parametrize("name", ["torch", "array_api_strict"])
def test_other_methods_and_metrics_copy(dispatch, name):
    make = library(name)
    X, y = Z.reshape(-1, K), Y.ravel()
    for method in (IsotonicCalibration(), PlattScaling(multiclass="ovo"), Halved()):
        expected = clone(method).fit(X, y).predict_proba(X)
        proba = clone(method).fit(make(X), make(y)).predict_proba(make(X))
        assert type(proba) is type(make(X))
        assert_allclose(np.asarray(proba), expected, rtol=0, atol=1e-12)
    P = softmax(X, axis=1)
    value = metrics.smooth_calibration_error(y, P)
    assert metrics.smooth_calibration_error(make(y), make(P)) == value


@pytest.mark.parametrize("scale", [pytest.param(1e-30, marks=pytest.mark.slow), 1e4, 1e28])
def test_logits_of_any_scale_along_an_axis(scale):
    for dtype in (np.float64, np.float32):
        X = (Z * scale).astype(dtype)
        for method in [METHODS[0], *METHODS[2:7]]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                expected = clone(method).fit(X.reshape(-1, K), Y.ravel())
                fitted = clone(method).fit(X, Y, axis=-1)
            proba = expected.predict_proba(X.reshape(-1, K)).reshape(Z.shape)
            assert_allclose(fitted.predict_proba(X, axis=-1), proba, rtol=0, atol=1e-6)


def test_other_methods_refuse_several_axes():
    with pytest.raises(ValueError, match=r"IsotonicCalibration takes rows of two axes.* flat"):
        IsotonicCalibration().fit(Z, Y, axis=-1)
    fitted = IsotonicCalibration().fit(Z.reshape(-1, K), Y.ravel())
    with pytest.raises(ValueError, match="IsotonicCalibration takes rows of two axes"):
        fitted.predict_proba(Z, axis=-1)


def test_rows_of_two_axes_may_lie_along_either_and_be_ignored():
    X, y = Z.reshape(-1, K), LABELS.ravel()
    for method in (TemperatureScaling(), IsotonicCalibration()):
        expected = clone(method).fit(X[KEPT], y[KEPT], WEIGHT.ravel()[KEPT]).predict_proba(X)
        fitted = clone(method).fit(X.T, y, WEIGHT.ravel(), axis=0, ignore_index=255)
        assert_array_equal(fitted.predict_proba(X.T, axis=0), expected.T)
        assert_array_equal(fitted.predict(X.T, axis=0), fitted.predict(X))
    P = softmax(X, axis=1)
    value = metrics.log_loss(y[KEPT], P[KEPT])
    assert metrics.log_loss(y, P, ignore_index=255) == value
    assert metrics.log_loss(y, P.T, axis=0, ignore_index=255) == value


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"axis": 4}, r"axis must be an integer from -4 to 3, got 4"),
        ({"axis": 1.0}, r"axis must be an integer"),
        ({"axis": True}, r"axis must be an integer"),
        ({"axis": -1, "ignore_index": "none"}, "ignore_index must be an integer"),
        ({"ignore_index": 255}, r"X has shape .*axis= that of the classes"),
    ],
)
def test_an_unusable_axis_or_label(kwargs, message):
    with pytest.raises(ValueError, match=message):
        TemperatureScaling().fit(Z, Y, **kwargs)
    with pytest.raises(ValueError, match=message.replace("X has", "y_proba has")):
        metrics.log_loss(Y, softmax(Z, axis=-1), **kwargs)


def test_shapes_and_values_that_do_not_fit_are_named():
    P = softmax(Z, axis=-1)
    for y in (Y[:-1], Y.ravel(), Y[..., None]):
        with pytest.raises(ValueError, match=r"y has shape .*, and the rows have shape"):
            TemperatureScaling().fit(Z, y, axis=-1)
        with pytest.raises(ValueError, match=r"y_true has shape .*, and the rows have shape"):
            metrics.log_loss(y, P, axis=-1)
    with pytest.raises(ValueError, match=r"sample_weight has shape \(240,\), expected"):
        TemperatureScaling().fit(Z, Y, WEIGHT.ravel(), axis=-1)
    with pytest.raises(ValueError, match="sample_weight holds NaN, infinite or negative"):
        TemperatureScaling().fit(Z, Y, -WEIGHT, axis=-1)
    with pytest.raises(ValueError, match="No sample counts"):
        TemperatureScaling().fit(Z, Y * 0 + 7, axis=-1, ignore_index=7)
    with pytest.raises(ValueError, match="y has 4 classes, but X has 3 columns"):
        TemperatureScaling().fit(Z, np.where(LABELS == 255, 3, Y), axis=-1)
    with pytest.raises(ValueError, match="y has one class only"):
        TemperatureScaling().fit(Z, Y * 0, axis=-1)
    with pytest.raises(ValueError, match=r"y_proba has .*, outside \[0, 1\]; are these logits"):
        metrics.log_loss(Y, Z, axis=-1)
    with pytest.raises(ValueError, match=r"do not sum to one, by up to 0\.5"):
        metrics.brier_score_loss(Y, P / 2, axis=-1)
    with pytest.raises(ValueError, match=r"Pass labels="):
        metrics.log_loss(np.minimum(Y, 1), P, axis=-1)
    with pytest.raises(ValueError, match="X has 2 features, but TemperatureScaling is exp"):
        flat(METHODS[0])[0].predict_proba(Z[..., :2], axis=-1)
    with pytest.warns(UserWarning, match="X looks like probabilities"):
        TemperatureScaling().fit(P, Y, axis=-1)


def test_labels_of_any_kind_along_an_axis():
    P = softmax(Z, axis=-1)
    expected = TemperatureScaling().fit(Z.reshape(-1, K), Y.ravel())
    for names in (["ant", "bee", "cat"], [3, 5, 8], [1.0, 2.0, 4.0]):
        names = np.array(names)
        y = names[Y]
        fitted = TemperatureScaling().fit(Z, y, axis=-1)
        assert fitted.classes_.tolist() == names.tolist()
        assert_allclose(fitted.temperature_, expected.temperature_, rtol=1e-6)
        assert_array_equal(fitted.predict(Z, axis=-1), names[Z.argmax(axis=-1)])
        value = metrics.log_loss(Y.ravel(), P.reshape(-1, K))
        assert_allclose(metrics.log_loss(y, P, axis=-1), value)
        backward = metrics.log_loss(y, P[..., ::-1], axis=-1, labels=names[::-1])
        assert_allclose(backward, value)
    unknown = np.where(LABELS == 255, "?", np.array(["ant", "bee", "cat"])[Y])
    fitted = TemperatureScaling().fit(Z, unknown, axis=-1, ignore_index="?")
    assert_allclose(fitted.temperature_, flat(METHODS[0])[0].temperature_, rtol=1e-6)
    missing = np.where(Y == 1, 0, Y)
    with pytest.warns(UserWarning, match=r"no sample of the classes \[1\]"):
        fitted = TemperatureScaling().fit(Z, missing, axis=-1)
    assert fitted.classes_.tolist() == [0, 1, 2]


def test_what_torch_and_half_precision_bring(dispatch):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    y = torch.as_tensor(Y.ravel())
    for dtype in (torch.bfloat16, torch.float16):
        X = torch.as_tensor(Z.reshape(-1, K)).to(dtype).requires_grad_()
        fitted = TemperatureScaling().fit(X, y)
        proba = fitted.predict_proba(X)
        assert proba.dtype == torch.float32
        assert not proba.requires_grad
        assert_allclose(proba.sum(axis=1).numpy(), 1, atol=1e-6)
        expected = TemperatureScaling().fit(X.detach().float().numpy(), Y.ravel())
        assert_allclose(fitted.temperature_, expected.temperature_, rtol=1e-6)
        assert_allclose(
            metrics.log_loss(y, proba), metrics.log_loss(Y.ravel(), proba.numpy()), rtol=1e-12
        )
    with pytest.raises(ValueError, match="on the device 'meta'"):
        TemperatureScaling().fit(torch.empty(6, 3, device="meta"), y[:6])
    # An image's labels as bytes; text, which lives on the host.
    X = torch.as_tensor(Z)
    fitted = TemperatureScaling().fit(
        X, torch.as_tensor(LABELS).to(torch.uint8), axis=-1, ignore_index=255
    )
    assert_allclose(fitted.temperature_, flat(METHODS[0])[0].temperature_, rtol=1e-6)
    text = TemperatureScaling().fit(X, np.array(["a", "b", "c"])[Y], axis=-1)
    assert text.predict(X, axis=-1).tolist() == np.array(["a", "b", "c"])[Z.argmax(-1)].tolist()


def test_without_the_option_torch_is_read_as_before():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    X = torch.as_tensor(np.moveaxis(Z, -1, 1).copy())
    fitted = TemperatureScaling().fit(X, torch.as_tensor(LABELS), axis=1, ignore_index=255)
    assert type(fitted.predict_proba(X, axis=1)) is np.ndarray
    assert type(fitted.predict_proba(torch.as_tensor(Z.reshape(-1, K)))) is np.ndarray


def test_code_of_the_page_on_large_data(dispatch):
    page = (Path(__file__).parents[1] / "docs/large.md").read_text()
    found = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    card, images = (
        next(code for code in found if word in code)
        for word in ("dispatch=True", "ignore_index")
    )
    names = {"logits": Z.reshape(-1, K), "labels": Y.ravel()}
    exec(card, names)
    assert names["error"] == metrics.expected_calibration_error(Y.ravel(), names["proba"])
    exec(images, names)
    assert names["proba"].shape == names["pixels"].shape
    kept = names["masks"].ravel() != 255
    rows = np.moveaxis(names["proba"], 1, -1).reshape(-1, 4)[kept]
    assert_allclose(names["loss"], metrics.log_loss(names["masks"].ravel()[kept], rows))
