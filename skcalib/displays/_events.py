"""Probabilities of many classes, as events: what was said, and whether it came true."""

from typing import NamedTuple

import numpy as np

from skcalib.metrics import check_predictions, events_of


class Said(NamedTuple):
    """Probabilities of one kind of event; metrics take them for those of two classes."""

    panel: str | None  # of small multiples
    hit: np.ndarray  # (n_rows,), booleans
    proba: np.ndarray  # (n_rows,)
    weight: np.ndarray | None

    def ask(self, metric, **params):
        """Call a metric with these events."""
        return metric(
            self.hit,
            self.proba,
            labels=[False, True],
            sample_weight=self.weight,
            **params,
        )

    def take(self, rows):
        """Return some of them."""
        weight = None if self.weight is None else self.weight[rows]
        return Said(self.panel, self.hit[rows], self.proba[rows], weight)


def said(y_true, y_proba, notion, labels, sample_weight, pos_label=None):
    """Return the notion, if it was "auto", the label of the positive class, and all events."""
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    classes = predictions.classes
    if isinstance(notion, str) and notion == "auto":
        notion = "positive" if len(classes) == 2 else "confidence"
    weight = None if sample_weight is None else predictions.weight
    found = []
    for event in events_of(predictions, notion):
        panel = None if notion in ("positive", "confidence") else str(classes[event.target])
        own = weight if weight is None else event.weight_of(weight)
        found.append(Said(panel, event.hit, np.ascontiguousarray(event.value), own))
    return notion, classes.tolist()[predictions.pos], found
