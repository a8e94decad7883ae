"""What draws of a network's random layers need, whatever computes them."""

from typing import NamedTuple

INJECTED = "after "  # how the names of layers begin that were put in
INJECTED_RATE = 0.1  # of dropout that a network was not trained with, unless another is given


class CannotDraw(ValueError):
    """What is random in a network cannot be drawn in some way; there may be another."""


class NoSites(CannotDraw):
    """Nothing is random in a network."""


class Site(NamedTuple):
    """A random layer: what it does to each value is affine, with random coefficients."""

    name: str
    kind: str  # "dropout", "alpha" or "gaussian"
    rate: float
    shape: tuple  # of the masks of one row
    path: str = ""  # names of the layers or modules around it, from the outermost one


class Cost(NamedTuple):
    """What a row costs, estimated."""

    before: int  # multiplications, once
    after: int  # for each draw
    width: int  # values held for each row and draw
    kernel: int  # values held for each draw
    start: int  # values held for each row, whatever the number of draws
    outputs: int


class LastLayer(NamedTuple):
    """What follows the only random layer of a network, if that is one product.

    The logits of a draw are ``(rows * mask) @ kernel + bias``, where the mask has an
    independent value of mean 1 and variance rate / (1 - rate) for each feature.
    """

    shape: tuple  # of the kernel: features, units
    product: object  # values before the random part -> rows (n, features), kernel, bias
    proba: object  # logits (n_points, n, units) -> probabilities (n_points, n, n_outputs)


class Sampler(NamedTuple):
    """What draws of a network need: `start` once for a batch, `draw` for some draws."""

    sites: tuple
    cost: Cost
    start: object  # batch -> values before the random part
    join: object  # these values of several batches -> of all their rows
    take: object  # (these values, numbers of rows) -> those of these rows
    draw: object  # (these values, masks) -> the answers (n_draws, n, n_outputs)
    half: bool  # whether it rounds as half precision does
    accelerated: bool  # whether it runs on a card, which wants much work at once
    left_off: tuple  # names of what holds dropout that its author has switched off
    always_on: bool  # whether the network drops at prediction, too, so that its answers differ
    path: str  # "split", "vmap", "whole" or "loop": how draws are made
    last_layer: object  # LastLayer, or what about the network is not of its form, for messages
