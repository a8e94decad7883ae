"""From evidence to the report."""

import platform
import sys

import numpy as np
import sklearn

from skcalib.inputs import count_rows
from skcalib.report._confidence_report import ConfidenceReport
from skcalib.report._curves import compute_curves
from skcalib.report._figures import compute_figures
from skcalib.report._findings import collect_findings
from skcalib.report._levels import LEVEL


def make_report(evidence, source, named, verbose):
    """Return the report; `named` are the optional arguments, None where not given."""
    findings = collect_findings(evidence, verbose)
    figures, curves = compute_figures(evidence), compute_curves(evidence)
    return ConfidenceReport(findings, figures, curves, _describe(evidence, source, named))


def _describe(evidence, source, named):
    """Return what the report is of."""
    labels = evidence.classes.tolist()
    two = len(labels) == 2
    model = evidence.estimator
    return {
        "source": source,
        "estimator": None if model is None else type(model).__name__,
        "n_rows": len(evidence.codes),
        "n_train": None if evidence.X_train is None else count_rows(evidence.X_train),
        "sum_weight": evidence.total,
        "classes": labels,
        "pos_label": labels[evidence.pos] if two else None,
        "notion": "positive" if two else "confidence",
        "logits": evidence.source_of_logits,
        "given": [name for name, value in named.items() if value is not None],
        "confidence_level": 1 - LEVEL,
        "level": LEVEL,
        "versions": {
            # The package stands above all floors; when this runs, it is loaded.
            "skcalib": sys.modules[__name__.partition(".")[0]].__version__,
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
