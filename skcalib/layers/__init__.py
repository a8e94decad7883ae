"""Bayesian layers for Keras models, loaded with Keras when asked for."""

from skcalib.backends import load_keras_layers

__all__ = ["BayesConv1D", "BayesConv2D", "BayesDense"]


def __getattr__(name):
    """Load a layer, and Keras, when it is first asked for (PEP 562)."""
    if name in __all__:
        return getattr(load_keras_layers(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
