"""BayesByBackpropRegressor: Gaussian weights, for numbers instead of classes."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcalib.uncertainty._base_regressor import SamplingRegressor
from skcalib.uncertainty._bayes_by_backprop_draws import answer_of_network, pass_perceptron
from skcalib.uncertainty._bayes_by_backprop_model import BayesianNetworkMixin
from skcalib.uncertainty._bayes_by_backprop_targets import TargetTask


class BayesByBackpropRegressor(BayesianNetworkMixin, SamplingRegressor):
    r"""A Keras network with a mean and a spread for each weight, for regression.

    .. math:: w \sim N(\mu, \sigma^2), \qquad \min_{\mu, \sigma, v}\;
              \operatorname{E} \sum_i s_i \left[\frac{(y_i - f_w(x_i))^2}{2 v}
              + \frac{1}{2} \log 2 \pi v\right] + c \operatorname{KL}(q \,\|\, p)

    with :math:`s_i` the `sample_weight`, v the `noise_variance`, p the prior of the weights, q
    their distribution, and c the `kl_weight`. Each draw is one network with weights from q, and
    the prediction is the equal mixture of N(f_w(x), v) over the draws.

    **When to use it.** For intervals of a network's predictions that are wider where it has
    seen little, if the noise is about the same everywhere; and to see which weights can be
    left out (:meth:`prune`).

    **When not.** For intervals whose coverage is guaranteed: a conformal method. Where the
    noise differs from row to row: :class:`~skcalib.DeepEnsembleRegressor` with
    ``GaussianLoss``. For a network that shall not be trained again:
    :class:`~skcalib.MCDropoutRegressor`. For few rows and smooth functions: scikit-learn's
    Gaussian processes.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(128,)
        Units of each hidden layer, () for a linear model; not used with `network`.

    network : keras.Model or None, default=None
        A sequential or functional model whose trainable layers Dense, Conv1D and Conv2D
        are made Bayesian, as :meth:`from_network` says. It is not changed. Its outputs, one for
        each target, are on the scale of y; if it is compiled, then with the mean squared error.

    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Of hidden layers; not used with `network`.

    prior : {"gaussian", "mixture"}, default="gaussian"
        Of each weight: one Gaussian around 0, or a wide and a narrow one.

    prior_scale : float, pair of float or None, default=None
        Standard deviation of a Gaussian (None: 0.3), or the wide and the narrow one of a
        mixture (None: 1 and exp(-6)).

    prior_mix : float, default=0.5
        Share of the wide part of a mixture, in (0, 1).

    estimator : {"flipout", "local", "shared"}, default="flipout"
        How noise is drawn in training; see ``skcalib.layers.BayesDense``. "local" needs
        ``prior="gaussian"``.

    noise_variance : "auto" or float, default="auto"
        Variance v of an observation around a draw, in squared units of y, the same for all
        rows (a float: for all targets, too). "auto" learns it from held-out rows, which
        takes one training more, unless rows are held out anyway.

    kl_weight : "held_out" or float, default="held_out"
        Weight of the divergence; 1 is Bayes' rule. "held_out": that of 1, 0.1 and 0.01
        with the least log loss on held-out rows, which takes three trainings more.

    kl_warmup : float, default=0.0
        Share of `max_iter` over which that weight rises to its value, in equal steps from
        epoch to epoch; early stopping looks at the loss from then on. In [0, 1].

    n_draws : int, default=50
        Networks drawn at prediction.

    mean_mode : bool, default=False
        Whether `predict` takes the means of the weights, in one pass without draws. Standard
        deviations, `predict_uncertainty` and `sample` need draws all the same.

    learning_rate_init : float, default=0.002
        Of Adam.

    max_iter : int, default=100
        Epochs.

    batch_size : int, default=64
        Rows of a batch in training.

    early_stopping : bool, default=False
        Whether training ends when the squared error of held-out rows (at the means) has not
        improved for `n_iter_no_change` epochs. These rows are then not trained on.

    validation_fraction : float, default=0.1
        Share of the rows that are held out, for early stopping, `noise_variance` and
        `kl_weight`. The network is trained again on all rows, unless with `early_stopping`.

    n_iter_no_change : int, default=10
        Epochs, of early stopping.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit, with its `kl_weight_` and its
        scale of the targets.

    verbose : int or bool, default=False
        As of ``keras.Model.fit``: 0, 1 for bars, 2 for a line for each epoch.

    random_state : int, RandomState instance or None, default=None
        Draws a seed once, in `fit`: of initial weights, shuffles, noise in training, and draws.

    Attributes
    ----------
    model_ : keras.Model
        The trained model; its layers are those of ``skcalib.layers``. Without `network` it
        answers (y - mean) / standard deviation.

    noise_variance_ : float or ndarray of shape (n_outputs,)
        The noise in use; an array for several targets.

    kl_weight_ : float
        The weight in use.

    held_out_log_loss_ : dict
        With ``kl_weight="held_out"``: the mean of -log p(y | x), in units of y, on held-out
        rows for each weight.

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
    BayesByBackpropClassifier : The same for classes.
    skcalib.MCDropoutRegressor : Sub-networks of one network as draws.
    skcalib.DeepEnsembleRegressor : Several trainings.

    Notes
    -----
    Needs Keras, on TensorFlow, JAX or torch. Draws come from NumPy, by `seed_` and the number
    of the draw, so that they are the same on all of these and in batches of any size. Without
    `network` also the passes at prediction are NumPy's, and y is scaled in training (with
    `network` scale it yourself). Features are best scaled.

    ``noise_variance="auto"``: in training v is that which minimises the objective for the
    draws of the epoch before, their mean squared residual; of several targets, scaled, the
    mean. Rows that were trained on make it too small for predictions, so `noise_variance_` is
    the likeliest, for each target, for the held-out rows and T = `n_draws` draws of the network
    that was trained on the others (it then includes the network's own errors, too):

    .. math:: \hat v = \operatorname{argmax}_v \sum_i s_i \log
              \frac{1}{T} \sum_t N(y_i; f_{w_t}(x_i), v)

    Keras minimises the mean of the squared residuals plus KL times 2 c v / (N k), for k
    targets and N the sum of the weights: the objective above, times 2 v / (N k). So
    layers hold 2 c v / k as their ``kl_weight``.

    References
    ----------
    C. Blundell, J. Cornebise, K. Kavukcuoglu, D. Wierstra. Weight Uncertainty in Neural
    Networks. ICML 2015. arXiv:1505.05424

    F. Wenzel et al. How Good is the Bayes Posterior in Deep Neural Networks Really? ICML 2020.
    arXiv:2002.02405

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skcalib.uncertainty import BayesByBackpropRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bayes = BayesByBackpropRegressor((8,), kl_weight=0.1, max_iter=5, random_state=0)
    >>> bayes = bayes.fit(scale(X), y)
    >>> mean, std = bayes.predict(scale(X), return_std=True)
    >>> std.shape
    (442,)
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
        noise_variance="auto",
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
        self.noise_variance = noise_variance
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features; with `network` whatever it takes, a dict of arrays, too.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is out of range; if y is missing, or has NaN or infinite values; if
            there are too few rows to hold some out; if `network` is compiled with another loss,
            or has not one output for each target.
        TypeError
            If `network` is no Keras model, or a subclassed one.
        """
        noise = self._train(X, y, sample_weight).noise
        self.noise_variance_ = noise if len(noise) > 1 else float(noise[0])
        return self

    def predict(self, X, return_std=False):
        """Mean of the draws, or the answer of the mean weights with `mean_mode`.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        return_std : bool, default=False
            Whether to return the standard deviation, too: spread of the draws and noise
            together. NaN for one draw.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.

        std : ndarray of the same shape
            Only with `return_std`.
        """
        check_is_fitted(self, "_adapter")
        if not self.mean_mode:
            return super().predict(X, return_std)
        mean = self._answer_of_means(X)
        mean = mean if self._n_columns() > 1 else mean[:, 0]
        return (mean, super().predict(X, return_std=True)[1]) if return_std else mean

    def _make_task(self, y):
        return TargetTask(self, y)

    def _n_columns(self):
        return len(self._scale)

    def _answer_draws(self, adapter, draws, X):
        """Return predictions of networks with these weights."""
        if self.network is None:
            return pass_perceptron(draws, X, self.activation) * self._scale + self._location
        return answer_of_network(adapter, draws, lambda: adapter.answer(X))

    def _noise(self):
        return np.reshape(self.noise_variance_, (1, -1))
