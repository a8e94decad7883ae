"""What an array of draws says: the mean, its spread, and which part is ignorance."""

import numpy as np
from scipy.special import entr

from skcalib.inputs import check_proba, float_array
from skcalib.sampling._summary import check_measures, entropy_of_each, share_outvoted, summary


def predictive_entropy(draws):
    """Entropy of the mean prediction: the total uncertainty, in nats.

    H(mean_t p_t) = - sum_k m_k log m_k, where m is the mean of the draws p_t. It is the sum
    of :func:`expected_entropy` and :func:`mutual_information`.

    Parameters
    ----------
    draws : array-like of shape (n_draws, n_samples, n_classes)
        Probabilities; each row sums to one.

    Returns
    -------
    entropy : ndarray of shape (n_samples,)
        In [0, log(n_classes)]: 0 where all draws give one class probability 1.

    Raises
    ------
    ValueError
        If draws have another shape, or are no probabilities.

    References
    ----------
    S. Depeweg, J. M. Hernández-Lobato, F. Doshi-Velez, S. Udluft. Decomposition of
    Uncertainty in Bayesian Deep Learning. ICML 2018. arXiv:1710.07283

    Examples
    --------
    >>> from skcalib.uncertainty import predictive_entropy
    >>> draws = [[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]
    >>> predictive_entropy(draws).round(3).tolist()  # log(2): a coin, in both rows
    [0.693, 0.693]
    """
    draws = check_draws(draws)
    return entr(draws.mean(axis=0, dtype=np.float64)).sum(axis=-1)


def expected_entropy(draws):
    """Mean entropy of the draws: the aleatoric part of the uncertainty, in nats.

    mean_t H(p_t): what would remain if the model were known. High where classes overlap:
    more training data would not help.

    Parameters
    ----------
    draws : array-like of shape (n_draws, n_samples, n_classes)
        Probabilities; each row sums to one.

    Returns
    -------
    entropy : ndarray of shape (n_samples,)
        In [0, log(n_classes)], at most :func:`predictive_entropy`.

    Raises
    ------
    ValueError
        If draws have another shape, or are no probabilities.

    References
    ----------
    S. Depeweg, J. M. Hernández-Lobato, F. Doshi-Velez, S. Udluft. Decomposition of
    Uncertainty in Bayesian Deep Learning. ICML 2018. arXiv:1710.07283

    Examples
    --------
    >>> from skcalib.uncertainty import expected_entropy
    >>> draws = [[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]
    >>> expected_entropy(draws).round(3).tolist()  # each draw is sure of the first row
    [0.0, 0.693]
    """
    return entropy_of_each(check_draws(draws)).mean(axis=0, dtype=np.float64)


def mutual_information(draws):
    """Mutual information of label and draw: the epistemic part of the uncertainty, in nats.

    H(mean_t p_t) - mean_t H(p_t), the mutual information of the label and the draw of
    the model, known as BALD. High on inputs unlike the training data. To rank mistakes,
    ``1 - mean.max(axis=1)`` is usually better.

    Parameters
    ----------
    draws : array-like of shape (n_draws, n_samples, n_classes)
        Probabilities; each row sums to one.

    Returns
    -------
    information : ndarray of shape (n_samples,)
        In [0, log(n_classes)]: 0 where all draws agree.

    Raises
    ------
    ValueError
        If draws have another shape, or are no probabilities.

    References
    ----------
    N. Houlsby, F. Huszár, Z. Ghahramani, M. Lengyel. Bayesian Active Learning for
    Classification and Preference Learning. 2011. arXiv:1112.5745

    Examples
    --------
    >>> from skcalib.uncertainty import mutual_information
    >>> draws = [[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]
    >>> mutual_information(draws).round(3).tolist()  # the draws differ on the first row
    [0.693, 0.0]
    """
    draws = check_draws(draws)
    return np.maximum(predictive_entropy(draws) - expected_entropy(draws), 0)


def variation_ratio(draws):
    """Share of the draws that do not vote for the most popular class.

    1 - max_k (share of the draws whose largest probability is that of class k); the
    first of equally large ones has the vote.

    Parameters
    ----------
    draws : array-like of shape (n_draws, n_samples, n_classes)
        Probabilities; each row sums to one.

    Returns
    -------
    ratio : ndarray of shape (n_samples,)
        In [0, 1 - 1 / n_classes]: 0 where all draws predict the same class.

    Raises
    ------
    ValueError
        If draws have another shape, or are no probabilities.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation. ICML 2016.
    arXiv:1506.02142

    Examples
    --------
    >>> from skcalib.uncertainty import variation_ratio
    >>> draws = [[[0.9, 0.1]], [[0.8, 0.2]], [[0.7, 0.3]], [[0.4, 0.6]]]
    >>> variation_ratio(draws).tolist()
    [0.25]
    """
    return share_outvoted(check_draws(draws))


def summarize_draws(draws, *, interval=0.9, measures="all"):
    """Compute all measures of an array of draws.

    Parameters
    ----------
    draws : array-like of shape (n_draws, n_samples, n_classes)
        Probabilities; each row sums to one.

    interval : float, default=0.9
        Share of the draws between the bounds ``low`` and ``high``, in (0, 1).

    measures : "all", str or list of str, default="all"
        Some of "mean", "std", "standard_error", "interval" (gives ``low`` and ``high``),
        "predictive_entropy", "aleatoric", "epistemic", "variation_ratio" and "likeliest"
        (gives ``likeliest``, ``margin`` and ``swap``).

    Returns
    -------
    result : sklearn.utils.Bunch
        With the arrays that were requested:

        mean, std, standard_error : (n_samples, n_classes)
            Mean of the draws, their standard deviation (ddof 1; NaN for one draw), and
            the error of the mean for so many draws, ``std / sqrt(n_draws)``.
        low, high : (n_samples, n_classes)
            Quantiles (1 - interval) / 2 and (1 + interval) / 2 of the draws.
        predictive_entropy, aleatoric, epistemic : (n_samples,)
            In nats; the first is the sum of the others: :func:`predictive_entropy`,
            :func:`expected_entropy`, :func:`mutual_information`.
        variation_ratio : (n_samples,)
            :func:`variation_ratio`.
        likeliest : (n_samples, 2)
            The columns of the two largest means.
        margin : (n_samples,)
            The difference of these means, in [0, 1].
        swap : (n_samples,)
            Probability that these two classes change places: the share of the draws in
            which the second is larger than the first; ties count one half.

    Raises
    ------
    ValueError
        If draws have another shape or are not probabilities, or for an unknown measure or an
        interval outside (0, 1).

    Notes
    -----
    The interval is the spread of the draws (for MC dropout: of sub-networks). It is not a
    confidence interval: nothing ensures that it covers the true probability in 90 % of the
    cases, and it does not shrink with more draws. The standard error does: it estimates how
    far the mean of these draws is from that of infinitely many.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation. ICML 2016.
    arXiv:1506.02142

    Examples
    --------
    >>> from skcalib.uncertainty import summarize_draws
    >>> draws = [[[0.9, 0.1]], [[0.8, 0.2]], [[0.7, 0.3]], [[0.4, 0.6]]]
    >>> result = summarize_draws(draws)
    >>> result.mean.round(2).tolist(), result.swap.tolist()
    ([[0.7, 0.3]], [0.25])
    """
    chosen = check_measures(measures, interval)
    return summary(check_draws(draws), chosen, interval)


def check_draws(draws):
    """Return draws as an array of floats, or raise."""
    draws = float_array(draws, "draws")
    if draws.ndim != 3 or 0 in draws.shape:
        raise ValueError(
            "draws must have the shape (n_draws, n_samples, n_classes), none of them 0; got "
            f"{draws.shape}."
        )
    if draws.shape[-1] < 2:
        raise ValueError(
            "draws hold one class only; give a column for each class, [1 - p, p] for two."
        )
    check_proba(draws.reshape(-1, draws.shape[-1]), "draws")
    return draws
