"""What held-out answers lack, counted and said once."""

import numpy as np

from skcalib.estimators import accepts_weight
from skcalib.folds._training import find_trained
from skcalib.inputs import columns_among, looks_like_proba
from skcalib.messages import warn
from skcalib.networks import warn_of_lost_logits

MOST_SHOWN = 200  # characters of labels in a message
HOW_TO_SPLIT = (
    "Stratify the splits (cv=5, or StratifiedKFold), or shuffle them; if they follow time or "
    "groups, use fewer splits, or splits whose training rows hold every class."
)


def warn_of_answers(estimators, responses):
    """Warn once if answers are not what they are taken for."""
    estimator = find_trained(estimators)
    responses = [r for r in responses if len(r.classes) > 1] or responses
    network, is_proba = responses[0].network, responses[0].is_proba
    name = network or f"{type(estimator).__name__}.decision_function"
    if any(not r.is_proba and looks_like_proba(r.values) for r in responses):
        way_out = (
            "pass from_logits=False to FrozenNetwork"
            if network
            else ("hide decision_function so that predict_proba is used")
        )
        warn(
            f"{name} returned rows that are non-negative and sum to one. If these are "
            f"probabilities, {way_out}; used as logits they are far too close together.",
            UserWarning,
        )
    if network and is_proba:
        warn_of_lost_logits(np.concatenate([r.values for r in responses]), network)
    elif is_proba and hasattr(estimator, "decision_function"):
        warn(
            f"{name} has no column for each class; predict_proba is used.",
            UserWarning,
        )


def warn_of_weights(calibrator, sample_weight):
    """Warn once if the calibrator cannot use the weights that were given."""
    if sample_weight is not None and not accepts_weight(calibrator):
        warn(
            f"method={calibrator!r} does not take sample_weight, so the calibration is "
            "unweighted.",
            UserWarning,
        )


def count_unknown(responses, rows, codes, weight, classes):
    """Count held-out answers to samples of a class that their classifier never saw."""
    unknown = 0
    for response, held in zip(responses, rows, strict=True):
        known = columns_among(classes, response.classes)
        unknown += np.sum(~np.isin(codes[held], known) & (weight[held] > 0))
    return int(unknown)


def check_pairs(pairs, codes, weight):
    """Raise if the pairs together cannot tell how likely each class of y is."""
    labels = pairs[0].classes
    present = set(np.unique(codes[weight > 0]).tolist())
    if not any(pair.calibrators for pair in pairs):
        raise ValueError(
            "There is nothing to calibrate with: no split holds out samples of at least two "
            f"classes that its classifier was trained on. {HOW_TO_SPLIT}"
        )
    unknown = present - set().union(*(pair.known.tolist() for pair in pairs))
    if unknown:
        raise ValueError(
            f"y holds the classes {_list_labels(labels, unknown)}, which every classifier or "
            "calibrator was trained without, so that their probabilities cannot be "
            f"estimated. {HOW_TO_SPLIT} Or leave their samples out."
        )
    islands = []
    for pair in pairs:
        linked = [island for island in islands if island & set(pair.known.tolist())]
        islands = [island for island in islands if island not in linked]
        islands.append(set(pair.known.tolist()).union(*linked))
    if len(islands) > 1:
        shown = "; ".join(_list_labels(labels, island) for island in islands)[:MOST_SHOWN]
        raise ValueError(
            f"The classes form separate groups: {shown} are never known to the same "
            "classifier, directly or through other classes, so that the groups cannot be "
            f"compared. {HOW_TO_SPLIT}"
        )


def warn_of_missing_classes(pairs, codes, weight, rows, left_out):
    """Warn once of all classes that some pair was trained or calibrated without."""
    untrained, uncalibrated, idle, single = set(), set(), 0, 0
    for pair, held in zip(pairs, rows, strict=True):
        present = np.unique(codes[held][weight[held] > 0])
        untrained |= set(range(len(pair.classes))) - set(pair.columns.tolist())
        uncalibrated |= set(pair.columns.tolist()) - set(present.tolist())
        single += len(pair.columns) == 1
        idle += not pair.calibrators and len(pair.columns) > 1
    if not (untrained or uncalibrated or left_out):
        return
    labels = pairs[0].classes
    reasons = []
    if untrained:
        reasons.append(
            f"some training rows lack {_list_labels(labels, untrained)}, so that "
            "their probabilities come from the other pairs of classifier and calibrator only"
        )
    if left_out:
        reasons.append(
            f"{left_out} calibration samples of classes that their classifier never saw are "
            "left out"
        )
    if uncalibrated:
        reasons.append(f"some calibration rows lack {_list_labels(labels, uncalibrated)}")
    if single:
        reasons.append(
            f"{single} of {len(pairs)} training parts have one class only and are left out"
        )
    if idle:
        reasons.append(
            f"{idle} of {len(pairs)} calibrations had fewer than two classes to learn from, "
            "and the softmax of the logits is used as it is"
        )
    warn(
        f"Some classes have no samples in places: {'; '.join(reasons)}. Calibrate on more "
        "samples, or shuffle or stratify the splits if there are any.",
        UserWarning,
    )


def _list_labels(labels, positions):
    text = str(labels[sorted(positions)].tolist())
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."
