"""Converters for skl2onnx: whole scikit-learn models with their calibration."""

import numpy as np
from sklearn.frozen import FrozenEstimator

from skcalib import calibrators
from skcalib.calibration import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.decision import PriorShiftClassifier
from skcalib.deploy._describe import describe
from skcalib.deploy._document import read_document
from skcalib.deploy._onnx import add_calibration, tensor_of
from skcalib.deploy._onnx_namespace import OnnxNamespace
from skcalib.deploy._single import with_wide_ties

ML = "ai.onnx.ml"


def register_onnx_converters():
    """Tell skl2onnx how skcalib's calibrated classifiers and calibrators are converted.

    :func:`to_onnx` does that by itself; call it before ``skl2onnx.to_onnx`` of a model that
    holds one of them.

    Returns
    -------
    names : list of str
        The classes that skl2onnx can convert now.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> from skcalib.deploy import register_onnx_converters
    >>> from importlib.util import find_spec
    >>> if find_spec("skl2onnx"):
    ...     names = register_onnx_converters()
    """
    from skl2onnx import update_registered_converter

    options = {"zipmap": [True, False, "columns"], "nocl": [True, False]}
    classes = [CalibratedClassifierCV, TemperatureCalibratedClassifier, PriorShiftClassifier]
    public = [getattr(calibrators, name) for name in calibrators.__all__]
    classes += [each for each in public if getattr(each, "short_name", None)]
    for each in classes:
        update_registered_converter(
            each, f"Skcalib{each.__name__}", _set_types, _convert, options=options
        )
    return [each.__name__ for each in classes]


def _set_types(operator):
    """Set the types of labels and probabilities."""
    from skl2onnx.common.data_types import (
        DoubleTensorType,
        FloatTensorType,
        Int64TensorType,
        StringTensorType,
    )

    classes = np.asarray(operator.raw_operator.classes_)
    rows = operator.inputs[0].get_first_dimension()
    is_text = classes.dtype.kind in "UO"
    double = all(isinstance(each.type, DoubleTensorType) for each in operator.inputs)
    label = StringTensorType if is_text else Int64TensorType
    operator.outputs[0].type = label([rows])
    operator.outputs[1].type = (DoubleTensorType if double else FloatTensorType)(
        [rows, len(classes)]
    )


def _convert(scope, operator, container):
    """Add a calibrated classifier's members, their calibration and the mean to a graph."""
    from skl2onnx.common.data_types import guess_proto_type

    model = operator.raw_operator
    pairs = _pairs_of(model) or []
    added = [_add_classifier(pair, scope, operator, container) for pair in pairs]
    single = any(in_single for _, in_single in added)
    description = read_document(describe(with_wide_ties(model) if single else model))
    if any(member.takes_scores for member in description.members):
        raise ValueError(f"{type(model).__name__} needs distances, which ONNX models lack.")

    def add_node(op_type, inputs, **attributes):
        name = scope.get_unique_variable_name("calibration")
        node = scope.get_unique_operator_name("calibration")
        container.add_node(op_type, inputs, [name], name=node, **attributes)
        return name

    def add_constant(values):
        name = scope.get_unique_variable_name("calibration_constant")
        container.initializers.append(tensor_of(values, name))
        return name

    namespace = OnnxNamespace(add_node, add_constant, "float64", container.target_opset)
    names = [name for name, _ in added] or [operator.inputs[0].full_name]
    answers = [
        _answer(namespace, member, name, bool(pairs))
        for member, name in zip(description.members, names, strict=True)
    ]
    added = add_calibration(
        namespace, description, answers, [None] * len(answers), whole_labels=True
    )
    to = guess_proto_type(operator.outputs[1].type)
    for op_type, given, output, attributes in (
        ("Identity", added.label, operator.outputs[0], {}),
        ("Cast", added.proba, operator.outputs[1], {"to": to}),
    ):
        name = scope.get_unique_operator_name("calibrated")
        container.add_node(op_type, [given], [output.full_name], name=name, **attributes)


def _pairs_of(model):
    """Return the pairs of a classifier and its map; none of a calibrator."""
    while isinstance(model, PriorShiftClassifier | FrozenEstimator):
        model = getattr(model, "estimator_", None) or model.estimator
    return getattr(model, "calibrated_classifiers_", None)


def _answer(namespace, member, name, is_decision):
    """Return a classifier's answer as columns of logits or probabilities, in double."""
    name = namespace.add_node("Cast", [name], to=11)  # TensorProto.DOUBLE
    answer = namespace.array(name, len(member.columns))
    if len(member.columns) != 2 or member.gives_proba or not is_decision:
        return answer
    half = namespace.columns(answer, [-1]) / 2
    return namespace.concat([-half, half])


def _add_classifier(pair, scope, operator, container):
    """Add a classifier's own nodes.

    Return the name of its decision values or probabilities, and whether they are computed in
    single precision.
    """
    estimator = pair.estimator
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    inputs = [(each.raw_name, each.type) for each in operator.inputs]
    opsets = {"": container.target_opset, ML: container.target_opset_any_domain(ML)}
    model = convert_classifier(estimator, inputs, opsets, raw=pair.floor is None)
    prefix = scope.get_unique_operator_name("classifier") + "_"
    names = {
        raw.name: each.full_name
        for raw, each in zip(model.graph.input, operator.inputs, strict=True)
    }
    for imported in model.opset_import:
        container.node_domain_version_pair_sets.add((imported.domain, imported.version))
    in_single = any(node.domain == ML and "Tree" in node.op_type for node in model.graph.node)
    for value in model.graph.output:
        in_single |= value.type.tensor_type.elem_type == 1  # TensorProto.FLOAT
    return merge_graph(model.graph, 1, prefix, names, container), in_single


def convert_classifier(estimator, inputs, opsets, *, raw):
    """Return skl2onnx's model of a classifier that answers with decision values if `raw`."""
    from skl2onnx import convert_sklearn

    final = estimator
    while hasattr(final, "steps"):
        final = final.steps[-1][1]
    wanted = {"raw_scores": True} if raw else {}
    for more in ({"zipmap": False}, {}):
        options = {id(final): {**wanted, **more}} if wanted or more else None
        try:
            return convert_sklearn(
                estimator, initial_types=inputs, options=options, target_opset=opsets
            )
        except NameError as error:  # that an option is unknown
            unknown = error
    raise ValueError(
        f"skl2onnx has no decision values of {type(final).__name__}, on which its calibration "
        f"rests ({unknown}). Export the calibration alone, to_onnx(calibrated) without X, and "
        "run the classifier itself."
    )


def merge_graph(graph, output, prefix, names, container):
    """Add the nodes that an output of a graph needs; return the name of that output."""
    needed, nodes = {graph.output[output].name}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= set(_inputs_of(node))
    for tensor in graph.initializer:
        if tensor.name in needed:
            names[tensor.name] = prefix + tensor.name
            copy = type(tensor)()
            copy.CopyFrom(tensor)
            copy.name = names[tensor.name]
            container.initializers.append(copy)
    for node in nodes:
        for name in node.output:
            names.setdefault(name, prefix + name)
    for node in reversed(nodes):
        copy = type(node)()
        copy.CopyFrom(node)
        copy.name = prefix + node.name
        _rename(copy, names)
        container.nodes.append(copy)
    return names[graph.output[output].name]


def _subgraphs(node):
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _inputs_of(node):
    yield from node.input
    for graph in _subgraphs(node):
        for inner in graph.node:
            yield from _inputs_of(inner)


def _rename(node, names):
    node.input[:] = [names.get(name, name) for name in node.input]
    node.output[:] = [names.get(name, name) for name in node.output]
    for graph in _subgraphs(node):
        for inner in graph.node:
            _rename(inner, names)
