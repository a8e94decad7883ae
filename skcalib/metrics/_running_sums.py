"""What is kept of blocks of rows: sums, of which a metric's value follows.

Each class has `add`, which takes predictions that are checked; `merge`, which takes what
another has kept; `value`. They can be pickled.
"""

import numpy as np

from skcalib.inputs import ScoreTable
from skcalib.metrics._binned_error import norm_of
from skcalib.metrics._binning import uniform_sums
from skcalib.metrics._corp import corp_decomposition, corp_notion
from skcalib.metrics._events import EventsOfTables, events_of
from skcalib.metrics._reliability_curve import curve_of_sums

ONLY = -1  # the key of an event that is not about one class


class LossSums:
    """The sum of a loss over rows; an infinite one stays."""

    def __init__(self, metric, params):
        self.prepare, self.params = metric.prepare_for_weights, params
        self.loss = self.total = 0.0

    def add(self, predictions):
        total = float(predictions.total)
        self.loss += float(self.prepare(predictions, **self.params)(predictions.weight)) * total
        self.total += total

    def merge(self, other):
        self.loss += other.loss
        self.total += other.total

    def value(self):
        return self.loss / self.total


class BinSums:
    """Sums of weights, of probabilities and of hits in bins of equal width, for each event."""

    def __init__(self, params):
        self.params = params
        self.cells = {}

    def add(self, predictions):
        for event in events_of(predictions, self.params.get("notion", "auto")):
            key = event.target if np.ndim(event.target) == 0 else ONLY
            sums = uniform_sums(event, event.weight, self.params["n_bins"])
            self.cells[key] = self.cells.get(key, 0) + sums

    def merge(self, other):
        for key, sums in other.cells.items():
            self.cells[key] = self.cells.get(key, 0) + sums

    def filled(self):
        """Return the sums of the bins that are not empty, event by event."""
        return [self.cells[key][:, self.cells[key][0] > 0] for key in sorted(self.cells)]


class ErrorInBins(BinSums):
    """A calibration error in bins of equal width."""

    def value(self):
        sums = np.concatenate(self.filled(), axis=1)
        return float(norm_of(sums, self.params["norm"], self.params.get("debias", False)))


class CurveInBins(BinSums):
    """A reliability curve in bins of equal width."""

    def value(self):
        (sums,) = self.filled()
        return curve_of_sums(sums, self.params["confidence_level"], self.params["band"])


class TablesOfEvents:
    """Distinct probabilities of each event, with what came true at each and what did not."""

    def __init__(self, metric, params, notion):
        self.metric, self.params, self.notion = metric, params, notion
        self.tables, self.classes, self.total, self.dtype = {}, None, 0.0, np.float32

    def add(self, predictions):
        self.classes = predictions.classes
        self.total += float(predictions.total)
        self.dtype = np.result_type(self.dtype, predictions.given.dtype)
        for event in events_of(predictions, self._notion_of(predictions)):
            key = event.target if np.ndim(event.target) == 0 else ONLY
            self.tables.setdefault(key, ScoreTable())
            self.tables[key].add(event.value, event.hit, event.weight)

    def _notion_of(self, predictions):
        if self.metric is corp_decomposition:
            return corp_notion(predictions.classes, self.notion)
        return self.notion

    def merge(self, other):
        self.classes = other.classes if self.classes is None else self.classes
        self.total += other.total
        self.dtype = np.result_type(self.dtype, other.dtype)
        for key, table in other.tables.items():
            self.tables[key] = self.tables.get(key, ScoreTable()) + table

    def value(self):
        predictions = EventsOfTables(self.tables, self.classes, self.total, self.dtype)
        return self.metric.compute(predictions, **self.params)
