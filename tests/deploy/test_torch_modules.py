"""Torch modules with their calibration behind them, and calibrators alone."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.calibrators import all_calibrators

torch = pytest.importorskip("torch", reason="needs torch: pip install 'skcalib[torch]'")

from skcalib import CalibratedClassifierCV, FrozenNetwork  # noqa: E402
from skcalib import TemperatureCalibratedClassifier as Tempered  # noqa: E402
from skcalib.calibrators import IsotonicCalibration, TemperatureScaling  # noqa: E402
from skcalib.deploy import describe, to_keras, to_torch  # noqa: E402

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 6)).astype(np.float32)
NEW = torch.tensor(RNG.normal(size=(77, 6)), dtype=torch.float32)


class Net(torch.nn.Module):
    """A perceptron with dropout, and an activation of choice."""

    def __init__(self, n_outputs, activation=None):
        super().__init__()
        self.hidden, self.out = torch.nn.Linear(6, 8), torch.nn.Linear(8, n_outputs)
        self.drop = torch.nn.Dropout(0.5)
        self.activation = activation or torch.nn.Identity()

    def forward(self, x):
        return self.activation(self.out(self.drop(torch.relu(self.hidden(x)))))


def softmax(x):
    return torch.softmax(x, dim=1)


NETS = {
    "logits": (3, None),
    "softmax": (3, torch.nn.Softmax(1)),
    "function": (3, softmax),
    "log_softmax": (3, torch.nn.LogSoftmax(1)),
    "one sigmoid": (1, torch.nn.Sigmoid()),
    "squeezed": (1, torch.nn.Sequential(torch.nn.Sigmoid(), torch.nn.Flatten(0))),
}


def make(name):
    torch.manual_seed(0)
    module = Net(*NETS[name])
    with torch.no_grad():
        module.out.weight *= 5
    logits = module.out(torch.relu(module.hidden(torch.tensor(X)))).detach().numpy()
    said = logits.argmax(1) if logits.shape[1] > 1 else (logits[:, 0] > 0).astype(int)
    y = np.where(np.arange(len(X)) % 4, said, np.arange(len(X)) % max(2, logits.shape[1]))
    return module, y


def state_of(module):
    modes = [part.training for part in module.modules()]
    return modes, [x.clone() for x in module.state_dict().values()]


def compare(calibrated, module=None):
    module = to_torch(calibrated) if module is None else module
    with torch.no_grad():
        found = module(NEW)
    assert found.dtype == torch.float32
    assert_allclose(found, calibrated.predict_proba(NEW.numpy()), atol=1e-6)
    return module


def problem(n_classes, n_samples=200):
    rng = np.random.default_rng(n_classes)
    y = rng.permutation(np.arange(n_samples) % n_classes)
    logits = rng.normal(0, 2, (n_samples, n_classes)) + 2 * np.eye(n_classes)[y]
    return logits, y, rng.normal(0, 4, (300, n_classes))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("calibrator", all_calibrators(), ids=repr)
def test_maps(calibrator, n_classes):
    logits, y, new = problem(n_classes)
    calibrator.fit(logits, y)
    module = to_torch(calibrator)
    everything = np.concatenate([new, logits])  # all knots are among these
    right = calibrator.predict_proba(everything)
    assert_allclose(module(torch.tensor(everything)), right, rtol=0, atol=1e-12)
    single = module.float()(torch.tensor(new, dtype=torch.float32))
    atol = 1e-4 if isinstance(calibrator, IsotonicCalibration) else 1e-6
    assert_allclose(single, calibrator.predict_proba(new), rtol=0, atol=atol)


@pytest.mark.parametrize(
    "calibrator", [c for c in all_calibrators() if c.takes_masks], ids=repr
)
def test_masked_classes(calibrator):
    logits, y, new = problem(4)
    calibrator.fit(logits, y)
    if not describe(calibrator)["masks"]:  # a pool of methods of which some mix columns
        return
    new[::2, 1] = -np.inf
    found = to_torch(calibrator)(torch.tensor(new)).numpy()
    assert (found[::2, 1] == 0).all()
    assert_allclose(found, calibrator.predict_proba(new), rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["temperature", "sms", "beta"])
@pytest.mark.parametrize("name", NETS)
def test_modules(name, method):
    module, y = make(name)
    before = state_of(module)
    calibrated = CalibratedClassifierCV(module, method=method).fit(X, y)
    exported = compare(calibrated)
    exported.train().double().eval()
    after = state_of(module)
    assert before[0] == after[0]
    assert all(torch.equal(*pair) for pair in zip(before[1], after[1], strict=True))


def test_classes_in_another_order():
    module, y = make("logits")
    network = FrozenNetwork(module, classes=["c", "a", "b"])
    names = np.array(["c", "a", "b"])[y]
    calibrated = CalibratedClassifierCV(network, method="temperature").fit(X, names)
    compare(calibrated)


def test_the_state_is_a_dict_of_tensors(tmp_path):
    module, y = make("softmax")
    first = to_torch(CalibratedClassifierCV(module, method="sms").fit(X, y))
    torch.save(first.state_dict(), tmp_path / "state.pt")
    other, _ = make("softmax")
    with torch.no_grad():
        other.hidden.weight *= 2
    second = to_torch(CalibratedClassifierCV(other, method="sms").fit(X[::2], y[::2]))
    assert not torch.allclose(first(NEW), second(NEW), atol=1e-3)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert second.load_state_dict(state).missing_keys == []
    assert torch.equal(first(NEW), second(NEW))
    two, y = make("one sigmoid")
    with pytest.raises((ValueError, RuntimeError)):
        to_torch(Tempered(two).fit(X, y)).load_state_dict(state)
    another = TemperatureScaling().fit(*problem(4)[:2])
    state = to_torch(another).state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    with pytest.raises(ValueError, match="columns"):
        to_torch(TemperatureScaling().fit(*problem(2)[:2])).load_state_dict(state)


def test_copies_and_whole_modules(tmp_path):
    module, y = make("logits")
    exported = to_torch(Tempered(module).fit(X, y))
    torch.save(exported, tmp_path / "whole.pt")
    for again in (
        copy.deepcopy(exported),
        torch.load(tmp_path / "whole.pt", weights_only=False),
    ):
        assert torch.equal(again(NEW), exported(NEW))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["temperature", "isotonic", "venn-abers"])
@pytest.mark.parametrize("name", ["logits", "softmax", "one sigmoid"])
def test_exported_programs_take_batches_of_any_size(name, method, tmp_path):
    module, y = make(name)
    exported = to_torch(CalibratedClassifierCV(module, method=method).fit(X, y))
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(exported, (NEW[:5].clone(),), dynamic_shapes=(shapes,))
    torch.export.save(program, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    for rows in (NEW, NEW[:2], NEW[:1]):
        assert torch.equal(loaded(rows), exported(rows))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_onnx(method, tmp_path):
    pytest.importorskip("onnxscript", reason="needs onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    module, y = make("softmax")
    calibrated = CalibratedClassifierCV(module, method=method).fit(X, y)
    path = tmp_path / "model.onnx"
    shapes = ({0: torch.export.Dim("batch")},)
    exported = to_torch(calibrated)
    given = {"dynamo": True, "dynamic_shapes": (shapes,), "verbose": False}
    torch.onnx.export(exported, (NEW[:5].clone(),), **given).save(path)
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: NEW.numpy()})
    assert_allclose(found, calibrated.predict_proba(NEW.numpy()), rtol=0, atol=1e-5)


def test_skorch_in_folds():
    skorch = pytest.importorskip("skorch", reason="needs skorch")
    _, y = make("logits")
    net = skorch.NeuralNetClassifier(
        Net,
        module__n_outputs=3,
        module__activation=torch.nn.Softmax(1),
        max_epochs=20,
        lr=0.1,
        verbose=0,
        train_split=None,
    )
    names = np.array(["a", "b", "c"])[y]
    for method, ensemble in [("temperature", True), ("beta", False), ("venn-abers", True)]:
        calibrated = CalibratedClassifierCV(net, method=method, cv=2, ensemble=ensemble)
        compare(calibrated.fit(X, names))


def test_keyword_arguments_and_double_precision():
    module, y = make("softmax")
    calibrated = Tempered(module.double()).fit(X, y)
    exported = to_torch(calibrated)
    found = exported(x=NEW.double())
    assert found.dtype == torch.float64
    assert_allclose(found.detach(), calibrated.predict_proba(NEW.double().numpy()), atol=1e-12)


def test_compiled_modules():
    module, y = make("softmax")
    calibrated = Tempered(module).fit(X, y)
    compare(calibrated, torch.compile(to_torch(calibrated), backend="eager"))


def test_what_is_no_module():
    with pytest.raises(TypeError, match="fitted"):
        to_torch(TemperatureScaling)
    pytest.importorskip("keras", reason="needs Keras")
    module, y = make("logits")
    calibrated = Tempered(module).fit(X, y)
    with pytest.raises(TypeError, match="is not a network of Keras"):
        to_keras(calibrated)
