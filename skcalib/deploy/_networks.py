"""The networks of a calibrated classifier, one for each pair."""

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skcalib.backends import network_backend
from skcalib.decision import PriorShiftClassifier
from skcalib.deploy._describe import describe
from skcalib.deploy._described import DescribedCalibrator
from skcalib.networks import find_fitted_network


def describe_any(calibrated):
    """Return the description of what is fitted, or that which a calibrator was made of."""
    if isinstance(calibrated, DescribedCalibrator):
        return calibrated.description
    return describe(calibrated)


def describe_networks(calibrated, backend, library):
    """Return a FittedNetwork for each pair, or None for a calibrator alone.

    Parameters
    ----------
    calibrated : object
    backend : module
        Whose networks they must be.
    library : str
        For messages.
    """
    if not hasattr(calibrated, "predict_proba") or isinstance(calibrated, type):
        raise TypeError(
            "A fitted CalibratedClassifierCV (or TemperatureCalibratedClassifier) around a "
            f"network of {library} is wanted, or a fitted calibrator, got "
            f"{type(calibrated).__name__}."
        )
    check_is_fitted(calibrated)
    while isinstance(calibrated, PriorShiftClassifier | FrozenEstimator):
        inner = "estimator_" if isinstance(calibrated, PriorShiftClassifier) else "estimator"
        calibrated = getattr(calibrated, inner)
    if not hasattr(calibrated, "calibrated_classifiers_"):
        return None
    if hasattr(calibrated, "estimators_"):
        raise ValueError(
            "A network with several labels (multilabel=True) cannot be exported with its "
            "calibration yet. Export its network as it is, and calibrate what it gives by "
            "describe(calibrated.estimators_[k]) for each label k."
        )
    networks = [find_fitted_network(p.estimator) for p in calibrated.calibrated_classifiers_]
    for found in networks:
        if network_backend(found.model) is not backend:
            raise TypeError(
                f"{type(found.model).__name__} is not a network of {library}. Those of Keras "
                "go into to_keras, modules of torch into to_torch."
            )
    return networks
