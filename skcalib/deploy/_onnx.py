"""Calibrations as ONNX models."""

from typing import NamedTuple

import numpy as np

from skcalib.deploy._describe import describe
from skcalib.deploy._document import read_document
from skcalib.deploy._members import mean_of_members, proba_of_member
from skcalib.deploy._onnx_namespace import OnnxNamespace
from skcalib.deploy._registry import Machine
from skcalib.messages import check_choice

OPSET = 18


class Added(NamedTuple):
    """Names of the values that a calibration adds to a graph."""

    label: str
    proba: str


def add_calibration(namespace, description, answers, scores):
    """Add a description's operations to a graph.

    Parameters
    ----------
    namespace : OnnxNamespace
        Adds the nodes.

    description : Description
        What to add.

    answers : list of OnnxArray
        Each member's logits or probabilities.

    scores : list of OnnxArray or None
        How usual each row is, where a member asks.

    Returns
    -------
    added : Added
        The names of labels and of probabilities.
    """
    n_classes = len(description.classes)
    probas = [
        proba_of_member(namespace, member, answer, n_classes, scores=score)
        for member, answer, score in zip(description.members, answers, scores, strict=True)
    ]
    geometric = description.geometric
    proba = mean_of_members(
        namespace, description.members, probas, n_classes, geometric=geometric
    )
    proba = Machine(namespace).run(description.after, proba)
    return Added(_add_label(namespace, proba, description.classes), proba.name)


def _add_label(namespace, proba, classes):
    first = namespace.add_node("ArgMax", [proba.name], axis=-1, keepdims=0)
    labels = classes
    if classes.dtype.kind in "bi":
        labels = classes.astype(np.int64)
    elif classes.dtype.kind == "f":
        labels = classes.astype(namespace.dtype)
    table = namespace.add_values(labels)
    return namespace.add_node("Gather", [table, first], axis=0)


def build_calibration(fitted, dtype, opset):
    """Return an ONNX model of a calibration alone."""
    import onnx

    check_choice("dtype", dtype, ("float32", "float64"))
    document = fitted if isinstance(fitted, dict) else describe(fitted)
    description = read_document(document)
    nodes, initializers = [], []

    def add_node(op_type, inputs, **attributes):
        name = f"value_{len(nodes)}"
        nodes.append(onnx.helper.make_node(op_type, inputs, [name], **attributes))
        return name

    def add_constant(values):
        name = f"constant_{len(initializers)}"
        initializers.append(tensor_of(values, name))
        return name

    namespace = OnnxNamespace(add_node, add_constant, dtype, opset)
    several = len(description.members) > 1
    number = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    inputs, answers, scores = [], [], []
    for i, member in enumerate(description.members):
        name = "probabilities_in" if member.gives_proba else "logits"
        name = f"{name}_{i}" if several else name
        width = len(member.columns)
        inputs.append(onnx.helper.make_tensor_value_info(name, number, [None, width]))
        answers.append(namespace.array(name, width))
        scores.append(None)
        if member.takes_scores:
            name = f"scores_{i}" if several else "scores"
            inputs.append(onnx.helper.make_tensor_value_info(name, number, [None, 1]))
            scores[-1] = namespace.array(name, 1)
    added = add_calibration(namespace, description, answers, scores)
    nodes += [
        onnx.helper.make_node("Identity", [added.label], ["label"]),
        onnx.helper.make_node("Identity", [added.proba], ["probabilities"]),
    ]
    outputs = [
        onnx.helper.make_tensor_value_info("label", type_of_labels(description, number), [None]),
        onnx.helper.make_tensor_value_info(
            "probabilities", number, [None, len(description.classes)]
        ),
    ]
    return make_model(document, onnx.helper.make_graph(
        nodes, "calibration", inputs, outputs, initializers
    ), opset)


def type_of_labels(description, number):
    """Return the type of the labels' values."""
    from onnx import TensorProto

    kind = description.classes.dtype.kind
    return {"U": TensorProto.STRING, "f": number}.get(kind, TensorProto.INT64)


def tensor_of(values, name):
    """Return an array as an initial value; strings too."""
    import onnx

    if values.dtype.kind == "U":
        values = values.astype(object)
    return onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)


def make_model(document, graph, opset):
    """Return a model, checked, that says what it was made of."""
    import onnx

    opsets = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, producer_name="skcalib")
    model.producer_version = document["skcalib"]
    model.ir_version = min(model.ir_version, 10)  # that of runtimes of 2024
    onnx.helper.set_model_props(
        model, {"skcalib_kind": document["kind"], "skcalib_checksum": document["checksum"]}
    )
    onnx.checker.check_model(model, full_check=True)
    return model
