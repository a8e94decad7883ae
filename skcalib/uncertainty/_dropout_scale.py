"""What is done to draws of dropout at a chosen scale: tempered, or centred and stretched."""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp


class Scale(NamedTuple):
    """What is done to draws: ``softmax(log(p) / temperature)``, perhaps centred first."""

    rate: float
    spread: float | None = None  # of centred draws; None leaves draws where they are
    temperature: float = 1.0


def scale_of(classifier):
    """Return the Scale that the parameters of a fitted classifier say."""
    if not isinstance(classifier.rate, str):
        return Scale(classifier.rate, 1.0)
    if not hasattr(classifier, "scale_"):
        raise ValueError(
            "rate='auto' is chosen by fit, which was called with another rate (or failed). "
            "Call fit again, or give a number."
        )
    return classifier.scale_


def scale_draws(draws, scale, plain, rows):
    """Return draws (..., n_draws, n_rows, n_classes) of some rows as a Scale says.

    ``plain(rows)`` gives the answer without dropout (n_rows, n_classes), for centred draws.
    """
    logs = log_of(draws)
    if scale.spread is not None:
        logs = centre_draws(logs, log_of(plain(rows)), scale.spread)
    return np.exp(log_softmax(logs / draws.dtype.type(scale.temperature)))


def centre_draws(log_draws, plain, spread):
    """Move draws so that their mean is the plain network's answer, and stretch them."""
    mean = log_draws.mean(axis=-3, keepdims=True)
    return plain + log_draws.dtype.type(spread) * (log_draws - mean)


def log_of(proba):
    """Return logarithms, finite where a probability is 0."""
    return np.log(np.maximum(proba, np.finfo(np.float32).tiny))


def log_softmax(logs):
    """Return logarithms of probabilities."""
    return logs - logsumexp(logs, axis=-1, keepdims=True)
