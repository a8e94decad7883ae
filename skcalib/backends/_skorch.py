"""skorch.NeuralNetClassifier and skorch.NeuralNetBinaryClassifier."""

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier

from skcalib.backends._torch import prepare

_SAYS_LOGITS = {
    torch.nn.CrossEntropyLoss: True,
    torch.nn.BCEWithLogitsLoss: True,
    torch.nn.NLLLoss: False,  # skorch itself takes the logarithm of the module's output
    torch.nn.BCELoss: False,
}

TRAINS_ON_ONE_HOT = False


def owns(thing):
    """Tell whether this is one of the wrappers."""
    return isinstance(thing, NeuralNetClassifier | NeuralNetBinaryClassifier)


def unwrap(estimator, X):
    """Return network, inputs, classes and what its output is; None if it is customised."""
    own = type(estimator).predict_proba in (
        NeuralNetClassifier.predict_proba,
        NeuralNetBinaryClassifier.predict_proba,
    )
    if not own or estimator.predict_nonlinearity != "auto" or not hasattr(estimator, "module_"):
        return None
    says = _SAYS_LOGITS.get(type(getattr(estimator, "criterion_", None)))
    return estimator.module_, X, getattr(estimator, "classes_", None), says


def lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ()


def fit_on_codes(estimator, X, codes, fit_params):
    """Train on float32 features and on codes of the type that the loss takes."""
    with torch.random.fork_rng(devices=[]):  # only to see what the module takes
        module = clone(estimator).set_params(verbose=0).initialize().module_
    is_binary = isinstance(estimator, NeuralNetBinaryClassifier)
    codes = codes.astype(np.float32 if is_binary else np.int64)
    return estimator.fit(prepare(module, X), codes, **fit_params)
