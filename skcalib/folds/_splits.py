"""How rows are split into those to train on and those to calibrate on."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import LeaveOneOut, check_cv
from sklearn.utils import check_consistent_length, indexable
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.inputs import is_dict_of_arrays


def make_splits(cv, X, y, codes, split_params):
    """Return pairs of training and held-out rows."""
    _refuse_unusable(cv)
    n_folds = cv if isinstance(cv, Integral) else getattr(cv, "n_splits", 0)
    if n_folds and np.bincount(codes).min() < n_folds:
        raise ValueError(
            f"Requesting {n_folds}-fold cross-validation but provided less than "
            f"{n_folds} examples for at least one class."
        )
    # Stratified whatever the estimator's tags say: some wrappers lack them.
    splitter = check_cv(cv, y, classifier=True)
    X = codes if is_dict_of_arrays(X) else X
    splits = list(splitter.split(X, codes if np.ndim(y) == 2 else y, **split_params))
    if not splits:
        raise InvalidParameterError(f"cv={cv!r} yields no splits.")
    return splits


def _refuse_unusable(cv):
    if isinstance(cv, str):
        raise InvalidParameterError(
            f"cv={cv!r} is not a valid way to split: pass a number of folds, a splitter or "
            "the splits. To calibrate a fitted classifier ('prefit'), wrap it in "
            "sklearn.frozen.FrozenEstimator, and leave out cv."
        )
    if isinstance(cv, LeaveOneOut):
        raise ValueError(
            "LeaveOneOut cross-validation does not allow all classes to be present in "
            "test splits. Please use a cross-validation generator that allows all classes "
            "to appear in every test and train split."
        )


def make_indexable(X, codes):
    """Return X as what rows can be taken of, as many as there are labels."""
    if is_dict_of_arrays(X):
        X = dict(zip(X, indexable(*X.values()), strict=True))
        check_consistent_length(*X.values(), codes)
        return X
    return indexable(X, codes)[0]
