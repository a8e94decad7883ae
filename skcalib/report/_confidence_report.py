"""What the three entry points return."""

from typing import NamedTuple


class ConfidenceReport(NamedTuple):
    """Findings, figures, curves and context of one report, by the names of ``_codes``."""

    findings: tuple
    figures: dict
    curves: dict
    context: dict
