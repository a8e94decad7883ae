"""Training several Keras models of one shape in one TensorFlow graph, as if each were alone.

The losses of the models are summed, not averaged: each model's gradient is that of its own
training, and optimizers that work element by element take the same steps. Each model has the
order of rows that Keras itself would give it for its seed.
"""

from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from skcalib.backends._keras_graph import graph_of
from skcalib.backends._keras_models import layers_in
from skcalib.backends._keras_stack import Stack
from skcalib.backends._stacking import CannotStack

# What looks at each weight alone. LAMB, Muon, Adafactor and others look at whole layers.
ELEMENTWISE = (
    *("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl"),
    "Lion",
)
NEEDS_WHOLE = ("clipnorm", "global_clipnorm", "use_ema", "gradient_accumulation_steps")
TRAINING_OPTIONS = {"epochs", "batch_size", "verbose", "shuffle", "callbacks"}


class Rows(NamedTuple):
    """What a member is trained on."""

    orders: np.ndarray  # (n_epochs, n_rows) of the places in `rows`
    rows: np.ndarray  # (n_rows,) of the places in X


def check_options(options):
    """Raise unless the options of ``fit`` are those that are understood here."""
    others = [
        name
        for name, value in options.items()
        if name not in TRAINING_OPTIONS and value is not None and value != 0
    ]
    if options.get("callbacks"):
        others.append("callbacks")
    if others:
        raise CannotStack(f"{', '.join(sorted(others))} of fit need a training alone")
    if not isinstance(options.get("shuffle", True), bool):
        raise CannotStack(f"shuffle={options['shuffle']!r} needs a training alone")


def check_models(models, X):
    """Raise unless the models can be trained together on X."""
    for model in models:
        _check_model(model)
    shapes = [[(v.shape, v.dtype) for v in model.variables] for model in models]
    kinds = [[type(x) for x in graph_of(model).operations] for model in models]
    if any(own != shapes[0] for own in shapes) or any(own != kinds[0] for own in kinds):
        raise CannotStack("the function builds models of different shapes")
    inputs = graph_of(models[0]).inputs
    if len(inputs) != 1 or not isinstance(X, np.ndarray):
        raise CannotStack("the model has several inputs")
    if len(inputs[0].shape) != X.ndim or X.dtype.kind not in "biuf":
        raise CannotStack("X is not the array of numbers that the model takes")


def _check_model(model):
    graph = graph_of(model)
    if graph is None or len(graph.outputs) != 1:
        raise CannotStack("it is no Sequential or functional model with one output")
    own = [
        name
        for name in ("train_step", "compute_loss", "call")
        if not getattr(type(model), name).__module__.startswith("keras.")
    ]
    if own:
        raise CannotStack(f"its class has its own {own[0]}")
    if model.run_eagerly:
        raise CannotStack("it runs eagerly")
    optimizer = model.optimizer
    name = type(optimizer).__name__
    named = [f"{x}={getattr(optimizer, x)}" for x in NEEDS_WHOLE if getattr(optimizer, x, None)]
    if getattr(keras.optimizers, name, None) is not type(optimizer) or name not in ELEMENTWISE:
        raise CannotStack(f"its optimizer {name} may look at whole layers")
    if named or vars(optimizer).get("_exclude_from_weight_decay_pattern"):
        raise CannotStack(f"its optimizer has {named[0] if named else 'excluded weights'}")
    for layer in layers_in(model):
        _check_layer(layer)


def _check_layer(layer):
    name = type(layer).__name__
    if not type(layer).__module__.startswith("keras."):
        raise CannotStack(f"{name} is a layer of your own")
    if not layer.built:
        raise CannotStack(f"{name} has no weights before the first step")
    if getattr(layer, "activity_regularizer", None) is not None:
        raise CannotStack(f"{name} has an activity regularizer")
    if any(getattr(weight, "constraint", None) is not None for weight in layer.weights):
        raise CannotStack(f"{name} has a constraint")
    if isinstance(layer, layers.Masking) or getattr(layer, "mask_zero", False):
        raise CannotStack(f"{name} makes a mask")
    if layer.dtype_policy.name != "float32":
        raise CannotStack(f"{name} computes in {layer.dtype_policy.name}")


def draw_orders(n_rows, options):
    """Return the orders in which ``fit`` would take the rows, for the seeds as they are now."""
    if not options.get("shuffle", True):
        return np.tile(np.arange(n_rows), (options["epochs"], 1))
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    adapter = ArrayDataAdapter(np.arange(n_rows), batch_size=n_rows, shuffle=True)
    dataset, n_epochs = adapter.get_tf_dataset(), options["epochs"]
    orders = [_first_batch(dataset) for _ in range(min(2, n_epochs))]
    if np.array_equal(orders[0], orders[-1]):  # TensorFlow, if seeded, repeats itself
        return np.tile(orders[0], (n_epochs, 1))
    return np.stack([*orders, *(_first_batch(dataset) for _ in range(n_epochs - 2))])


def _first_batch(dataset):
    return np.ravel(next(dataset.as_numpy_iterator()))


class Batch(NamedTuple):
    """What one step takes of the rows, on the device."""

    X: Any
    targets: Any
    weights: Any  # None, or (n_rows,)


def train(models, X, targets, weights, members, options):
    """Train the models, each on its own `Rows`; return the losses (n_epochs, n_models)."""
    stack = Stack(models)
    first = models[0].optimizer
    optimizer = type(first).from_config(first.get_config())
    optimizer.build(stack.trainable)
    weights = None if weights is None else tf.constant(weights, dtype="float32")
    batch = Batch(tf.constant(X), tf.constant(targets), weights)
    step = _make_step(stack, optimizer, batch, models[0].jit_compile)
    run = tf.function(partial(_run_steps, step), autograph=False)
    size = options.get("batch_size") or 32
    n_rows = len(members[0].rows)
    n_full = n_rows // size * size
    losses = []
    for epoch in range(options["epochs"]):
        rows = np.stack([own.rows[own.orders[epoch]] for own in members], axis=1)
        total = np.zeros(len(models))
        if n_full:
            steps = rows[:n_full].reshape(-1, size, len(models)).transpose(0, 2, 1)
            total += size * run(tf.constant(steps)).numpy()
        if n_full < n_rows:
            total += (n_rows - n_full) * step(tf.constant(rows[n_full:].T)).numpy()
        losses.append(total / n_rows)
    stack.write_back()
    return np.stack(losses)


def _make_step(stack, optimizer, batch, jit_compile):
    @tf.function(jit_compile=jit_compile, autograph=False)
    def step(rows):
        with tf.GradientTape() as tape:
            found = stack.run(tf.gather(batch.X, rows))
            losses = []
            for number, (output, own) in enumerate(zip(found, tf.unstack(rows), strict=True)):
                weight = None if batch.weights is None else tf.gather(batch.weights, own)
                target = tf.gather(batch.targets, own)
                losses.append(stack.models[number]._compile_loss(target, output, weight))
            for number, penalties in enumerate(stack.penalties()):
                losses[number] = tf.add_n([losses[number], *penalties])
            total = tf.add_n(losses)
        gradients = tape.gradient(total, stack.trainable)
        optimizer.apply_gradients(zip(gradients, stack.trainable, strict=True))
        return tf.stack(losses)

    return step


def _run_steps(step, rows):
    """Run all steps (n_steps, n_models, n_rows) of an epoch; return the sums of the losses."""
    n_steps, n_models = rows.shape[0], rows.shape[1]
    _, total = tf.while_loop(
        lambda k, total: k < n_steps,
        lambda k, total: (k + 1, total + step(rows[k])),
        (tf.constant(0), tf.zeros(n_models)),
    )
    return total
