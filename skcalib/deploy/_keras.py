"""A calibrated network as one Keras model."""

import numpy as np

from skcalib.backends import load_backend
from skcalib.deploy._keras_layer import get_layer_class
from skcalib.deploy._keras_layers import (
    add_complement,
    choose_columns,
    is_affine,
    place_columns,
    split_in_two,
    take_log_of_floored,
    take_log_sigmoid,
    write_layers,
)
from skcalib.deploy._networks import describe_any, describe_networks
from skcalib.deploy._program import Program
from skcalib.messages import check_choice, warn

HIDDEN = (
    "What stands before the last activation of {} cannot be written in Keras's own layers (its "
    "code is hidden from Keras: it calls TensorFlow itself, say, or holds weights outside "
    "layers). Its logits are taken from its probabilities instead: the same to 1e-6, except "
    "where a probability rounds to 0 (below 1e-38; with a sigmoid also where it rounds to 1)."
)


def to_keras(calibrated, *, dtype="float32"):
    """Put a calibration behind its network: one Keras model, whose output is calibrated.

    Parameters
    ----------
    calibrated : object
        A fitted :class:`~skcalib.CalibratedClassifierCV` or
        :class:`~skcalib.TemperatureCalibratedClassifier` around a Keras network: bare, in
        :class:`~skcalib.FrozenNetwork`, in scikeras's ``KerasClassifier`` or in Keras's own
        ``SKLearnClassifier``. Each of several folds has its network, all of which become
        part of the model. Or a fitted calibrator alone, or a description of one.

    dtype : {"float32", "float64"}, default="float32"
        In what the calibration is computed; the network keeps its own. "float64" agrees with
        scikit-learn's side at steps, too (isotonic, bins), but TFLite cannot hold it, and JAX
        only with ``jax_enable_x64``.

    Returns
    -------
    model : keras.Model
        Inputs as the network's (for a calibrator alone: logits); its output, of shape
        (n_samples, n_classes), holds probabilities, a column for each of
        ``calibrated.classes_``. It shares layers and weights with the network, which is not
        changed.

    Raises
    ------
    ValueError
        If steps of a pipeline, or an encoder of features, stand before the network, if it has
        several labels, if the means over folds are of different classes, or if `dtype` is
        unknown or out of reach.
    TypeError
        If there is no Keras network in it.

    Warns
    -----
    UserWarning
        If the network cannot be cut before its last activation.

    See Also
    --------
    load_keras : Load what holds our layer.
    to_torch : The same for torch.

    Notes
    -----
    Temperature and affine maps (temperature, vector, matrix, Dirichlet and structured scaling;
    Platt scaling of two classes) are written in Keras's own layers: a saved ``.keras`` file
    loads with Keras alone, in its safe mode. All others are one layer, ``Calibration``, whose
    configuration is the description; load its file with :func:`load_keras`, safe mode on.
    Exports (SavedModel, TFLite, ONNX) need nothing of either kind.

    The network is cut before its last softmax or sigmoid, where that is an activation, a layer
    or an operation of Keras, in nested models and in layers of the user's own, too. Where it is
    hidden, logarithms of the probabilities take the place of logits, and a warning says so.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

    Examples
    --------
    >>> import keras, numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skcalib import TemperatureCalibratedClassifier
    >>> from skcalib.deploy import to_keras
    >>> X, y = load_digits(return_X_y=True)
    >>> _ = keras.utils.set_random_seed(0)
    >>> network = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    >>> network.compile("adam", "sparse_categorical_crossentropy")
    >>> _ = network.fit(X[:1000], y[:1000], epochs=3, verbose=0)
    >>> calibrated = TemperatureCalibratedClassifier(network).fit(X[1000:], y[1000:])
    >>> model = to_keras(calibrated)
    >>> bool(np.allclose(model(X[:5]), calibrated.predict_proba(X[:5]), atol=1e-6))
    True
    """
    check_choice("dtype", dtype, ("float32", "float64"))
    backend = load_backend("keras")
    backend.check_float64(dtype)
    networks = describe_networks(calibrated, backend, "Keras")
    program = Program(describe_any(calibrated))
    if networks is None:
        import keras

        given = [keras.Input((width,), dtype=dtype, name="logits") for width in program.widths]
        inputs, answers = given[0] if len(given) == 1 else given, given
    else:
        inputs, answers = _call_networks(networks, program, backend, dtype)
    in_layers = backend.layers_keep(dtype) and _is_affine(program)
    write = _write_layers if in_layers else _write_own_layer
    return _finish(inputs, write(program, answers, dtype), dtype)


def load_keras(path):
    """Load a Keras model that holds a calibration, in Keras's safe mode.

    Parameters
    ----------
    path : str or path-like
        A file that ends in ``.keras``.

    Returns
    -------
    model : keras.Model
        As it was saved.

    Raises
    ------
    ValueError
        If it is no such file, or holds code, which safe mode refuses (both raised by Keras).

    See Also
    --------
    to_keras : Makes such models.

    Notes
    -----
    This is ``keras.saving.load_model`` once our layer is known to Keras. Files of affine
    calibrations load without it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skcalib.calibrators import IsotonicCalibration
    >>> from skcalib.deploy import load_keras, to_keras
    >>> fitted = IsotonicCalibration().fit([[-2.0], [-1.0], [0.5], [2.0]], [0, 1, 0, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "calibrator.keras"
    ...     to_keras(fitted).save(path)
    ...     load_keras(path).output_shape
    (None, 2)
    """
    import keras

    get_layer_class()
    return keras.saving.load_model(path, safe_mode=True)


def _call_networks(networks, program, backend, dtype):
    """Return new inputs, and symbolic answers of all networks, columns as calibrated."""
    cuts = [
        backend.cut(found.model, f"network_{i}", before_activation=not member.gives_proba)
        for i, (found, member) in enumerate(zip(networks, program.members, strict=True))
    ]
    inputs = backend.copy_inputs(cuts[0][0])
    answers = [
        _read_answer(found, member.gives_proba, last, model(inputs), f"answer_{i}", dtype)
        for i, (found, member, (model, last)) in enumerate(
            zip(networks, program.members, cuts, strict=True)
        )
    ]
    return inputs, answers


def _read_answer(found, gives_proba, last_activation, x, name, dtype):
    """Return a column for each class, logits or probabilities, in the order of the labels."""
    from keras import ops

    x = x if x.dtype == dtype else ops.cast(x, dtype)
    if last_activation == "linear" and found.linear_is_proba:
        last_activation = None
    is_proba = last_activation is None and not found.says_logits
    single = x.shape[-1] == 1
    if is_proba or gives_proba:
        x = add_complement(x, name, dtype) if single else x
        if not gives_proba:
            warn(
                HIDDEN.format(f"{type(found.model).__name__} {found.model.name!r}"), UserWarning
            )
            x = take_log_of_floored(x, float(np.finfo(dtype).tiny))
    elif single:
        x = split_in_two(x, name, dtype)
    elif last_activation == "sigmoid" or (
        found.binary_loss and last_activation not in ("softmax", "log_softmax")
    ):
        x = take_log_sigmoid(x)
    return x if found.outputs is None else choose_columns(x, found.outputs)


def _is_affine(program):
    """Tell whether all that a description says can be said in Keras's own layers."""
    known = {tuple(sorted(member.columns)) for member in program.members}
    plain = not program.geometric and len(known) == 1 and not program.after
    plain = plain and all(member.wide in (None, member.columns) for member in program.members)
    return plain and all(map(is_affine, _list_maps(program), program.widths))


def _list_maps(program):
    maps = program.document["maps"]
    return [maps[member["map"]] for member in program.document["members"]]


def _write_own_layer(program, answers, dtype):
    layer = get_layer_class()(program.text, name="calibration", dtype=dtype)
    return layer(answers[0] if len(answers) == 1 else answers)


def _write_layers(program, answers, dtype):
    probas = [
        place_columns(
            write_layers(plan, x, f"calibration_{i}", dtype), member.columns, program.n_classes
        )
        for i, (plan, x, member) in enumerate(
            zip(_list_maps(program), answers, program.members, strict=True)
        )
    ]
    if len(probas) == 1:
        return probas[0]
    from keras import layers

    return layers.Average(name="mean", dtype=dtype)(probas)


def _finish(inputs, proba, dtype):
    import keras

    proba = keras.layers.Identity(name="probabilities", dtype=dtype)(proba)
    model = keras.Model(inputs, proba, name="calibrated")
    model(inputs)  # what was never called cannot be exported to ONNX
    return model
