"""Draws of scikit-learn's multilayer perceptrons, in NumPy, with dropout put into them."""

import numpy as np
from scipy.special import expit, softmax
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import validate_data

from skcalib.backends._sampling import INJECTED_RATE, Cost, LastLayer, Sampler, Site

_ACTIVATIONS = {
    "identity": lambda x: x,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}


def make_sampler(mlp, X, *, last):
    """Return X as the perceptron takes it, and the Sampler of its injected dropout.

    Dropout stands after each hidden activation, or after the last one only.
    """
    X = validate_data(mlp, X, accept_sparse="csr", reset=False)
    layers = list(zip(mlp.coefs_, mlp.intercepts_, strict=True))
    activation = _ACTIVATIONS[mlp.activation]
    n_before = len(layers) - 1 if last else 1
    if len(layers) < 2:
        raise ValueError(
            "The perceptron has no hidden layer, so there is nothing to drop. Give "
            "hidden_layer_sizes."
        )

    def start(batch):
        for kernel, bias in layers[:n_before]:
            batch = activation(safe_sparse_dot(batch, kernel) + bias)
        return batch

    def draw(rows, masks):
        for number, (kernel, bias) in enumerate(layers[n_before:]):
            rows = activation(rows) if number else rows
            rows = (rows * masks[number][0].astype(rows.dtype, copy=False)) @ kernel + bias
        return _answers(rows, mlp.out_activation_)

    widths = [kernel.shape[1] for kernel, _ in layers]
    sites = [
        Site(f"hidden layer {number}", "dropout", INJECTED_RATE, (width,))
        for number, width in enumerate(widths[:-1])
    ]
    return X, Sampler(
        sites=tuple(sites[n_before - 1 :]),
        cost=_cost(layers, widths, n_before),
        start=start,
        join=np.concatenate,
        take=lambda rows, numbers: rows[numbers],
        draw=draw,
        fetch=lambda draws, n_rows: np.concatenate(draws),
        path="split",
        half=False,
        accelerated=False,
        left_off=(),
        always_on=False,
        last_layer=_find_last_layer(layers, n_before, mlp.out_activation_),
    )


def _cost(layers, widths, n_before):
    work = [kernel.size for kernel, _ in layers]
    # Rows times masks; the product, its bias and the activation.
    return Cost(
        before=sum(work[:n_before]),
        after=sum(work[n_before:]),
        written=2 * sum(widths[:n_before]),
        written_after=widths[n_before - 1] + 3 * sum(widths[n_before:]),
        width=2 * sum(widths[n_before - 1 :]),
        start=widths[n_before - 1],
        outputs=max(2, widths[-1]),  # at most: two classes come from one
        call=10**7,  # of scikit-learn's checks
    )


def _find_last_layer(layers, n_before, out_activation):
    """Return the LastLayer behind the one dropout, or why there is none."""
    if n_before < len(layers) - 1:
        return (
            f"has dropout after each of its {len(layers) - 1} hidden layers; inject='last' "
            "puts it after the last one only"
        )
    kernel, bias = layers[-1]
    return LastLayer(
        kernel.shape,
        lambda rows: (rows, kernel, bias),
        lambda logits: _answers(logits, out_activation),
    )


def _answers(values, out_activation):
    """Return a column for each class, or for each target of a regressor."""
    if out_activation == "identity":
        return values
    if out_activation == "exp":  # of a regressor by the Poisson loss
        return np.exp(values)
    if out_activation == "softmax":
        return softmax(values, axis=-1)
    positive = expit(values)
    return np.concatenate([1 - positive, positive], axis=-1)
