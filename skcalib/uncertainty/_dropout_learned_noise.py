"""The noise of a regression, learned from residuals of rows that the network has not seen."""

from copy import copy

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_array, indexable
from sklearn.utils.validation import _check_method_params

from skcalib.inputs import count_rows, is_dict_of_arrays, take_rows
from skcalib.networks import clone_with_parameters, is_trained
from skcalib.uncertainty._normal_mixtures import likeliest_variance

MOST_RESIDUALS = 2**20  # of all draws: a variance is known to 1 % from 20,000 rows
FEWEST_ROWS = 1000


def estimate_noise(regressor, estimator, X, y, fit_params, split_params):
    """Return the likeliest noise variance (n_levels, n_outputs) of a fitted regressor.

    For a trained network all rows are held out; an `estimator` that fit trains is trained
    on the folds of ``regressor.cv``.
    """
    targets = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    targets = targets.reshape(len(targets), -1)
    X = X if is_dict_of_arrays(X) else indexable(X)[0]
    if count_rows(X) != len(targets):
        raise ValueError(
            f"X and y have inconsistent numbers of samples: {count_rows(X)} and {len(targets)}."
        )
    if is_trained(estimator):
        splits = [(None, slice(None))]
    else:
        splits = list(check_cv(regressor.cv).split(X, y, **split_params))
    most = max(1, _most_rows(regressor, targets.shape[1]) // max(1, len(splits)))
    y, squares = indexable(y)[0], []
    for train, test in splits:
        member = regressor
        if train is not None:
            member = _train_on(regressor, estimator, X, y, train, fit_params)
        rows = np.arange(len(targets))[test]
        if len(rows) > most:  # evenly spread
            rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
        squares += _squares(member, take_rows(X, rows), targets[rows])
    if not squares:
        raise ValueError(f"cv={regressor.cv!r} yields no splits.")
    squares = np.concatenate(squares, axis=2)
    return np.array(
        [[likeliest_variance(s) for s in np.moveaxis(level, -1, 0)] for level in squares]
    )


def _train_on(regressor, estimator, X, y, train, fit_params):
    """Return a copy of the regressor around a network that saw these rows only."""
    params = _check_method_params(y, params=fit_params, indices=train)
    member = copy(regressor)
    member.verbose = 0
    member.estimator_ = clone_with_parameters(estimator).fit(
        take_rows(X, train), _safe_indexing(y, train), **params
    )
    return member


def _most_rows(regressor, n_outputs):
    in_a_row = int(regressor.n_draws) * len(regressor._all_levels()) * n_outputs
    return max(FEWEST_ROWS, MOST_RESIDUALS // in_a_row)


def _squares(member, X, targets):
    """Return squared residuals (n_levels, n_draws, n_rows, n_outputs), block by block."""
    found = []
    for rows, draws in member._check_X(X).blocks:
        if draws.shape[-1] != targets.shape[1]:
            raise ValueError(
                f"y has {targets.shape[1]} targets, but the network has {draws.shape[-1]} "
                "outputs."
            )
        found.append((targets[rows] - draws.astype(np.float64)) ** 2)
    return found
