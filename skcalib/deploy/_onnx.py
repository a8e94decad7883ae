"""A description as an ONNX graph."""

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


def add_calibration(namespace, description, answers, scores, *, whole_labels=False):
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

    whole_labels : bool
        Whether labels that are numbers become integers whatever they are.

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
    first = namespace.add_node("ArgMax", [proba.name], axis=-1, keepdims=0)
    labels = description.classes
    if labels.dtype.kind in "bi" or (whole_labels and labels.dtype.kind == "f"):
        labels = labels.astype(np.int64)
    table = namespace.add_values(labels)
    return Added(namespace.add_node("Gather", [table, first], axis=0), proba.name)


def build_calibration(fitted, dtype="float64", compute="float64", opset=OPSET):
    """Return an ONNX model of a calibration alone.

    Parameters
    ----------
    fitted : object or dict
        What `describe` takes, or a description.

    dtype : {"float64", "float32"}
        Of what goes in and comes out.

    compute : {"float64", "float32"}
        Of the numbers in between.

    opset : int
        The version of ONNX's operators.
    """
    from onnx.helper import make_graph, make_node

    for name, value in (("dtype", dtype), ("compute", compute)):
        check_choice(name, value, ("float32", "float64"))
    document = fitted if isinstance(fitted, dict) else describe(fitted)
    description = read_document(document)
    nodes, initializers = [], []

    def add_node(op_type, inputs, **attributes):
        name = f"value_{len(nodes)}"
        nodes.append(make_node(op_type, inputs, [name], **attributes))
        return name

    def add_constant(values):
        name = f"constant_{len(initializers)}"
        initializers.append(tensor_of(values, name))
        return name

    namespace = OnnxNamespace(add_node, add_constant, compute, opset)
    inputs, answers, scores = _add_inputs(namespace, description, dtype)
    added = add_calibration(namespace, description, answers, scores)
    nodes.append(make_node("Identity", [added.label], ["label"]))
    nodes.append(make_node("Cast", [added.proba], ["probabilities"], to=number_of(dtype)))
    outputs = _outputs_of(description, dtype)
    graph = make_graph(nodes, "calibration", inputs, outputs, initializers)
    return make_model(document, graph, opset)


def number_of(dtype):
    """Return ONNX's number of a type."""
    from onnx import helper

    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def _add_inputs(namespace, description, dtype):
    from onnx.helper import make_tensor_value_info

    inputs, answers, scores = [], [], []

    def add(name, width):
        inputs.append(make_tensor_value_info(name, number_of(dtype), ["rows", width]))
        cast = namespace.add_node("Cast", [name], to=number_of(namespace.dtype))
        return namespace.array(cast, width)

    for i, member in enumerate(description.members):
        end = f"_{i}" if len(description.members) > 1 else ""
        name = "answer_probabilities" if member.gives_proba else "logits"
        answers.append(add(name + end, len(member.columns)))
        scores.append(add("scores" + end, 1) if member.takes_scores else None)
    return inputs, answers, scores


def _outputs_of(description, dtype):
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    kinds = {"U": TensorProto.STRING, "f": number_of("float64")}
    label = kinds.get(description.classes.dtype.kind, TensorProto.INT64)
    shape = ["rows", len(description.classes)]
    return [
        make_tensor_value_info("label", label, ["rows"]),
        make_tensor_value_info("probabilities", number_of(dtype), shape),
    ]


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
