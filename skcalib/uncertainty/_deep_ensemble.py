"""DeepEnsembleClassifier: the same classifier trained several times, as draws."""

from sklearn import get_config
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import check_is_fitted

from skcalib.inputs import refuse_streams
from skcalib.networks import (
    FrozenNetwork,
    TrainableNetwork,
    encode_labels,
    list_inputs,
    refuse_paths,
    wrap_network,
)
from skcalib.sampling import Draws
from skcalib.uncertainty._base import SamplingClassifier
from skcalib.uncertainty._deep_ensemble_parameters import (
    OWNER,
    check_estimator,
    check_parameters,
    find_common_classes,
    freeze_member,
    is_function,
)
from skcalib.uncertainty._member_training import prepare_estimator
from skcalib.uncertainty._members import blocks_of_members
from skcalib.uncertainty._trained_members import TrainedMembersMixin


class DeepEnsembleClassifier(TrainedMembersMixin, SamplingClassifier):
    r"""A classifier trained several times by different seeds: what do its copies disagree on?

    Each member is one draw. The prediction is the mean of their probabilities,
    :math:`p(x) = \frac{1}{M} \sum_m p_m(x)`, and the measures of draws show how much members
    differ. Its log loss is never above the mean of theirs, for any row (Jensen's
    inequality).

    **When to use it.** For the best probabilities that a network can give, where several
    trainings are affordable; five members bring most of the gain. For accuracy and the ranking
    of mistakes, too. **When not.** If one training is all there is: Monte Carlo dropout, or
    one temperature. To find rows unlike anything seen: :mod:`skcalib.novelty` does that better.
    Around what has nothing random (logistic regression, naive Bayes), unless with
    ``bootstrap=True``.

    Calibrate the mean, never the members: ``TemperatureCalibratedClassifier(ensemble)``. The
    average of calibrated members is underconfident.

    Parameters
    ----------
    estimator : classifier, callable or None, default=None
        Any classifier, cloned and trained: scikit-learn's,
        ``scikeras.wrappers.KerasClassifier``, ``keras.wrappers.SKLearnClassifier``,
        ``skorch.NeuralNetClassifier``, a boosted one, a Pipeline. A function without arguments
        that returns a new, compiled Keras model stands for
        :class:`~skcalib.TrainableNetwork`; its epochs may be given to `fit`. None is an
        ``MLPClassifier``. A list of trained members comes from `from_members`.

    n_members : int, default=5
        How many are trained.

    train : {"auto", "stacked", "separate"}, default="auto"
        "separate": one after the other, or in parallel (`n_jobs`). "stacked": all members of a
        Keras model (on TensorFlow) in one graph, at little more than the cost of one if the
        network is small; the same members up to rounding. What cannot be stacked is trained
        separately, and a warning says why. "auto" stacks what can be stacked.

    bootstrap : bool, default=False
        Whether each member is trained on rows drawn with replacement, from each class as many
        as it has. Networks differ enough without, and are better on all rows; boosted trees and
        others that hardly depend on a seed need it.

    warm_start : bool, default=False
        Whether `fit` keeps members that are trained and only trains those missing: after an
        interruption or a failure, or for a larger `n_members`. These get the seeds that they
        would have had.

    n_jobs : int or None, default=None
        Members trained in parallel by joblib; they do not depend on that, nor on its backend.
        In threads, what draws from the random states of Keras or torch is trained one
        after the other.

    random_state : int, RandomState instance or None, default=None
        Seeds all members, differently: every `random_state` in the estimator, also nested,
        and the states of Python, NumPy, torch and Keras, which are put back after each. What
        the estimator itself had as `random_state` is replaced.

    verbose : bool, default=False
        Whether to show progress.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    members_ : list of n_members classifiers
        The trained members. If training one of them failed, or was interrupted, those
        that are trained.

    train_ : {"stacked", "separate"}
        How they were trained.

    seed_ : int
        What the seeds of all members are derived from.

    n_features_in_ : int
        Number of features that the members saw, if they say.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if X was a frame.

    See Also
    --------
    skcalib.MCDropoutClassifier : Sub-networks of one trained network.
    skcalib.uncertainty.EnsembleMembersClassifier : Members that a forest has already.

    Notes
    -----
    If the training of a member fails, the others are trained all the same; then its error is
    raised, with a note that says which members failed. So it is if a member answers NaN.
    `members_` holds the others, which can be used as they are.

    References
    ----------
    B. Lakshminarayanan, A. Pritzel, C. Blundell. Simple and Scalable Predictive
    Uncertainty Estimation using Deep Ensembles. NeurIPS 2017. arXiv:1612.01474

    A. Ashukha, A. Lyzhov, D. Molchanov, D. Vetrov. Pitfalls of In-Domain Uncertainty
    Estimation and Ensembling in Deep Learning. ICLR 2020. arXiv:2002.06470

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skcalib import DeepEnsembleClassifier, TemperatureCalibratedClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> mlp = make_pipeline(StandardScaler(), MLPClassifier((16,), solver="lbfgs", max_iter=50))
    >>> ensemble = DeepEnsembleClassifier(mlp, n_members=3, random_state=0).fit(X[::2], y[::2])
    >>> ensemble.predict_uncertainty(X[1::2]).epistemic.shape
    (89,)
    >>> ready = TemperatureCalibratedClassifier(DeepEnsembleClassifier.from_members(
    ...     ensemble.members_)).fit(X[1::2], y[1::2])
    """

    encodes_labels = True  # for members that take 0..K-1 only

    def __init__(
        self,
        estimator=None,
        *,
        n_members=5,
        train="auto",
        bootstrap=False,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=False,
    ):
        self.estimator = estimator
        self.n_members = n_members
        self.train = train
        self.bootstrap = bootstrap
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def from_members(cls, members, classes=None):
        """Make an ensemble of members that are trained already.

        Parameters
        ----------
        members : list
            Fitted classifiers with the same classes, and trained Keras models or torch
            modules. They are used as they are, never copied or trained.

        classes : array-like of shape (n_classes,), default=None
            The labels of the outputs of bare networks, in their order, and of NGBoost's
            classifiers. None is 0..K-1; a torch module, which does not say how many it has,
            learns them in `fit`.

        Returns
        -------
        ensemble : DeepEnsembleClassifier
            Fitted, if the classes are known. Its `fit` trains nothing; calibrate it as it is.

        Raises
        ------
        ValueError
            If a member is not fitted, or knows other classes than the first.
        """
        members = [freeze_member(member, classes) for member in members]
        if not members:
            raise InvalidParameterError("from_members needs at least one trained member.")
        ensemble = cls(members, n_members=len(members))
        knows = all(hasattr(member, "classes_") for member in members)
        return ensemble._take_trained(members) if knows else ensemble

    def fit(self, X, y=None, **fit_params):
        """Train the members, unless they come trained.

        Parameters
        ----------
        X : array-like of n_samples
            Whatever `estimator` takes.

        y : array-like of shape (n_samples,)
            Labels.

        **fit_params : dict
            Passed to the `fit` of each member; arrays as long as X follow its bootstrap. With
            metadata routing enabled, they go to whoever requested them.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is out of range; if the estimator is frozen, or a trained network; if
            X is a dataset, a loader or a generator. What training a member raises.

        Warns
        -----
        UserWarning
            If all members answer alike; if ``train="stacked"`` is not possible; if there was
            nothing to train with `warm_start`.
        """
        refuse_streams(X)
        refuse_paths(self.estimator, f"The 'estimator' {OWNER}")
        check_parameters(self)
        if self._trains_nothing():
            return self._learn_labels(X, y)
        estimator = check_estimator(self._get_estimator())
        X = list_inputs(estimator, X)
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        classes, codes, y = encode_labels(y, estimator)
        if len(classes) < 2:
            raise ValueError(
                f"y has one class only ({classes[0]!r}); training needs at least two classes."
            )
        numbers = self._missing_members(classes)
        if numbers:
            prepared = prepare_estimator(estimator, X, y, classes)
            self._train(prepared, X, y, codes, numbers, fit_params)
        self._take_features(self.members_[0], X)
        return self

    def _get_estimator(self):
        if self.estimator is None:
            return MLPClassifier(random_state=self.random_state)
        if is_function(self.estimator):
            return TrainableNetwork(self.estimator)
        return wrap_network(self.estimator)

    def _trains_nothing(self):
        return isinstance(self.estimator, list | tuple)

    def _learn_labels(self, X, y):
        """Have the networks among trained members learn their labels."""
        members = [
            clone(member).fit(X, y) if isinstance(member, FrozenNetwork) else member
            for member in map(freeze_member, self.estimator)
        ]
        self._take_trained(members)
        self._take_features(members[0], X)
        return self

    def _take_trained(self, members):
        self.classes_ = find_common_classes(members)
        self.members_ = [
            member.estimator if isinstance(member, FrozenEstimator) else member
            for member in members
        ]
        self._trained = dict(enumerate(self.members_))
        self.train_ = "separate"
        return self

    def _draws(self, X):
        if not hasattr(self, "members_"):
            check_is_fitted(self, "members_")
        refuse_streams(X)
        X = list_inputs(self.members_[0], X)
        self._check_features(self.members_[0], X)
        return Draws(blocks_of_members(self.members_, X, self.classes_))
