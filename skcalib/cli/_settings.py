"""Names of formats, of methods and of the report's figures, without importing what has them."""

FORMATS = ("csv", "parquet", "npz", "npy")
METHODS = (
    "auto",
    "bbq",
    "beta",
    "dirichlet",
    "ets",
    "hierarchical",
    "histogram",
    "isotonic",
    "matrix",
    "quadratic",
    "scaling-binning",
    "sigmoid",
    "sms",
    "spline",
    "svs",
    "temperature",
    "vector",
    "venn-abers",
)
REPORT_FIGURES = (
    "n_rows",
    "n_classes",
    "accuracy",
    "confidence",
    "confidence_gap",
    "log_loss",
    "brier",
    "ece",
    "smooth_ece",
    "auc",
    "temperature",
    "gain",
    "pvalue",
)
REPORT_NUMBERS = tuple(
    name + end for name in REPORT_FIGURES for end in ("", "_lower", "_upper")
)
