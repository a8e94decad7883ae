"""Parameters of classifiers by Bayes by Backprop."""

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


def check_parameters(classifier):
    """Raise InvalidParameterError if a parameter is unusable."""
    check_choice("activation", classifier.activation, ACTIVATIONS)
    check_choice("prior", classifier.prior, ("mixture", "gaussian"))
    check_choice("estimator", classifier.estimator, ("flipout", "local", "shared"))
    for name in ("n_draws", "max_iter", "batch_size", "n_iter_no_change"):
        check_count(name, getattr(classifier, name))
    for name in ("mean_mode", "early_stopping", "warm_start"):
        check_flag(name, getattr(classifier, name))
    check_fraction("validation_fraction", classifier.validation_fraction)
    check_fraction("prior_mix", classifier.prior_mix)
    _check_positive("learning_rate_init", classifier.learning_rate_init)
    if classifier.kl_weight != "held_out":
        value = classifier.kl_weight
        if not (is_number(value) and 0 <= value < float("inf")):
            raise InvalidParameterError(
                f"kl_weight must be 'held_out' or a non-negative number, got {value!r}."
            )
    _check_sizes(classifier)
    _check_scales(classifier)
    _check_network(classifier)


def check_share(share):
    """Raise unless it is a number in [0, 1)."""
    if not (isinstance(share, Real) and 0 <= share < 1):
        raise InvalidParameterError(f"share must be a number in [0, 1), got {share!r}.")


def _check_positive(name, value):
    if not (is_number(value) and 0 < value < float("inf")):
        raise InvalidParameterError(f"{name} must be a positive number, got {value!r}.")


def _check_sizes(classifier):
    sizes = classifier.hidden_layer_sizes
    if not isinstance(sizes, tuple | list) or not all(is_count(size, 1) for size in sizes):
        raise InvalidParameterError(
            "hidden_layer_sizes must be a tuple of positive integers, one for each hidden "
            f"layer, got {sizes!r}."
        )


def _check_scales(classifier):
    scale, mixture = classifier.prior_scale, classifier.prior == "mixture"
    if mixture and classifier.estimator == "local":
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


def _check_network(classifier):
    network = classifier.network
    if network is None:
        return
    if not is_network(network) or not load_backend("keras").owns(network):
        raise TypeError(
            f"The 'network' parameter of {type(classifier).__name__} must be a keras.Model, "
            f"got a {type(network).__name__}."
        )
