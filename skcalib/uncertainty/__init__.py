"""How much a model does not know: stochastic predictions and their measures."""

from skcalib.sampling import (
    Draws,
    expected_entropy,
    mutual_information,
    predictive_entropy,
    summarize_draws,
    variation_ratio,
)
from skcalib.uncertainty._base import SamplingClassifier
from skcalib.uncertainty._bayes_by_backprop import BayesByBackpropClassifier
from skcalib.uncertainty._bayes_by_backprop_regressor import BayesByBackpropRegressor
from skcalib.uncertainty._callbacks import HOMES, load_class
from skcalib.uncertainty._deep_ensemble import DeepEnsembleClassifier
from skcalib.uncertainty._deep_ensemble_regressor import DeepEnsembleRegressor
from skcalib.uncertainty._ensemble_members import EnsembleMembersClassifier
from skcalib.uncertainty._frame import uncertainty_frame
from skcalib.uncertainty._laplace import LaplaceClassifier
from skcalib.uncertainty._mc_dropout import MCDropoutClassifier
from skcalib.uncertainty._mc_dropout_regressor import MCDropoutRegressor

__all__ = [
    "BayesByBackpropClassifier",
    "BayesByBackpropRegressor",
    "DeepEnsembleClassifier",
    "DeepEnsembleRegressor",
    "Draws",
    "EnsembleMembersClassifier",
    "LaplaceClassifier",
    "MCDropoutClassifier",
    "MCDropoutRegressor",
    "SamplingClassifier",
    "expected_entropy",
    "mutual_information",
    "predictive_entropy",
    "summarize_draws",
    "uncertainty_frame",
    "variation_ratio",
]


def __getattr__(name):
    """Load a callback or a loss, and its library, when it is first asked for (PEP 562)."""
    if name in HOMES:
        return load_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*__all__, *HOMES})
