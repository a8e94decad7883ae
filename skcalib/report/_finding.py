"""What the report finds, as values: no words, no pictures."""

from typing import NamedTuple

CAUSE, NOTE = "cause", "note"


class Interval(NamedTuple):
    """A value and its interval, both in the unit that its name says."""

    value: float
    lower: float
    upper: float


class Cure(NamedTuple):
    """
    What mends a finding, and what that gains.

    ``action`` is a key of the report's words (``"calibrate"``, ``"train_again"``),
    ``arguments`` what its line of code is filled with, and ``gain`` the cross-validated gain of
    log loss in nats per row (positive is better), or None where nothing can be measured.
    """

    action: str
    arguments: dict
    gain: Interval | None


class Finding(NamedTuple):
    """
    One finding of the confidence report.

    ``code`` names the finding and does not change between versions; ``severity`` is "cause" or
    "note"; ``measure`` is the number that it rests on, with its interval; ``details`` holds
    further plain numbers, labels and lists, for words and pictures; ``cure`` may be None.
    """

    code: str
    severity: str
    measure: Interval
    details: dict
    cure: Cure | None
