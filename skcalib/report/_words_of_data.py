"""Words of findings about what was given: rows, columns, sums, digits, calls."""

from skcalib.report._finding import Interval
from skcalib.report._numbers import (
    list_labels,
    write_count,
    write_interval,
    write_number,
    write_points,
    write_share,
)


def tell_permuted(finding, context):
    """Tell that the columns seem to be in another order than the labels."""
    found = finding.details
    return {
        "title": "The columns are not in the order of the labels",
        "text": f"As given, the likeliest column is right in {write_share(found['accuracy_as_given'])} "
        f"of the rows; with the columns in another order it would be right in "
        f"{write_share(found['accuracy_reordered'])}. Not where they should be: "
        f"{list_labels(found['moved'], 10)}. predict_proba has its columns in the order of "
        "classes_, which is sorted. Nothing is said about calibration here: all of it would "
        "be due to this.",
        "number": f"In the other order, log loss would be lower by "
        f"{write_interval(finding.measure, unit='nats per row')}",
        "guide": "arrays",
    }


def tell_sums_off(finding, context):
    """Tell that rows do not sum to one."""
    found = finding.details
    return {
        "title": "Probabilities do not sum to one",
        "text": f"{count_rows(found['n_off'])} ({write_share(found['share'])}) "
        f"{'does' if found['n_off'] == 1 else 'do'} not sum to one; the "
        f"sums go from {write_number(found['smallest_sum'])} to "
        f"{write_number(found['largest_sum'])}, and the first such row is number "
        f"{found['first_row']}. This comes from several sigmoids, a last layer without softmax, "
        "or numbers that were rounded or cut. All other figures here are those of the rows "
        "divided by their sums.",
        "number": f"Largest distance from one: {write_number(finding.measure.value)}",
        "guide": "networks",
    }


def tell_training_rows(finding, context):
    """Tell that the rows were trained on."""
    found = finding.details
    near = ""
    if found["n_near"]:
        near = f", and {write_count(found['n_near'])} nearly the same as one"
    return {
        "title": "These rows were in the training data",
        "text": f"Of {write_count(found['n_rows'])} rows looked at, "
        f"{write_count(found['n_equal'])} are the same as a training row{near}; "
        f"{write_share(found['share_expected'])} would be usual, as among the training rows "
        "themselves. A model knows the answers for rows that it was trained on, so that how sure "
        "it may be of new ones cannot be seen here. No figure of this report is to be trusted.",
        "number": f"Training rows: {write_interval(finding.measure, write_share)}",
        "guide": "confidence",
    }


def tell_unlike_training(finding, context):
    """Tell that rows are unlike those of the training."""
    found = finding.details
    return {
        "title": "Many rows are unlike the training rows",
        "text": f"{write_share(finding.measure.value)} of {write_count(found['n_rows'])} rows are "
        f"rarer than all but {write_share(found['expected'])} of the training rows are. A model "
        "is as sure far from its training rows as among them, and no calibrator knows where it "
        "is far. Has the way of measuring, the source or the preparation changed?",
        "number": f"Unusual rows: {write_interval(finding.measure, write_share)}, where "
        f"{write_share(found['expected'])} would be usual",
        "guide": "novelty",
    }


def tell_predict_disagrees(finding, context):
    """Tell that predict is not the likeliest class."""
    found = finding.details
    shown = [
        f"row {one['row']}: {list_labels([one['predicted']])} is predicted, but "
        f"{list_labels([one['likeliest']])} has {write_share(one['proba'])}"
        for one in found["examples"][:3]
    ]
    why = (
        "A threshold or costs decide, so this is meant."
        if found["by_design"]
        else "What is decided and what is said come from two different models: the "
        "probabilities of SVC(probability=True), for one, are fitted apart from its decisions."
    )
    return {
        "title": "predict decides by a threshold or by costs"
        if found["by_design"]
        else "predict and predict_proba disagree",
        "text": f"In {write_share(finding.measure.value)} of {write_count(found['n_rows'])} rows "
        f"predict does not give the likeliest class. {why} For example, {'; '.join(shown)}.",
        "number": "",
        "guide": "acting",
    }


def tell_unrepeatable(finding, context):
    """Tell that the same row gets different answers."""
    found = finding.details
    random = found["kind"] == "random"
    how = (
        "The same rows were asked twice, and the answers differed"
        if random
        else "Rows were asked alone and beside others, and the answers differed"
    )
    why = (
        "Dropout, or another random part, is on at prediction."
        if random
        else "Something is computed from the whole batch, such as the mean in batch "
        "normalisation that is still in training mode."
    )
    return {
        "title": "Answers change from call to call"
        if random
        else "Answers depend on the rows beside",
        "text": f"{how} by up to {write_points(finding.measure.value, sign=False)}, on average "
        f"by {write_points(found['mean_change'], sign=False)} ({write_count(found['n_rows'])} "
        f"rows). {why}",
        "number": "",
        "guide": "networks" if not random else "uncertainty",
    }


def tell_rounded(finding, context):
    """Tell that digits are missing."""
    decimals = int(found) if (found := finding.details["decimals"]) is not None else None
    return {
        "title": "Probabilities are rounded",
        "text": f"No more than {decimals} decimal{'s' if decimals != 1 else ''} are left. "
        "Small probabilities became 0, which costs "
        "an infinite log loss when such a class comes true, and the logits of a network cannot "
        "be had from rounded probabilities.",
        "number": "",
        "guide": "arrays",
    }


def tell_few_levels(finding, context):
    """Tell that there are few different answers."""
    found = finding.details
    return {
        "title": "There are few different answers",
        "text": f"All rows together get {write_count(found['n_levels'])} different answers; the "
        f"most frequent one goes to {write_share(found['largest_share'])} of the rows. Trees, "
        "nearest neighbours and isotonic calibration answer in steps. Rows within a step cannot "
        "be ranked, and a calibrator can move a step but not divide it.",
        "number": "",
        "guide": "which_method",
    }


def tell_too_few_rows(finding, context):
    """Tell how much these rows can tell, and how many would do."""
    found = finding.details
    wanted = [
        f"about {write_count(rows)} rows would narrow that to "
        f"{write_points(width, sign=False).removesuffix(' points')}"
        for width, rows in found["rows_needed"]
    ]
    more = f" {'; '.join(wanted)}.".replace(" about", " About", 1) if wanted else ""
    return {
        "title": "These are too few rows to tell",
        "text": f"From {count_rows(context['n_rows'])}, how much surer the model is than right is "
        f"known to within {write_points(found['half_width'], sign=False)} only.{more} Nothing "
        "found in so few rows does not mean that nothing is wrong.",
        "number": f"Surer than right by {write_interval(finding.measure, write_points)}",
        "guide": "how_sure",
    }


def count_rows(n_rows):
    """Return "1 row" or "1,204 rows"."""
    return f"{write_count(n_rows)} row{'s' if n_rows != 1 else ''}"


def interval_of_true(one, said, true):
    """Return the interval of what came true from that of the gap, said minus true."""
    return Interval(one[true], one[said] - one["upper"], one[said] - one["lower"])
