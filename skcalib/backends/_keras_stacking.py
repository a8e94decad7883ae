"""Training several Keras models of one shape in one TensorFlow graph, as if each were alone.

Weights of dense layers, convolutions and batch normalisation get a first axis for the models, so
that one product serves all; what has no weights sees the rows of all models as rows; anything
else (dropout, recurrent layers) is called model by model, inside the same graph. The losses of
the models are summed, not averaged: each model's gradient is that of its own training, and
optimizers that work element by element take the same steps. Each model has the order of
rows that Keras itself would give it for its seed.
"""

from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from skcalib.backends._keras_graph import graph_of, run_graph
from skcalib.backends._keras_models import layers_in
from skcalib.backends._stacking import CannotStack

# What looks at each weight alone. LAMB, Muon, Adafactor and others look at whole layers.
ELEMENTWISE = (
    *("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl"),
    "Lion",
)
NEEDS_WHOLE = ("clipnorm", "global_clipnorm", "use_ema", "gradient_accumulation_steps")
# Row by row, without weights: the rows of all models may come in one batch.
ROW_BY_ROW = (
    *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Flatten),
    *(layers.Reshape, layers.Permute, layers.Rescaling, layers.RepeatVector),
    *(layers.MaxPooling1D, layers.MaxPooling2D, layers.AveragePooling1D),
    *(layers.AveragePooling2D, layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D),
    *(layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.ZeroPadding2D),
    *(layers.Add, layers.Concatenate, layers.Multiply, layers.Average, layers.Maximum),
)
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


class Values:
    """A value of each model: in one array, or in one for each; as it is asked for."""

    def __init__(self, stacked=None, parts=None):
        self._stacked = stacked
        self._parts = parts

    def stacked(self):
        if self._stacked is None:
            self._stacked = tf.stack(self._parts)
        return self._stacked

    def parts(self):
        if self._parts is None:
            self._parts = tf.unstack(self._stacked)
        return self._parts


class Stack:
    """The models as one: their weights, and a forward pass of all."""

    def __init__(self, models):
        self.models = models
        self.graphs = [graph_of(model) for model in models]
        self.twins = {
            id(first): [first, *others]
            for first, *others in zip(*(g.operations for g in self.graphs), strict=True)
        }
        self.shared, self.calls = {}, {}
        for key, twins in self.twins.items():
            kind, weights = _find_kind(twins[0])
            self.calls[key] = partial(_call_without_context, kind, self, twins)
            for name in weights:
                self._stack_weight([getattr(twin, name) for twin in twins])
        held = {id(own) for _, owners in self.shared.values() for own in owners}
        alone = [v for m in models for v in m.trainable_variables if id(v) not in held]
        together = [v for v, owners in self.shared.values() if owners[0].trainable]
        self.trainable = [*together, *alone]

    def _stack_weight(self, owners):
        if owners[0] is None or id(owners[0]) in self.shared:
            return
        first = owners[0]
        value = np.stack([keras.ops.convert_to_numpy(own) for own in owners])
        variable = keras.Variable(value, dtype=first.dtype, trainable=first.trainable)
        self.shared[id(first)] = variable, owners

    def weight(self, owner):
        """Return the stacked weight whose first part is this."""
        return self.shared[id(owner)][0]

    def write_back(self):
        """Give each model its weights."""
        for variable, owners in self.shared.values():
            for own, value in zip(owners, keras.ops.convert_to_numpy(variable), strict=True):
                own.assign(value)

    def penalties(self):
        """Return the penalties on weights of each model."""
        found = [[] for _ in self.models]
        for number, model in enumerate(self.models):
            for own in model.trainable_variables:
                if own.regularizer is not None:
                    found[number].append(own.regularizer(self._part(own, number)))
        return found

    def _part(self, own, number):
        for variable, owners in self.shared.values():
            if owners[number] is own:
                return variable.value[number]
        return own

    def run(self, x):
        """Return the output of each model in training, for stacked inputs (M, rows, ...)."""
        graph = self.graphs[0]
        inputs = Values(stacked=tf.cast(x, graph.inputs[0].dtype))
        output = run_graph(graph, inputs, lambda operation: self.calls[id(operation)])
        return output.parts()


def _find_kind(operation):
    """Return how an operation is computed for all models, and which weights are stacked."""
    plain = type(operation)
    stackable = not getattr(operation, "quantization_mode", None)
    stackable &= not getattr(operation, "lora_enabled", False)
    if plain is layers.Dense and stackable:
        return _dense, ("kernel", "bias")
    if plain is layers.Conv2D and stackable and _is_plain_convolution(operation):
        return _convolve, ("kernel", "bias")
    if plain is layers.BatchNormalization and _is_plain_normalization(operation):
        return _normalize, ("gamma", "beta", "moving_mean", "moving_variance")
    if plain in ROW_BY_ROW and not _ends_in_proba(operation):
        return _call_on_all_rows, ()
    return _call_each, ()


def _call_without_context(kind, *args, training=None, mask=None, **kwargs):
    """Call it as in training, and without a mask: models that make one are refused."""
    return kind(*args, **kwargs)


def _ends_in_proba(operation):
    """Tell whether losses look for the logits behind this activation."""
    activation = getattr(operation, "activation", None)
    return activation in (keras.activations.softmax, keras.activations.sigmoid)


def _is_plain_convolution(layer):
    return layer.data_format == "channels_last" and layer.groups == 1


def _is_plain_normalization(layer):
    last = layer.axis in (-1, len(layer.gamma.shape) if layer.gamma is not None else -1)
    return last and not layer.synchronized and not getattr(layer, "renorm", False)


def _activate(layer, stacked):
    if _ends_in_proba(layer):
        return Values(parts=[layer.activation(part) for part in tf.unstack(stacked)])
    return Values(stacked=layer.activation(stacked) if layer.activation else stacked)


def _dense(stack, twins, x):
    kernel = stack.weight(twins[0].kernel).value
    x = x.stacked()
    between = [1] * (len(x.shape) - 3)  # of sequences
    out = tf.matmul(x, tf.reshape(kernel, [len(twins), *between, *kernel.shape[1:]]))
    return _activate(twins[0], _add_bias(stack, twins[0], out))


def _add_bias(stack, layer, out):
    if layer.bias is None:
        return out
    bias = stack.weight(layer.bias).value
    return out + tf.reshape(bias, [bias.shape[0], *[1] * (len(out.shape) - 2), bias.shape[1]])


def _convolve(stack, twins, x):
    """Convolve all at once: the channels of each model are a group of their own."""
    layer, n_models = twins[0], len(twins)
    kernel = stack.weight(layer.kernel).value  # (models, height, width, channels, filters)
    x = tf.transpose(x.stacked(), [1, 2, 3, 0, 4])
    x = tf.reshape(x, [*_shape(x)[:3], n_models * x.shape[4]])
    filters = kernel.shape[-1]
    kernel = tf.transpose(kernel, [1, 2, 3, 0, 4])
    kernel = tf.reshape(kernel, [*kernel.shape[:3], n_models * filters])
    out = ops.conv(
        x,
        kernel,
        strides=list(layer.strides),
        padding=layer.padding,
        data_format="channels_last",
        dilation_rate=layer.dilation_rate,
    )
    out = tf.reshape(out, [*_shape(out)[:3], n_models, filters])
    return _activate(layer, _add_bias(stack, layer, tf.transpose(out, [3, 0, 1, 2, 4])))


def _normalize(stack, twins, x):
    layer, x = twins[0], x.stacked()
    moving = [stack.weight(layer.moving_mean), stack.weight(layer.moving_variance)]
    shape = [len(twins), *[1] * (len(x.shape) - 2), x.shape[-1]]
    if layer.trainable:
        mean, variance = tf.nn.moments(x, list(range(1, len(x.shape) - 1)))
        for old, new in zip(moving, (mean, variance), strict=True):
            old.assign(old.value * layer.momentum + new * (1.0 - layer.momentum))
    else:
        mean, variance = (old.value for old in moving)
    scale = tf.math.rsqrt(variance + layer.epsilon)
    if layer.gamma is not None:
        scale *= stack.weight(layer.gamma).value
    offset = -mean * scale
    if layer.beta is not None:
        offset += stack.weight(layer.beta).value
    return Values(stacked=x * tf.reshape(scale, shape) + tf.reshape(offset, shape))


def _call_on_all_rows(stack, twins, *args, **kwargs):
    """Call the first model's layer on the rows of all models."""
    values = [v for v in keras.tree.flatten((args, kwargs)) if isinstance(v, Values)]
    n_models, n_rows = _shape(values[0].stacked())[:2]

    def join(value):
        if not isinstance(value, Values):
            return value
        shape = _shape(value.stacked())
        return tf.reshape(value.stacked(), [n_models * n_rows, *shape[2:]])

    args, kwargs = keras.tree.map_structure(join, (args, kwargs))
    out = twins[0](*args, **kwargs)
    return Values(stacked=tf.reshape(out, [n_models, n_rows, *_shape(out)[1:]]))


def _call_each(stack, twins, *args, **kwargs):
    """Call the layer of each model on its own values."""
    out = []
    for number, twin in enumerate(twins):

        def take(value, number=number):
            return value.parts()[number] if isinstance(value, Values) else value

        own_args, own_kwargs = keras.tree.map_structure(take, (args, kwargs))
        out.append(run_training(twin, *own_args, **own_kwargs))
    return keras.tree.map_structure(lambda *parts: Values(parts=list(parts)), *out)


def run_training(operation, *args, **kwargs):
    """Call an operation as a model in training does."""
    if "training" in getattr(operation, "_call_context_args", {}):
        kwargs["training"] = True
    return operation(*args, **kwargs)


def _shape(x):
    """Return what is known of a shape, and tensors for the rest."""
    dynamic = tf.shape(x)
    return [dynamic[i] if size is None else size for i, size in enumerate(x.shape)]


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
