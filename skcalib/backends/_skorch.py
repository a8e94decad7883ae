"""skorch.NeuralNetClassifier and skorch.NeuralNetBinaryClassifier."""

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.dataset import Dataset
from torch.utils.data import DataLoader

from skcalib.backends._torch_modules import convert_inputs

_SAYS_LOGITS = (
    (torch.nn.CrossEntropyLoss, True),
    (torch.nn.BCEWithLogitsLoss, True),
    (torch.nn.NLLLoss, False),  # skorch itself takes the logarithm of the module's output
    (torch.nn.BCELoss, False),
)
_STOCK = (
    *("predict_proba", "forward", "forward_iter", "infer", "evaluation_step"),
    *("get_dataset", "get_iterator"),
)

TRAINS_ON_ONE_HOT = False


def owns(thing):
    """Tell whether this is one of the wrappers."""
    return isinstance(thing, NeuralNetClassifier | NeuralNetBinaryClassifier)


def regresses(estimator):
    """Tell whether this wrapper is a regressor."""
    return False


def get_network(estimator):
    """Return network, classes and what its output is; None if it is customised."""
    if _is_customised(estimator) or not hasattr(estimator, "module_"):
        return None
    criterion = getattr(estimator, "criterion_", None)
    says = next((says for loss, says in _SAYS_LOGITS if isinstance(criterion, loss)), None)
    # The net is trained on column numbers, whichever of them it has seen.
    return estimator.module_, getattr(estimator, "classes", None), says


def changes_inputs(estimator):
    """Return False: the network is given X."""
    return False


def unwrap(estimator, X):
    """Return as `get_network`, with the inputs."""
    found = get_network(estimator)
    if found is None:
        return None
    model, *about = found
    return model, X, *about


def _is_customised(estimator):
    binary = isinstance(estimator, NeuralNetBinaryClassifier)
    base = NeuralNetBinaryClassifier if binary else NeuralNetClassifier
    own = all(getattr(type(estimator), n) is getattr(base, n) for n in _STOCK)
    parts = (estimator.predict_nonlinearity, estimator.dataset, estimator.iterator_valid)
    collated = "collate_fn" in estimator.get_params_for("iterator_valid")
    return not own or parts != ("auto", Dataset, DataLoader) or collated


def predict_proba(estimator, X):
    """Ask the wrapper itself, with features that it can take."""
    return estimator.predict_proba(convert_inputs(estimator.module_, X))


def build(estimator, X, y):
    """Return an untrained network, as fit would make it, and X as it takes it, or None."""
    if _is_customised(estimator):
        return None
    with torch.random.fork_rng(devices=[]):
        module = clone(estimator).set_params(verbose=0).initialize().module_
    return module, X


def parameters_lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ()


def fit_on_codes(estimator, X, codes, fit_params):
    """Train on float32 features and on codes of the type that the loss takes."""
    with torch.random.fork_rng(devices=[]):  # only to see what the module takes
        module = clone(estimator).set_params(verbose=0).initialize().module_
    is_binary = isinstance(estimator, NeuralNetBinaryClassifier)
    codes = codes.astype(np.float32 if is_binary else np.int64)
    return estimator.fit(convert_inputs(module, X), codes, **fit_params)
