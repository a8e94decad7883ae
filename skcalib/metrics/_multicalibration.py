"""The multicalibration error: how far off are groups that nobody has named?"""

from typing import NamedTuple

import numpy as np
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import check_consistent_length

from skcalib.estimators import short_repr
from skcalib.inputs import column_names, refuse_masked_array, to_numpy
from skcalib.messages import check_count, check_fraction, quote
from skcalib.metrics._events import events_of
from skcalib.metrics._null_outcomes import draw_separately, repeat_rows
from skcalib.metrics._ordered_event import order_event
from skcalib.metrics._replicates import Rows
from skcalib.metrics._resampling import count_of_rows, generator_of
from skcalib.metrics._validation import check_predictions


class MulticalibrationError(NamedTuple):
    """What :func:`multicalibration_error` returns."""

    error: float
    p_value: float
    group_count: np.ndarray  # (n_groups,), float64 like the next
    group_residual: np.ndarray
    group_rule: list

    __repr__ = short_repr


def multicalibration_error(
    y_true,
    y_proba,
    *,
    X=None,
    max_depth=3,
    min_group=0.05,
    test_size=0.5,
    notion="auto",
    n_resamples=999,
    random_state=None,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Calibration error over groups of rows that a shallow tree finds, held out.

    A model can be calibrated on the whole and be wrong for the old in one direction and for the
    young in the other. Part of the rows (chosen at random) is given to a regression tree that
    predicts the residuals, outcome minus probability, from the columns of `X` and the
    probability; its leaves are the groups. On the *other* rows, which the tree has not seen,
    a group g with the share s_g of them has the mean residual m_g, whose variance is v_g::

        error = sqrt(max(0, sum_g s_g (m_g**2 - v_g)))

    The p-value is that of ``sum_g (sum of residuals)**2 / (their variance)`` among outcomes
    drawn anew from the probabilities; exact, since the groups do not depend on these rows.

    **When to use it.** Before a model decides about people or sites, with the columns that
    might matter in `X`, whether the model knows them or not. It is a search for what is wrong:
    a named group is answered by :func:`by_group` with more power. **When not.** To certify that
    all groups are fine: it sees what a tree of this depth finds in half of the rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    X : array-like of shape (n_samples, n_features), default=None
        Numbers (NaN where missing) by which rows may differ; a frame's columns name them. The
        probability is always looked at, too. None: the probabilities of all classes.

    max_depth : int, default=3
        Of the tree: at most ``2 ** max_depth`` groups.

    min_group : float in (0, 1), default=0.05
        The smallest group, as a share of the rows that the tree is given.

    test_size : float in (0, 1), default=0.5
        Share of rows that the groups are judged on.

    notion : {"auto", "positive", "confidence"}, default="auto"
        Whose probability: that of the positive class, or the largest of each row. "auto" is
        "positive" for two classes, "confidence" for more.

    n_resamples : int, default=999
        Number of draws for the p-value, at least 20.

    random_state : int, RandomState instance or None, default=None
        Seed of the split and of the draws, for reproducible output.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies.

    Returns
    -------
    found : MulticalibrationError
        A named tuple: ``error``, in [0, 1], 0 where these rows show none; ``p_value``, in
        (0, 1]; and of each group, the most significant first, arrays ``group_count`` (of the
        rows judged) and ``group_residual`` (mean of outcome minus probability, in [-1, 1]:
        positive where probabilities are too low), and the list ``group_rule``, what its rows
        have in common ("age > 61.5 and p <= 0.2").

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `X` is not numeric or has another number of
        rows, if there are fewer than four rows, or if a parameter is unusable.

    See Also
    --------
    by_group : Groups that have names.

    References
    ----------
    Hebert-Johnson, Kim, Reingold, Rothblum (2018), "Multicalibration: Calibration for the
    (Computationally-Identifiable) Masses", arXiv:1711.08513.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import expected_calibration_error, multicalibration_error
    >>> rng = np.random.default_rng(0)
    >>> proba, age = rng.uniform(0.2, 0.8, size=4000), rng.uniform(20, 80, size=4000)
    >>> truth = proba + np.where(age > 60, 0.15, -0.075)  # right on the whole
    >>> y_true = rng.uniform(size=4000) < truth
    >>> found = multicalibration_error(y_true, proba, X=age[:, None], random_state=0)
    >>> round(found.error, 2), found.p_value
    (0.09, 0.001)
    """
    _check_parameters(max_depth, n_resamples, min_group, test_size)
    features, names = _features(X, y_true)
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    event = _one_event(predictions, notion)
    if features is None:
        proba = predictions.proba
        features, names = proba, [f"p{k}" for k in range(proba.shape[1])]
    else:
        features = np.column_stack(
            [Rows(sample_weight, None, None, y_true).of(features), event.value]
        )
        names = [*names, "p"]
    if len(event.codes) < 4:
        raise ValueError(
            f"{len(event.codes)} rows cannot be parted into some to find groups and some to "
            "judge them; there must be 4 at least."
        )
    rng = generator_of(random_state)
    return _judge(event, features, names, max_depth, min_group, test_size, n_resamples, rng)


def _check_parameters(max_depth, n_resamples, min_group, test_size):
    check_count("max_depth", max_depth)
    check_count("n_resamples", n_resamples, 20)
    check_fraction("min_group", min_group)
    check_fraction("test_size", test_size)


def _one_event(predictions, notion):
    count_of_rows(predictions.weight)
    if isinstance(notion, str) and notion in ("class-wise", "top-label"):
        raise ValueError(
            f"notion={notion!r} is several events; for one class against all others pass "
            "(y_true == label, y_proba[:, k])."
        )
    return events_of(predictions, notion)[0]


def _features(X, y_true):
    """Return a matrix of float64 and a name for each column, or None."""
    if X is None:
        return None, None
    refuse_masked_array(X, "X")
    names = column_names(X)
    try:
        values = np.asarray(to_numpy(X, "X"), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X must hold numbers; encode text and categories first: {error}."
        ) from error
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"X must be of shape (n_samples, n_features), got {values.shape}.")
    check_consistent_length(y_true, values)
    if np.isinf(values).any():
        raise ValueError("X holds infinite values; NaN is for what is missing.")
    names = [f"x{k}" for k in range(values.shape[1])] if names is None else list(names)
    return values, [quote(name).strip("'") for name in names]


def _judge(event, features, names, max_depth, min_group, test_size, n_resamples, rng):
    """Find groups in some rows, and look at them in the others."""
    n_rows = len(event.codes)
    order = rng.permutation(n_rows)
    n_test = int(np.clip(round(test_size * n_rows), 1, n_rows - 1))
    test, train = order[:n_test], order[n_test:]
    tree = DecisionTreeRegressor(
        max_depth=max_depth,
        min_samples_leaf=max(1, int(np.ceil(min_group * len(train)))),
        random_state=int(rng.integers(2**31 - 1)),
    )
    tree.fit(features[train], (event.hit - event.value)[train], event.weight[train])
    held_out, rows = repeat_rows(
        event.take(test, event.weight[test]).as_predictions(), return_rows=True
    )
    leaf = tree.apply(features[test])[rows]
    ordered = order_event(events_of(held_out, "positive")[0])
    leaves, group = np.unique(leaf[ordered.rows], return_inverse=True)
    member = (group == np.arange(len(leaves))[:, np.newaxis]).astype(np.float64).T
    size, variance = ordered.weight @ member, ordered.variance @ member

    def statistic(residual):
        squares = (residual @ member) ** 2
        return np.divide(squares, variance, out=np.zeros_like(squares), where=variance > 0)

    own = statistic(ordered.residual[np.newaxis])[0]
    drawn = draw_separately([ordered], rng, n_resamples)
    sums = np.concatenate([statistic(residuals(0)).sum(axis=1) for residuals in drawn])
    p_value = (1 + (sums >= own.sum() * (1 - 1e-9)).sum()) / (n_resamples + 1)
    mean = ordered.residual @ member / size
    square = size / size.sum() @ (mean**2 - _variance_of_means(ordered, member, mean, size))
    rules = _rules(tree.tree_, names)
    first = np.argsort(-own, kind="stable")
    return MulticalibrationError(
        float(np.sqrt(max(square, 0.0))),
        float(p_value),
        size[first],
        mean[first],
        [rules[leaves[place]] for place in first],
    )


def _variance_of_means(ordered, member, mean, size):
    """Estimate the variance of each group's mean residual; for a single row its square."""
    spread = ordered.residual / ordered.weight - member @ mean
    squares = (ordered.weight * spread**2) @ member
    return np.where(size > 1, squares / (np.maximum(size - 1, 1e-9) * size), mean**2)


def _rules(tree, names):
    """Return the conditions of each leaf as text, by its number."""
    found, waiting = {}, [(0, {})]
    while waiting:
        node, limits = waiting.pop()
        if tree.children_left[node] < 0:
            words = [f"{names[k]} {sign} {value:.4g}" for (k, sign), value in limits.items()]
            found[node] = " and ".join(words) or "all rows"
            continue
        feature, value = tree.feature[node], tree.threshold[node]
        waiting.append((tree.children_left[node], {**limits, (feature, "<="): value}))
        waiting.append((tree.children_right[node], {**limits, (feature, ">"): value}))
    return found
