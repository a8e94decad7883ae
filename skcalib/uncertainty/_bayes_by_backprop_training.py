"""Training by Bayes by Backprop, and the choice of the weight of the divergence."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from skcalib.backends import (
    load_backend,
    load_keras_posteriors,
    load_keras_training,
    map_arrays,
)
from skcalib.networks import FrozenNetwork
from skcalib.uncertainty._bayes_by_backprop_draws import (
    answer_of_network,
    answer_of_perceptron,
    draw_weights,
)

KL_WEIGHTS = (1.0, 0.1, 0.01)
FEWEST_ROWS = 10  # of which some can be held out
TINY = 1e-30  # of which a logarithm is taken


class Rows(NamedTuple):
    """Inputs, columns of labels, and positive weights."""

    X: Any
    codes: np.ndarray
    weight: np.ndarray

    def take(self, rows):
        """Return some rows."""
        X = map_arrays(lambda part: part[rows], self.X)
        return Rows(X, self.codes[rows], self.weight[rows])


class Trained(NamedTuple):
    """What a training has found."""

    kl_weight: float
    log_losses: dict | None
    history: dict


def adapt(classifier, model, X, classes):
    """Return the model as a classifier with these labels of its outputs."""
    numbered = np.array_equal(classes, np.arange(len(classes)))
    adapter = FrozenNetwork(model, classes=None if numbered else classes, multilabel=False)
    if classifier.network is None:
        return adapter
    return adapter.fit(map_arrays(lambda part: part[:2], X))


def train(classifier, model, rows, classes, n_columns, kl_weight=None):
    """Train a model in place; choose the weight of the divergence unless it is given."""
    posteriors = load_keras_posteriors()
    kl_weight = classifier.kl_weight if kl_weight is None else kl_weight
    chooses = isinstance(kl_weight, str)
    part, held = rows, None
    if chooses or classifier.early_stopping:
        part, held = _hold_out(classifier, rows)
    loss = _find_loss(classifier, model, rows, n_columns)
    posteriors.compile_model(model, loss, classifier.learning_rate_init)
    stop = held if classifier.early_stopping else None
    if not chooses:
        history = _fit(classifier, model, part, stop, kl_weight, n_columns)
        return Trained(float(kl_weight), None, history)
    start, found, log_losses = posteriors.read_state(model), {}, {}
    for candidate in KL_WEIGHTS:
        posteriors.write_state(model, start)
        history = _fit(classifier, model, part, stop, candidate, n_columns)
        log_losses[candidate] = _log_loss(classifier, model, held, classes)
        found[candidate] = posteriors.read_state(model), history
    best = min(log_losses, key=log_losses.get)
    if classifier.early_stopping:
        posteriors.write_state(model, found[best][0])
        return Trained(best, log_losses, found[best][1])
    posteriors.write_state(model, start)
    history = _fit(classifier, model, rows, None, best, n_columns)
    return Trained(best, log_losses, history)


def _hold_out(classifier, rows):
    """Return rows to train on and others, of each class alike where that is possible."""
    n_rows = len(rows.codes)
    if n_rows < FEWEST_ROWS:
        raise ValueError(
            f"kl_weight='held_out' and early_stopping=True hold rows out and need at least "
            f"{FEWEST_ROWS} of them, got n_samples = {n_rows}. Give a number as kl_weight, and "
            "early_stopping=False."
        )
    counts = np.bincount(rows.codes)
    n_held = max(1, int(np.ceil(classifier.validation_fraction * n_rows)))
    smallest, n_classes = counts[counts > 0].min(), (counts > 0).sum()
    alike = smallest > 1 and n_classes <= n_held <= n_rows - n_classes
    train_rows, held = train_test_split(
        np.arange(n_rows),
        test_size=min(n_held, n_rows - 1),
        stratify=rows.codes if alike else None,
        random_state=classifier.seed_,
    )
    return rows.take(train_rows), rows.take(held)


def _find_loss(classifier, model, rows, n_columns):
    """Return the loss: that of the user's model, or what its last activation asks for."""
    given = getattr(classifier.network, "loss", None)
    if given is not None:
        return given
    if classifier.network is None:
        return load_keras_posteriors().choose_loss("linear", n_columns)
    few = map_arrays(lambda part: part[:2], rows.X)
    _, last_activation = load_backend("keras").forward(model, few, None)
    if last_activation not in ("softmax", "sigmoid", "linear"):
        raise ValueError(
            "The network was not compiled, and what it ends in does not say which loss it is "
            "trained by. Call network.compile(optimizer, loss) first."
        )
    return load_keras_posteriors().choose_loss(last_activation, n_columns)


def _fit(classifier, model, rows, held, kl_weight, n_columns):
    posteriors, training = load_keras_posteriors(), load_keras_training()
    posteriors.set_divergence(model, kl_weight, rows.weight.sum())
    options = {
        "epochs": classifier.max_iter,
        "batch_size": classifier.batch_size,
        "verbose": int(classifier.verbose),
    }
    if held is not None:
        X, target, weight = _arrays(training, model, held, n_columns)
        options["validation_data"] = training.inputs(model, X), target, weight
        options["callbacks"] = [posteriors.stop_early(classifier.n_iter_no_change)]
    X, target, weight = _arrays(training, model, rows, n_columns)
    return training.fit(model, X, target, weight, options)


def _arrays(training, model, rows, n_columns):
    """Return what Keras takes; weights of mean 1, as its loss is a mean over rows."""
    weight = (rows.weight * (len(rows.weight) / rows.weight.sum())).astype(np.float32)
    return rows.X, training.encode(model, rows.codes, n_columns), weight


def _log_loss(classifier, model, held, classes):
    """Return the log loss of the mean of draws."""
    found = load_keras_posteriors().read_posteriors(model)
    adapter, total = adapt(classifier, model, held.X, classes), 0
    for number in range(classifier.n_draws):
        weights = [draw_weights(found, classifier.seed_, number)]
        if classifier.network is None:
            total = total + answer_of_perceptron(weights, held.X, classifier.activation)[0]
        else:
            total = total + answer_of_network(adapter, weights, held.X)[0]
    columns = np.searchsorted(np.sort(classes), np.asarray(classes)[held.codes])
    proba = total[np.arange(len(columns)), columns] / classifier.n_draws
    return float(np.average(-np.log(np.maximum(proba, TINY)), weights=held.weight))
