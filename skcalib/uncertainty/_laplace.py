"""LaplaceClassifier: what the rows leave open in the last layer of a trained network."""

import numpy as np
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from skcalib.inputs import columns_among, refuse_streams
from skcalib.networks import (
    WrappingMixin,
    clone_with_parameters,
    encode_labels,
    ends_frozen,
    fit_network_labels,
    is_multilabel,
    list_inputs,
    refuse_paths,
)
from skcalib.sampling import (
    Draws,
    count_logits,
    draw_proba,
    join_blocks,
    move_draws,
    normal_points,
    predict_mean,
)
from skcalib.uncertainty._base import SamplingClassifier
from skcalib.uncertainty._laplace_checks import check_parameters
from skcalib.uncertainty._laplace_held_out import hold_out, sum_up
from skcalib.uncertainty._laplace_precision import (
    choose_by_evidence,
    choose_held_out,
    tell_what_is_better,
)
from skcalib.uncertainty._laplace_rows import LastLayer, check_linear, cut_blocks, solve_weights

HELD = 2**22  # probabilities of one block of draws


class LaplaceClassifier(WrappingMixin, SamplingClassifier):
    r"""Last-layer Laplace: what the training rows leave open in the last layer's weights.

    .. math:: p(y \mid x) = \operatorname{E}\, \operatorname{softmax}(z), \qquad
              z \sim N\left(h W,\; (h \otimes I)^T (H + \delta I)^{-1} (h \otimes I)\right)

    where h is what the last layer takes (and a constant), W its weights, H the Hessian of the
    negative log likelihood of the training rows by W, and :math:`\delta` the precision of a
    Gaussian prior. The network is neither trained nor changed.

    **When to use it.** To rank rows by how much the last layer does not know of them
    (`epistemic` of :meth:`predict_uncertainty`), for one matrix product beside a prediction.

    **When not.** For better probabilities: with the precision and temperature that held-out
    rows choose, it gives about what one temperature alone gives, and ``comparison_`` shows it.
    With the precision of the marginal likelihood, networks that were trained without weight
    decay become badly underconfident.
    :class:`~skcalib.novelty.DistanceAwareTemperatureClassifier` finds rows unlike the training
    rows better; several networks, an ensemble, give better predictions.

    Parameters
    ----------
    estimator : network or classifier that ends in a linear layer, default=None
        Trained by log loss. Pass a trained network as it is, or a fitted MLPClassifier, linear
        model or wrapper of a network in :class:`sklearn.frozen.FrozenEstimator`; any other is
        cloned and trained. None is a :class:`sklearn.linear_model.LogisticRegression`.

    structure : {"kronecker", "full", "diagonal"}, default="kronecker"
        What is kept of the Hessian: a product of a matrix of features and one of
        classes; all pairs of weights, 2,048 weights at most; or each weight by itself. With two
        classes "kronecker" is exact, as "full" is.

    prior_precision : {"held_out", "marginal_likelihood"} or float, default="held_out"
        :math:`\delta`, positive; inf is the network as it is. "held_out": that of the least log
        loss on held-out rows, together with a temperature for the draws. These are the rows
        passed to `fit` for a trained network, which it must not have been trained on;
        otherwise they come from cross-validation.

    predictive : {"probit", "sampled"}, default="probit"
        How the mean is found: by MacKay's formula, each logit divided by
        :math:`\sqrt{1 + \pi v / 8}`, v its variance, so that `predict_proba` needs no
        draws, and draws are moved to have this mean; or as the mean of `n_draws` points that
        stand for the distribution of the logits. The formula counts what logits have
        in common, which changes no probability: with many classes and a small precision it is
        much less sure than the mean; at the precision that held-out rows choose, as good.

    n_draws : int, default=64
        Quasi-random points, a power of two.

    cv : int, splitter or None, default=None
        How an estimator that `fit` trains is cross-validated, and X without `X_train`;
        5 folds by default.

    random_state : int, RandomState instance or None, default=None
        Draws a seed once, in `fit`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    estimator_ : classifier
        The fitted classifier.

    prior_precision_ : float
        The precision in use. With two classes it is that of the difference of their weights.

    temperature_ : float
        By which draws of the logits are divided; 1 unless held-out rows chose it.

    comparison_ : dict
        With ``prior_precision="held_out"``, for "plain", "plain, temperature" and "laplace" the
        ``log_loss``, ``calibration_error`` and ``error_auroc`` on the same held-out rows; what
        is chosen for rows of a fold is chosen on the others.

    seed_ : int
        The seed of the points.

    n_features_in_ : int
        Number of features that `estimator_` saw, if it says.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if it says.

    See Also
    --------
    skcalib.MCDropoutClassifier : Sub-networks as draws.
    skcalib.TemperatureCalibratedClassifier : One temperature.

    Notes
    -----
    The points are chosen, not drawn, so that `standard_error` is NaN. Memory is n_features
    squared and n_classes squared, and a block of rows. "marginal_likelihood" needs the weights:
    of networks they are the smallest that give the logits of the training rows.

    References
    ----------
    D. J. C. MacKay. The Evidence Framework Applied to Classification Networks. Neural
    Computation 4, 1992. doi:10.1162/neco.1992.4.5.720

    A. Kristiadi, M. Hein, P. Hennig. Being Bayesian, Even Just a Bit, Fixes Overconfidence in
    ReLU Networks. ICML 2020. arXiv:2002.10118

    E. Daxberger, A. Kristiadi, A. Immer, R. Eschenhagen, M. Bauer, P. Hennig. Laplace Redux.
    NeurIPS 2021. arXiv:2106.14806

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skcalib.uncertainty import LaplaceClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, y_train, X_held, y_held = X[:900], y[:900], X[900:1350], y[900:1350]
    >>> network = MLPClassifier((32,), max_iter=300, random_state=0).fit(X_train, y_train)
    >>> laplace = LaplaceClassifier(
    ...     FrozenEstimator(network), prior_precision=10.0, random_state=0
    ... )
    >>> laplace = laplace.fit(X_held, y_held, X_train=X_train, y_train=y_train)
    >>> laplace.predict_proba(X[1350:]).shape
    (447, 10)
    >>> laplace.predict_uncertainty(X[1350:]).epistemic.shape
    (447,)
    """

    def __init__(
        self,
        estimator=None,
        *,
        structure="kronecker",
        prior_precision="held_out",
        predictive="probit",
        n_draws=64,
        cv=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.structure = structure
        self.prior_precision = prior_precision
        self.predictive = predictive
        self.n_draws = n_draws
        self.cv = cv
        self.random_state = random_state

    def fit(self, X, y, X_train=None, y_train=None, **fit_params):
        """Learn what the rows leave open; train the estimator first, unless it is trained.

        Parameters
        ----------
        X : array-like, dataframe or dict of arrays, of n_samples
            Whatever `estimator` takes. For a trained one, rows that it has not seen.

        y : array-like of shape (n_samples,)
            Labels.

        X_train : like X, default=None
            For a trained estimator: the rows that it was trained on, or some of them. Without
            them the Hessian is that of X, and the precision is chosen by cross-validation.

        y_train : array-like, default=None
            Their labels; the Hessian does not depend on them.

        **fit_params : dict
            Passed to the estimator's `fit`, if it is trained.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is out of range; if the estimator does not end in a linear layer; if
            X_train is given for one that is trained here; if fewer than ten rows are held out.

        Warns
        -----
        UserWarning
            With ``prior_precision="held_out"``, if the plain network, as it is or with one
            temperature, is at least as good.
        """
        refuse_streams(X)
        refuse_paths(self.estimator, "The 'estimator' parameter of LaplaceClassifier")
        check_parameters(self)
        estimator = self._get_estimator()
        X = list_inputs(estimator, X)
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        vars(self).pop("comparison_", None)
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        if is_multilabel(estimator):
            raise InvalidParameterError(
                "The 'estimator' parameter of LaplaceClassifier has several labels for each "
                "sample (multilabel=True); this is for one label."
            )
        classes, codes, y = encode_labels(y, estimator)
        estimator = fit_network_labels(estimator, X, y, classes)
        trained = isinstance(estimator, FrozenEstimator) or ends_frozen(estimator)
        if not trained and X_train is not None:
            raise ValueError(
                "X_train is for an estimator that is trained already; this one is trained on "
                "X. Freeze a fitted one: FrozenEstimator(estimator), from sklearn.frozen."
            )
        if not trained and len(classes) < 2:
            raise ValueError(
                f"y has one class only ({classes[0]!r}); training needs at least two classes."
            )
        twin = estimator if trained else clone_with_parameters(estimator)
        self.estimator_ = twin if trained else twin.fit(X, y, **fit_params)
        self._take_features(self.estimator_, X)
        self._learn(X, y, (classes, codes), X_train, None if trained else estimator, fit_params)
        return self

    def _learn(self, X, y, labels, X_train, estimator, fit_params):
        rows = X if X_train is None else list_inputs(self._get_estimator(), X_train)
        layer, self._posterior, few = sum_up(self.estimator_, rows, self.structure)
        check_linear(few, type(self.estimator_).__name__)
        self.classes_ = np.asarray(layer.classes_)
        classes, codes = labels
        if strange := set(classes.tolist()) - set(self.classes_.tolist()):
            raise ValueError(
                f"y holds the classes {sorted(strange)}, which the classifier does not know."
            )
        codes = columns_among(self.classes_, classes)[codes]
        self.temperature_ = 1.0
        if not isinstance(self.prior_precision, str):
            self.prior_precision_ = float(self.prior_precision)
        elif self.prior_precision == "marginal_likelihood":
            square = np.square(solve_weights(few)).sum()
            self.prior_precision_ = choose_by_evidence(self._posterior, square)
        else:
            rows = X, y, codes, X_train
            parts = hold_out(self, rows, estimator, fit_params)
            best, self.comparison_ = choose_held_out(
                parts, self._points(), self.predictive, self.seed_
            )
            self.prior_precision_, self.temperature_ = best.precision, best.temperature
            tell_what_is_better(self.comparison_, sum(len(part.codes) for part in parts))

    def predict_proba(self, X):
        """Mean of the draws; with ``predictive="probit"`` from its formula, without draws.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In [0, 1], rows sum to one, columns in the order of ``classes_``.
        """
        if self.predictive != "probit" or not hasattr(self, "classes_"):
            return super().predict_proba(X)
        found = [(rows, self._mean(part)) for rows, part in self._parts(X)]
        return join_blocks(*zip(*found, strict=True))

    def get_metadata_routing(self):
        """Return who consumes which metadata: `estimator`.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            See scikit-learn's user guide on metadata routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=self).add(
            estimator=self._get_estimator(), method_mapping=mapping
        )

    def _draws(self, X):
        points = self._points()
        blocks = ((rows, self._draw(part, points)[None]) for rows, part in self._parts(X))
        return Draws(blocks, random=False)

    def _parts(self, X):
        """Check X; return an iterator over slices of it, and their Rows."""
        check_parameters(self)
        refuse_streams(X)
        self._check_features(self.estimator_, X, asked=False)
        size = max(1, HELD // (self.n_draws * len(self.classes_)))
        blocks = LastLayer(self.estimator_).blocks(list_inputs(self.estimator_, X))
        return cut_blocks(blocks, size)

    def _mean(self, rows):
        return predict_mean(self._posterior, *rows, self.prior_precision_, self.temperature_)

    def _draw(self, rows, points):
        draws = draw_proba(
            self._posterior, *rows, self.prior_precision_, points, self.temperature_
        )
        return draws if self.predictive == "sampled" else move_draws(draws, self._mean(rows))

    def _points(self):
        return normal_points(count_logits(len(self.classes_)), self.seed_, self.n_draws)

    def _get_estimator(self):
        if self.estimator is None:
            return LogisticRegression()
        return self._wrap_network(self.estimator)

    def _trains_nothing(self):
        estimator = self._get_estimator()
        return isinstance(estimator, FrozenEstimator) or ends_frozen(estimator)
