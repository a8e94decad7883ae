"""A made-up finding of every code, with labels that are hard to show, and reports of them."""

import numpy as np

from skcalib.report import ConfidenceReport, Cure, Finding, Interval

MARKUP = "<script>alert('x')</script>"
LABELS = [MARKUP, 'a & b "quoted" $x^2$', "\u202eevil\u0007", "naïve 🙂"]
NAN = float("nan")


def listed(name, labels, said, true):
    """Return what is said and what is true of each label."""
    return [
        {
            name: label,
            "n": 100 + k,
            said: 0.8,
            true: 0.7 - 0.1 * k,
            "gap": 0.1 + 0.1 * k,
            "lower": 0.02 + 0.1 * k,
            "upper": 0.18 + 0.1 * k,
            "off": k != 1,
        }
        for k, label in enumerate(labels)
    ]


def methods():
    return [
        {"method": "auto", "gain": 0.21, "lower": 0.17, "upper": 0.25, "log_loss": 0.3},
        {"method": "temperature", "gain": 0.2, "lower": 0.16, "upper": 0.24, "log_loss": 0.31},
        {"method": "sigmoid", "gain": -0.01, "lower": -0.05, "upper": 0.03, "log_loss": 0.5},
    ]


CALIBRATE = Cure("calibrate", {"method": "temperature"}, Interval(0.21, 0.17, 0.25))


def details(labels=LABELS):
    """Return severity, measure, details and cure of every code."""
    classes = listed("label", labels, "confidence", "accuracy")
    groups = listed("group", labels, "confidence", "accuracy")
    bins = [
        {"from": k / 4, "to": (k + 1) / 4, "n": 50, "said": k / 4 + 0.1, "true": k / 5 + 0.02}
        | {"lower": k / 5, "upper": k / 5 + 0.1, "off": k == 3}
        for k in range(4)
    ]
    sure = {"pvalue": 0.001, "confidence": 0.97, "accuracy": 0.88}
    reorder = Cure("reorder", {"labels": labels[::-1]}, None)
    digits = Cure("keep_digits", {}, None)
    levels = {"n_levels": 7, "largest_share": 0.6}
    again = Cure("train_again", {"kind": "network", "parameters": ["alpha"]}, None)
    of_group = {"group": labels[0], "method": "sigmoid"}
    group = Cure("calibrate_group", of_group, Interval(0.1, -0.1, 0.3))
    return {
        "permuted": (
            "cause",
            Interval(1.2, 1.1, 1.3),
            {"order": labels[::-1], "moved": labels, "pvalue": 0.001}
            | {"accuracy_as_given": 0.01, "accuracy_reordered": 0.95},
            reorder,
        ),
        "sums_off": (
            "cause",
            Interval(0.3, NAN, NAN),
            {
                "n_off": 30,
                "share": 0.1,
                "smallest_sum": 0.7,
                "largest_sum": 1.2,
                "first_row": 4,
            },
            Cure("fix_sums", {}, None),
        ),
        "training_rows": (
            "cause",
            Interval(0.99, 0.97, 1.0),
            {"n_equal": 950, "n_near": 40, "n_rows": 1000, "share_expected": 0.01}
            | {"pvalue": 1e-9, "first_rows": [[0, 17], [1, 3]]},
            Cure("use_other_rows", {}, None),
        ),
        "overfitted": (
            "cause",
            Interval(0.7, 0.6, 0.8),
            {"unit": "nats", "log_loss_here": 0.71, "log_loss_train": 0.01}
            | {"accuracy_here": 0.88, "accuracy_train": 1.0, "confidence_here": 0.97}
            | {"confidence_train": 0.999, "temperature_here": 3.1, "temperature_train": 0.5},
            again,
        ),
        "saturated": (
            "cause",
            Interval(0.4, 0.37, 0.43),
            {"n_saturated": 480, "n_wrong": 40, "n_impossible": 3, "logits": "lost"}
            | {"precision": "float32", "of_logits": True},
            Cure("true_logits", {}, None),
        ),
        "overconfident": ("cause", Interval(3.1, 2.7, 3.6), sure, CALIBRATE),
        "underconfident": ("cause", Interval(0.4, 0.3, 0.5), sure, CALIBRATE),
        "base_rate": (
            "cause",
            Interval(0.2, 0.1, 0.3),
            {"classes": listed("label", labels, "said", "true"), "worst": labels[0]}
            | {"pvalue": 0.0001},
            CALIBRATE,
        ),
        "level_wrong": (
            "cause",
            Interval(0.93, 0.91, 0.95),
            {"bins": bins, "overall": bins[3], "notion": "positive", "pvalue": 0.001},
            CALIBRATE,
        ),
        "bad_class": (
            "cause",
            Interval(0.1, 0.02, 0.18),
            {"classes": classes, "worst": labels[0], "rest": 0.01, "pvalue": 0.001},
            CALIBRATE,
        ),
        "bad_group": (
            "cause",
            Interval(0.1, 0.02, 0.18),
            {"groups": groups, "worst": labels[0], "rest": 0.01, "pvalue": 0.001},
            group,
        ),
        "unlike_training": (
            "cause",
            Interval(0.3, 0.26, 0.34),
            {"expected": 0.05, "n_rows": 1000, "n_train": 500, "pvalue": 1e-9},
            Cure("distance_aware", {}, None),
        ),
        "predict_disagrees": (
            "note",
            Interval(0.04, 0.03, 0.05),
            {"n_rows": 1000, "by_design": True}
            | {
                "examples": [
                    {"row": 3, "predicted": labels[0], "likeliest": labels[1], "proba": 0.7}
                ]
            },
            Cure("predict_from_proba", {}, None),
        ),
        "unrepeatable": (
            "cause",
            Interval(0.2, NAN, NAN),
            {"kind": "random", "n_rows": 100, "mean_change": 0.02},
            Cure("make_repeatable", {"kind": "random"}, None),
        ),
        "calibrator_helps": (
            "note",
            Interval(0.21, 0.17, 0.25),
            {"methods": methods(), "method": "auto", "best_single": "temperature"}
            | {"over_single": [0.01, -0.01, 0.03]},
            CALIBRATE._replace(arguments={"method": "auto"}),
        ),
        "rounded": ("note", Interval(2, NAN, NAN), {"decimals": 2}, digits),
        "few_levels": ("note", Interval(7, NAN, NAN), levels, None),
        "too_few_rows": (
            "note",
            Interval(0.01, -0.1, 0.12),
            {"half_width": 0.11, "rows_needed": [[0.05, 190], [0.02, 1200]]},
            Cure("more_rows", {"n_rows": 1200}, None),
        ),
        "none_needed": (
            "note",
            Interval(0.001, -0.002, 0.004),
            {"methods": methods(), "pvalue": 0.6},
            None,
        ),
    }


def figures():
    return {
        "n_rows": Interval(1197, NAN, NAN),
        "n_classes": Interval(4, NAN, NAN),
        "accuracy": Interval(0.88, 0.86, 0.9),
        "confidence": Interval(0.97, 0.965, 0.975),
        "confidence_gap": Interval(0.09, 0.07, 0.11),
        "log_loss": Interval(0.789, 0.7, 0.88),
        "brier": Interval(0.1, 0.08, 0.12),
        "ece": Interval(0.091, 0.07, 0.11),
        "smooth_ece": Interval(0.08, NAN, NAN),
        "auc": Interval(0.98, 0.97, 0.99),
        "temperature": Interval(3.1, 2.7, 3.6),
        "gain": Interval(0.21, 0.17, 0.25),
        "pvalue": Interval(0.001, NAN, NAN),
    }


def curves(labels=LABELS):
    said = np.linspace(0.03, 0.97, 15)
    count = np.arange(15.0) * 10
    true = said**2
    after = said + 0.01
    n = len(labels)
    return {
        "reliability": {"mean_proba": np.where(count > 0, said, np.nan), "frequency": true}
        | {"count": count, "low": true - 0.03, "high": true + 0.05},
        "reliability_after": {"mean_proba": said, "frequency": after, "count": count}
        | {"low": after - 0.03, "high": after + 0.03},
        "histogram": {"left": np.arange(20) / 20, "right": np.arange(1, 21) / 20}
        | {"count": np.arange(20.0) ** 3, "hits": np.arange(20.0) ** 2},
        "groups": {"group": np.array(labels, dtype=object), "count": np.full(n, 9.0)}
        | {"confidence": np.full(n, 0.9), "accuracy": np.linspace(0.5, 0.9, n)}
        | {"low": np.linspace(0.4, 0.8, n), "high": np.linspace(0.6, 0.99, n)}
        | {"log_loss": np.full(n, 0.3)},
    }


def context(labels=LABELS, **changed):
    return {
        "source": "estimator",
        "estimator": "MLPClassifier",
        "n_rows": 1197,
        "n_train": None,
        "sum_weight": 1197.0,
        "classes": list(labels),
        "pos_label": labels[-1],
        "notion": "positive",
        "logits": "lost",
        "given": ["groups"],
        "confidence_level": 0.95,
        "level": 0.05,
        "versions": {"skcalib": "0.1", "numpy": "2.4"},
    } | changed


def make_report(codes=None, labels=LABELS, **changed):
    """Return a report with findings of these codes, or of all of them."""
    found = details(labels)
    findings = [Finding(code, *found[code]) for code in (found if codes is None else codes)]
    return ConfidenceReport(findings, figures(), curves(labels), context(labels, **changed))
