"""A classifier that is surer, with more right, on the rows that it was trained on."""

import numpy as np
from scipy.special import ndtri

from skcalib.networks import find_final_estimator, wraps_network
from skcalib.report._bounds import fit_beta, mean_interval
from skcalib.report._evidence import logits_of
from skcalib.report._finding import CAUSE, Cure, Finding, Interval
from skcalib.report._levels import LEVEL

LEAST = 1e-12  # of a probability whose logarithm is taken
# What restrains a classifier, by the kind that its parameters show.
RESTRAINTS = {
    "boosting": ("early_stopping", "n_iter_no_change", "learning_rate", "l2_regularization",
                 "reg_lambda", "min_child_weight", "max_depth"),
    "forest": ("min_samples_leaf", "max_depth", "max_features"),
    "tree": ("min_samples_leaf", "ccp_alpha", "max_depth"),
    "network": ("alpha", "weight_decay", "optimizer__weight_decay", "early_stopping",
                "max_iter", "max_epochs", "epochs"),
    "neighbors": ("n_neighbors",),
    "linear": ("C", "alpha", "shrinkage", "var_smoothing"),
}  # fmt: skip


def find_overfitted(evidence):
    """Find that it is too sure here, but not, or less so, where it was trained.

    Not where rows are unlike the training rows: that explains it.
    """
    train = evidence.train
    too_sure = evidence.levels.rejects("temperature") and evidence.beta[0] < 1
    elsewhere = evidence.levels.rejects("unusual_rows")
    if train is None or not too_sure or elsewhere or evidence.is_spoilt:
        return None
    here, there = _answered(evidence), _answered_in_training(train)
    with_labels = there["loss"] is not None
    ours, theirs = (
        (here["loss"], there["loss"])
        if with_labels
        else (there["confidence"], here["confidence"])
    )
    gap, spread = ours[0] - theirs[0], np.hypot(_spread(ours), _spread(theirs))
    if not gap > -ndtri(LEVEL) * spread:
        return None
    reach = float(-ndtri(LEVEL / 2) * spread)
    temperature = None
    if with_labels:
        temperature = 1 / fit_beta(logits_of(train), train.codes, np.ones(len(train.codes)))[0]
    details = {
        "unit": "nats" if with_labels else "share",
        "log_loss_here": here["loss"][0],
        "log_loss_train": there["loss"][0] if with_labels else None,
        "accuracy_here": here["accuracy"],
        "accuracy_train": there["accuracy"],
        "confidence_here": here["confidence"][0],
        "confidence_train": there["confidence"][0],
        "temperature_here": 1 / evidence.beta[0],
        "temperature_train": temperature,
    }
    cure = Cure("train_again", name_restraints(evidence.estimator), None)
    measure = Interval(gap, gap - reach, gap + reach)
    return Finding("overfitted", CAUSE, measure, details, cure)


def name_restraints(estimator):
    """Tell the kind of a classifier, and which of its own parameters restrain it."""
    last = find_final_estimator(estimator) if estimator is not None else None
    names = list(last.get_params(deep=False)) if hasattr(last, "get_params") else []
    kind = _kind_of(last, names)
    known = RESTRAINTS.get(kind, ())
    return {"kind": kind, "parameters": [name for name in known if name in names]}


def _kind_of(last, names):
    if last is None:
        return "other"
    names = set(names)
    signs = {
        "network": wraps_network(last) or "hidden_layer_sizes" in names,
        "neighbors": "n_neighbors" in names,
        "boosting": {"learning_rate", "max_depth"} <= names or "l2_leaf_reg" in names,
        "forest": {"n_estimators", "min_samples_leaf"} <= names,
        "tree": "min_samples_leaf" in names,
        "linear": hasattr(last, "coef_") or bool(names & {"var_smoothing", "shrinkage"}),
    }
    return next((kind for kind, shown in signs.items() if shown), "other")


def _answered(evidence):
    losses = -np.log(np.maximum(evidence.true_proba, LEAST))
    return {
        "loss": mean_interval(losses, evidence.weight),
        "confidence": mean_interval(evidence.confidence, evidence.weight),
        "accuracy": float(evidence.weight @ evidence.hit / evidence.total),
    }


def _answered_in_training(train):
    weight = np.ones(len(train.proba))
    found = {"confidence": mean_interval(train.proba.max(axis=1), weight)}
    if train.codes is None:
        return {**found, "loss": None, "accuracy": None}
    true = train.proba[np.arange(len(weight)), train.codes]
    found["loss"] = mean_interval(-np.log(np.maximum(true, LEAST)), weight)
    found["accuracy"] = float((train.proba.argmax(axis=1) == train.codes).mean())
    return found


def _spread(interval):
    """Return the standard error behind an interval of 95 %."""
    return (interval[2] - interval[0]) / -ndtri(LEVEL / 2)
