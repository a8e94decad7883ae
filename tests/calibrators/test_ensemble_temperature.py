"""Ensemble temperature scaling against independent references."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators import (
    EnsembleTemperatureScaling,
    TemperatureScaling,
    _ensemble_temperature,
)
from skcalib.calibrators._ensemble_temperature import mixture_weights


def components(seed, temperature=1.5, share=0.0):
    """Return logits and labels of which a share has nothing to do with them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(400, 4)) * 3
    y = (logits / temperature + rng.gumbel(size=logits.shape)).argmax(axis=1)
    noise = rng.uniform(size=400) < share
    return logits, np.where(noise, rng.integers(0, 4, 400), y), rng.uniform(0.5, 2, 400)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("seed", [0, 1])
def test_weights_are_those_of_scipy(seed, share):
    logits, y, weight = components(seed, share=share)
    model = EnsembleTemperatureScaling().fit(logits, y, weight)
    tempered = TemperatureScaling().fit(logits, y, weight)
    assert model.temperature_ == tempered.temperature_
    parts = [softmax(logits / model.temperature_, axis=1), softmax(logits, axis=1)]
    parts = np.stack([*parts, np.full(logits.shape, 0.25)])
    truth = parts[:, np.arange(400), y]
    assert_allclose(
        model.predict_proba(logits), np.tensordot(model.weights_, parts, 1), atol=1e-12
    )

    def loss(weights):
        return -np.average(np.log(weights @ truth), weights=weight)

    theirs = minimize(
        loss,
        np.full(3, 1 / 3),
        method="SLSQP",
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14},
    )
    assert loss(model.weights_) <= theirs.fun + 1e-10
    assert (model.weights_ >= 0).all()
    assert_allclose(model.weights_.sum(), 1, atol=1e-15)
    # The optimum by its own conditions: no component gains.
    gains = (truth / (model.weights_ @ truth) * weight / weight.sum()).sum(axis=1)
    assert gains.max() <= 1 + 1e-9


def test_a_row_that_only_the_uniform_part_explains():
    of_truth = np.array([[1.0, 1.0, 0.25]] * 9 + [[0.0, 0.0, 0.25]])
    weights, gap = mixture_weights(of_truth, np.full(10, 0.1))
    assert gap <= 1e-10
    # 0.9 / (1 - 0.75 w) * 0.75 = 0.1 / w
    assert_allclose(weights[2], 0.1 / 0.75, atol=1e-9)


def test_it_is_a_temperature_where_that_is_right():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3)) * 3
    y = (logits / 2 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    model = EnsembleTemperatureScaling().fit(logits, y)
    tempered = TemperatureScaling().fit(logits, y)
    assert_allclose(model.predict_proba(logits), tempered.predict_proba(logits), atol=0.02)


def test_it_stops_short_with_a_warning(monkeypatch):
    monkeypatch.setattr(_ensemble_temperature, "MAX_ITER", 1)
    logits, y, weight = components(0, share=0.5)
    with pytest.warns(ConvergenceWarning, match="after 1 iterations"):
        EnsembleTemperatureScaling().fit(logits, y, weight)


def test_separable_data_warn_as_a_temperature_does():
    logits = np.eye(3)[[0, 1, 2, 0]]
    with pytest.warns(ConvergenceWarning, match="at its bound"):
        EnsembleTemperatureScaling().fit(logits * 3, [0, 1, 2, 0])


def test_the_likeliest_class_stays_likeliest():
    logits, y, weight = components(0, share=0.3)
    model = EnsembleTemperatureScaling().fit(logits, y, weight)
    assert (model.predict(logits) == logits.argmax(axis=1)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_of_mixtures_that_fit_equally_well_the_given_one_is_taken():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 6, 55)
    logits = rng.normal(size=(55, 6)) * 30
    logits[np.arange(55), y] = logits.max(axis=1) + 60
    weight = rng.integers(1, 4, 55).astype(float)
    new = rng.normal(size=(5, 6))
    for _ in range(8):
        order = rng.permutation(55)
        model = EnsembleTemperatureScaling().fit(logits[order], y[order], weight[order])
        assert_allclose(model.weights_, [0, 1, 0], atol=1e-12)
        assert_allclose(model.predict_proba(new), softmax(new, axis=1), atol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 1e-13, 1e-10])
def test_nearly_equal_components_have_one_optimum(noise):
    rng = np.random.default_rng(0)
    first = rng.uniform(0.3, 1, 200)
    of_truth = np.stack([first, first * (1 + noise * rng.normal(size=200)), first], axis=1)
    of_truth[:, 2] = 0.25
    weight = np.full(200, 1 / 200)
    best, gap = mixture_weights(of_truth, weight)
    assert gap <= 1e-10
    for _ in range(5):
        again, _ = mixture_weights(of_truth[rng.permutation(200)], weight)
        assert_allclose(again, best, atol=1e-6)
