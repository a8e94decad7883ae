"""What wrappers of networks get wrong, made right where a meta-estimator meets them."""

from copy import copy

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skcalib.backends import is_network, network_backend, wrapper_backend
from skcalib.estimators import VersionedMixin
from skcalib.messages import warn
from skcalib.networks._feature_names import checks_names, refuse_other_order
from skcalib.networks._frozen_network import FrozenNetwork
from skcalib.networks._outputs import labels_from_one_hot
from skcalib.networks._trainable_network import TrainableNetwork


class LabelledNetwork(VersionedMixin, ClassifierMixin, BaseEstimator):
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
        self.columns_ = np.unique(codes)  # the net may have more outputs
        self.classes_ = self.classes[self.columns_]
        return self

    def predict_proba(self, X):
        """Return the net's own probabilities, a column for each of ``classes_``."""
        proba = wrapper_backend(self.net_).predict_proba(self.net_, X)
        if proba.ndim == 2 and proba.shape[1] > len(self.classes_):
            proba = proba[:, self.columns_]
            proba = proba / proba.sum(axis=1, keepdims=True)
        return proba

    def predict(self, X):
        """Return labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def get_metadata_routing(self):
        """Return the requests of the net."""
        return self.net.get_metadata_routing()


IN_A_CLASSIFIER = (
    "Wrap the network in skcalib.FrozenNetwork there; to train one in the folds, wrap it in "
    "scikeras.wrappers.KerasClassifier, keras.wrappers.SKLearnClassifier or "
    "skorch.NeuralNetClassifier."
)


def find_network(estimator, X):
    """Return (network, its inputs, its columns in use, their labels), or None.

    The network in a fitted classifier comes as FrozenNetwork; columns and labels are None
    if these are the network's own.
    """
    if isinstance(estimator, FrozenNetwork):
        return estimator, X, None, None
    if isinstance(estimator, TrainableNetwork):
        return estimator.network_, X, None, None
    wrapper = _get_wrapper(estimator)
    backend = wrapper_backend(wrapper)
    found = backend.unwrap(wrapper, X) if backend else None
    if found is None:
        return None
    model, inputs, *about = found
    network, columns, labels = _adapt(estimator, model, *about)
    return network, inputs, columns, labels


def _get_wrapper(estimator):
    return estimator.net_ if isinstance(estimator, LabelledNetwork) else estimator


def _adapt(estimator, model, classes, says):
    """Return the network of a wrapper as FrozenNetwork, its columns in use and labels."""
    labelled = isinstance(estimator, LabelledNetwork)
    # A wrapper is trained on single labels, so that several sigmoids are one-vs-rest.
    network = FrozenNetwork(model, classes=None if labelled else classes, multilabel=False)
    if says is None:
        says = network_backend(model).outputs_logits(model)
    network.has_logits_ = bool(says)  # what a wrapper gives is probabilities, if in doubt
    if labelled:
        return network, estimator.columns_, estimator.classes_
    return network, None, None


def wraps_network(estimator):
    """Tell whether this is an adapter or a wrapper of a network."""
    adapters = FrozenNetwork | LabelledNetwork | TrainableNetwork
    return isinstance(estimator, adapters) or wrapper_backend(estimator) is not None


def find_final_estimator(estimator):
    """Return the estimator that answers inside pipelines, searches and frozen wrappers."""
    while (inner := _inner(estimator)) is not None:
        estimator = inner
    return estimator


def is_multilabel(estimator):
    """Tell whether this ends in a network with several labels for each sample."""
    last = find_final_estimator(estimator)
    return isinstance(last, FrozenNetwork) and bool(last.multilabel)


def find_final_network(estimator, X):
    """Find the network at the end; return as `find_network` does."""
    if not wraps_network(find_final_estimator(estimator)):
        return None
    return find_network(*find_final_step(estimator, X))


def find_final_step(estimator, X):
    """Return the fitted estimator at the end, and X as it takes it."""
    while (inner := _inner(estimator)) is not None:
        if isinstance(estimator, Pipeline):
            X = _transform_before_last(estimator, X)
        estimator = inner
    return estimator, X


def _inner(estimator):
    if isinstance(estimator, FrozenEstimator):
        return estimator.estimator
    if isinstance(estimator, Pipeline):
        return estimator.steps[-1][1]
    return getattr(estimator, "best_estimator_", None)


def wrap_network(estimator, adapter=FrozenNetwork, way_out=IN_A_CLASSIFIER):
    """Put a bare network into an adapter, where it is neither copied nor trained."""
    if is_network(estimator):
        return adapter(estimator)
    if isinstance(estimator, FrozenEstimator) and is_network(estimator.estimator):
        return adapter(estimator.estimator)
    last = find_final_estimator(estimator)
    if is_network(last):
        raise InvalidParameterError(
            f"The last step of {type(estimator).__name__} is a bare {type(last).__name__}, "
            f"which it would train or copy. {way_out}"
        )
    return estimator


def decode_one_hot(y, estimator):
    """Return labels for one-hot y, if it is for a network, and whether it trains on these."""
    last = find_final_estimator(estimator)
    if not wraps_network(last):
        return y, False
    classes = last.classes if isinstance(last, FrozenNetwork) else None
    keeps = getattr(wrapper_backend(last), "TRAINS_ON_ONE_HOT", False)
    return labels_from_one_hot(y, classes), keeps


def fit_network_labels(estimator, X, y, classes):
    """Return the estimator as the folds shall train it.

    A frozen network learns its labels here, once, from all rows; so does one at the end of a
    pipeline of fitted steps, which is frozen with it. A wrapper that takes column numbers
    only is given them.
    """
    frozen = isinstance(estimator, FrozenEstimator)
    inside = estimator.estimator if frozen else estimator
    if _samples_a_trained_network(estimator):
        return FrozenEstimator(_fit_sampler(estimator, X, y))
    if not frozen and not ends_frozen(inside):
        _warn_of_what_others_train(estimator, classes)
        return _wrap_for_labels(estimator, classes)
    if not frozen:
        _check_steps(inside)
    if not checks_names(inside):
        refuse_other_order(inside, X)
    if not ends_frozen(inside):
        return estimator
    return FrozenEstimator(_learn_labels(inside, X, y, classes, frozen))


def ends_frozen(estimator):
    """Tell whether this is a frozen network, or a pipeline that ends in what trains none."""
    piped = isinstance(estimator, Pipeline)
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    if isinstance(estimator, FrozenEstimator):
        return wraps_network(find_final_estimator(estimator))
    samples = piped and _samples_a_trained_network(estimator)
    return samples or isinstance(estimator, FrozenNetwork)


def _check_steps(pipeline):
    """Raise unless all that comes before a frozen network is fitted, as the network is."""
    for name, step in _list_named_steps(pipeline)[:-1]:
        try:
            check_is_fitted(step)
        except NotFittedError as error:
            raise NotFittedError(
                "The pipeline ends in a trained network, which is not trained again, but its "
                f"step {name!r} ({type(step).__name__}) is not fitted: it never was, or it "
                "was cloned (cross_val_score and searches clone their estimator). Fit the "
                "steps, and pass FrozenEstimator(pipeline), from sklearn.frozen, which "
                "cloning leaves as it is."
            ) from error


def _list_named_steps(estimator, name=""):
    """Return names and steps of a pipeline that do something, also of pipelines inside it."""
    if isinstance(estimator, Pipeline):
        return [
            found for name, step in estimator.steps for found in _list_named_steps(step, name)
        ]
    return [] if estimator is None or isinstance(estimator, str) else [(name, estimator)]


def _transform_before_last(pipeline, X):
    """Return X as the last step takes it. (Steps that learn nothing need not look fitted.)"""
    for _, step in _list_named_steps(Pipeline(pipeline.steps[:-1])):
        X = step.transform(X)
    return X


def _learn_labels(estimator, X, y, classes, frozen):
    """Return what ends frozen as one that has learned its labels."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        X = _transform_before_last(estimator, X)
        twin = copy(estimator)
        twin.steps = [
            *estimator.steps[:-1],
            (name, _learn_labels(last, X, y, classes, frozen)),
        ]
        return twin
    if not frozen and _samples_a_trained_network(estimator):
        return _fit_sampler(estimator, X, y)
    if not isinstance(estimator, FrozenNetwork):
        return estimator
    if hasattr(estimator, "has_logits_") and np.isin(classes, estimator.classes_).all():
        return estimator  # its labels are known already
    return clone(estimator).fit(X, y)


def _samples_a_trained_network(estimator):
    """Tell a meta-estimator whose fit trains nothing, since its network is trained."""
    trains_nothing = getattr(estimator, "_trains_nothing", None)
    return trains_nothing is not None and trains_nothing()


def _fit_sampler(estimator, X, y):
    twin = clone_with_parameters(estimator)
    if hasattr(estimator, "estimator"):  # whose clone has lost what its steps learned
        twin.estimator = estimator.estimator
    return twin.fit(X, y)


def _wrap_for_labels(estimator, classes):
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        twin = copy(estimator)
        twin.steps = [*estimator.steps[:-1], (name, _wrap_for_labels(last, classes))]
        return twin
    needs_codes = hasattr(wrapper_backend(estimator), "fit_on_codes")
    return LabelledNetwork(estimator, classes) if needs_codes else estimator


def clone_with_parameters(estimator):
    """Clone, with the parameters that a wrapper's own clone drops."""
    twin = clone(estimator, safe=False)
    source, target = find_final_estimator(estimator), find_final_estimator(twin)
    backend = wrapper_backend(source)
    if backend and source is not target:
        for name in backend.parameters_lost_in_clones(source):
            setattr(target, name, copy(getattr(source, name)))
    return twin


def _warn_of_what_others_train(estimator, classes):
    """Warn of wrappers that another meta-estimator trains or clones, out of our reach."""
    last = find_final_estimator(estimator)
    numbered = np.array_equal(classes, np.arange(len(classes)))
    name = type(estimator).__name__
    parts = estimator.get_params().values() if hasattr(estimator, "get_params") else ()
    for part in parts:
        backend = wrapper_backend(part) if part is not last else None
        for lost in backend.parameters_lost_in_clones(part) if backend else ():
            warn(
                f"{name} clones the {type(part).__name__} inside it, which loses "
                f"{lost}={getattr(part, lost)!r}. Pass these to fit instead, as in fit(X, y, "
                "epochs=20).",
                UserWarning,
            )
        if hasattr(backend, "fit_on_codes") and not numbered:
            warn(
                f"{name} trains the {type(part).__name__} inside it on the labels as they are, "
                f"but skorch takes 0..K-1 only. Number the labels, or put {name} around the "
                "calibrated classifier instead.",
                UserWarning,
            )
