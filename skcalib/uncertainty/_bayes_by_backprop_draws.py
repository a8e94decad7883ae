"""Draws of Gaussian weights, in NumPy, and what networks with these weights answer."""

import numpy as np

from skcalib.backends import load_keras_posteriors
from skcalib.inputs import sigmoid

CACHED_ROWS = 256
ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "logistic": sigmoid,
    "identity": lambda z: z,
}


def draw_weights(posteriors, seed, number):
    """Return kernels and biases of a draw, which depend on nothing but seed and number."""
    rng = np.random.default_rng([seed, number])
    return [
        (mean + spread * rng.standard_normal(mean.shape, np.float32)).astype(np.float32)
        for mean, spread in posteriors
    ]


def pass_perceptron(draws, X, activation):
    """Return what dense layers with these weights end in: (n_draws, n_rows, n_columns)."""
    return np.stack([_pass(weights, X, ACTIVATIONS[activation]) for weights in draws])


def answer_of_network(adapter, draws, answer):
    """Return what `answer()` says when these weights replace the means of a Keras model."""
    return np.stack(load_keras_posteriors().answer_each(adapter.model, draws, answer))


def prune_weights(posteriors, share):
    """Return means and standard deviations, both 0 for the least ratios of the two."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [np.abs(mean) / spread for mean, spread in posteriors]
    ratios = [np.nan_to_num(ratio, nan=0.0, posinf=np.inf) for ratio in ratios]
    order = np.argsort(np.concatenate([ratio.ravel() for ratio in ratios]), kind="stable")
    kept = np.ones(len(order), bool)
    kept[order[: int(share * len(order))]] = False
    ends = np.cumsum([ratio.size for ratio in ratios])[:-1]
    masks = [
        part.reshape(ratio.shape)
        for part, ratio in zip(np.split(kept, ends), ratios, strict=True)
    ]
    return [
        (mean * mask, spread * mask)
        for (mean, spread), mask in zip(posteriors, masks, strict=True)
    ]


def _pass(weights, X, activate):
    """Return what the layers end in: hidden ones in the precision of the training, in blocks.

    The hidden values of a block stay in the processor's cache.
    """
    *hidden, (last_kernel, last_bias) = zip(weights[::2], weights[1::2], strict=True)
    parts = []
    for start in range(0, max(len(X), 1), CACHED_ROWS):
        values = X[start : start + CACHED_ROWS].astype(np.float32)
        for kernel, bias in hidden:
            values = values @ kernel
            values += bias
            values = activate(values)
        parts.append(values.astype(np.float64) @ last_kernel + last_bias)
    return np.concatenate(parts)
