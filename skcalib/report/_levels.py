"""One level for all findings: p-values of all that is tested, adjusted together."""

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from skcalib.report._bounds import assess_rate, bound_pvalue

LEVEL = 0.05
MOST_BINS, ROWS_OF_BIN = 10, 40
CALIBRATION = ("temperature", "base_rate", "bins", "predicted", "groups")


class Assessed(NamedTuple):
    """What was tested under one name: p-values of its parts, not yet adjusted."""

    parts: np.ndarray

    @property
    def pvalue(self):
        """The p-value of the whole (Bonferroni)."""
        return float(min(1.0, len(self.parts) * self.parts.min(initial=1.0)))


class Levels:
    """Adjusted p-values (Holm): with probability .95 none is below .05 if all is well."""

    def __init__(self, tested):
        self.tested = {name: own for name, own in tested.items() if own is not None}
        names = sorted(self.tested, key=lambda name: self.tested[name].pvalue)
        self.factor, self.pvalue, largest = {}, {}, 0.0
        for rank, name in enumerate(names):
            self.factor[name] = len(names) - rank
            largest = max(largest, min(1.0, self.factor[name] * self.tested[name].pvalue))
            self.pvalue[name] = largest

    def rejects(self, name):
        """Tell whether chance hardly explains what was tested under this name."""
        return self.pvalue.get(name, 1.0) <= LEVEL

    def parts_off(self, name):
        """Tell for which parts chance hardly explains what was found."""
        parts = self.tested[name].parts
        adjusted = parts * len(parts) * self.factor[name]
        return self.rejects(name) & (adjusted <= LEVEL)

    @property
    def calibration(self):
        """The smallest adjusted p-value of all that calibration alone decides."""
        return min(self.pvalue[name] for name in CALIBRATION if name in self.pvalue)


def assess_base_rates(evidence):
    """Test how often each class is true; of two classes one is enough."""
    n_classes = len(evidence.classes)
    columns = [evidence.pos] if n_classes == 2 else range(n_classes)
    parts = [
        assess_rate(evidence.proba[:, k], evidence.codes == k, evidence.weight) for k in columns
    ]
    return Assessed(np.array(parts))


def assess_slices(evidence, slices):
    """Test confidence in all rows, then how often the report's event came true in slices."""
    value, hit = evidence.event
    parts = [assess_rate(evidence.confidence, evidence.hit, evidence.weight)]
    for rows in slices:
        parts.append(assess_rate(value[rows], hit[rows], evidence.weight[rows]))
    return Assessed(np.array(parts))


def assess_predicted(evidence):
    """Test how often each predicted class is right."""
    parts = [
        assess_rate(evidence.confidence[rows], evidence.hit[rows], evidence.weight[rows])
        for rows in evidence.rows_predicted
    ]
    return Assessed(np.array(parts))


def assess_groups(evidence):
    """Test confidence in each group; of two classes the positive one's probability, too."""
    if evidence.group_rows is None:
        return None
    events = [(evidence.confidence, evidence.hit)]
    if len(evidence.classes) == 2:
        events.append(evidence.event)
    parts = [
        min(
            1.0,
            len(events)
            * min(assess_rate(p[rows], hit[rows], evidence.weight[rows]) for p, hit in events),
        )
        for rows in evidence.group_rows
    ]
    return Assessed(np.array(parts))


def assess_order(gain, n_classes):
    """Bound the p-value of a gain in log-likelihood by the best of all orders of columns.

    The likelihood ratio of each order has mean one if probabilities are true, so that it is
    large with a probability of at most one over it (Markov).
    """
    if gain <= 0:
        return Assessed(np.ones(1))
    return Assessed(np.array([bound_pvalue(gain - gammaln(n_classes + 1) + np.log(2))]))
