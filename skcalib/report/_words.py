"""The words of a report: each finding in those of a practitioner, figures, and the verdict."""

from collections.abc import Callable
from typing import NamedTuple

from skcalib.report._numbers import (
    write_count,
    write_interval,
    write_number,
    write_points,
    write_share,
)

MOST_ROWS = 25  # labels in a picture
MOST_LINES = 5  # labels in the text


class Rows(NamedTuple):
    """Labels with an interval each, what was said beside it, and a value for all of them."""

    words: str
    rows: list  # of (label, Interval)
    marks: list | None = None
    reference: float | None = None
    write: Callable = write_share
    said: str = "said"

    def show(self, interval):
        """Return an interval in words."""
        return write_interval(interval, self.write)


class Remedy(NamedTuple):
    """What mends a finding: in words, in code, what it gains, and what it mends, too."""

    words: str
    code: str
    gain: str | None
    again: str | None = None  # the title of an earlier finding that the same line mends


class Told(NamedTuple):
    """A finding in words."""

    code: str
    severity: str
    title: str
    text: str
    number: str
    guide: str
    rows: Rows | None
    remedy: Remedy | None


class Known(NamedTuple):
    """What is known of one of the report's figures: its name in words, and which is better."""

    title: str
    write: Callable
    better: str | None
    words: str = ""


FIGURES = {
    "n_rows": Known("rows", write_count, "higher"),
    "n_classes": Known("classes", write_count, None),
    "accuracy": Known("Right", write_share, "higher", "accuracy"),
    "confidence": Known("Sure", write_share, None, "mean of the largest probability"),
    "confidence_gap": Known("Sure minus right", write_points, None),
    "ece": Known("Calibration error", write_number, "lower", "0 is perfect"),
    "log_loss": Known("Log loss", write_number, "lower", "nats per row, lower is better"),
    "brier": Known("Brier score", write_number, "lower", "0 to 1, lower is better"),
    "auc": Known("Area under ROC", write_number, "higher", "how well it ranks; 0.5 is chance"),
    "smooth_ece": Known("smooth calibration error", write_number, "lower"),
    "temperature": Known("temperature", write_number, None),
    "gain": Known("gain of the best calibrator", write_number, "lower"),
    "pvalue": Known("p-value of calibration", write_number, "higher"),
}
TILES = ("accuracy", "confidence", "ece", "log_loss", "brier", "auc")
