"""What is known before training is refused before training."""

import random

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import MCDropoutClassifier, MCDropoutRegressor

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = np.arange(40) % 3


class Never(keras.callbacks.Callback):
    """Fails where a network is trained."""

    def on_train_begin(self, logs=None):
        raise AssertionError("trained")


def build(dropout=0.0):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "relu"),
            *([layers.Dropout(dropout)] if dropout else []),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def wrapped(kind):
    if kind == "scikeras":
        scikeras = pytest.importorskip("scikeras.wrappers", reason="needs scikeras")
        return scikeras.KerasClassifier(build, callbacks=[Never()], verbose=0)
    wrapper = keras.wrappers.SKLearnClassifier
    fits = {"callbacks": [Never()], "verbose": 0}
    if kind == "a model":
        return wrapper(build(), fit_kwargs=fits)
    return wrapper(lambda X, y: build(), fit_kwargs=fits)


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("kind", ["scikeras", "a model", "a function"])
def test_a_wrapped_network_without_dropout(kind, piped):
    estimator = wrapped(kind)
    estimator = make_pipeline(StandardScaler(), estimator) if piped else estimator
    keras.utils.set_random_seed(1)
    before = random.getstate()
    with pytest.raises(ValueError, match="no random layer"):
        MCDropoutClassifier(estimator).fit(X, Y)
    if kind != "a function":  # which sets seeds itself
        assert random.getstate() == before


def test_a_torch_module_without_dropout():
    torch = pytest.importorskip("torch", reason="needs torch")
    skorch = pytest.importorskip("skorch", reason="needs skorch")

    class Watched(skorch.NeuralNetClassifier):
        def fit_loop(self, *args, **kwargs):
            raise AssertionError("trained")

    module = torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.Softmax(dim=-1))
    with pytest.raises(ValueError, match="no dropout that is on"):
        MCDropoutClassifier(Watched(module, verbose=0)).fit(X, Y)


class NeverTrained(LogisticRegression):
    def fit(self, X, y):
        raise AssertionError("trained")


@pytest.mark.parametrize(
    "estimator",
    [
        NeverTrained(),
        make_pipeline(StandardScaler(), NeverTrained()),
        GridSearchCV(NeverTrained(), {"C": [1.0]}),
    ],
)
def test_what_holds_no_network(estimator):
    with pytest.raises(ValueError, match=r"'estimator' parameter.*must hold a network"):
        MCDropoutClassifier(estimator).fit(X, Y)


def test_an_order_that_must_be_swapped():
    inside = TransformedTargetRegressor(MLPRegressor((4,)))
    with pytest.raises(ValueError, match="Swap the two: put TransformedTargetRegressor around"):
        MCDropoutRegressor(inside).fit(X, X[:, 0])


def test_what_can_be_drawn_is_trained_as_it_would_be_alone():
    model = build(0.5)
    model.compile("sgd", "categorical_crossentropy")
    plain = keras.wrappers.SKLearnClassifier(model, fit_kwargs={"verbose": 0})
    keras.utils.set_random_seed(1)
    alone = plain.fit(X, Y).model_.get_weights()
    keras.utils.set_random_seed(1)
    mc = MCDropoutClassifier(plain, random_state=0).fit(X, Y)
    for one, other in zip(alone, mc.estimator_.model_.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
