"""What the three entry points return: findings, shown as text, as a page, as plain values."""

import copy
import json
from pathlib import Path

from skcalib.report._limits import check_report
from skcalib.report._page import show_page, show_part
from skcalib.report._schema import SCHEMA, as_values
from skcalib.report._story import tell_story
from skcalib.report._text import show_text


class ConfidenceReport:
    """
    How sure a classifier is, how often it is right, why they differ, and what mends it.

    Made by ``confidence_report``, ``confidence_report_from_predictions`` and
    ``confidence_report_from_logits``, and shown in four ways: ``print(report)`` is a short
    text, a notebook shows the same with pictures, ``to_html`` writes one page that needs
    nothing else, and ``to_dict`` and ``to_json`` return plain values.

    **When to use it.** To see at a glance whether probabilities can be believed, and where to
    begin if not. **When not.** To compare models: compare losses on the same rows, by
    ``metrics.bootstrap_difference``.

    Parameters
    ----------
    findings : sequence of Finding
        What was found, the first to mend first.
    figures : dict of str to Interval
        Numbers of the whole model, with 95 % intervals.
    curves : dict of str to dict
        What pictures are drawn from: vectors of equal length by name.
    context : dict
        What was asked: rows, classes, what was given.

    Attributes
    ----------
    findings : tuple of Finding
        Named tuples ``code``, ``severity`` ("cause" or "note"), ``measure``, ``details``,
        ``cure``. A healthy model has notes at most.
    figures : dict of str to Interval
        ``accuracy``, ``confidence`` (both shares), ``log_loss`` (nats per row), ``brier``,
        ``ece`` and others, each ``(value, lower, upper)``.
    curves : dict of str to dict
        Vectors of equal length, by name.
    context : dict
        Number of rows, classes, what was given, versions.

    References
    ----------
    Chuan Guo, Geoff Pleiss, Yu Sun, Kilian Q. Weinberger, "On Calibration of Modern Neural
    Networks", ICML 2017. arXiv:1706.04599.

    Examples
    --------
    >>> from skcalib.report import ConfidenceReport, Interval
    >>> report = ConfidenceReport(
    ...     findings=[],
    ...     figures={"accuracy": Interval(0.9, 0.88, 0.92)},
    ...     curves={},
    ...     context={"source": "predictions", "n_rows": 1000, "classes": ["no", "yes"]},
    ... )
    >>> print(report)
    Confidence report: Given probabilities
    1,000 rows, 2 classes (no and yes)
    <BLANKLINE>
    What it says is what comes true, as far as these rows can tell.
    <BLANKLINE>
      Right  90.0 % [88.0, 92.0]
    >>> report.require(accuracy_lower=0.85)
    """

    def __init__(self, findings, figures, curves, context):
        self.findings = tuple(findings)
        self.figures = dict(figures)
        self.curves = dict(curves)
        self.context = dict(context)

    def __repr__(self):
        codes = ", ".join(finding.code for finding in self.findings) or "nothing found"
        return f"<ConfidenceReport: {codes}>"

    def __str__(self):
        return show_text(tell_story(self))

    def _repr_html_(self):
        """Return the notebook's view."""
        return str(show_part(tell_story(self)))

    def to_html(self, path=None, *, guide_url=None):
        """
        Return the report as one page of HTML, or write it into a file.

        The page needs nothing else: its pictures are inside, nothing is loaded from anywhere,
        and no script runs. It is made for phones, large screens, dark mode and print. Labels
        and names of groups are text, whatever signs are in them.

        Parameters
        ----------
        path : str or path-like, default=None
            The file to write, in UTF-8. A file that is there already is replaced, as by
            ``DataFrame.to_html`` and ``Figure.savefig``. None returns the page.
        guide_url : str, default=None
            The address of the guide as pages, such as that of your own build of the
            documentation: findings then link to its pages. None names the pages only.

        Returns
        -------
        str or None
            The page, if ``path`` is None.
        """
        page = show_page(tell_story(self), guide_url)
        if path is None:
            return page
        Path(path).write_text(page, encoding="utf-8", newline="\n")
        return None

    def to_dict(self):
        """
        Return the report as plain values: dictionaries, lists, strings, numbers, None.

        A number that is not known is None, an infinite one "infinite" or "-infinite", so that
        any writer of JSON or YAML takes them. Findings have their words beside their numbers.

        Returns
        -------
        dict
            What keeps to ``schema``.
        """
        return as_values(self, tell_story(self))

    def to_json(self, path=None):
        """
        Return the report as JSON, or write it into a file.

        Parameters
        ----------
        path : str or path-like, default=None
            The file to write, in UTF-8. A file that is there already is replaced. None returns
            the text.

        Returns
        -------
        str or None
            The text, if ``path`` is None.
        """
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"
        if path is None:
            return text
        Path(path).write_text(text, encoding="utf-8", newline="\n")
        return None

    @staticmethod
    def schema():
        """
        Return the JSON schema (draft 2020-12) that ``to_dict`` and ``to_json`` keep to.

        ``schema_version`` grows when a key is removed or its meaning changes; new keys of
        ``details``, ``figures``, ``curves`` and ``context`` may come at any time.

        Returns
        -------
        dict
            The schema; yours to change.
        """
        return copy.deepcopy(SCHEMA)

    def require(self, *, no=None, **limits):
        """
        Raise an AssertionError in the report's words unless it keeps these limits: for tests.

        ``report.require(log_loss=0.3, ece_upper=0.05, no="cause")`` asks that the log loss is
        at most 0.3, that the upper end of the interval of the calibration error is at most
        0.05, and that nothing of severity "cause" was found. A figure that is not known keeps
        no limit.

        Parameters
        ----------
        no : str or list of str, default=None
            What must not have been found: "cause", "note", or codes of findings, such as
            "overconfident".
        **limits : float
            Limits of figures. ``NAME_upper`` is the most that the upper end of the interval
            may be, ``NAME_lower`` the least that the lower end may be. ``NAME`` alone limits
            the value: from above where less is better (``log_loss``, ``brier``, ``ece``,
            ``smooth_ece``, ``gain``), from below where more is better (``accuracy``, ``auc``,
            ``n_rows``, ``pvalue``).

        Raises
        ------
        AssertionError
            If a limit is not kept, or something was found that must not be.
        ValueError
            If nothing is asked, if the report knows no such figure or finding, or if a limit is
            no number.
        """
        check_report(self, no, limits)
