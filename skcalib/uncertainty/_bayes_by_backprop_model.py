"""The Keras model of a Bayesian network: made, trained, copied, asked, pruned."""

from copy import copy

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from skcalib.backends import (
    check_arrays,
    count_all_rows,
    list_arrays,
    load_keras_posteriors,
    map_arrays,
    seeded,
)
from skcalib.inputs import (
    check_feature_names,
    check_weight,
    learn_feature_names,
    refuse_streams,
)
from skcalib.networks import SharedNetworkMixin
from skcalib.sampling import Draws
from skcalib.uncertainty._bayes_by_backprop_draws import draw_weights, prune_weights
from skcalib.uncertainty._bayes_by_backprop_parameters import check_parameters, check_share
from skcalib.uncertainty._bayes_by_backprop_training import Rows, train

HELD = 2**22  # numbers of one block of draws
KERAS_NAMES = {"logistic": "sigmoid", "identity": "linear"}


class BayesianNetworkMixin(SharedNetworkMixin):
    """Estimators that are a Keras model with Bayesian layers.

    They have ``_make_task(y)``, which says what is trained on, and ``_answer_draws(adapter,
    draws, X)``, what networks with these weights answer, (n_draws, n_rows, n_columns).
    """

    _network_parameter = "network"

    @classmethod
    def from_network(cls, model, **parameters):
        """Make an estimator of a deterministic Keras model of yours, to be trained on.

        Parameters
        ----------
        model : keras.Model
            Sequential or functional. Each trainable Dense, Conv1D and Conv2D of it becomes a
            Bayesian layer whose means start at its weights; regularizers are left out, as the
            prior takes their place. Other layers are copied. It is not changed.

        **parameters : dict
            Others of the constructor.

        Returns
        -------
        estimator : object
            Of this class, not yet fitted: `fit` trains the new model.
        """
        return cls(network=model, **parameters)

    def prune(self, share):
        """Return a copy without the weights of the smallest signal-to-noise ratio.

        Parameters
        ----------
        share : float
            Which share of all weights (kernels and biases) becomes 0 for good: those with
            the smallest ratio of absolute mean and standard deviation. In [0, 1).

        Returns
        -------
        pruned : estimator of the same class
            A fitted copy with a model of its own. Training it further (`warm_start`) lets the
            weights grow again.

        Raises
        ------
        ValueError
            If `share` is not in [0, 1).
        """
        check_is_fitted(self, "_adapter")
        check_share(share)
        posteriors = load_keras_posteriors()
        model = posteriors.copy_model(self.model_)
        posteriors.write_posteriors(model, prune_weights(self.posteriors_, share))
        twin = copy(self)
        adapter = clone(self._adapter)
        adapter.model = model
        return twin._take_model(adapter)

    @property
    def model_(self):
        """The trained Keras model."""
        if not hasattr(self, "_adapter"):
            raise AttributeError("The model is there after fit(X, y).")
        return self._adapter.model

    def _train(self, X, y, sample_weight):
        """Train as `fit` says; return the task, with what it has found out."""
        check_parameters(self)
        refuse_streams(X)
        load_keras_posteriors()  # Keras must be loaded to be seeded
        start = self.model_ if self.warm_start and hasattr(self, "_adapter") else None
        if start is None:
            self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        with seeded(self.seed_):
            arrays, task = self._read_inputs(X, start), self._make_task(y)
            check_consistent_length(*list_arrays(arrays), task.target)
            model = self._make_model(X, arrays, task, start)
            task.match(model, arrays)
            weight = check_weight(sample_weight, task.target)
            rows = Rows(arrays, task.target, weight).take(np.flatnonzero(weight > 0))
            task.check(rows, goes_on=start is not None)
            trained = train(self, task, model, rows, None if start is None else self.kl_weight_)
        self.kl_weight_ = trained.kl_weight
        if start is None:
            vars(self).pop("held_out_log_loss_", None)
        if trained.log_losses is not None:
            self.held_out_log_loss_ = trained.log_losses
        self.history_, self.n_iter_ = trained.history, len(trained.history["loss"])
        self._take_model(task.adapt(model, arrays))
        return task

    def _draws(self, X):
        X = self._check_rows(X)
        weights = [
            draw_weights(self.posteriors_, self.seed_, number) for number in range(self.n_draws)
        ]
        return Draws(self._answer(X, weights, self.n_draws))

    def _answer_of_means(self, X):
        """Return what the network with the means of the weights answers."""
        means = [[mean for mean, _ in self.posteriors_]]
        parts = self._answer(self._check_rows(X), means, len(means))
        return np.concatenate([draws[0, 0] for _, draws in parts])

    def _answer(self, X, weights, n_draws):
        size = max(1, HELD // (n_draws * self._n_columns()))
        for start in range(0, count_all_rows(X), size):
            rows = slice(start, min(start + size, count_all_rows(X)))
            part = map_arrays(lambda array, rows=rows: array[rows], X)
            yield rows, self._answer_draws(self._adapter, weights, part)[None]

    def _check_rows(self, X):
        check_parameters(self)
        refuse_streams(X)
        if self.network is None:
            return self._read_table(X, reset=False)
        check_feature_names(self, X)
        return check_arrays(X)

    def _take_model(self, adapter):
        self._adapter = adapter
        self.posteriors_ = load_keras_posteriors().read_posteriors(adapter.model)
        return self

    def _read_inputs(self, X, start):
        if self.network is None:
            return self._read_table(X, reset=start is None)
        return check_arrays(X)

    def _read_table(self, X, reset):
        """Return features in the precision of the training; beyond it they are refused."""
        with np.errstate(over="ignore", invalid="ignore"):
            return validate_data(self, X, dtype=np.float32, reset=reset)

    def _make_model(self, X, arrays, task, start):
        """Return a perceptron, a network of the user's made Bayesian, or a copy of either."""
        posteriors = load_keras_posteriors()
        if start is not None:
            if self.network is not None:
                check_feature_names(self, X)
            return posteriors.copy_model(start)
        if self.network is not None:
            model = posteriors.convert(self.network, self._layer_options())
            learn_feature_names(self, X)
            return model
        return posteriors.build_perceptron(
            arrays.shape[1],
            self.hidden_layer_sizes,
            task.n_columns,
            KERAS_NAMES.get(self.activation, self.activation),
            self._layer_options(),
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_adapter")

    def __sklearn_clone__(self):
        """Return a new estimator, not yet fitted, with the same network."""
        source = copy(self)
        source.network = None
        twin = super(BayesianNetworkMixin, source).__sklearn_clone__()
        twin.network = self.network
        return twin

    def _layer_options(self):
        """Return parameters of layers; what divides the divergence is set before training."""
        names = ("prior", "prior_scale", "prior_mix", "estimator")
        return {"n_rows": 1, **{name: getattr(self, name) for name in names}}
