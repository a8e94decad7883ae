"""What wrappers of networks get wrong, made right where a meta-estimator meets them."""

import warnings
from copy import copy

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.backends import is_network, network_backend, wrapper_backend
from skcalib.networks import FrozenNetwork


class LabelledNetwork(ClassifierMixin, BaseEstimator):
    """A skorch classifier that takes any labels and any numbers as features.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier or skorch.NeuralNetBinaryClassifier
        Cloned and trained by `fit` on float32 features and on 0..K-1.

    classes : ndarray of shape (n_classes,)
        Sorted labels of the module's outputs.
    """

    def __init__(self, net, classes):
        self.net = net
        self.classes = classes

    def fit(self, X, y, **fit_params):
        """Train the net on column numbers instead of labels."""
        codes = np.searchsorted(self.classes, np.asarray(y))
        net = clone(self.net)
        self.net_ = wrapper_backend(net).fit_on_codes(net, X, codes, fit_params)
        self.classes_ = self.classes
        return self

    def predict_proba(self, X):
        """Return probabilities, a column for each of ``classes_``."""
        network, inputs = network_of(self, X)
        return network.predict_proba(inputs)

    def predict(self, X):
        """Return labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def network_of(estimator, X):
    """Return the network in a fitted classifier, as FrozenNetwork, and its inputs; or None."""
    if isinstance(estimator, FrozenNetwork):
        return estimator, X
    labelled = isinstance(estimator, LabelledNetwork)
    wrapper = estimator.net_ if labelled else estimator
    backend = wrapper_backend(wrapper)
    found = backend.unwrap(wrapper, X) if backend else None
    if found is None:
        return None
    model, inputs, classes, says = found
    network = FrozenNetwork(model, classes=estimator.classes_ if labelled else classes)
    if says is None:
        says = network_backend(model).says_logits(model)
    network.has_logits_ = bool(says)  # what a wrapper gives is probabilities, if in doubt
    return network, inputs


def final_estimator(estimator):
    """Return the classifier that answers inside pipelines, searches and frozen wrappers."""
    while (inner := _inner(estimator)) is not None:
        estimator = inner
    return estimator


def is_networked(estimator):
    """Tell whether this is an adapter or a wrapper of a network."""
    adapters = FrozenNetwork | LabelledNetwork
    return isinstance(estimator, adapters) or wrapper_backend(estimator) is not None


def final_network(estimator, X):
    """Return the network at the end, as FrozenNetwork, and its own inputs; or None."""
    last = final_estimator(estimator)
    if not is_networked(last):
        return None
    while (inner := _inner(estimator)) is not None:
        if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
            X = estimator[:-1].transform(X)
        estimator = inner
    return network_of(last, X)


def _inner(estimator):
    if isinstance(estimator, FrozenEstimator):
        return estimator.estimator
    if isinstance(estimator, Pipeline):
        return estimator.steps[-1][1]
    return getattr(estimator, "best_estimator_", None)


def sheltered(estimator):
    """Put a bare network into FrozenNetwork, where it is neither copied nor trained."""
    if is_network(estimator):
        return FrozenNetwork(estimator)
    if isinstance(estimator, FrozenEstimator) and is_network(estimator.estimator):
        return FrozenNetwork(estimator.estimator)
    last = final_estimator(estimator)
    if is_network(last):
        raise InvalidParameterError(
            f"The last step of {type(estimator).__name__} is a bare {type(last).__name__}, "
            "which it would train or copy. Put the network into skcalib.FrozenNetwork there; "
            "to train one in the folds, put it into scikeras.wrappers.KerasClassifier, "
            "keras.wrappers.SKLearnClassifier or skorch.NeuralNetClassifier."
        )
    return estimator


def takes_one_hot(estimator):
    """Tell whether labels may come one-hot, and whether training needs them like that."""
    last = final_estimator(estimator)
    return is_networked(last), getattr(wrapper_backend(last), "TRAINS_ON_ONE_HOT", False)


def prepared(estimator, X, y, classes):
    """Return the estimator as the folds shall train it.

    A frozen network learns its labels here, once, from all rows. A wrapper that takes
    column numbers only is given them.
    """
    inside = estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
    if isinstance(inside, FrozenNetwork):
        if inside is estimator or not hasattr(inside, "has_logits_"):
            return FrozenEstimator(clone(inside).fit(X, y))
        return estimator
    if isinstance(estimator, FrozenEstimator):
        return estimator
    _warn_of_lost_parameters(estimator)
    return _labelled(estimator, classes)


def _labelled(estimator, classes):
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        twin = copy(estimator)
        twin.steps = [*estimator.steps[:-1], (name, _labelled(last, classes))]
        return twin
    needs_codes = hasattr(wrapper_backend(estimator), "fit_on_codes")
    return LabelledNetwork(estimator, classes) if needs_codes else estimator


def faithful_clone(estimator):
    """Clone, with the parameters that a wrapper's own clone drops."""
    twin = clone(estimator, safe=False)
    source, target = final_estimator(estimator), final_estimator(twin)
    backend = wrapper_backend(source)
    if backend and source is not target:
        for name in backend.lost_in_clones(source):
            setattr(target, name, copy(getattr(source, name)))
    return twin


def _warn_of_lost_parameters(estimator):
    """Warn of parameters that are lost where another meta-estimator clones a wrapper."""
    last = final_estimator(estimator)
    parts = estimator.get_params().values() if hasattr(estimator, "get_params") else ()
    for part in parts:
        backend = wrapper_backend(part) if part is not last else None
        for name in backend.lost_in_clones(part) if backend else ():
            warnings.warn(
                f"{type(estimator).__name__} clones the {type(part).__name__} inside it, and "
                f"that loses {name}={getattr(part, name)!r}. Pass these to fit instead, as "
                "in fit(X, y, epochs=20).",
                UserWarning,
                stacklevel=4,
            )
