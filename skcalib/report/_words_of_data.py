"""Words of findings about what was given: rows, columns, sums, digits, calls."""

from skcalib.report._labels import list_labels
from skcalib.report._numbers import (
    write_count,
    write_interval,
    write_number,
    write_points,
    write_share,
)


def count_rows(n_rows):
    """Return "1 row" or "1,204 rows"."""
    return f"{write_count(n_rows)} row{'s' if n_rows != 1 else ''}"


def tell_permuted(finding, context):
    """Tell that the columns seem to be in another order than the labels."""
    found = finding.details
    given, other = (write_share(found[f"accuracy_{k}"]) for k in ("as_given", "reordered"))
    gain = write_interval(finding.measure, unit="nats per row")
    return {
        "title": "The columns are not in the order of the labels",
        "text": f"As given, the likeliest column is right in {given} of the rows; with the "
        f"columns in another order it would be right in {other}. Not where they should be: "
        f"{list_labels(found['moved'], 10)}. predict_proba has its columns in the order of "
        "classes_, which is sorted. Calibration is not judged here: whatever is wrong with it "
        "would come from this.",
        "number": f"In the other order, log loss would be lower by {gain}",
        "guide": "arrays",
    }


def tell_sums_off(finding, context):
    """Tell that rows do not sum to one."""
    found = finding.details
    low, high = (write_number(found[f"{k}_sum"]) for k in ("smallest", "largest"))
    verb = "does" if found["n_off"] == 1 else "do"
    return {
        "title": "Probabilities do not sum to one",
        "text": f"{count_rows(found['n_off'])} ({write_share(found['share'])}) {verb} not sum "
        f"to one. Sums go from {low} to {high}; the first such row is X[{found['first_row']}]. "
        "This comes from several sigmoids, from a last layer without softmax, or from numbers "
        "that were rounded or cut. All other figures here are of the rows divided by their "
        "sums.",
        "number": f"Largest distance from one: {write_number(finding.measure.value)}",
        "guide": "networks",
    }


def tell_training_rows(finding, context):
    """Tell that the rows were trained on."""
    found = finding.details
    usual = write_share(found["share_expected"])
    same = f"{write_count(found['n_equal'])} are the same as a training row"
    if found["n_near"]:
        same += f", and {write_count(found['n_near'])} nearly the same"
    return {
        "title": "Rows of the training are among these",
        "text": f"Of {count_rows(found['n_rows'])} looked at, {same}; {usual} would be usual, "
        "as among the training rows themselves. A model knows the answers for rows that it was "
        "trained on: how sure it may be of new ones cannot be seen from them, and the figures "
        "here are too good.",
        "number": f"Training rows: {write_interval(finding.measure, write_share)}",
        "guide": "confidence",
    }


def tell_unlike_training(finding, context):
    """Tell that rows are unlike those of the training."""
    found = finding.details
    usual = write_share(found["expected"])
    return {
        "title": "Many rows are unlike the training rows",
        "text": f"{write_share(finding.measure.value)} of {count_rows(found['n_rows'])} are as "
        f"unusual as only {usual} of the training rows. A model is as sure far from its "
        "training rows as among them, and a calibrator does not know where it is far. Has the "
        "source, the way of measuring or the preparation changed?",
        "number": f"Unusual rows: {write_interval(finding.measure, write_share)}; "
        f"{usual} would be usual",
        "guide": "novelty",
    }


def tell_predict_disagrees(finding, context):
    """Tell that predict is not the likeliest class."""
    found = finding.details
    examples = "; ".join(
        f"X[{one['row']}] is predicted as {list_labels([one['predicted']])}, but "
        f"{list_labels([one['likeliest']])} has {write_share(one['proba'])}"
        for one in found["examples"][:3]
    )
    title, why = (
        ("predict decides by a threshold or by costs", "This is meant: it decides by them.")
        if found["by_design"]
        else (
            "predict and predict_proba disagree",
            "Decisions and probabilities come from two different models. Those of "
            "SVC(probability=True), for one, are fitted apart from each other.",
        )
    )
    share = write_share(finding.measure.value)
    return {
        "title": title,
        "text": f"In {share} of {count_rows(found['n_rows'])} predict does not give the "
        f"likeliest class. {why}{f' For example, {examples}.' if examples else ''}",
        "number": "",
        "guide": "acting",
    }


def tell_unrepeatable(finding, context):
    """Tell that the same row gets different answers."""
    found = finding.details
    most, mean = write_number(finding.measure.value), write_number(found["mean_change"])
    title, how, why = (
        (
            "Answers change from call to call",
            f"{count_rows(found['n_rows'])} were asked twice, and their probabilities changed",
            "Dropout, or another random part, is on at prediction.",
        )
        if found["kind"] == "random"
        else (
            "Answers depend on the rows beside",
            f"{count_rows(found['n_rows'])} were asked beside other rows, and their "
            "probabilities changed",
            "Something is computed from the whole batch, such as the mean in a batch "
            "normalisation that is still in training mode.",
        )
    )
    return {
        "title": title,
        "text": f"{how} by up to {most}, and by {mean} on average. {why}",
        "number": "",
        "guide": "uncertainty" if found["kind"] == "random" else "networks",
    }


def tell_rounded(finding, context):
    """Tell that digits are missing."""
    decimals = int(finding.details["decimals"])
    return {
        "title": f"Probabilities are rounded to {decimals} decimal{'s' * (decimals != 1)}",
        "text": "Small probabilities became 0, which makes log loss infinite when such a class "
        "comes true, and the logits of a network cannot be had from rounded probabilities.",
        "number": "",
        "guide": "arrays",
    }


def tell_few_levels(finding, context):
    """Tell that there are few different answers."""
    found = finding.details
    share = write_share(found["largest_share"])
    return {
        "title": "There are few different answers",
        "text": f"All rows together get {write_count(found['n_levels'])} different answers; "
        f"{share} of the rows get the same. Trees, nearest neighbours and isotonic calibration "
        "answer in steps. Rows on one step cannot be ranked, and a calibrator can move a step "
        "but not divide it.",
        "number": "",
        "guide": "which_method",
    }


def tell_too_few_rows(finding, context):
    """Tell how much these rows can tell, and how many would do."""
    found = finding.details
    wanted = ", ".join(
        f"{write_points(width, sign=False)} with about {write_count(rows)}"
        for width, rows in found["rows_needed"]
    )
    more = f" It would be {wanted}." if wanted else ""
    half = write_points(found["half_width"], sign=False)
    return {
        "title": "These are too few rows to tell",
        "text": f"From {count_rows(context['n_rows'])}, the difference between how sure and "
        f"how often right it is, is known to within {half} only.{more} Nothing found in so few "
        "rows does not mean that nothing is wrong.",
        "number": f"Confidence minus accuracy: {write_interval(finding.measure, write_points)}",
        "guide": "how_sure",
    }
