"""CostSensitiveClassifier: the decision that costs least, given the probabilities."""

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skcalib.decision._abstention import add_abstention
from skcalib.decision._base import DecisionClassifier
from skcalib.decision._costs import (
    check_abstain_cost,
    check_costs_of_rows,
    threshold_of,
)
from skcalib.inputs import check_cost_matrix, count_rows
from skcalib.messages import quote


class CostSensitiveClassifier(DecisionClassifier):
    r"""Decide what costs least by the probabilities of a classifier.

    With :math:`C_{ij}` the cost of deciding class j where class i is true, the decision is

    .. math:: \arg\min_j \sum_i p_i \, C_{ij}

    the first of several that cost the same. With `abstain_cost`, abstaining is one more
    decision, which costs that much whichever class is true.

    **When to use it.** Where mistakes differ in cost, around calibrated probabilities
    (:class:`~skcalib.CalibratedClassifierCV`): then no threshold has to be searched for, and
    other costs need no other fit. **When not.** Around probabilities that are not calibrated
    the expected costs are wrong; a threshold tuned on many held-out rows
    (:class:`sklearn.model_selection.TunedThresholdClassifierCV`) needs only their order.

    Parameters
    ----------
    estimator : estimator instance, keras.Model or torch.nn.Module, default=None
        A classifier with `predict_proba`. It is cloned and trained, unless it is in a
        :class:`sklearn.frozen.FrozenEstimator` or a trained network. By default
        ``LogisticRegression()``.

    cost_matrix : array-like of shape (n_classes, n_classes) or callable, default=None
        ``cost_matrix[i, j]`` is the cost of deciding class j where class i is true, both in the
        order of ``classes_``, as in :func:`sklearn.metrics.confusion_matrix`; finite numbers
        in any unit, negative ones are gains. A frame may name rows and columns by the labels.
        None: 1 for each mistake, 0 for each right decision. A function of X returns an array
        of shape (n_samples, n_classes, n_classes), the costs of each row.

    abstain_cost : float, default=None
        The cost of not deciding, in the same unit. None: always decide.

    abstain_label : object, default=None
        What `predict` returns for not deciding; no class of y. By default -1 beside numbers
        (one less than the lowest class if that is one), None beside text and booleans.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.

    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    decisions_ : ndarray of shape (n_decisions,)
        ``classes_``, and the label of abstaining if that is a decision.

    cost_matrix_ : ndarray of shape (n_classes, n_decisions)
        The cost of each decision for each true class. Not there if `cost_matrix` is a
        function.

    threshold_ : float
        Of two classes: the probability of the second one from which on it is decided (where
        abstaining is not cheaper); infinite if never, NaN if it is decided up to some
        probability. Not there for more classes or if `cost_matrix` is a function.

    n_features_in_ : int
        The number of features of the fitted estimator, if it has this attribute.

    feature_names_in_ : ndarray of shape (n_features,)
        Those of the fitted estimator, if it has this attribute.

    Warns
    -----
    UserWarning
        If a right decision is dearer than every wrong one, as in a matrix of gains.

    See Also
    --------
    SelectiveClassifier : Abstain so that the error of what is decided stays below a limit.
    skcalib.metrics.threshold_curve : What each threshold means.

    References
    ----------
    C. Elkan. The Foundations of Cost-Sensitive Learning. IJCAI 2001. ISBN 978-1-55860-812-2

    C. K. Chow. On Optimum Recognition Error and Reject Tradeoff. IEEE Transactions on
    Information Theory 16, 1970. doi:10.1109/TIT.1970.1054406 (abstaining)

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skcalib import CalibratedClassifierCV
    >>> from skcalib.decision import CostSensitiveClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> y = 1 - y  # 1: malignant
    >>> calibrated = CalibratedClassifierCV(GaussianNB(), method="beta")
    >>> costs = [[0, 1], [20, 0]]  # a missed tumour is 20 times as bad as a false alarm
    >>> model = CostSensitiveClassifier(calibrated, cost_matrix=costs, abstain_cost=0.5)
    >>> decided = model.fit(X[::2], y[::2]).predict(X[1::2])
    >>> f"1 from {model.threshold_:.3f} on; {(decided == -1).mean():.0%} undecided"
    '1 from 0.048 on; 12% undecided'
    """

    def __init__(
        self, estimator=None, *, cost_matrix=None, abstain_cost=None, abstain_label=None
    ):
        self.estimator = estimator
        self.cost_matrix = cost_matrix
        self.abstain_cost = abstain_cost
        self.abstain_label = abstain_label

    def _check_params(self):
        check_abstain_cost(self.abstain_cost)
        if self.abstain_cost is None and self.abstain_label is not None:
            raise InvalidParameterError(
                f"abstain_label={quote(self.abstain_label)} has no use without abstain_cost."
            )

    def _decide(self, data):
        self.decisions_ = self.classes_
        if self.abstain_cost is not None:
            self.decisions_ = add_abstention(self.classes_, self.abstain_label)
        for name in ("cost_matrix_", "threshold_"):
            vars(self).pop(name, None)  # of an earlier fit
        if callable(self.cost_matrix):
            return
        matrix = check_cost_matrix(self.cost_matrix, self.classes_)
        self.cost_matrix_ = self._with_abstention(matrix)
        if len(matrix) == 2:
            self.threshold_ = threshold_of(matrix)

    def expected_cost(self, X, costs=None):
        """Expected cost of each decision.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        costs : array-like of shape (n_samples, n_classes, n_classes), default=None
            The costs of each row, in place of `cost_matrix`.

        Returns
        -------
        cost : ndarray of shape (n_samples, n_decisions)
            In the unit of the costs, columns in the order of ``decisions_``.
        """
        proba = self.predict_proba(X).astype(np.float64)
        if costs is None and callable(self.cost_matrix):
            costs = self.cost_matrix(X)
        if costs is None:
            return proba @ self.cost_matrix_
        costs = check_costs_of_rows(costs, count_rows(X), len(self.classes_), "costs")
        return np.einsum("ni,nij->nj", proba, self._with_abstention(costs))

    def predict(self, X, costs=None):
        """Decide what costs least.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        costs : array-like of shape (n_samples, n_classes, n_classes), default=None
            The costs of each row, in place of `cost_matrix`.

        Returns
        -------
        decisions : ndarray of shape (n_samples,)
            Labels from ``decisions_``.
        """
        check_is_fitted(self)
        return self.decisions_[self.expected_cost(X, costs).argmin(axis=1)]

    def _with_abstention(self, costs):
        if self.abstain_cost is None:
            return costs
        column = np.full((*costs.shape[:-1], 1), float(self.abstain_cost))
        return np.concatenate([costs, column], axis=-1)
