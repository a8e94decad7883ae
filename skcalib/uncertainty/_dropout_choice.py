"""The scale of dropout that fits held-out rows best, and whether it was worth it."""

import numpy as np

from skcalib.inputs import columns_among
from skcalib.messages import warn
from skcalib.uncertainty._dropout_held_out import HeldOut, train_members
from skcalib.uncertainty._dropout_tuning import choose

WITHOUT = {
    "plain": "unchanged",
    "plain, temperature": "with one temperature (TemperatureCalibratedClassifier)",
}


def choose_scale(classifier, X, y, labels, estimator, fit_params):
    """Learn rate and temperature from held-out rows, and tell whether it was worth it."""
    classes, codes = labels
    if strange := set(classes.tolist()) - set(classifier.classes_.tolist()):
        raise ValueError(
            f"y holds the classes {sorted(strange)}, which the network does not know."
        )
    codes = columns_among(classifier.classes_, classes)[codes]
    members = [(classifier.estimator_, np.arange(len(codes)))]
    if estimator is not None:
        members = train_members(estimator, X, y, codes, classifier.cv, fit_params)
    rows = HeldOut(classifier, X, codes, members)
    classifier.scale_, classifier.comparison_ = choose(
        rows.log_draws, rows.codes, centered=classifier.centered, seed=classifier.seed_
    )
    losses = {name: found["log_loss"] for name, found in classifier.comparison_.items()}
    dropout = losses.pop("dropout")
    best = min(losses, key=losses.get)
    if losses[best] <= dropout:
        warn(
            f"The plain network {WITHOUT[best]} is at least as good as dropout: log loss "
            f"{losses[best]:.4f} against {dropout:.4f} on {len(rows.codes)} held-out rows, "
            "and it is simpler and cheaper. See comparison_.",
        )
