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


FEWEST_SHARED = 64  # rows for which masks share a product, as gathering its kernel is work


class Product(NamedTuple):
    """A linear layer right behind dropout, for which there are several ways."""

    places: int  # vectors of one row that enter it
    features: int
    units: int
    masks: int = 1  # how many can share one product of many rows

    def way(self, n_rows):
        """Return what is cheapest for so many rows.

        "shared": several masks in one product. "kernels": the masks go into a kernel for each
        draw. "rows": they go into the rows for each draw, as these are fewer values.
        """
        if self.masks > 1 and n_rows >= FEWEST_SHARED:
            return "shared"
        return "kernels" if self.units <= n_rows * self.places else "rows"

    def work(self, n_rows):
        """Count the multiplications for a row and a draw."""
        whole = self.places * self.features * self.units
        # To gather the features costs as much again.
        return 2 * whole // self.masks if self.way(n_rows) == "shared" else whole

    def written(self, n_rows):
        """Count the values that are written for a row and a draw, apart from the product."""
        kernel = self.features * self.units / n_rows
        way = self.way(n_rows)
        if way == "shared":
            return kernel / self.masks
        return kernel if way == "kernels" else self.places * self.features


class Cost(NamedTuple):
    """What a row costs, estimated; products behind dropout are counted apart."""

    before: int  # multiplications, once
    after: int  # for each draw
    written: int  # values that are written, once
    written_after: int  # for each draw
    width: int  # values held for each row and draw
    start: int  # values held for each row, whatever the number of draws
    outputs: int
    products: tuple = ()  # of Product
    call: int = 0  # multiplications in the time that a call takes, whatever the rows

    def work_of_draw(self, n_rows):
        """Count the multiplications for a row and a draw."""
        return self.after + sum(product.work(n_rows) for product in self.products)

    def written_by_draw(self, n_rows):
        """Count the values that are written for a row and a draw."""
        return self.written_after + sum(p.written(n_rows) for p in self.products)

    def width_at(self, n_rows):
        """Return how many values each of these rows holds for each draw."""
        rows = (2 * p.places * p.features for p in self.products if p.way(n_rows) == "rows")
        return max([self.width, *rows])

    def kernel_at(self, n_rows):
        """Return how many values are held for each draw, whatever the rows."""
        found = (p.features * p.units for p in self.products if p.way(n_rows) == "kernels")
        return max(found, default=0)


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
    draw: object  # (these values, masks) -> the answers, where they were computed
    fetch: object  # (answers of several draws, n) -> array (n_draws, n, n_outputs) in NumPy
    half: bool  # whether it rounds as half precision does
    accelerated: bool  # whether it runs on a card, which wants much work at once
    left_off: tuple  # names of what holds dropout that its author has switched off
    always_on: bool  # whether the network drops at prediction, too, so that its answers differ
    path: str  # "split", "vmap", "whole" or "loop": how draws are made
    last_layer: object  # LastLayer, or what about the network is not of its form, for messages
