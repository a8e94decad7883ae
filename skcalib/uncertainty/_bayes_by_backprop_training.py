"""Training by Bayes by Backprop, and the choice of the weight of the divergence."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.model_selection import train_test_split

from skcalib.backends import load_keras_posteriors, load_keras_training, map_arrays
from skcalib.uncertainty._bayes_by_backprop_draws import draw_weights

KL_WEIGHTS = (1.0, 0.1, 0.01)
FEWEST_ROWS = 10  # of which some can be held out


class Rows(NamedTuple):
    """Inputs, targets (columns of labels, or numbers), and positive weights."""

    X: Any
    target: np.ndarray
    weight: np.ndarray

    def take(self, rows):
        """Return some rows."""
        X = map_arrays(lambda part: part[rows], self.X)
        return Rows(X, self.target[rows], self.weight[rows])


class Trained(NamedTuple):
    """What a training has found."""

    kl_weight: float
    log_losses: dict | None
    history: dict


def train(estimator, task, model, rows, kl_weight=None):
    """Train a model in place; choose the weight of the divergence unless it is given.

    A given one is that of a training which this one goes on with: it does not warm up again.
    """
    posteriors = load_keras_posteriors()
    run = _Run(estimator, task, model, estimator.kl_warmup if kl_weight is None else 0)
    kl_weight = estimator.kl_weight if kl_weight is None else kl_weight
    chooses = isinstance(kl_weight, str)
    loss, rate = task.find_loss(model, rows), estimator.learning_rate_init
    posteriors.compile_model(model, loss, rate, measures_residuals=task.learns_noise)
    if not (chooses or estimator.early_stopping or task.learns_noise):
        return Trained(float(kl_weight), None, run.fit(rows, None, kl_weight))
    part, held = _hold_out(estimator, task, rows)
    stop = held if estimator.early_stopping else None
    start, found, log_losses = posteriors.read_state(model), {}, {}
    for candidate in KL_WEIGHTS if chooses else (float(kl_weight),):
        posteriors.write_state(model, start)
        history = run.fit(part, stop, candidate)
        noise = task.learn_noise(model, held)
        if chooses:
            log_losses[candidate] = _log_loss(estimator, task, model, held, noise)
        found[candidate] = posteriors.read_state(model), history, noise
    best = min(log_losses, key=log_losses.get) if chooses else float(kl_weight)
    state, history, task.noise = found[best]
    posteriors.write_state(model, state if estimator.early_stopping else start)
    if not estimator.early_stopping:
        history = run.fit(rows, None, best)
    return Trained(best, log_losses or None, history)


class _Run:
    """A model, and how it is trained."""

    def __init__(self, estimator, task, model, warmup):
        self.estimator, self.task, self.model = estimator, task, model
        self.n_epochs_of_warmup = warmup * estimator.max_iter

    def fit(self, rows, held, kl_weight):
        """Train, stopping early if rows are held out for that; return the history."""
        posteriors, training = load_keras_posteriors(), load_keras_training()
        estimator, task, model = self.estimator, self.task, self.model
        noise = task.start_noise(model, rows)
        kl_weight = kl_weight * task.unit
        posteriors.set_divergence(model, kl_weight * noise, rows.weight.sum())
        callbacks = []
        if task.learns_noise or self.n_epochs_of_warmup > 1:
            first = {"noise": noise} if task.learns_noise else {}
            weight = kl_weight if task.learns_noise else kl_weight * noise
            schedule = posteriors.DivergenceSchedule(weight, self.n_epochs_of_warmup, **first)
            callbacks.append(schedule)
        options = {
            "epochs": estimator.max_iter,
            "batch_size": estimator.batch_size,
            "verbose": int(estimator.verbose),
        }
        if held is not None:
            X, target, weight = self._arrays(held)
            options["validation_data"] = training.inputs(model, X), target, weight
            first_epoch = max(0, int(np.ceil(self.n_epochs_of_warmup)) - 1)
            callbacks.append(posteriors.stop_early(estimator.n_iter_no_change, first_epoch))
        X, target, weight = self._arrays(rows)
        options["callbacks"] = callbacks
        return training.fit(model, X, target, weight, options)

    def _arrays(self, rows):
        """Return what Keras takes; weights of mean 1, as its loss is a mean over rows."""
        weight = (rows.weight * (len(rows.weight) / rows.weight.sum())).astype(np.float32)
        return rows.X, self.task.encode(self.model, rows.target), weight


def _hold_out(estimator, task, rows):
    """Return rows to train on and others, of each class alike where that is possible."""
    n_rows = len(rows.target)
    if n_rows < FEWEST_ROWS:
        raise ValueError(
            f"{task.holds_out} rows out and need at least {FEWEST_ROWS} of them, got "
            f"n_samples = {n_rows}. {task.way_out}"
        )
    n_held = max(1, int(np.ceil(estimator.validation_fraction * n_rows)))
    strata = task.strata(rows)
    if strata is not None:
        counts = np.bincount(strata)
        smallest, n_classes = counts[counts > 0].min(), (counts > 0).sum()
        alike = smallest > 1 and n_classes <= n_held <= n_rows - n_classes
        strata = strata if alike else None
    train_rows, held = train_test_split(
        np.arange(n_rows),
        test_size=min(n_held, n_rows - 1),
        stratify=strata,
        random_state=estimator.seed_,
    )
    return rows.take(train_rows), rows.take(held)


def _log_loss(estimator, task, model, held, noise):
    """Return the log loss of the mean of draws."""
    found, adapter = load_keras_posteriors().read_posteriors(model), task.adapt(model, held.X)
    densities = []
    for number in range(estimator.n_draws):
        weights = [draw_weights(found, estimator.seed_, number)]
        answer = estimator._answer_draws(adapter, weights, held.X)[0]
        densities.append(task.log_density(answer, held.target, noise))
    mean = logsumexp(densities, axis=0) - np.log(len(densities))
    return float(np.average(-mean, weights=held.weight))
