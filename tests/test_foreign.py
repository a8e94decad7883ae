"""Tensors and tables at every door: in their own precision, and answers in NumPy."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from support.calibrators import all_calibrators
from test_metrics import KEYWORDS

from skcalib import logits_from_proba, metrics, probability_floor, uncertainty
from skcalib.calibrators import TemperatureScaling

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 80)
Z = (RNG.normal(size=(80, 3)) * 3 + 2 * np.eye(3)[Y]).astype(np.float32)
P = softmax(Z, axis=1)
WEIGHT = RNG.integers(1, 4, 80).astype(float)


def of_torch(array):
    torch = pytest.importorskip("torch")
    return torch.tensor(array)


def with_gradient(array):
    tensor = of_torch(array)
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def of_jax(array):
    jnp = pytest.importorskip("jax.numpy")
    return jnp.asarray(array)


def of_arrow(array):
    pa = pytest.importorskip("pyarrow")
    if array.ndim == 1:
        return pa.chunked_array([array[:30], array[30:]])
    return pa.table({f"class {k}": column for k, column in enumerate(array.T)})


def of_arrow_batch(array):
    pa = pytest.importorskip("pyarrow")
    if array.ndim == 1:
        return pa.array(array)
    return pa.RecordBatch.from_arrays(list(map(pa.array, array.T)), list("abc"))


def of_rows(array):
    return list(of_torch(array))


KINDS = {
    f.__name__: f for f in (of_torch, with_gradient, of_rows, of_jax, of_arrow, of_arrow_batch)
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_calibrator_takes_them_in_their_own_precision(kind, dtype):
    if kind == "of_jax" and dtype == np.float64:
        return  # which JAX does not have by default
    make = KINDS[kind]
    z = Z.astype(dtype)
    expected = TemperatureScaling().fit(z, Y, WEIGHT)
    model = TemperatureScaling().fit(make(z), make(Y), make(WEIGHT.astype(np.float32)))
    assert model.temperature_ == expected.temperature_
    proba = model.predict_proba(make(z))
    assert type(proba) is np.ndarray
    assert proba.dtype == dtype
    assert_array_equal(proba, expected.predict_proba(z))
    assert type(model.predict(make(z))) is np.ndarray
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("calibrator", all_calibrators(), ids=repr)
def test_every_calibrator_takes_tensors_and_tables(calibrator):
    expected = clone(calibrator).fit(Z, Y, WEIGHT).predict_proba(Z)
    for make in (with_gradient, of_arrow):
        model = clone(calibrator).fit(make(Z), make(Y), make(WEIGHT))
        assert_array_equal(model.predict_proba(make(Z)), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("package", ["torch", "jax", "numpy"])
def test_half_precision_becomes_single(package, dtype):
    if package == "torch":
        torch = pytest.importorskip("torch")
        half = of_torch(Z).to(getattr(torch, dtype))
        rounded = half.float().numpy()
    elif package == "jax":
        half = of_jax(Z).astype(dtype)
        rounded = np.asarray(half.astype("float32"))
    elif dtype == "float16":
        half = Z.astype(np.float16)
        rounded = half.astype(np.float32)
    else:
        return  # NumPy has no bfloat16 of its own
    model = TemperatureScaling().fit(half, Y)
    assert model.predict_proba(half).dtype == np.float32
    assert model.temperature_ == TemperatureScaling().fit(rounded, Y).temperature_


def test_masks_in_half_precision():
    torch = pytest.importorskip("torch")
    masked = (np.arange(3) > Y[:, None]) & (np.arange(80) % 2 == 0)[:, None]
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        low = torch.finfo(dtype).min
        z = of_torch(Z).to(dtype).masked_fill(of_torch(masked), low)
        proba = TemperatureScaling().fit(z, Y).predict_proba(z)
        assert_array_equal(proba == 0, masked)


def test_names_of_tables_are_kept():
    model = TemperatureScaling().fit(of_arrow(Z), Y)
    assert model.feature_names_in_.tolist() == ["class 0", "class 1", "class 2"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict_proba(of_arrow(Z).rename_columns(list("abc")))
    pa = pytest.importorskip("pyarrow")
    missing = pa.table({k: [None, 1.0, 2.0] for k in "ab"})
    with pytest.raises(ValueError, match="NaN"):
        TemperatureScaling().fit(missing, [0, 1, 0])


@pytest.mark.parametrize("name", sorted(KEYWORDS))
def test_every_metric_takes_tensors_and_tables(name):
    metric, keywords = getattr(metrics, name), KEYWORDS[name][0]
    expected = metric(Y, P, sample_weight=WEIGHT, **keywords)
    for make in (with_gradient, of_arrow):
        found = metric(make(Y), make(P), sample_weight=make(WEIGHT), **keywords)
        assert type(found) is type(expected)
        pairs = (
            zip(found, expected, strict=True)
            if isinstance(found, tuple)
            else [(found, expected)]
        )
        for one, other in pairs:
            assert_array_equal(one, other)


def of_a_user(y_true, y_proba, sample_weight=None):
    return float(np.average(y_proba[:, 0], weights=sample_weight))


@pytest.mark.parametrize("metric", [metrics.log_loss, of_a_user])
def test_intervals_of_metrics_take_tensors_and_tables(metric):
    given = {"n_resamples": 20, "random_state": 0, "method": "percentile"}
    groups = np.arange(len(Y)) // 2
    given["sample_weight"], given["groups"] = WEIGHT, groups
    expected = metrics.bootstrap_interval(metric, Y, P, **given)
    for make in (with_gradient, of_arrow):
        again = given | {"groups": make(groups), "sample_weight": make(WEIGHT)}
        found = metrics.bootstrap_interval(metric, make(Y), make(P), **again)
        assert found[:3] == expected[:3]


def test_probabilities_and_draws():
    for make in (with_gradient, of_arrow):
        logits = logits_from_proba(make(P))
        assert logits.dtype == np.float32
        assert_array_equal(logits, logits_from_proba(P))
        assert probability_floor(make(P), make(WEIGHT)) == probability_floor(P, WEIGHT)
    draws = np.stack([P, P[::-1]])
    found = uncertainty.predictive_entropy(with_gradient(draws))
    assert_array_equal(found, uncertainty.predictive_entropy(draws))


def test_labels_of_arrow():
    pa = pytest.importorskip("pyarrow")
    words = np.array(["ant", "bee", "cat"])[Y]
    expected = TemperatureScaling().fit(Z, words).predict(Z)
    for y in (
        pa.array(words),
        pa.array(words).dictionary_encode(),
        pa.chunked_array([words[:9], words[9:]]),
    ):
        assert_array_equal(TemperatureScaling().fit(Z, y).predict(Z), expected)
    with pytest.raises(ValueError, match="NaN"):
        TemperatureScaling().fit(Z, pa.array([None, *words[1:]]))
    flags = pa.array(Y > 0)
    assert TemperatureScaling().fit(Z[:, :2], flags).classes_.tolist() == [False, True]


def test_logits_in_a_column_of_lists():
    pa = pytest.importorskip("pyarrow")
    column = pa.array(list(Z), type=pa.list_(pa.float32()))
    expected = TemperatureScaling().fit(Z, Y).temperature_
    assert TemperatureScaling().fit(column, Y).temperature_ == expected
    assert TemperatureScaling().fit(pa.table({"z": column}), Y).temperature_ == expected


def test_tensors_elsewhere_than_on_the_cpu_say_how():
    z, y, p = (of_torch(part).to("meta") for part in (Z, Y, P))
    for call, name in (
        (lambda: TemperatureScaling().fit(z, Y), "X"),
        (lambda: TemperatureScaling().fit(Z, y), "y"),
        (lambda: TemperatureScaling().fit(Z, Y, z[:, 0]), "sample_weight"),
        (lambda: TemperatureScaling().fit(Z, Y).predict_proba(z), "X"),
        (lambda: metrics.log_loss(Y, p), "y_proba"),
        (lambda: metrics.log_loss(y, P), "y_true"),
        (lambda: logits_from_proba(p), "proba"),
    ):
        with pytest.raises(
            ValueError, match=rf"{name} is a torch tensor.*Give {name}\.cpu\(\)"
        ):
            call()


def test_nothing_is_imported_for_it():
    from skcalib.backends import to_numpy

    assert "import torch" not in inspect.getsource(inspect.getmodule(to_numpy))
    for same in (Z, [1, 2], (), None, "text", 3.5, {"a": 1}):
        assert to_numpy(same) is same
