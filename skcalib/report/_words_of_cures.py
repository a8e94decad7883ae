"""What mends a finding: in words, in lines of code to paste, and what it gains."""

import math

from skcalib import calibrators
from skcalib.report._labels import write_label
from skcalib.report._numbers import write_count, write_interval
from skcalib.report._words import Remedy

MOST_LABELS = 20  # labels in a line of code
FROZEN = {"FrozenNetwork"}  # what networks are reported as; they are not trained again
METHOD_WORDS = {
    "auto": "the automatic choice",
    "temperature": "one temperature",
    "sigmoid": "Platt's method",
}
# What restrains a classifier: parameters and values to try, by the last part of their name.
GRIDS = {
    "alpha": "[1e-4, 1e-2, 1, 100]",
    "C": "[1e-3, 1e-2, 0.1, 1]",
    "ccp_alpha": "[0, 1e-4, 1e-3, 1e-2]",
    "early_stopping": "[True]",
    "gamma": "[0, 1, 10]",
    "l2_regularization": "[0, 1, 10]",
    "lambda_l2": "[0, 1, 10]",
    "l2_leaf_reg": "[1, 3, 10]",
    "learning_rate": "[0.01, 0.03, 0.1]",
    "max_depth": "[2, 4, 8]",
    "max_features": '["sqrt", 0.3]',
    "max_leaf_nodes": "[4, 16, 64]",
    "min_child_samples": "[20, 50, 100]",
    "min_child_weight": "[1, 10, 100]",
    "min_samples_leaf": "[1, 5, 20]",
    "n_neighbors": "[15, 50, 150]",
    "reg_lambda": "[0, 1, 10]",
    "subsample": "[0.5, 0.8]",
    "weight_decay": "[1e-4, 1e-3, 1e-2]",
}
NEXT = "At the next training: "
TRAINING = {
    "network": "more weight decay, early stopping by the log loss of held-out rows (not by "
    "accuracy), label smoothing of 0.05 to 0.1, or fewer epochs.",
    "boosting": "early stopping by the log loss of held-out rows, smaller trees, a lower "
    "learning rate.",
    "forest": "larger leaves.",
    "tree": "larger leaves, or a pruned tree.",
    "linear": "more regularisation, chosen by log loss.",
    "neighbors": "more neighbours.",
    "other": "whatever restrains this classifier, chosen by log loss.",
}
KERAS = """model.fit(X_train, y_train, epochs=1000, validation_data=(X_valid, y_valid),
          callbacks=[keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)])"""


def find_remedy(finding, context):
    """Return what mends a finding, or None."""
    if finding.cure is None:
        return None
    words, code = WRITERS[finding.cure.action](finding.cure.arguments, context)
    return Remedy(words, code, write_gain(finding.cure))


def write_gain(cure):
    """Return what a cure gains, in words, or None."""
    gain = cure.gain
    if gain is None or math.isnan(gain.value) or not cure.action.startswith("calibrate"):
        return None
    rows = "row of this group" if cure.action == "calibrate_group" else "row"
    words = f"Cross-validated gain: {write_interval(gain, unit=f'nats per {rows}')}."
    return words if gain.lower > 0 else f"{words} It may gain nothing."


def class_of(method):
    """Return the name of a calibrator's class, from its short name."""
    for name in calibrators.__all__:
        if getattr(getattr(calibrators, name), "short_name", None) == method:
            return name
    raise ValueError(f"No calibrator has the short name {method!r}.")


def calibrate(arguments, context):
    """Write how to calibrate with one method, for what was given."""
    method = arguments.get("method", "auto")
    by = METHOD_WORDS.get(method) or class_of(method)
    words = f"Calibrate by {by}, with these rows:"
    return words, columns_code(context) + calibration_code(method, context, "")


def columns_code(context):
    """Write how columns come into the order of calibrators, that of sorted labels."""
    if "labels" not in context["given"]:
        return ""
    name = "y_proba" if context["source"] == "predictions" else "logits"
    return f"{name} = np.asarray({name})[:, np.argsort(labels)]  # labels in sorted order\n"


def calibration_code(method, context, own):
    """Write a calibration of an estimator, or of arrays; ``own`` takes rows of each."""
    weight = ""
    if "sample_weight" in context["given"]:
        weight = f", sample_weight=sample_weight{own}"
    if context["source"] == "estimator":
        start = f"calibrated = CalibratedClassifierCV({held(context)}"
        return f'{start}, method="{method}").fit(X{own}, y{own}{weight})'
    logits = f"logits{own}"
    if context["source"] == "predictions":
        logits = f"logits_from_proba(y_proba{own})"
    return f"calibrator = {class_of(method)}().fit({logits}, y{own}{weight})"


def held(context):
    """Return the trained classifier as meta-estimators take it without training it again."""
    return "estimator" if context["estimator"] in FROZEN else "FrozenEstimator(estimator)"


def calibrate_group(arguments, context):
    """Write how to calibrate for one group."""
    method, group = arguments.get("method", "auto"), arguments["group"]
    words = f"Calibrate the rows of {write_label(group)} apart from the others:"
    code = columns_code(context) + calibration_code(method, context, "[mine]")
    return words, f"mine = np.asarray(groups) == {item(group)!r}\n{code}"


def distance_aware(arguments, context):
    """Write how to be less sure far from the training rows."""
    code = (
        f"model = DistanceAwareTemperatureClassifier({held(context)})\n"
        "model.fit(X, y, X_train=X_train, y_train=y_train)"
    )
    return "Let it be less sure, the farther a row is from the training rows:", code


def fix_sums(arguments, context):
    """Write how rows come to sum to one."""
    return (
        "If each row belongs to one class, give the network a softmax as its last layer. Until "
        "then, divide each row by its sum (several labels at once are several questions: "
        "report on each):",
        "y_proba = y_proba / y_proba.sum(axis=1, keepdims=True)",
    )


def keep_digits(arguments, context):
    """Write how digits are kept."""
    return (
        "Save what the model says with all its digits, in a binary format rather than as text:",
        'np.save("y_proba.npy", estimator.predict_proba(X))',
    )


def make_repeatable(arguments, context):
    """Write how answers come to be the same at each call."""
    if arguments["kind"] == "random":
        return (
            "Switch it off at prediction (model.eval() in torch, training=False in Keras), or "
            "average over its draws on purpose:",
            "sampled = MCDropoutClassifier(estimator).fit(X, y)",
        )
    return (
        "Switch batch statistics off at prediction, so that a row's answer is its own:",
        "network.eval()  # torch; in Keras, call the model with training=False",
    )


def more_rows(arguments, context):
    """Write how many rows are needed."""
    words = f"Hold out more rows, about {write_count(arguments['n_rows'])}"
    if context["source"] != "estimator":
        return f"{words}.", ""
    return (
        f"{words}; or let cross-validation make every row a held-out one (the model is then "
        "trained again in each fold):",
        'y_proba = cross_val_predict(estimator, X, y, cv=5, method="predict_proba")\n'
        "report = confidence_report_from_predictions(y, y_proba)",
    )


def predict_from_proba(arguments, context):
    """Write how decisions come from the probabilities."""
    return (
        "Let the probabilities decide, or the costs of mistakes:",
        "decided = estimator.classes_[estimator.predict_proba(X).argmax(axis=1)]",
    )


def reorder(arguments, context):
    """Write how columns come into the order of the labels."""
    labels = list(arguments["labels"])
    if len(labels) > MOST_LABELS:
        return (
            "The cure's arguments hold the label that each column seems to be of:",
            'labels = report.findings[0].cure.arguments["labels"]\n'
            "y_proba = y_proba[:, np.argsort(labels)]",
        )
    shown = ", ".join(repr(item(label)) for label in labels)
    return (
        "This is the label that each column seems to be of; sort them:",
        f"y_proba = y_proba[:, np.argsort([{shown}])]",
    )


def item(label):
    """Return a label as a value of Python, so that it is written as one types it."""
    return label.item() if hasattr(label, "item") else label


def train_again(arguments, context):
    """Write what restrains a classifier at its next training."""
    kind = arguments["kind"]
    words = NEXT + TRAINING.get(kind, TRAINING["other"])
    names = [name for name in arguments["parameters"] if name.split("__")[-1] in GRIDS][:3]
    if not names:
        return words, KERAS if kind == "network" else ""
    # The parameters are those of the last step.
    step = 'f"{model.steps[-1][0]}__' if context["estimator"] == "Pipeline" else '"'
    grid = ", ".join(f'{step}{name}": {GRIDS[name.split("__")[-1]]}' for name in names)
    code = f'GridSearchCV(model, {{{grid}}}, scoring="neg_log_loss").fit(X_train, y_train)'
    return words, code


def true_logits(arguments, context):
    """Write how the true logits are had."""
    return (
        "Give skcalib the network itself, not its probabilities: it finds the true logits:",
        "calibrated = TemperatureCalibratedClassifier(network).fit(X, y)",
    )


def use_other_rows(arguments, context):
    """Write how the report comes to be about new rows."""
    return (
        "Report on rows that the model has never seen:",
        "X_train, X_new, y_train, y_new = train_test_split(X_all, y_all, random_state=0)\n"
        "confidence_report(estimator.fit(X_train, y_train), X_new, y_new, X_train=X_train)",
    )


WRITERS = {
    function.__name__: function
    for function in (
        calibrate,
        calibrate_group,
        distance_aware,
        fix_sums,
        keep_digits,
        make_repeatable,
        more_rows,
        predict_from_proba,
        reorder,
        train_again,
        true_logits,
        use_other_rows,
    )
}
