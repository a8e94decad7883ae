"""The Keras model of a Bayesian network: made, copied, asked, pruned."""

from copy import copy

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from skcalib.backends import (
    check_arrays,
    count_all_rows,
    list_arrays,
    load_keras_posteriors,
    map_arrays,
)
from skcalib.inputs import (
    check_feature_names,
    check_labels,
    learn_feature_names,
    refuse_streams,
)
from skcalib.networks import FrozenNetwork, SharedNetworkMixin, find_codes, labels_from_one_hot
from skcalib.uncertainty._bayes_by_backprop_draws import (
    answer_of_network,
    answer_of_perceptron,
    prune_weights,
)
from skcalib.uncertainty._bayes_by_backprop_parameters import check_parameters, check_share

HELD = 2**22  # probabilities of one block of draws
KERAS_NAMES = {"logistic": "sigmoid", "identity": "linear"}


class BayesianNetworkMixin(SharedNetworkMixin):
    """Estimators that are a Keras model with Bayesian layers."""

    _network_parameter = "network"

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
        adapter = FrozenNetwork(model, classes=self._adapter.classes, multilabel=False)
        return twin._take_model(adapter)

    @property
    def model_(self):
        """The trained Keras model."""
        if not hasattr(self, "_adapter"):
            raise AttributeError("The model is there after fit(X, y).")
        return self._adapter.model

    def _answer(self, X, weights, n_draws):
        size = max(1, HELD // (n_draws * len(self.classes_)))
        for start in range(0, count_all_rows(X), size):
            rows = slice(start, min(start + size, count_all_rows(X)))
            part = map_arrays(lambda array, rows=rows: array[rows], X)
            if self.network is None:
                yield rows, answer_of_perceptron(weights, part, self.activation)[None]
            else:
                yield rows, answer_of_network(self._adapter, weights, part)[None]

    def _check_rows(self, X):
        check_parameters(self)
        refuse_streams(X)
        if self.network is None:
            return validate_data(self, X, dtype=np.float64, reset=False)
        check_feature_names(self, X)
        return check_arrays(X)

    def _take_model(self, adapter):
        self._adapter = adapter
        self.posteriors_ = load_keras_posteriors().read_posteriors(adapter.model)
        return self

    def _read_rows(self, X, y, start):
        """Return a perceptron, or a copy of one, and the rows for it."""
        posteriors = load_keras_posteriors()
        X = validate_data(self, X, dtype=np.float64, reset=start is None)
        labels, classes, codes = check_labels(y)
        check_consistent_length(X, labels)
        if start is not None:
            return posteriors.copy_model(start), X, codes, classes, len(classes)
        model = posteriors.build_perceptron(
            X.shape[1],
            self.hidden_layer_sizes,
            len(classes),
            KERAS_NAMES.get(self.activation, self.activation),
            self._layer_options(),
        )
        return model, X, codes, classes, len(classes)

    def _read_inputs(self, X, y, start):
        """Return a network of the user's, made Bayesian, and the rows for it."""
        posteriors = load_keras_posteriors()
        arrays, labels = check_arrays(X), labels_from_one_hot(y)
        labels, _, _ = check_labels(labels)
        check_consistent_length(*list_arrays(arrays), labels)
        if start is None:
            model = posteriors.convert(self.network, self._layer_options())
            learn_feature_names(self, X)
        else:
            check_feature_names(self, X)
            model = posteriors.copy_model(start)
        codes, classes, n_columns = find_codes(model, arrays, labels)
        return model, arrays, codes, classes, n_columns

    def __sklearn_clone__(self):
        """Return a new classifier, not yet fitted, with the same network."""
        source = copy(self)
        source.network = None
        twin = super(BayesianNetworkMixin, source).__sklearn_clone__()
        twin.network = self.network
        return twin

    def _layer_options(self):
        """Return parameters of layers; what divides the divergence is set before training."""
        names = ("prior", "prior_scale", "prior_mix", "estimator")
        return {"n_rows": 1, **{name: getattr(self, name) for name in names}}
