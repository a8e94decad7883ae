"""skcalib fit: a calibration map from a file of predictions."""

import json
import sys

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from skcalib.calibration import CalibratedClassifierCV
from skcalib.cli._checking import answers_of, check_given
from skcalib.cli._errors import OK, CommandError, nearest, one_line, quote_name
from skcalib.cli._options import columns_of, source_of
from skcalib.cli._outputs import check_output, write_text
from skcalib.cli._predictions import read_predictions
from skcalib.cli._progress import wanted
from skcalib.cli._settings import METHODS
from skcalib.deploy import describe
from skcalib.estimators import VersionedMixin


class GivenProbabilities(VersionedMixin, ClassifierMixin, BaseEstimator):
    """A classifier whose rows are what another one answered: probabilities."""

    def __init__(self, classes):
        self.classes = classes

    @property
    def classes_(self):
        """The labels of the columns."""
        return np.asarray(self.classes)

    def fit(self, X, y):
        """Change nothing."""
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        """Return the rows."""
        return X


class GivenLogits(GivenProbabilities):
    """The same for logits."""

    predict_proba = None

    def decision_function(self, X):
        """Return the rows; of two classes their difference."""
        return X[:, 1] - X[:, 0] if X.shape[1] == 2 else X


def run(options):
    """Fit a map; return the exit code."""
    if options.method not in METHODS:
        raise CommandError(
            f"--method {quote_name(options.method)} is unknown"
            f"{nearest(options.method, METHODS) or '; --help lists the methods'}"
        )
    check_output(options.out, options.force)
    source = source_of(options.file, options)
    given = read_predictions(source, columns_of(options), show=wanted(options.quiet))
    check_given(given, source, options.input)
    fitted = fit_map(given, source, options.input, options.method)
    text = json.dumps(describe(fitted), indent=1)
    write_text(text, options.out, options.force)
    if options.out not in (None, "-") and not options.quiet:
        print(f"skcalib: {options.out}: {describe_fit(fitted, given)}", file=sys.stderr)
    return OK


def fit_map(given, source, kind, method):
    """Return a fitted meta-estimator around what was given."""
    answers = answers_of(given, source, kind)
    base = (GivenProbabilities if kind == "proba" else GivenLogits)(given.classes)
    fitted = CalibratedClassifierCV(FrozenEstimator(base), method=method)
    weight = {} if given.weight is None else {"sample_weight": given.weight}
    return fitted.fit(answers, given.classes[given.codes], **weight)


def describe_fit(fitted, given):
    """Return in a line what was fitted to how much."""
    calibrator = fitted.calibrated_classifiers_[0].calibrators[0]
    how = fitted.method
    if hasattr(calibrator, "describe"):
        how = f"{how}, which is: {one_line(calibrator.describe()).rstrip('.')}"
    return f"{how}, fitted to {len(given.codes):,} rows"
