"""What estimators share: labels from probabilities, how they print and are saved, fitting."""

from skcalib.estimators._encoded_classifier import (
    EncodedClassifier,
    name_classes,
    takes_codes_only,
)
from skcalib.estimators._fitting import accepts_weight, columns_of_all, fit_calibrator
from skcalib.estimators._predictions import ProbabilisticClassifierMixin
from skcalib.estimators._representations import Result, VersionedMixin, short_repr
