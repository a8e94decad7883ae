"""BayesByBackpropClassifier: a network whose weights are Gaussian, trained as such."""

import numpy as np

from skcalib.inputs import softmax
from skcalib.uncertainty._base import SamplingClassifier
from skcalib.uncertainty._bayes_by_backprop_draws import answer_of_network, pass_perceptron
from skcalib.uncertainty._bayes_by_backprop_labels import LabelTask
from skcalib.uncertainty._bayes_by_backprop_model import BayesianNetworkMixin


class BayesByBackpropClassifier(BayesianNetworkMixin, SamplingClassifier):
    r"""A Keras network with a mean and a spread for each weight: Bayes by Backprop.

    .. math:: w \sim N(\mu, \sigma^2), \qquad \min_{\mu, \sigma}\;
              \operatorname{E} \sum_i s_i \left[-\log p(y_i \mid x_i, w)\right]
              + c \operatorname{KL}(q \,\|\, p)

    with :math:`s_i` the `sample_weight`, p the prior of the weights, q their distribution, and
    c the `kl_weight`. Each draw is one network with weights from q; the prediction is the mean
    of their probabilities.

    **When to use it.** Where the network is trained anyway, and should know what it has
    seen little of: to rank rows by `epistemic` of :meth:`predict_uncertainty`; and to see
    which weights can be left out (:meth:`prune`).

    **When not.** For the best probabilities: a deep ensemble, or one temperature, costs less
    thought and is better on small data; with ``kl_weight=1`` a small data set is under-fitted.
    For a network that shall not be trained again: :class:`~skcalib.MCDropoutClassifier` and
    :class:`LaplaceClassifier`.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(128,)
        Units of each hidden layer; not used with `network`.

    network : keras.Model or None, default=None
        A sequential or functional model whose trainable layers Dense, Conv1D and Conv2D
        are made Bayesian, as :meth:`from_network` says. It is not changed.

    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Of hidden layers; not used with `network`.

    prior : {"gaussian", "mixture"}, default="gaussian"
        Of each weight: one Gaussian around 0, or a wide and a narrow one. With small weights of
        the divergence the first gives better probabilities; with ``kl_weight=1`` the second.

    prior_scale : float, pair of float or None, default=None
        Standard deviation of a Gaussian (None: 0.3), or the wide and the narrow one of a
        mixture (None: 1 and exp(-6)).

    prior_mix : float, default=0.5
        Share of the wide part of a mixture, in (0, 1).

    estimator : {"flipout", "local", "shared"}, default="flipout"
        How noise is drawn in training; see ``skcalib.layers.BayesDense``. "local" needs
        ``prior="gaussian"``.

    kl_weight : "held_out" or float, default="held_out"
        Weight of the divergence; 1 is Bayes' rule. "held_out": that of 1, 0.1 and 0.01
        with the least log loss on held-out rows, which takes three trainings more.

    kl_warmup : float, default=0.0
        Share of `max_iter` over which that weight rises to its value, in equal steps from
        epoch to epoch; early stopping looks at the loss from then on. In [0, 1].

    n_draws : int, default=50
        Networks drawn at prediction.

    mean_mode : bool, default=False
        Whether `predict_proba` and `predict` take the means of the weights, in one pass without
        draws. `predict_uncertainty` and `sample_proba` draw all the same.

    learning_rate_init : float, default=0.002
        Of Adam.

    max_iter : int, default=100
        Epochs.

    batch_size : int, default=64
        Rows of a batch in training.

    early_stopping : bool, default=False
        Whether training ends when the loss on held-out rows (at the means) has not
        improved for `n_iter_no_change` epochs. These rows are then not trained on.

    validation_fraction : float, default=0.1
        Share of the rows that are held out, for early stopping and for `kl_weight`. Chosen
        weights are trained again on all rows, unless with `early_stopping`.

    n_iter_no_change : int, default=10
        Epochs, of early stopping.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit, with its `kl_weight_`.

    verbose : int or bool, default=False
        As of ``keras.Model.fit``: 0, 1 for bars, 2 for a line for each epoch.

    random_state : int, RandomState instance or None, default=None
        Draws a seed once, in `fit`: of initial weights, shuffles, noise in training, and draws.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    model_ : keras.Model
        The trained model; its layers are those of ``skcalib.layers``.

    kl_weight_ : float
        The weight in use.

    held_out_log_loss_ : dict
        With ``kl_weight="held_out"``: the log loss on held-out rows for each weight.

    posteriors_ : list of (ndarray, ndarray)
        Means and standard deviations of all kernels and biases, in the order of the layers.

    history_ : dict of list
        Losses of each epoch of the last training.

    n_iter_ : int
        Epochs of the last training.

    seed_ : int
        The seed.

    n_features_in_ : int
        Number of features, without `network`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X was a frame.

    See Also
    --------
    skcalib.MCDropoutClassifier : Sub-networks of one network as draws.
    skcalib.DeepEnsembleClassifier : Several trainings; the best probabilities.

    Notes
    -----
    Needs Keras, on TensorFlow, JAX or torch. Draws come from NumPy, by `seed_` and the number
    of the draw, so that they are the same on all of these and in batches of any size. Without
    `network` also the passes at prediction are NumPy's. Features are best scaled.

    `sample_weight` counts rows: N in the loss of a batch, log loss plus c KL / N, is the sum of
    the weights.

    References
    ----------
    C. Blundell, J. Cornebise, K. Kavukcuoglu, D. Wierstra. Weight Uncertainty in Neural
    Networks. ICML 2015. arXiv:1505.05424

    F. Wenzel et al. How Good is the Bayes Posterior in Deep Neural Networks Really? ICML 2020.
    arXiv:2002.02405

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skcalib.uncertainty import BayesByBackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> bayes = BayesByBackpropClassifier((8,), kl_weight=0.1, max_iter=3, random_state=0)
    >>> bayes = bayes.fit(X, y)
    >>> bayes.predict_uncertainty(X).epistemic.shape
    (150,)
    """

    def __init__(
        self,
        hidden_layer_sizes=(128,),
        *,
        network=None,
        activation="relu",
        prior="gaussian",
        prior_scale=None,
        prior_mix=0.5,
        estimator="flipout",
        kl_weight="held_out",
        kl_warmup=0.0,
        n_draws=50,
        mean_mode=False,
        learning_rate_init=0.002,
        max_iter=100,
        batch_size=64,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        warm_start=False,
        verbose=False,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network = network
        self.activation = activation
        self.prior = prior
        self.prior_scale = prior_scale
        self.prior_mix = prior_mix
        self.estimator = estimator
        self.kl_weight = kl_weight
        self.kl_warmup = kl_warmup
        self.n_draws = n_draws
        self.mean_mode = mean_mode
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features; with `network` whatever it takes, a dict of arrays, too.

        y : array-like of shape (n_samples,)
            Labels; with `network` also their one-hot code.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is out of range; if y has one class only; if there are too few rows
            to hold some out.
        TypeError
            If `network` is no Keras model, or a subclassed one.
        """
        task = self._train(X, y, sample_weight)
        self.classes_ = np.sort(task.classes)
        return self

    def predict_proba(self, X):
        """Mean of the draws, or the answer of the mean weights with `mean_mode`.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In [0, 1], rows sum to one, columns in the order of ``classes_``.
        """
        if not self.mean_mode or not hasattr(self, "classes_"):
            return super().predict_proba(X)
        return self._answer_of_means(X)

    def _make_task(self, y):
        return LabelTask(self, y)

    def _n_columns(self):
        return len(self.classes_)

    def _answer_draws(self, adapter, draws, X):
        """Return probabilities of networks with these weights."""
        if self.network is None:
            logits = pass_perceptron(draws, X, self.activation)
            return np.stack([softmax(one) for one in logits])
        return answer_of_network(adapter, draws, lambda: adapter.predict_proba(X))
