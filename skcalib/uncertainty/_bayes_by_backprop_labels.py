"""Labels, as a network with Gaussian weights is trained on them and judged by them."""

import numpy as np

from skcalib.backends import (
    load_backend,
    load_keras_posteriors,
    load_keras_training,
    map_arrays,
)
from skcalib.inputs import check_labels
from skcalib.networks import FrozenNetwork, find_codes, labels_from_one_hot

TINY = 1e-30  # of which a logarithm is taken


class LabelTask:
    """What a classifier asks of its training.

    Parameters
    ----------
    classifier : BayesByBackpropClassifier
        To be trained.

    y : array-like of shape (n_samples,)
        Labels; with a network also their one-hot code.
    """

    learns_noise, noise = False, None
    holds_out = "kl_weight='held_out' and early_stopping=True hold"
    way_out = "Give a number as kl_weight, and early_stopping=False."
    unit = 1.0  # of the weight of the divergence, in the loss that Keras minimises

    def __init__(self, classifier, y):
        self.classifier = classifier
        labels = y if classifier.network is None else labels_from_one_hot(y)
        self.labels, self.classes, self.target = check_labels(labels)
        self.n_columns = len(self.classes)

    def match(self, model, X):
        """Find the output of each label of a network of the user's."""
        if self.classifier.network is not None:
            found = find_codes(model, X, self.labels)
            self.target, self.classes, self.n_columns = found

    def check(self, rows, goes_on):
        """Raise if there is nothing to tell apart, or if a training goes on with others."""
        if len(np.unique(rows.target)) < 2:
            raise ValueError(
                f"y has one class only ({self.classes[rows.target[0]]!r}) among the rows of "
                "positive weight; training needs at least two classes."
            )
        if goes_on and not np.array_equal(self.classes, self.classifier.classes_):
            raise ValueError(
                f"warm_start=True goes on with the classes {self.classifier.classes_}, but y "
                f"has {self.classes}. Set warm_start=False to train anew."
            )

    def strata(self, rows):
        """Return what rows are held out alike by."""
        return rows.target

    def find_loss(self, model, rows):
        """Return the loss: of the user's model, or what its last activation asks for."""
        network, posteriors = self.classifier.network, load_keras_posteriors()
        given = getattr(network, "loss", None)
        if given is not None:
            return given
        if network is None:
            return posteriors.choose_loss("linear", self.n_columns)
        few = map_arrays(lambda part: part[:2], rows.X)
        _, last_activation = load_backend("keras").forward(model, few, None)
        if last_activation is None and posteriors.ends_linear(model):
            last_activation = "linear"
        if last_activation not in ("softmax", "sigmoid", "linear"):
            raise ValueError(
                "The network was not compiled, and what it ends in does not say which loss it "
                "is trained by. Call network.compile(optimizer, loss) first."
            )
        return posteriors.choose_loss(last_activation, self.n_columns)

    def encode(self, model, target):
        """Return labels as the loss takes them."""
        return load_keras_training().encode(model, target, self.n_columns)

    def start_noise(self, model, rows):
        """Return what the divergence is multiplied with: nothing here scales it."""
        return 1.0

    def learn_noise(self, model, held):
        """Return nothing: labels have no variance of their own."""

    def adapt(self, model, X):
        """Return the model as a classifier with these labels of its outputs."""
        numbered = np.array_equal(self.classes, np.arange(len(self.classes)))
        classes = None if numbered else self.classes
        adapter = FrozenNetwork(model, classes=classes, multilabel=False)
        if self.classifier.network is None:
            return adapter
        return adapter.fit(map_arrays(lambda part: part[:2], X))

    def log_density(self, proba, target, noise):
        """Return the logarithm of the probability of each row's label."""
        columns = np.searchsorted(np.sort(self.classes), np.asarray(self.classes)[target])
        return np.log(np.maximum(proba[np.arange(len(columns)), columns], TINY))
