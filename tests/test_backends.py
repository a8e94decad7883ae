"""Laws over every backend: it has what the text of ``skcalib.backends`` says, and no more.

Each is tried on one small network whose logits are known.
"""

import ast
import inspect
import pickle
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator

import skcalib
from skcalib import FrozenNetwork, MCDropoutClassifier, backends
from skcalib.backends import is_network, network_backend, wrapper_backend

ROOT = Path(skcalib.__file__).parent
NETWORKS, WRAPPERS = dict(backends._NETWORKS), dict(backends._WRAPPERS)
X = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
Y = np.arange(12) % 3
NAMES = np.array(["a", "b", "c"])[Y]


def protocol():
    """Return {kind of module: {name: (its arguments or None, whether it must be there)}}."""
    found = {}
    for kind, text in re.findall(
        r"^(Every module|A network's|A wrapper's)\n((?:    .*\n|\n)+)",
        inspect.getdoc(backends) + "\n",
        re.M,
    ):
        entries = re.findall(r"^    ``(\w+)(?:\((.*?)\))?``(,[^:]*)?:", text, re.M)
        found[kind] = {name: (arguments, not more) for name, arguments, more in entries}
    return found


TEXT = protocol()
OF_NETWORKS = {**TEXT["Every module"], **TEXT["A network's"]}
OF_WRAPPERS = {**TEXT["Every module"], **TEXT["A wrapper's"]}
CASES = [
    *[("network", package, name, OF_NETWORKS) for package, name in NETWORKS.items()],
    *[("wrapper", package, name, OF_WRAPPERS) for package, name in WRAPPERS.items()],
]


def module_of(package, name):
    pytest.importorskip(package, reason=f"needs {package}")
    return import_module(f"skcalib.backends.{name}")


def test_the_text_names_what_there_is():
    assert set(TEXT) == {"Every module", "A network's", "A wrapper's"}
    assert set(TEXT["A wrapper's"]) >= {"unwrap", "fit_on_codes", "predict_proba"}
    assert [name for name, (_, must) in OF_NETWORKS.items() if not must] == [
        "keep_seeds",
        "cut",
        "copy_inputs",
        "check_float64",
        "layers_keep",
        "make_calibrated_module",
    ]


@pytest.mark.parametrize(
    ("kind", "package", "name", "wanted"), CASES, ids=[case[2] for case in CASES]
)
def test_each_module_has_what_the_text_says(kind, package, name, wanted):
    module = module_of(package, name)
    for part, (arguments, must) in wanted.items():
        found = getattr(module, part, None)
        assert found is not None or not must, f"{name} lacks {part}"
        if found is None:
            continue
        if not arguments:
            assert isinstance(found, bool), part
            continue
        assert inspect.getdoc(found), f"{name}.{part}"
        signature = re.sub("^[(]|[)]$", "", str(inspect.signature(found)))
        assert signature == arguments, f"{name}.{part}"
    assert hasattr(module, "fit_on_codes") == hasattr(module, "predict_proba")


def test_the_text_says_all_that_is_asked_of_a_module():
    """Attributes of what ``network_backend`` and ``wrapper_backend`` return, anywhere."""
    asked = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and is_backend(node.value):
                asked.add(node.attr)
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in ("hasattr", "getattr")
                and is_backend(node.args[0])
            ):
                asked.add(node.args[1].value)
    assert {
        "forward",
        "unwrap",
        "fit_on_codes",
        "make_sampler",
    } <= asked  # the search finds some
    assert asked <= set(OF_NETWORKS) | set(OF_WRAPPERS), asked


def is_backend(node):
    if isinstance(node, ast.Call):
        named = getattr(node.func, "id", getattr(node.func, "attr", ""))
        return named in ("network_backend", "wrapper_backend", "_backend")
    return isinstance(node, ast.Name) and node.id in ("backend", "wrapper")


class Drawn:
    """A dense network with weights that we drew: two layers, dropout, then a softmax."""

    rng = np.random.default_rng(1)
    V = rng.normal(size=(5, 4)).astype(np.float32)
    W = rng.normal(size=(4, 3)).astype(np.float32)
    logits = np.maximum(X @ V, 0) @ W

    @classmethod
    def keras(cls):
        keras = pytest.importorskip("keras", reason="needs Keras")
        dense = keras.layers.Dense
        model = keras.Sequential(
            [
                keras.Input((5,)),
                dense(4, "relu", use_bias=False),
                keras.layers.Dropout(0.5),
                dense(3, "softmax", use_bias=False),
            ]
        )
        model.set_weights([cls.V, cls.W])
        return model

    @classmethod
    def torch(cls):
        torch = pytest.importorskip("torch", reason="needs torch")
        return torch.nn.Sequential(
            cls.linear(torch, cls.V),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.5),
            cls.linear(torch, cls.W),
            torch.nn.Softmax(dim=-1),
        )

    @staticmethod
    def linear(torch, kernel):
        layer = torch.nn.Linear(*kernel.shape, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel.T)))
        return layer


@pytest.mark.parametrize("package", NETWORKS)
def test_a_network_of_each_library(package):
    model = getattr(Drawn, package)()
    backend = network_backend(model)
    assert backend is module_of(package, NETWORKS[package])
    assert backend.owns(model)
    assert is_network(model)
    for batch_size in (None, 5):
        values, head = backend.forward(model, X, batch_size)
        assert head == "softmax"
        assert_allclose(values, Drawn.logits, atol=1e-5)
    assert backend.outputs_logits(model) is None  # no loss tells
    assert backend.n_outputs(model) in (3, None)
    make, arguments, *_ = backend.reduce(model)
    network = FrozenNetwork(model).fit(X, NAMES)
    twin = pickle.loads(pickle.dumps(network))
    assert_allclose(twin.decision_function(X), network.decision_function(X), atol=1e-6)
    assert callable(make)
    assert isinstance(arguments, tuple)


@pytest.mark.parametrize("package", NETWORKS)
def test_draws_of_each_library(package):
    module_of(package, NETWORKS[package])
    model = getattr(Drawn, package)()
    mc = MCDropoutClassifier(model, n_draws=5, random_state=0).fit(X, NAMES)
    assert mc.sample_proba(X).std(axis=0).max() > 0
    assert_allclose(mc.set_params(rate=0.0).predict_proba(X), proba_of_drawn(), atol=1e-5)


def proba_of_drawn():
    raised = np.exp(Drawn.logits - Drawn.logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def wrapper_of(package):
    if package == "skorch":
        skorch = pytest.importorskip("skorch", reason="needs skorch")
        return skorch.NeuralNetClassifier(
            Drawn.torch(), max_epochs=1, verbose=0, train_split=None
        )
    wrappers = {"scikeras": "scikeras.wrappers", "keras": "keras.wrappers"}[package]
    wrappers = pytest.importorskip(wrappers, reason=f"needs {package}")

    def build(X=None, y=None):
        model = Drawn.keras()
        model.compile("sgd", "categorical_crossentropy" if package == "keras" else LOSS)
        return model

    if package == "keras":
        return wrappers.SKLearnClassifier(build, fit_kwargs={"epochs": 1, "verbose": 0})
    return wrappers.KerasClassifier(build, epochs=1, verbose=0)


LOSS = "sparse_categorical_crossentropy"


@pytest.mark.parametrize("package", WRAPPERS)
def test_a_wrapper_of_each_kind(package):
    module = module_of(package, WRAPPERS[package])
    wrapper = wrapper_of(package)
    assert wrapper_backend(wrapper) is module
    assert not module.regresses(wrapper)
    assert set(module.parameters_lost_in_clones(wrapper)) <= set(dir(wrapper))
    assert module.unwrap(wrapper, X) is None  # not fitted
    if hasattr(module, "fit_on_codes"):
        fitted = module.fit_on_codes(wrapper, X.astype(np.float64), Y, {})
        assert_allclose(module.predict_proba(fitted, X).sum(axis=1), 1, atol=1e-5)
    else:
        fitted = wrapper.fit(X, NAMES)
    network, inputs, classes, says = module.unwrap(fitted, X)
    assert is_network(network)
    assert says in (True, False, None)
    values, head = network_backend(network).forward(network, inputs, None)
    assert values.shape == (12, 3)
    assert head == "softmax"
    if classes is not None:
        assert_array_equal(classes, np.unique(NAMES))
    assert wrapper_backend(FrozenEstimator(fitted)) is None


def test_what_is_no_network_and_no_wrapper():
    for thing in (None, 3, X, FrozenNetwork, FrozenEstimator(None), MCDropoutClassifier()):
        assert network_backend(thing) is None
        assert wrapper_backend(thing) is None
