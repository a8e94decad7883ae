"""The report of a fitted classifier."""

import numpy as np

from skcalib.inputs import count_rows, refuse_masked_array, take_rows
from skcalib.messages import check_flag
from skcalib.report._asked import (
    MOST_PREDICTED,
    ask,
    ask_again,
    ask_labels,
    check_rows,
    check_training_labels,
    clean_proba,
    codes_of,
    prepare_estimator,
)
from skcalib.report._evidence import Answers, Evidence
from skcalib.report._given import check_given_proba, check_groups, check_seed, take_used
from skcalib.report._made import make_report


def confidence_report(
    estimator,
    X,
    y,
    *,
    X_train=None,
    y_train=None,
    groups=None,
    sample_weight=None,
    pos_label=None,
    random_state=None,
    verbose=False,
):
    """Say how far a classifier's confidence can be believed, why not, and what mends it.

    The classifier is asked once for its probabilities of X (and again, for a hundred rows, to
    see whether they stay the same); it is never fitted or changed. Everything that is found
    comes with its number, its interval and, where there is one, its cure and what that gains
    on rows that it was not fitted to.

    Findings of severity "cause" rest on what is impossible (a probability of exactly zero that
    came true), on what cannot be if answers are in order, or on tests that share one level:
    if probabilities are true and the rows come from where the training rows came from, there
    is any such finding in at most 5 % of cases, for every number of rows. The tests
    are bounds (Chernoff's), so that no rows are drawn anew and rare outcomes do no harm, and
    are adjusted for their number (Bonferroni within a finding, Holm between them).

    **When to use it.** On rows that the classifier was not trained on, before its
    probabilities are shown to somebody or acted on. **When not.** To compare two models:
    :func:`~skcalib.metrics.bootstrap_difference`. To watch one figure:
    :mod:`skcalib.metrics`.

    Parameters
    ----------
    estimator : fitted classifier, keras.Model or torch.nn.Module
        What has ``predict_proba``. Of networks the true logits are taken.

    X : array-like of n_samples, or dict of arrays
        Rows that were not trained on, as the classifier takes them.

    y : array-like of shape (n_samples,)
        Their labels; one-hot labels of a network.

    X_train : array-like, default=None
        The rows it was trained on. Then the report also tells whether some of X are among
        them, whether X is unlike them, and whether the classifier is surer of them.

    y_train : array-like, default=None
        The labels of `X_train`.

    groups : array-like of shape (n_samples,), default=None
        A name for each row: site, device, sex. Whether confidence is worse in one of them.
        Rows count as independent of each other all the same.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies: their sum is the number of rows.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second in sorted order if None.

    random_state : int, RandomState instance or None, default=None
        How rows are dealt to folds, and which are looked at where some will do. None is 0: the
        same rows give the same report.

    verbose : bool, default=False
        Whether to show progress on standard error.

    Returns
    -------
    report : ConfidenceReport
        ``findings``, ``figures``, ``curves`` and ``context``.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.

    ValueError
        If there is no ``predict_proba``, if labels, weights, groups or probabilities are
        unusable (NaN, outside [0, 1], of unknown classes), or if their numbers differ. Rows
        that do not sum to one are no error but a finding.

    See Also
    --------
    confidence_report_from_predictions : For arrays of probabilities.
    confidence_report_from_logits : For arrays of logits.

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure",
    https://www.jstor.org/stable/4615733.

    Chernoff (1952), "A measure of asymptotic efficiency for tests of a hypothesis based on the
    sum of observations", doi:10.1214/aoms/1177729330.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skcalib import confidence_report
    >>> X, y = make_classification(2000, n_informative=3, n_redundant=10, random_state=0)
    >>> model = GaussianNB().fit(X[:1000], y[:1000])
    >>> report = confidence_report(model, X[1000:], y[1000:], random_state=0)
    >>> [finding.code for finding in report.findings if finding.severity == "cause"][0]
    'overconfident'
    >>> report.findings[0].cure.action
    'calibrate'
    """
    check_flag("verbose", verbose)
    seed = check_seed(random_state)
    if y_train is not None and X_train is None:
        raise ValueError("y_train is given without X_train; give both.")
    refuse_masked_array(X, "X")
    estimator, X, y = prepare_estimator(estimator, X, y)
    check_rows(X, y)
    asked = ask(estimator, X)
    given = check_given_proba(
        y,
        asked.proba,
        asked.classes,
        pos_label,
        sample_weight,
        logits=asked.logits,
        name=f"{type(estimator).__name__}.predict_proba",
    )
    X = take_used(X, given.used)
    codes_train = None
    if y_train is not None:
        codes_train = check_training_labels(y_train, X_train, given.classes, estimator)
    evidence = Evidence(
        **given.fields(),
        source_of_logits="lost" if asked.logits is None else "recovered",
        estimator=estimator,
        X=X,
        X_train=X_train,
        codes_train=codes_train,
        groups=check_groups(groups, given.used),
        train=_answers_of_training(estimator, X_train, codes_train, given.classes, seed),
        predicted_codes=ask_labels(estimator, X, given.classes),
        again=ask_again(estimator, X, given.classes, seed),
        seed=seed,
    )
    named = {"X_train": X_train, "y_train": y_train, "groups": groups}
    named |= {"sample_weight": sample_weight, "pos_label": pos_label}
    return make_report(evidence, "estimator", named, verbose)


def _answers_of_training(estimator, X_train, codes, classes, seed):
    """Return the answers for some of the training rows; None without these."""
    if X_train is None:
        return None
    refuse_masked_array(X_train, "X_train")
    n_train = count_rows(X_train)
    some = np.sort(np.random.default_rng(seed).permutation(n_train)[:MOST_PREDICTED])
    asked = ask(estimator, take_rows(X_train, some))
    order = codes_of(classes, asked.classes)
    proba = clean_proba(asked.proba[:, order])
    logits = None if asked.logits is None else asked.logits[:, order]
    return Answers(proba, logits, None if codes is None else codes[some])
