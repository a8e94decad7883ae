"""How sure a row is: what decides which rows are decided."""

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.inputs import count_rows
from skcalib.messages import is_word, quote

RANKINGS = ("max_proba", "margin", "novelty")


def check_ranking(rank_by):
    """Raise InvalidParameterError unless it is a function or the name of a ranking."""
    if not callable(rank_by) and not is_word(rank_by, RANKINGS):
        raise InvalidParameterError(
            f"rank_by must be one of {RANKINGS} or a function, got {quote(rank_by)}."
        )


def rank_rows(rank_by, estimator, X, proba):
    """Return a float64 number for each row, higher for surer."""
    if callable(rank_by):
        score = np.asarray(rank_by(estimator, X), dtype=float)
        if score.shape != (count_rows(X),) or not np.isfinite(score).all():
            raise ValueError(
                f"rank_by={rank_by!r} must return a finite number for each row, of "
                f"shape ({count_rows(X)},); got {score.shape}, NaN or infinite values."
            )
    elif rank_by == "novelty":
        score = _novelty(estimator, X)
    elif rank_by == "margin" and proba.shape[1] > 1:
        score = np.diff(np.partition(-proba, 1, axis=1)[:, :2])[:, 0]
    else:
        score = proba.max(axis=1)
    return score.astype(np.float64)


def _novelty(estimator, X):
    if not hasattr(estimator, "novelty_pvalue"):
        raise InvalidParameterError(
            "rank_by='novelty' needs an estimator with novelty_pvalue, such as "
            "skcalib.novelty.DistanceAwareTemperatureClassifier; "
            f"{type(estimator).__name__} has none."
        )
    return np.asarray(estimator.novelty_pvalue(X), dtype=float)
