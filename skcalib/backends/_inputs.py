"""Several inputs given as a list, as Keras itself takes them."""

from typing import NamedTuple

from skcalib.backends._arrays import Inputs

WAY_OUT = (
    "Give a dict of arrays whose keys are the names of the inputs; or {0: A, 1: B}, numbers in "
    "order, for a network that takes them without names."
)


class InputKeys(NamedTuple):
    """The inputs of a network, as far as it says."""

    names: tuple  # in order; numbers where they have none
    n_required: int
    ordered: bool = True
    rank: int | None = None  # of an only input, rows included


def name_inputs(X, keys, owner):
    """Return a dict for a list (or tuple) of as many arrays as the network has inputs.

    A list is several inputs only if the network has several; for a network of one input
    it is a list of samples, save for ``[A]`` with an A of as many dimensions as that input.

    Parameters
    ----------
    X : object
        As the user gave it; anything but a list or tuple comes back.

    keys : InputKeys or None
        None if the network does not say what its inputs are.

    owner : str
        The network, for messages.
    """
    if not isinstance(X, list | tuple) or isinstance(X, Inputs):
        return X
    if keys is None or keys.n_required < 2:
        if len(X) == 1 and keys is not None and _rank(X[0]) == keys.rank:
            return X[0]
        _refuse_different_shapes(X, keys, owner)
        return X
    if keys.ordered and keys.n_required <= len(X) <= len(keys.names):
        return dict(zip(keys.names, X, strict=False))
    why = "" if keys.ordered else ", which have no order"
    raise ValueError(
        f"{owner} has the inputs {list(keys.names)}{why}, but X is a list of {len(X)}; a list "
        f"holds one array for each input, in their order. {WAY_OUT}"
    )


def _rank(part):
    return len(getattr(part, "shape", ())) or None


def _refuse_different_shapes(X, keys, owner):
    """Raise for arrays that cannot be the samples of one."""
    shapes = {tuple(part.shape) for part in X if getattr(part, "shape", ())}
    if len(shapes) > 1:
        how_many = "does not say how many inputs it has" if keys is None else "has one input"
        shown = ", ".join(map(str, sorted(shapes)[:3]))
        raise ValueError(
            f"{owner} {how_many}, and X is a list of arrays of different shapes ({shown}), "
            f"which are not samples of one array. {WAY_OUT}"
        )
