"""Calibration tests: could the distance from calibration be luck?"""

from skcalib.messages import check_choice, check_count, warn
from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._events import NOTIONS
from skcalib.metrics._replicates import FEW_GROUPS, Rows
from skcalib.metrics._resampling import count_of_rows, generator_of, number_values
from skcalib.metrics._test_statistics import STATISTICS
from skcalib.metrics._tested_events import assess_events, assess_rows
from skcalib.metrics._validation import check_predictions

NULLS = ("auto", "simulated", "asymptotic")


def _compute(predictions, *, kind, notion, n_bins, null, n_resamples, random_state, groups):
    """Return the test of predictions that are checked; groups are those of their rows."""
    check_choice("kind", kind, tuple(STATISTICS))
    check_choice("notion", notion, (*NOTIONS, "canonical"))
    check_choice("null", null, NULLS)
    check_count("n_resamples", n_resamples, 20)
    check_count("n_bins", n_bins, 2)
    if notion == "canonical" and kind != "kernel":
        raise ValueError(
            f"notion='canonical' looks at whole rows, which kind={kind!r} cannot; use "
            "kind='kernel', or notion='class-wise'."
        )
    if groups is not None:
        groups = number_values(groups, predictions.weight, "groups")
        _check_groups(groups, null)
    count_of_rows(predictions.weight)
    how = (null, n_resamples, generator_of(random_state), groups)
    if notion == "canonical":
        return assess_rows(predictions, *how)
    return assess_events(predictions, notion, kind, n_bins, *how)


@computed_by(_compute)
def calibration_test(
    y_true,
    y_proba,
    *,
    kind,
    notion="auto",
    n_bins=10,
    null="auto",
    n_resamples=999,
    groups=None,
    random_state=None,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Test whether the distance from calibration could be luck.

    If the probabilities are true, outcomes vary around them all the same, and every
    calibration error is positive. A test compares the distance that was found with those
    that chance would make: the outcomes are drawn anew from the probabilities `n_resamples`
    times. The p-value is the share of draws (the data among them) with a distance as large, and
    is below 0.05 in at most 5 % of cases where probabilities are true, whatever the number of
    rows. Where an outcome came true that had probability zero, it is 0.

    Distances, with residuals y - p along ascending p (`kind`):

    - "cumulative": the range of cumulative residuals, zero included, in standard errors of
      their end (Kuiper; Arrieta-Ibarra et al. call it ECCE-R);
    - "kolmogorov-smirnov": the largest absolute cumulative residual, likewise;
    - "truthful", "smooth": :func:`truthful_calibration_error`,
      :func:`smooth_calibration_error` (on a grid of 256 or 1,024 cells);
    - "kernel": mean over all pairs of rows of ``exp(-|p - q| / width)`` times both residuals,
      the biased form of :func:`kernel_calibration_error` with its default width;
    - "spiegelhalter": ``sum (y - p) (1 - 2 p)`` in standard errors: whether the Brier score is
      larger than it should be (signed; tested on both sides);
    - "hosmer-lemeshow": ``sum (O - E)**2 / (E (1 - E / n))`` over `n_bins` groups of about
      equal weight;
    - "cox": whether the regression of the outcome on log-odds has intercept 0 and slope 1,
      jointly; the score statistic, which has no fit that might fail (estimates:
      :func:`calibration_slope_intercept`).

    **Which to use.** "cox" first: most models are too sure, not sure enough, or too high on the
    whole, and nothing finds these better. "smooth" where the error may be anywhere: it comes
    close on those, and finds what "cox" cannot see. "kernel" and "cumulative" find shifts in
    one direction, little else; "spiegelhalter" finds what sharpens or blurs, but no shift. The
    power of all of them is measured in the user guide, "How sure is this figure?".

    **When not.** To tell how large an error is: with enough rows every model is rejected, and
    with few none; report :func:`calibration_error_interval` beside it. To compare models:
    :func:`bootstrap_difference`. On the rows that a calibrator was fitted to: these fit too
    well.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    kind : str
        "spiegelhalter", "hosmer-lemeshow", "cox", "kernel", "cumulative",
        "kolmogorov-smirnov", "smooth" or "truthful", see above.

    notion : str, default="auto"
        "auto", "positive", "confidence", "top-label" or "class-wise", whose probability is
        compared with what frequency, see :func:`calibration_error`; or "canonical", for
        ``kind="kernel"``: all classes of a row at once (Widmann et al.). With "top-label" and
        "class-wise" each class has a statistic, and p-values are adjusted for there being
        several: each statistic (of "cox", "hosmer-lemeshow", "kernel" and "truthful" its cube
        root) is put into units of its own spread under the null, and compared with what the
        largest of all classes is by chance. So the p-value of the whole is the smallest one of
        a class, and classes below 0.05 may be named: in 95 % of cases none of them is wrong.

    n_bins : int, default=10
        Number of groups of "hosmer-lemeshow", 2 at least. Equal probabilities share one.

    null : {"auto", "simulated", "asymptotic"}, default="auto"
        Where the p-value is from. "simulated": drawn outcomes, exact for any number of rows.
        "asymptotic": the law for many rows; normal ("spiegelhalter"), chi-squared ("cox" with
        two degrees of freedom, "hosmer-lemeshow" with as many as groups, since nothing was
        fitted to these rows), Brownian motion ("cumulative", "kolmogorov-smirnov"); for the
        other kinds, and for several classes, normal sums in 4,096 cells are drawn. "auto" is
        "simulated" up to a hundred million outcomes (100,000 rows with 999 resamples).

    n_resamples : int, default=999
        Number of draws, at least 20. No simulated p-value is below ``1 / (n_resamples + 1)``.

    groups : array-like of shape (n_samples,), default=None
        Rows of the same patient, document, day, whose outcomes depend on each other. The null
        is then that each row's probability is true and groups are independent: the residuals of
        a group are given one random sign in each draw. Right for many groups; fewer than ten
        warn.

    random_state : int, RandomState instance or None, default=None
        Seed of the draws, for reproducible output.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. They are frequencies: 2 counts as two rows, each with an outcome
        of its own, and the fraction of a weight as a row that counts so much.

    Returns
    -------
    test : CalibrationTest
        A named tuple of two floats: ``statistic``, for several classes that of the class
        where it is largest; ``p_value``, in [0, 1]. With "top-label" and "class-wise" it has
        attributes besides: ``classes``, and arrays with an entry for each of them,
        ``class_statistics`` and ``class_p_values`` (adjusted); else they are None.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if a parameter is unusable, "canonical" is asked
        of another kind than "kernel", or weights sum to less than a row.

    Warns
    -----
    UndefinedMetricWarning
        If Spiegelhalter's statistic is undefined, since all probabilities are 0, 0.5 or 1: the
        p-value is NaN.

    UserWarning
        If there are fewer than ten groups.

    See Also
    --------
    calibration_error_interval : How large the error is.
    calibration_slope_intercept : The estimates behind "cox".
    cumulative_curve : What "cumulative" and "kolmogorov-smirnov" look at.

    Notes
    -----
    Draws of classes take time in proportion to ``n_samples * n_resamples``, for "class-wise"
    times the number of classes. "canonical" with more than two classes looks at all pairs of up
    to 5,000 rows, and beyond at a kernel interpolated from 100 random rows.

    References
    ----------
    Spiegelhalter (1986), "Probabilistic prediction in patient management and clinical
    trials", doi:10.1002/sim.4780050506.

    Hosmer, Lemeshow (1980), "Goodness of fit tests for the multiple logistic regression
    model", doi:10.1080/03610928008827941.

    Cox (1958), "Two further applications of a model for binary regression",
    doi:10.1093/biomet/45.3-4.562.

    Widmann, Lindsten, Zachariah (2019), "Calibration tests in multi-class classification",
    arXiv:1910.11385.

    Arrieta-Ibarra, Gujral, Tannen, Tygert, Xu (2022), "Metrics of calibration for
    probabilistic predictions", arXiv:2205.09680.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import calibration_test
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.uniform(size=500)
    >>> y_true = rng.uniform(size=500) < proba  # calibrated perfectly
    >>> calibration_test(y_true, proba, kind="cox", random_state=0).p_value
    0.954
    >>> calibration_test(y_true, proba**1.5, kind="cox", random_state=0).p_value
    0.001
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(
        predictions,
        kind=kind,
        notion=notion,
        n_bins=n_bins,
        null=null,
        n_resamples=n_resamples,
        random_state=random_state,
        groups=Rows(sample_weight, groups, None, y_true).groups,
    )


def _check_groups(groups, null):
    """Refuse and warn where signs of groups tell nothing, or little."""
    n_groups = groups.max() + 1
    if null == "asymptotic":
        raise ValueError(
            "null='asymptotic' takes rows for independent, but groups= says that they are "
            "not; leave null out."
        )
    if n_groups < FEW_GROUPS:
        warn(
            f"There are only {n_groups} groups, whose signs can be drawn in {2**n_groups} "
            f"ways: no p-value is below {2.0 ** (1 - n_groups):.2g}. Use more groups.",
            UserWarning,
        )
