"""Parameters that classifiers and regressors by dropout have in common, checked."""

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.messages import check_choice, check_count, check_flag, is_number, is_word, quote

MASKS = ("shared", "independent")
SITES = ("hidden", "last")


def check_parameters(estimator):
    """Raise InvalidParameterError for values that are out of range."""
    owner = type(estimator).__name__
    spares = hasattr(estimator, "tol")  # draws, as classifiers do
    others = ("exact",) if spares else ()
    check_count(f"The 'n_draws' parameter of {owner}", estimator.n_draws, others=others)
    if spares:
        _check_tol(owner, estimator.tol, estimator.n_draws)
    batch_size = f"The 'batch_size' parameter of {owner}"
    check_count(batch_size, estimator.batch_size, others=(None,))
    check_choice(f"The 'masks' parameter of {owner}", estimator.masks, MASKS)
    centered = getattr(estimator, "centered", None)  # of classifiers only, as "auto" is
    if hasattr(estimator, "centered"):
        check_flag(f"The 'centered' parameter of {owner}", centered)
    auto = is_word(estimator.rate, ["auto"])
    if not (auto and centered is not None):
        _check_rates(owner, estimator.rate, ", 'auto'" if centered is not None else "")
    drop_in_bases = f"The 'drop_in_bases' parameter of {owner}"
    check_flag(drop_in_bases, estimator.drop_in_bases, others=(None,))
    inject = estimator.inject
    names = isinstance(inject, list | tuple) and all(isinstance(x, str) for x in inject)
    if not (inject is None or inject in SITES if isinstance(inject, str | None) else names):
        raise InvalidParameterError(
            f"The 'inject' parameter of {owner} must be None, one of {SITES} or a list of "
            f"names of layers. Got {quote(inject)} instead."
        )


def check_noise(estimator):
    """Raise InvalidParameterError unless `noise_variance` is None, a variance or "auto"."""
    noise = estimator.noise_variance
    if noise is None or is_word(noise, ["auto"]):
        return
    if not (is_number(noise) and 0 <= noise < np.inf):
        raise InvalidParameterError(
            f"The 'noise_variance' parameter of {type(estimator).__name__} must be None, a "
            f"number of at least 0, or 'auto'. Got {quote(noise)} instead."
        )


def _check_rates(owner, rate, others):
    rates = np.ravel(rate).tolist() if rate is not None and np.ndim(rate) < 2 else []
    right = all(map(is_number, rates))
    none = not rates and rate is not None
    if none or not right or not all(0 <= r < 1 for r in rates):
        raise InvalidParameterError(
            f"The 'rate' parameter of {owner} must be None{others}, a number in [0, 1) or a "
            f"list of such numbers. Got {quote(rate)} instead."
        )


def _check_tol(owner, tol, n_draws):
    if tol is None:
        return
    if not (is_number(tol) and 0 < tol < np.inf):
        raise InvalidParameterError(
            f"The 'tol' parameter of {owner} must be None or a positive number, such as "
            f"0.01, the standard error at which a row stops drawing. Got {tol!r} instead."
        )
    if isinstance(n_draws, str):
        raise InvalidParameterError(
            f"The 'tol' parameter of {owner} stops drawing early, but n_draws={n_draws!r} "
            f"draws nothing. Pass tol=None, or the largest number of draws. Got tol={tol!r}."
        )
