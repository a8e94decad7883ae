"""Small networks on real data, and what is known about them without asking them."""

import hashlib

import keras
import numpy as np
from keras import layers
from scipy.special import expit, softmax
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import scale
from sklearn.utils import shuffle

BACKEND = keras.config.backend()

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
X, Y = shuffle(*load_digits(return_X_y=True), random_state=0)  # else sorted by writer
X = (X / 16).astype(np.float32)
NAMES = np.array(WORDS)[Y]
X_TWO, Y_TWO = shuffle(*load_breast_cancer(return_X_y=True), random_state=0)
X_TWO = scale(X_TWO).astype(np.float32)


def weights_hash(model):
    """Hash all that a model carries: weights, statistics, seeds, optimizer, metrics."""
    state = [*model.variables]
    if getattr(model, "optimizer", None) is not None:
        state += model.optimizer.variables
    digest = hashlib.sha256()
    for variable in state:
        digest.update(
            np.ascontiguousarray(keras.ops.convert_to_numpy(variable.value)).tobytes()
        )
    digest.update(repr([layer.trainable for layer in model.layers]).encode())
    return digest.hexdigest()


def compiled(model, n_outputs=10, from_logits=False):
    losses = keras.losses
    loss = losses.BinaryCrossentropy if n_outputs == 1 else losses.SparseCategoricalCrossentropy
    model.compile(keras.optimizers.Adam(0.01), loss(from_logits=from_logits))
    return model


def trained(model, X=X, y=Y, n_outputs=10, epochs=20, from_logits=False):
    compiled(model, n_outputs, from_logits)
    model.fit(X[:600], y[:600], epochs=epochs, batch_size=64, verbose=0)
    return model


def digits_model(hidden=16, last="softmax"):
    """The classifier that everyone builds: one hidden layer, softmax."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(hidden, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(10, last),
        ]
    )


def two_class_model(last="sigmoid"):
    return keras.Sequential(
        [keras.Input((30,)), layers.Dense(16, "relu"), layers.Dense(1, last)]
    )


class WithoutConfig(keras.Model):
    """A subclassed model that Keras cannot save: an argument without get_config."""

    def __init__(self, head):
        super().__init__()
        self.head = head
        self.hidden = layers.Dense(16, "relu")
        self.out = layers.Dense(10)

    def call(self, x):
        return self.head(self.out(self.hidden(x)))


class Known:
    """A network of one hidden layer with weights that we drew, so known logits.

    They are large enough that most rows are saturated.
    """

    def __init__(self, n_outputs):
        rng = np.random.default_rng(0)
        self.n_outputs = n_outputs
        self.W = rng.normal(0, 0.2, (64, 16)).astype(np.float32)
        self.V = rng.normal(0, 30, (16, n_outputs)).astype(np.float32)
        self.c = rng.normal(0, 1, n_outputs).astype(np.float32)

    @property
    def logits(self):
        hidden = np.maximum(X.astype(np.float64) @ self.W, 0)
        return hidden @ self.V + self.c

    @property
    def proba(self):
        if self.n_outputs == 1:
            p = expit(self.logits)
            return np.hstack([1 - p, p])
        return softmax(self.logits, axis=1)

    def fill(self, model):
        """Put the weights into the two dense layers of a model, wherever they are."""
        dense = [w for w in model.weights if w.path.split("/")[-1] in ("kernel", "bias")]
        for variable, value in zip(dense, (self.W, self.V, self.c), strict=True):
            variable.assign(value)
        return model
