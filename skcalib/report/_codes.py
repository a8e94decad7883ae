"""
What the report's parts are called: codes of findings, figures, curves, context.

This page is the agreement between what computes the report and what shows it. All values are
plain: floats, integers, booleans, lists, dictionaries, labels as they were given, and NumPy
vectors in curves. A number that cannot be had is NaN, a thing that cannot be had is None.

Findings, in the order of the report (``CODES``)
------------------------------------------------
Every ``measure`` is an Interval of 95 %; "n" counts rows (the sum of weights, where given).
A ``details["pvalue"]`` is adjusted for everything else that is tested; causes are below .05.
What is off, but surely by next to nothing (as with a hundred thousand rows), is a note with
``details["small"]`` True: a temperature between 1 / 1.1 and 1.1, base rates within .01, bins,
classes and groups within .02 (the whole interval), a gain below .002 nats.

=================  ==========  ================================================================
code               severity    measure; ``details``; cure
=================  ==========  =================================================================
permuted           cause       gain of the other order, nats per row; ``order`` (list of labels:
                               what each given column seems to be), ``moved`` (labels),
                               ``accuracy_as_given``, ``accuracy_reordered``, ``pvalue``;
                               cure ``reorder`` {"labels": order}. Findings on calibration are
                               left out beside it, and where half of the rows are training
                               rows: they would all be due to that.
sums_off           cause       largest distance of a row's sum from one; ``n_off``, ``share``,
                               ``smallest_sum``, ``largest_sum``, ``first_row``; all else in the
                               report is of rows divided by their sums; cure ``fix_sums`` {}
training_rows      cause       share of rows that are training rows; ``n_equal``, ``n_near``,
                               ``n_rows`` (rows looked at), ``share_expected`` (training rows
                               with a twin among each other), ``pvalue``, ``first_rows``
                               (list of [row, training row]); cure ``use_other_rows`` {}
overfitted         cause       how much better it is on training rows: log loss here minus
                               there, nats per row (``unit`` "nats"), without y_train
                               confidence there minus here (``unit`` "share");
                               ``log_loss_here``, ``log_loss_train``, ``accuracy_here``,
                               ``accuracy_train``, ``confidence_here``, ``confidence_train``,
                               ``temperature_here``, ``temperature_train`` (None without
                               y_train); cure ``train_again`` {"kind": "network" "boosting"
                               "forest" "tree" "linear" "neighbors" "other", "parameters": names
                               of parameters that the estimator has and that restrain it}
saturated          cause if    share of rows with a probability of exactly 1;
                   refuted,    ``n_saturated``, ``n_wrong`` (of them), ``n_impossible`` (rows
                   else note   whose true class had exactly 0), ``logits`` ("given",
                               "recovered", "lost"), ``precision`` ("float32"...),
                               ``of_logits`` (whether they were logits that are lost); cure
                               ``true_logits`` {} for arrays if so, else ``calibrate``
overconfident      cause       temperature (above 1); ``pvalue``, ``confidence``, ``accuracy``,
                               ``all_right`` (no row is wrong: are they training rows?);
                               cure ``calibrate`` {"method": "temperature"}
underconfident     cause       temperature (below 1); the same
base_rate          cause       said minus true of the class that is most surely off;
                               ``classes``: list of {"label", "n", "said", "true", "gap",
                               "lower", "upper" (of the gap, simultaneous), "off"},
                               ``worst`` (label), ``pvalue``; cure ``calibrate``
level_wrong        cause       ranking: area under the ROC curve; ``bins``: list of {"from",
                               "to", "n", "said", "true", "lower", "upper" (of true,
                               simultaneous), "off"}, ``overall`` (the same of the
                               confidence of all rows; where it is off, no bin need be),
                               ``pvalue``; cure ``calibrate``
bad_class          cause       confidence minus accuracy where this class is predicted;
                               ``classes``: list of {"label", "n", "confidence", "accuracy",
                               "gap", "lower", "upper" (simultaneous), "off"}, ``worst``,
                               ``rest`` (gap of all other rows), ``others_off`` (whether some
                               of the rest are off, too), ``pvalue``; cure ``calibrate``
bad_group          cause       as bad_class, by ``groups``: list of {"group", ...};
                               for two classes {"said", "true"} of pos_label besides;
                               cure ``calibrate_group`` {"group", "method"}, gain per row of it
unlike_training    cause       share of rows that are rarer than 5 % of training rows are;
                               ``expected`` (0.05), ``n_rows``, ``n_train``, ``pvalue``;
                               cure ``distance_aware`` {}
predict_disagrees  cause;      share of rows where predict is not the likeliest class;
                   note if     ``n_rows``, ``by_design`` (a threshold or costs decide),
                   by design   ``examples``: list of {"row", "predicted", "likeliest", "proba"}
                               (of the likeliest); cure ``predict_from_proba`` {}
unrepeatable       cause       largest change of a probability between two calls; ``kind``
                               ("random": the same rows again; "batch": other rows beside them),
                               ``n_rows``, ``mean_change``; cure ``make_repeatable`` {"kind"}
calibrator_helps   cause if    gain of the best calibrator, nats per row (cross-validated);
                   calibration ``methods``: list of {"method", "gain", "lower", "upper",
                   is tested   "log_loss"}, best first; ``method``, ``best_single``,
                   off, else   ``over_single`` (gain of auto over the best single one,
                   note        [value, lower, upper], or None); cure ``calibrate`` {"method"}
rounded            note        decimals that are left; ``decimals``; cure ``keep_digits`` {}
few_levels         note        number of different answers; ``n_levels``, ``largest_share`` (of
                               rows with the same answer); cure None
too_few_rows       note        confidence minus accuracy; ``half_width`` (of its interval),
                               ``rows_needed``: list of [half width, rows]; cure ``more_rows``
                               {"n_rows": rows for a half width of .02}
none_needed        note        gain of the best calibrator, nats per row; ``methods`` as
                               above, ``pvalue``; cure None
=================  ==========  =================================================================

Cures that calibrate have ``arguments`` {"method": short name}, and the cross-validated gain.

Figures: a dictionary of Interval; where no interval can be had lower and upper are NaN
---------------------------------------------------------------------------------------
``n_rows`` (rows of positive weight), ``n_classes``, ``accuracy``, ``confidence`` (mean of the
largest probability), ``confidence_gap`` (confidence minus accuracy), ``log_loss`` (nats),
``brier`` (sum over classes halved: 0 to 1), ``ece`` (root mean square calibration error in
bins, debiased: that of ``calibration_error_interval``), ``smooth_ece``, ``auc`` (positive
class; with more than two classes the mean of one against the rest), ``temperature``, ``gain``
(of the best calibrator), ``pvalue`` (whether all of calibration could be right, adjusted).
A gate may ask for any name (the value) and for name_lower and name_upper.

Curves: dictionaries of NumPy vectors of equal length
-----------------------------------------------------
``reliability``: mean_proba, frequency, count, low, high (15 bins, of the positive class or of
confidence; see context["notion"]). ``reliability_after``: the same after the best calibrator,
cross-fitted; absent where none helps. ``histogram``: left, right, count, hits (of the largest
probability, 20 bins from 0 to 1). ``classes``: label, count, said, true, low, high (of true).
``predicted``: label, count, confidence, accuracy, low, high (of accuracy). ``groups`` (if
given): group, count, confidence, accuracy, low, high (of accuracy), log_loss. ``calibrators``:
method, gain, low, high, log_loss.

Context
-------
``source`` ("estimator", "predictions", "logits"), ``estimator`` (name of its class or None),
``n_rows``, ``n_train`` (or None), ``sum_weight``, ``classes`` (list, sorted), ``pos_label`` (or
None with more than two classes), ``notion`` ("positive" or "confidence"), ``logits`` ("given",
"recovered", "lost"), ``given`` (list of names of optional arguments that were given, such as
"X_train", "groups", "sample_weight"), ``confidence_level`` (0.95), ``level`` (0.05),
``versions`` ({"skcalib", "scikit-learn", "numpy", "python"}).
"""

CODES = (
    "permuted",
    "sums_off",
    "training_rows",
    "overfitted",
    "saturated",
    "overconfident",
    "underconfident",
    "base_rate",
    "level_wrong",
    "bad_class",
    "bad_group",
    "unlike_training",
    "predict_disagrees",
    "unrepeatable",
    "calibrator_helps",
    "rounded",
    "few_levels",
    "too_few_rows",
    "none_needed",
)
ACTIONS = (
    "calibrate",
    "calibrate_group",
    "distance_aware",
    "fix_sums",
    "keep_digits",
    "make_repeatable",
    "more_rows",
    "predict_from_proba",
    "reorder",
    "train_again",
    "true_logits",
    "use_other_rows",
)
