"""Export to ONNX."""

from importlib.util import find_spec

import numpy as np

from skcalib.deploy._describe import describe
from skcalib.deploy._onnx import OPSET, build_calibration
from skcalib.deploy._onnx_models import convert_classifier, register_onnx_converters
from skcalib.messages import check_count

ML_OPSET = 3
APART, OF_ROWS = 1e-3, 0.1  # more means another map, not rounding


def to_onnx(fitted, X=None, *, dtype="float64", compute="float64", opset=OPSET):
    """Turn a calibration, or a whole calibrated scikit-learn model, into an ONNX model.

    Parameters
    ----------
    fitted : object
        With `X`, a fitted :class:`~skcalib.CalibratedClassifierCV`,
        :class:`~skcalib.TemperatureCalibratedClassifier` or
        :class:`~skcalib.decision.PriorShiftClassifier` around a scikit-learn classifier or
        Pipeline. Without, what :func:`describe` takes: the calibration alone.

    X : array-like of shape (n_samples, n_features) or DataFrame, default=None
        Rows as the model will get them, whose types the ONNX model takes; a few held-out
        rows will do. They are also used to check it, if onnxruntime is installed. None
        exports the calibration alone, which takes logits or probabilities.

    dtype : {"float64", "float32"}, default="float64"
        Of what goes into a calibration alone, and comes out. With `X`, its type decides.

    compute : {"float64", "float32"}, default="float64"
        Of the numbers in between, for a calibration alone: "float32" is for runtimes that
        know nothing else. It costs 1e-6 where a map is smooth; at steps, a row may fall on
        the other side.

    opset : int, default=18
        The version of ONNX's operators.

    Returns
    -------
    model : onnx.ModelProto
        Its outputs are "label" and "probabilities"; ``model.SerializeToString()`` is what
        runtimes load. A calibration alone takes "logits" or "answer_probabilities" (with
        several members, each with its number behind "_"), and "scores" where there are
        distances.

    Raises
    ------
    ImportError
        If onnx is not installed, or for whole models skl2onnx.

    ValueError
        If there is no way to export it exactly: a classifier whose decision values skl2onnx
        does not give; members that know different classes; or if onnxruntime answers
        otherwise than the model on `X`.

    See Also
    --------
    verify : Compare what runs elsewhere.

    Notes
    -----
    skl2onnx converts the classifiers, mostly in single precision: their own error is what
    remains. The calibration is computed in double precision. Pass `X` as float32 for trees.

    Examples
    --------
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.deploy import to_onnx
    >>> fitted = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0])
    >>> from importlib.util import find_spec
    >>> if find_spec("onnx"):
    ...     data = to_onnx(fitted).SerializeToString()
    """
    check_count("opset", opset, 15)
    if X is None:
        return build_calibration(fitted, dtype, compute, opset)
    if hasattr(fitted, "predict_novelty"):
        raise ValueError(
            "A temperature that grows with distance needs distances, which skl2onnx cannot "
            "find. Export the calibration alone, without X: it takes scores."
        )
    describe(fitted)  # says what cannot be exported
    return _convert_model(fitted, X, opset)


def _convert_model(fitted, X, opset):
    from onnx import helper
    from skl2onnx.common.data_types import guess_data_type

    register_onnx_converters()
    if hasattr(X, "columns"):
        inputs = guess_data_type(X)
    else:
        X = np.asarray(X)
        inputs = [("X", guess_data_type(X)[0][1])]
    for _, kind in inputs:
        kind.shape = [None, *kind.shape[1:]]  # any number of rows
    opsets = {"": opset, "ai.onnx.ml": ML_OPSET}
    model = convert_classifier(fitted, inputs, opsets, raw=False)
    document = describe(fitted)
    model.producer_name, model.producer_version = "skcalib", document["skcalib"]
    props = {"skcalib_kind": document["kind"], "skcalib_checksum": document["checksum"]}
    helper.set_model_props(model, props)
    if find_spec("onnxruntime") is not None:
        _check(model, fitted, X)
    return model


def _check(model, fitted, X):
    """Raise ValueError if a runtime answers otherwise."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(["probabilities"], feeds_of(X))[0]
    difference = np.abs(found - fitted.predict_proba(X)).max(axis=1)
    if not np.mean(difference <= APART) > 1 - OF_ROWS:
        raise ValueError(
            f"The ONNX model answers otherwise than {type(fitted).__name__}, by up to "
            f"{np.nanmax(difference):.2g}: skl2onnx's classifier is wrong, or its "
            "probabilities are too close to 0 and 1 for its precision. Pass X as float64 if it "
            "is not; or export the calibration alone, without X, and run the classifier itself."
        )


def feeds_of(X):
    """Return what a session of a model made for such rows takes."""
    if not hasattr(X, "columns"):
        return {"X": X}
    return {str(name): X[name].to_numpy().reshape(-1, 1) for name in X.columns}
