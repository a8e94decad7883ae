"""Parameters of estimators by Bayes by Backprop."""

from numbers import Real

from sklearn.utils._param_validation import InvalidParameterError

from skcalib.backends import is_network, load_backend
from skcalib.messages import (
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    is_count,
    is_number,
)

ACTIVATIONS = ("relu", "tanh", "logistic", "identity")


def check_parameters(estimator):
    """Raise InvalidParameterError if a parameter is unusable."""
    check_choice("activation", estimator.activation, ACTIVATIONS)
    check_choice("prior", estimator.prior, ("mixture", "gaussian"))
    check_choice("estimator", estimator.estimator, ("flipout", "local", "shared"))
    for name in ("n_draws", "max_iter", "batch_size", "n_iter_no_change"):
        check_count(name, getattr(estimator, name))
    for name in ("mean_mode", "early_stopping", "warm_start"):
        check_flag(name, getattr(estimator, name))
    check_fraction("validation_fraction", estimator.validation_fraction)
    check_fraction("prior_mix", estimator.prior_mix)
    _check_positive("learning_rate_init", estimator.learning_rate_init)
    if estimator.kl_weight != "held_out":
        value = estimator.kl_weight
        if not (is_number(value) and 0 <= value < float("inf")):
            raise InvalidParameterError(
                f"kl_weight must be 'held_out' or a non-negative number, got {value!r}."
            )
    warmup = estimator.kl_warmup
    if not (is_number(warmup) and 0 <= warmup <= 1):
        raise InvalidParameterError(f"kl_warmup must be a number in [0, 1], got {warmup!r}.")
    _check_noise(estimator)
    _check_sizes(estimator)
    _check_scales(estimator)
    _check_network(estimator)


def check_share(share):
    """Raise unless it is a number in [0, 1)."""
    if not (isinstance(share, Real) and 0 <= share < 1):
        raise InvalidParameterError(f"share must be a number in [0, 1), got {share!r}.")


def _check_positive(name, value):
    if not (is_number(value) and 0 < value < float("inf")):
        raise InvalidParameterError(f"{name} must be a positive number, got {value!r}.")


def _check_noise(estimator):
    noise = getattr(estimator, "noise_variance", "auto")  # classes have none
    if isinstance(noise, str) and noise == "auto":
        return
    if not (is_number(noise) and 0 < noise < float("inf")):
        raise InvalidParameterError(
            f"noise_variance must be 'auto' or a positive number, got {noise!r}."
        )


def _check_sizes(estimator):
    sizes = estimator.hidden_layer_sizes
    if not isinstance(sizes, tuple | list) or not all(is_count(size, 1) for size in sizes):
        raise InvalidParameterError(
            "hidden_layer_sizes must be a tuple of positive integers, one for each hidden "
            f"layer, got {sizes!r}."
        )


def _check_scales(estimator):
    scale, mixture = estimator.prior_scale, estimator.prior == "mixture"
    if mixture and estimator.estimator == "local":
        raise InvalidParameterError(
            "estimator='local' draws outputs, not weights, at which a mixture could be "
            "evaluated. Set prior='gaussian', or estimator='flipout'."
        )
    if scale is None:
        return
    if not mixture:
        _check_positive("prior_scale", scale)
        return
    if not isinstance(scale, tuple | list) or len(scale) != 2:
        raise InvalidParameterError(
            "prior_scale must hold two numbers with prior='mixture', the wide and the narrow "
            f"one, got {scale!r}."
        )
    for part in scale:
        _check_positive("prior_scale", part)


def _check_network(estimator):
    network = estimator.network
    if network is None:
        return
    if not is_network(network) or not load_backend("keras").owns(network):
        raise TypeError(
            f"The 'network' parameter of {type(estimator).__name__} must be a keras.Model, "
            f"got a {type(network).__name__}."
        )
