"""Recurrent layers of torch: one by one, and for all draws in one call."""

import torch

RECURRENT = {torch.lstm: 2, torch.gru: 1, torch.rnn_tanh: 1, torch.rnn_relu: 1}  # states


class Layer:
    """One layer of a recurrent module: its state, its weights and how it runs."""

    def __init__(self, states, weights, options):
        self.states = states
        self.weights = weights
        self.options = options  # has_biases, train, bidirectional, batch_first


def split_layers(func, args, kwargs):
    """Return the input, a list of Layer, the dropout between them, and batch_first."""
    names = ("hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional")
    names = ("input", *names, "batch_first")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    states = given["hx"] if RECURRENT[func] == 2 else (given["hx"],)
    n_layers, both = given["num_layers"], 1 + bool(given["bidirectional"])
    size = len(given["params"]) // n_layers
    options = tuple(given[name] for name in ("has_biases", "train", "bidirectional"))
    layers = [
        Layer(
            tuple(state[k * both : (k + 1) * both] for state in states),
            given["params"][k * size : (k + 1) * size],
            (*options, given["batch_first"]),
        )
        for k in range(n_layers)
    ]
    dropout = given["dropout"] if given["train"] else 0.0
    return given["input"], layers, dropout, given["batch_first"]


def is_packed(args):
    """Tell whether a recurrent module is called on packed sequences."""
    return len(args) > 2 and isinstance(args[1], torch.Tensor) and args[1].dtype == torch.int64


def run_layer(func, value, layer):
    """Return the output and the last states of one layer, under vmap in one call, too."""
    return _Recurrent.apply(func, layer.options, value, *layer.states, *layer.weights)


class _Recurrent(torch.autograd.Function):
    """One recurrent layer, with draws as more rows."""

    @staticmethod
    def forward(func, options, value, *rest):
        n_states = RECURRENT[func]
        states, weights = rest[:n_states], list(rest[n_states:])
        has_biases, train, bidirectional, batch_first = options
        states = tuple(states) if n_states == 2 else states[0]
        return func(
            value, states, weights, has_biases, 1, 0.0, train, bidirectional, batch_first
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def vmap(info, in_dims, func, options, value, *rest):
        n_states, n_draws, batch_first = RECURRENT[func], info.batch_size, options[3]
        rows = 0 if batch_first else 1
        value = _merge(value, in_dims[2], n_draws, rows)
        states = [
            _merge(state, dim, n_draws, 1)
            for state, dim in zip(rest[:n_states], in_dims[3:], strict=False)
        ]
        out = _Recurrent.apply(func, options, value, *states, *rest[n_states:])
        axes = (rows, *[1] * n_states)
        parts = [
            part.reshape(*part.shape[:axis], n_draws, -1, *part.shape[axis + 1 :])
            for part, axis in zip(out, axes, strict=True)
        ]
        return tuple(parts), axes


def _merge(part, dim, n_draws, rows):
    """Put draws in front of rows, in one axis."""
    if dim is None:
        part = part.unsqueeze(rows).expand(*part.shape[:rows], n_draws, *part.shape[rows:])
    else:
        part = part.movedim(dim, rows)
    return part.reshape(*part.shape[:rows], -1, *part.shape[rows + 2 :])
