"""Networks that are random at prediction: told once, unless draws of them are wanted."""

from contextlib import contextmanager
from threading import local

from skcalib.backends import as_arrays, map_arrays, network_backend
from skcalib.messages import warn

N_ROWS = 8  # to look at
_WANTED = local()


@contextmanager
def expect_randomness():
    """Keep this thread from being warned: what is fitted averages over draws."""
    before = getattr(_WANTED, "depth", 0)
    _WANTED.depth = before + 1
    try:
        yield
    finally:
        _WANTED.depth = before


def warn_of_random_answers(model, X):
    """Warn if a network drops, or draws otherwise, at prediction, too."""
    if getattr(_WANTED, "depth", 0):
        return
    few = map_arrays(lambda part: part[:N_ROWS], as_arrays(X))
    if network_backend(model).is_random(model, few):
        name = type(model).__name__
        warn(
            f"{name} is random at prediction (dropout that is always on, say): its answers "
            "for the same rows differ from call to call, and so does what is learned from "
            "them. Leave that off at prediction, or average over draws: "
            f"MCDropoutClassifier({name}).",
            UserWarning,
        )
