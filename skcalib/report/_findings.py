"""All findings, in the order of the report: a new one costs a file and two lines."""

from skcalib.messages import show_progress
from skcalib.report._codes import CODES
from skcalib.report._find_bad_parts import find_bad_class, find_bad_group
from skcalib.report._find_base_rate import find_base_rate
from skcalib.report._find_calibrator import find_calibrator_helps, find_none_needed
from skcalib.report._find_coarse import find_few_levels, find_rounded
from skcalib.report._find_level_wrong import find_level_wrong
from skcalib.report._find_overfitted import find_overfitted
from skcalib.report._find_permuted import find_permuted
from skcalib.report._find_predict_disagrees import find_predict_disagrees
from skcalib.report._find_saturated import find_saturated
from skcalib.report._find_sums_off import find_sums_off
from skcalib.report._find_temperature import find_overconfident, find_underconfident
from skcalib.report._find_too_few_rows import find_too_few_rows
from skcalib.report._find_training_rows import find_training_rows_here
from skcalib.report._find_unlike_training import find_unlike_training
from skcalib.report._find_unrepeatable import find_unrepeatable
from skcalib.report._finding import CAUSE

TEMPERATURE = ("overconfident", "underconfident")

FINDERS = (
    find_permuted,
    find_sums_off,
    find_training_rows_here,
    find_overfitted,
    find_saturated,
    find_overconfident,
    find_underconfident,
    find_base_rate,
    find_level_wrong,
    find_bad_class,
    find_bad_group,
    find_unlike_training,
    find_predict_disagrees,
    find_unrepeatable,
    find_calibrator_helps,
    find_rounded,
    find_few_levels,
    find_too_few_rows,
    find_none_needed,
)


def collect_findings(evidence, verbose):
    """Return what is found, causes first, and of these what explains others before them."""
    work = show_progress(FINDERS, len(FINDERS), "confidence report", "findings", verbose)
    found = [finding for finding in (find(evidence) for find in work) if finding is not None]
    return tuple(sorted(found, key=lambda own: (own.severity != CAUSE, _rank(own, found))))


def _rank(finding, found):
    """Return the place of a finding; what explains the temperature comes before it.

    One bad group among good ones makes the whole too sure; where classes are said too often,
    one temperature gains surely less than what mends these.
    """
    rank = CODES.index(finding.code)
    if finding.code == "bad_group" and not finding.details["others_off"]:
        return CODES.index("overconfident") - 0.5
    if finding.code == "base_rate" and finding.cure.gain is not None:
        gains = [own.cure.gain for own in found if own.code in TEMPERATURE]
        if any(gain is not None and finding.cure.gain.lower > gain.value for gain in gains):
            return CODES.index("overconfident") - 0.25
    return rank
