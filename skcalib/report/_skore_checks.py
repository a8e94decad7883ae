"""The report's findings as checks of skore, which is not imported here."""

import sys
from weakref import WeakKeyDictionary

from skcalib.report._entry import confidence_report
from skcalib.report._finding import CAUSE
from skcalib.report._given import check_seed
from skcalib.report._guide import name_page
from skcalib.report._story import tell

TITLES = {
    "permuted": "Columns in another order than the labels",
    "sums_off": "Probabilities that do not sum to one",
    "training_rows": "Training rows among the test rows",
    "overfitted": "Much better on the training rows",
    "saturated": "Probabilities of exactly 0 and 1",
    "overconfident": "Too sure",
    "underconfident": "Not sure enough",
    "base_rate": "Classes expected too often or too seldom",
    "level_wrong": "A good ranking with wrong numbers",
    "bad_class": "A class that is said too surely, or not surely enough",
    "unlike_training": "Rows unlike the training rows",
    "predict_disagrees": "predict and predict_proba that disagree",
    "unrepeatable": "Answers that change from call to call",
    "calibrator_helps": "Calibration would help",
    "rounded": "Rounded probabilities",
    "few_levels": "Few different answers",
    "too_few_rows": "Too few rows to tell",
}
# What is no reproach is a tip; skore has no groups, and needs no word where all is well.
TIPS = {"calibrator_helps", "rounded", "few_levels", "too_few_rows"}


class SkoreCheck:
    """
    One finding of the confidence report as a check of skore, by the protocol ``skore.Check``.

    All checks of one list share one confidence report for each of skore's reports: the first
    check computes it, the others read it. In a cross-validation report a finding is told if it
    comes in more than half of the splits, in the words of the first of them.
    """

    report_types = ["estimator", "cross-validation"]
    docs_url = None  # skore takes what is no address for a part of its own guide
    slow = True

    def __init__(self, finding, reports):
        self.code = f"SKC_{finding.upper()}"
        self.title = TITLES[finding]
        self.severity = "tip" if finding in TIPS else "issue"
        self.finding = finding
        self.reports = reports

    def __repr__(self):
        return f"<SkoreCheck: {self.code}>"

    def check_function(self, report):
        """
        Return the words of the finding, or None where there is none.

        Parameters
        ----------
        report : skore.EstimatorReport or skore.CrossValidationReport
            The report to look at.

        Returns
        -------
        str or None
            What skore shows. ``severity`` is that of this finding: a note is a tip.
        """
        ours = self.reports.of(report)
        found = [(one, own) for own in ours for one in own.findings if one.code == self.finding]
        if 2 * len(found) <= len(ours):
            return None
        finding, own = found[0]
        self.severity = "issue" if finding.severity == CAUSE else "tip"
        words = explain(tell(finding, own.context))
        return words if len(ours) == 1 else f"In {len(found)} of {len(ours)} splits. {words}"


class Reports:
    """Confidence reports of skore's reports, each computed once."""

    def __init__(self, compute, options):
        self.compute, self.options = compute, options
        self.known = WeakKeyDictionary()

    def of(self, report):
        """Return a list of the confidence reports of a report of skore."""
        if report not in self.known:
            parts = getattr(report, "reports_", None) or [report]
            self.known[report] = [self.compute_one(part) for part in parts]
        return self.known[report]

    def compute_one(self, report):
        """Return the confidence report of a report about one estimator."""
        estimator = report.estimator_
        refuse_others(report, estimator)
        train = {"X_train": report.X_train, "y_train": report.y_train}
        given = {name: value for name, value in train.items() if value is not None}
        return self.compute(estimator, report.X_test, report.y_test, **given, **self.options)


def refuse_others(report, estimator):
    """Raise what skore takes for "not applicable", unless a classifier says probabilities."""
    if "classification" not in report.ml_task or "multioutput" in report.ml_task:
        reason = f"The task is {report.ml_task}; confidence is about one label of each row."
    elif type(estimator).__name__ == "SkrubLearner":
        reason = "A plan of skrub has no rows that could be given to its classifier alone."
    elif not hasattr(estimator, "predict_proba"):
        reason = f"{type(estimator).__name__} has no predict_proba."
    else:
        return
    # Whoever holds a report of skore has imported it.
    raise sys.modules["skore"].CheckNotApplicable(reason)


def explain(told):
    """Return a finding as one paragraph."""
    parts = [told.text, told.number and f"{told.number}."]
    if told.remedy:
        parts += [told.remedy.words, told.remedy.code, told.remedy.gain]
    parts.append(f"See {name_page(told.guide)} of skcalib.")
    return " ".join(part for part in parts if part)


def skore_checks(*, random_state=None):
    """
    Return the findings of the confidence report as checks for skore.

    ``report.checks.add(skore_checks())`` adds them to a report of skore, whose
    ``checks.summarize()`` then tells them among its own: causes as issues, notes as tips.
    Their codes are ``SKC_`` and the code of the finding in capitals, for ``ignore=``. One
    confidence report is computed for each of skore's reports (for each split of a
    cross-validation), by the first check that asks; training rows are looked at where skore
    has them. skore is not needed to make the list, and never imported.

    **When to use it.** Where models are looked at in skore, which has no checks of
    probabilities. **When not.** To see figures, pictures and gains: ``confidence_report``.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        As in ``confidence_report``.

    Returns
    -------
    list of SkoreCheck
        Objects with what the protocol ``skore.Check`` asks for: ``code``, ``title``,
        ``docs_url``, ``report_types``, ``severity``, ``slow`` and ``check_function(report)``.
        skore leaves slow checks out in its fast mode.

    Raises
    ------
    ValueError
        If ``random_state`` is neither a seed, a generator, nor None.

    See Also
    --------
    skcalib.confidence_report : The whole report.

    Examples
    --------
    >>> from skcalib.report import skore_checks
    >>> checks = skore_checks(random_state=0)
    >>> checks[0].code, checks[0].title
    ('SKC_PERMUTED', 'Columns in another order than the labels')
    """
    reports = Reports(confidence_report, {"random_state": check_seed(random_state)})
    return [SkoreCheck(finding, reports) for finding in TITLES]
