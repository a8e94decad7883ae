"""How sure is this classifier, really? Calibrated probabilities for scikit-learn."""

from importlib import import_module

__version__ = "0.1.0.dev0"

__all__ = [
    "CalibratedClassifierCV",
    "DeepEnsembleClassifier",
    "DeepEnsembleRegressor",
    "FrozenNetwork",
    "MCDropoutClassifier",
    "MCDropoutRegressor",
    "TemperatureCalibratedClassifier",
    "TrainableNetwork",
    "__version__",
    "calibrators",
    "confidence_report",
    "confidence_report_from_logits",
    "confidence_report_from_predictions",
    "decision",
    "deploy",
    "displays",
    "engines",
    "expand_soft_labels",
    "layers",
    "logits_from_proba",
    "metrics",
    "novelty",
    "probability_floor",
    "report",
    "uncertainty",
]

_HOMES = {
    "CalibratedClassifierCV": "skcalib.calibration",
    "DeepEnsembleClassifier": "skcalib.uncertainty",
    "DeepEnsembleRegressor": "skcalib.uncertainty",
    "FrozenNetwork": "skcalib.networks",
    "MCDropoutClassifier": "skcalib.uncertainty",
    "MCDropoutRegressor": "skcalib.uncertainty",
    "TemperatureCalibratedClassifier": "skcalib.calibration",
    "TrainableNetwork": "skcalib.networks",
    "confidence_report": "skcalib.report",
    "confidence_report_from_logits": "skcalib.report",
    "confidence_report_from_predictions": "skcalib.report",
    "expand_soft_labels": "skcalib.calibrators",
    "logits_from_proba": "skcalib.inputs",
    "probability_floor": "skcalib.inputs",
}


def __getattr__(name):
    """Load a public name when it is first asked for (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"skcalib.{name}")
    raise AttributeError(f"module 'skcalib' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
