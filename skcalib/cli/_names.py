"""The numbers that commands print and that --fail-if may name."""

from skcalib.cli._limits import parse_limit

FIGURES = {
    "accuracy": "share of rows whose likeliest class is right",
    "confidence": "mean probability of the likeliest class",
    "confidence_gap": "confidence minus accuracy; positive: too sure",
    "log_loss": "nats per row; equal probabilities for K classes: log K",
    "brier": "squared error of the probabilities, halved: 0 to 1",
    "ece": "calibration error in bins, root mean square, debiased",
    "slope": "of the outcome on log-odds; below 1: too extreme",
    "intercept": "of the same; above 0: said too low",
    "cox_pvalue": "could that be luck? (intercept 0 and slope 1)",
    "smooth_pvalue": "could that be luck? (anywhere)",
}
DIFFERENCES = {
    "accuracy": FIGURES["accuracy"],
    "confidence_gap": FIGURES["confidence_gap"],
    "log_loss": FIGURES["log_loss"],
    "brier": FIGURES["brier"],
    "ece_squared": "square of the calibration error, debiased",
}


def _with_limits(names):
    found = []
    for name in names:
        found.append(name)
        if not name.endswith("_pvalue"):
            found += [f"{name}_lower", f"{name}_upper"]
    return tuple(found)


NUMBERS = (*_with_limits(FIGURES), "n_rows")
DIFFERENCE_NUMBERS = (
    *_with_limits(DIFFERENCES),
    *(f"{name}_pvalue" for name in DIFFERENCES),
)


def parse_limits(texts, names):
    """Return the limits that were asked for."""
    return [parse_limit(text, names) for text in texts or ()]
