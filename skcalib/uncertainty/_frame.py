"""A readable table of uncertain predictions."""

import numpy as np

from skcalib.estimators import Result


def uncertainty_frame(result, *, level=None):
    """Table of the results of `predict_uncertainty`, a row for each sample.

    Parameters
    ----------
    result : sklearn.utils.Bunch
        From :meth:`SamplingClassifier.predict_uncertainty`, with the measures "mean",
        "interval" and "likeliest" at least.

    level : int, default=None
        Which of several levels, by its number; needed where the result has them.

    Returns
    -------
    frame : pandas.DataFrame
        With the columns ``says`` ("8 at 51 % [.38, .64], 6 at 44 %": the likeliest class, the
        mean of its probability and its interval; the next class), ``first``, ``p_first``,
        ``low``, ``high``, ``second``, ``p_second``, ``margin`` and ``swap`` (the probability
        that the two classes change places), and those measures in `result` that are one
        number for each sample.

    Raises
    ------
    ValueError
        If a measure is missing, or there are several levels and none is chosen.
    ImportError
        If pandas is not installed.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation. ICML 2016.
    arXiv:1506.02142

    Examples
    --------
    >>> from skcalib.uncertainty import summarize_draws, uncertainty_frame
    >>> draws = [[[0.9, 0.1]], [[0.8, 0.2]], [[0.7, 0.3]], [[0.4, 0.6]]]
    >>> uncertainty_frame(summarize_draws(draws)).says[0]
    '0 at 70 % [.45, .89], 1 at 30 %'
    """
    missing = {"mean", "low", "likeliest"} - set(result)
    if missing:
        raise ValueError(
            "uncertainty_frame needs the measures 'mean', 'interval' and 'likeliest'; the "
            f"result lacks {sorted(missing)}. Call predict_uncertainty with measures='all'."
        )
    if result.mean.ndim == 3:
        if level is None:
            raise ValueError(
                f"The result holds {len(result.mean)} levels; choose one by its number, as in "
                "level=0."
            )
        own = {name: array[level] for name, array in result.items() if name != "classes"}
        result = Result(**{**result, **own})
    pd = _pandas()
    classes = result.get("classes", np.arange(result.mean.shape[1]))
    rows = np.arange(len(result.mean))
    columns = np.argsort(-result.mean, axis=1, kind="stable")[:, :2]
    first, second = columns.T
    table = {
        "first": classes[first],
        "p_first": result.mean[rows, first],
        "low": result.low[rows, first],
        "high": result.high[rows, first],
        "second": classes[second],
        "p_second": result.mean[rows, second],
        "margin": result.margin,
        "swap": result.swap,
    }
    says = [_describe_row(*row) for row in zip(*list(table.values())[:6], strict=True)]
    numbers = ("predictive_entropy", "aleatoric", "epistemic", "variation_ratio")
    table |= {name: result[name] for name in numbers if name in result}
    return pd.DataFrame({"says": says, **table})


def _pandas():
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "uncertainty_frame returns a pandas.DataFrame, and pandas is not installed: "
            "pip install pandas. Without it, the same numbers are the arrays of the result "
            "(result.mean, result.low, result.high, result.margin)."
        ) from error
    return pandas


def _describe_row(first, p_first, low, high, second, p_second):
    return (
        f"{first} at {100 * p_first:.0f} % [{_short(low)}, {_short(high)}], "
        f"{second} at {100 * p_second:.0f} %"
    )


def _short(number):
    return f"{number:.2f}".removeprefix("0")
