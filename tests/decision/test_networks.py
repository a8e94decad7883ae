"""Networks inside, by their true logits."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from skcalib import TemperatureCalibratedClassifier
from skcalib.decision import (
    CostSensitiveClassifier,
    PriorShiftClassifier,
    SelectiveClassifier,
)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((5,)), keras.layers.Dense(3, "softmax")]
    return keras.Sequential(layers)


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_bare_network(network, calibrated):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5)).astype(np.float32)
    weights, bias = network.get_weights()
    logits = X @ weights + bias
    y = np.array([rng.choice(3, p=p) for p in softmax(logits.astype(float), axis=1)])
    inside = TemperatureCalibratedClassifier(network) if calibrated else network
    costs = 1 - np.eye(3)
    costs[2, 0] = 9
    decided = CostSensitiveClassifier(inside, cost_matrix=costs).fit(X, y)
    if not calibrated:
        assert_allclose(decided.predict_proba(X), softmax(logits, axis=1), atol=1e-6)
    assert (decided.predict(X) == 2).sum() > (decided.predict_proba(X).argmax(1) == 2).sum()
    shifted = PriorShiftClassifier(inside, priors=[0.8, 0.1, 0.1]).fit(X, y)
    assert shifted.predict_proba(X)[:, 0].mean() > decided.predict_proba(X)[:, 0].mean()
    selective = SelectiveClassifier(inside, max_error=0.5, random_state=0).fit(X, y)
    assert 0 < selective.coverage_ <= 1
    assert_allclose(network.get_weights()[0], weights)
