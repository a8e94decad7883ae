"""Temperature scaling against independent references."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators import TemperatureScaling, _temperature, logits_from_proba


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

    first, second = _temperature._derivatives(logits, y, weight, 0.7)
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
    blocks = [slice(i, i + 100) for i in range(0, 999, 100)]
    monkeypatch.setattr(_temperature, "row_blocks", lambda *shape: blocks)
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
    monkeypatch.setattr(_temperature, "MAX_ITER", 1)
    logits, y = overconfident(300, 3, 5)
    with pytest.warns(ConvergenceWarning, match="did not converge in 1 iterations"):
        TemperatureScaling().fit(logits, y)


def test_equal_shares_of_a_constant_answer_are_no_matter_of_scale():
    # A constant answer and balanced classes: the derivative at zero is zero but for rounding.
    logits = np.broadcast_to([1.0, 0.3, -0.7], (33, 3))
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        model = TemperatureScaling().fit(logits, np.arange(33) % 3)
    assert_allclose(model.predict_proba(logits), 1 / 3, atol=1e-4)
