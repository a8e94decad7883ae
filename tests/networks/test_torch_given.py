"""What people give to torch modules and what these give: labels, lists, tensors, tables."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax

from skcalib import CalibratedClassifierCV, FrozenNetwork, TemperatureCalibratedClassifier
from skcalib.calibrators import TemperatureScaling
from skcalib.metrics import log_loss

torch = pytest.importorskip("torch", reason="needs torch: pip install 'skcalib[torch]'")
nn = torch.nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(800, 6)).astype(np.float32)
W = RNG.normal(size=(6, 4)).astype(np.float32)
ODDS = 3 * (X @ W)
Y = (RNG.uniform(size=ODDS.shape) < expit(ODDS / 3)).astype(int)
CLASS = (softmax(ODDS / 3, axis=1).cumsum(axis=1) < RNG.uniform(size=(800, 1))).sum(axis=1)


class Net(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.last = nn.Linear(6, 4, bias=False)
        self.last.weight.data = torch.tensor(3 * W.T)
        self.how = how

    def forward(self, x):
        return self.how(self.last(x))


@pytest.mark.parametrize(
    "end",
    [torch.sigmoid, lambda z: z, nn.functional.logsigmoid, lambda z: 1 / (1 + (-z).exp())],
)
@pytest.mark.filterwarnings("ignore:The logits of Net are not available")
def test_several_labels(end):
    base = FrozenNetwork(Net(end), multilabel=True)
    calibrated = TemperatureCalibratedClassifier(base).fit(X[:400], torch.tensor(Y[:400]))
    before, after = base.fit(X, Y).predict_proba(X[400:]), calibrated.predict_proba(X[400:])
    assert np.shape(after) == (4, 400, 2)
    for k in range(4):
        assert_allclose(before[k][:, 1], expit(ODDS[400:, k]), atol=1e-5)
        assert log_loss(Y[400:, k], after[k]) < log_loss(Y[400:, k], before[k]) - 0.02
    assert_array_equal(base.predict(X), ODDS > 0)


def test_several_sigmoids_without_a_word():
    with pytest.raises(ValueError, match=r"4 sigmoids.*multilabel=True.*multilabel=False"):
        TemperatureCalibratedClassifier(Net(torch.sigmoid)).fit(X, CLASS)
    base = FrozenNetwork(Net(torch.sigmoid), multilabel=False)
    p = expit(ODDS)
    assert_allclose(base.predict_proba(X), p / p.sum(axis=1, keepdims=True), atol=1e-5)
    with pytest.raises(ValueError, match=r"values outside \[0, 1\]"):
        FrozenNetwork(Net(lambda z: z.relu()), multilabel=True, from_logits=False).predict(X)


@dataclass
class Answer:
    logits: torch.Tensor
    loss: torch.Tensor | None = None


class Pair(NamedTuple):
    logits: torch.Tensor
    hidden: torch.Tensor


@pytest.mark.parametrize(
    "how",
    [
        lambda z: {"logits": z},
        lambda z: {"loss": z.sum(), "logits": z},
        lambda z: Answer(z),
        lambda z: Answer(z, z.sum()),
        lambda z: Pair(z, z),
        lambda z: Answer(z.softmax(1)),
    ],
)
def test_answers_in_objects(how):
    network = FrozenNetwork(Net(how)).fit(X)
    assert network.has_logits_
    assert_allclose(network.decision_function(X), ODDS, rtol=1e-4, atol=1e-4)
    calibrated = TemperatureCalibratedClassifier(Net(how)).fit(X, CLASS)
    assert 2 < calibrated.calibrated_classifiers_[0].calibrators[0].temperature_ < 4


class Two(nn.Module):
    def __init__(self, last=None):
        super().__init__()
        self.last = nn.Linear(6, 1)
        self.factor = nn.Parameter(torch.ones(1))

    def forward(self, left, right, factor=None):
        z = self.last(torch.cat([left, right], dim=1))
        return z if factor is None else z * factor


class Optional(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(3, 1)

    def forward(self, x, mask=None):
        return self.last(x if mask is None else x * mask)


class Any(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 1)

    def forward(self, *parts):
        return self.last(torch.cat(parts, dim=1))


def test_lists_of_inputs():
    torch.manual_seed(0)
    left, right, y = X[:, :2], X[:, 2:], Y[:, 0]
    factor = np.full((800, 1), 2, np.float32)
    network = FrozenNetwork(Two(), from_logits=True)
    z = network.decision_function({"left": left, "right": right})
    for given in ([left, right], (torch.tensor(left), right), {0: left, 1: right}):
        assert_allclose(network.decision_function(given), z, rtol=1e-5)
    three = network.decision_function([left, right, factor])
    assert_allclose(three, 2 * z, rtol=1e-5)
    folds = CalibratedClassifierCV(network, cv=3, ensemble=True).fit([left, right], y)
    assert folds.predict_proba([left, right]).shape == (800, 2)
    for wrong in ([left], [left, right, factor, factor]):
        with pytest.raises(ValueError, match=r"\['left', 'right', 'factor'\], but X is a list"):
            network.predict(wrong)


def test_lists_that_are_not_several_inputs():
    torch.manual_seed(0)
    rows = X[:2, :3]
    network = FrozenNetwork(Optional(), from_logits=True)
    assert_allclose(network.decision_function(list(rows)), network.decision_function(rows))
    masked = network.decision_function({"x": rows, "mask": np.ones_like(rows)})
    assert_allclose(masked, network.decision_function(rows))
    any_number = FrozenNetwork(Any(), from_logits=True)
    with pytest.raises(ValueError, match=r"does not say how many inputs.*\{0: A, 1: B\}"):
        any_number.predict([X[:, :2], X[:, 2:]])
    z = any_number.decision_function({0: X[:, :2], 1: X[:, 2:]})
    assert_allclose(z, any_number.decision_function(X), rtol=1e-5)


@pytest.mark.parametrize("ensemble", [False, True])
def test_tensors_and_tables_as_X_and_y(ensemble):
    pa = pytest.importorskip("pyarrow")
    calibrated = CalibratedClassifierCV(Net(lambda z: z), cv=3, ensemble=ensemble)
    weight = RNG.integers(1, 3, 800).astype(np.float32)
    expected = calibrated.fit(X, CLASS, sample_weight=weight).predict_proba(X)
    table = pa.table({f"x{k}": column for k, column in enumerate(X.T)})
    for x, y, w in (
        (torch.tensor(X), torch.tensor(CLASS), torch.tensor(weight)),
        (torch.tensor(X).requires_grad_(), torch.tensor(np.eye(4)[CLASS]), weight),
        (table, pa.array(CLASS), pa.array(weight)),
        (table.to_batches()[0], CLASS, weight),
    ):
        found = calibrated.fit(x, y, sample_weight=w).predict_proba(x)
        assert type(found) is np.ndarray
        assert_allclose(found, expected, atol=1e-6)
    half = torch.tensor(X).bfloat16()
    assert calibrated.fit(half, CLASS).predict_proba(half).dtype == np.float32
    with pytest.raises(ValueError, match=r"X is a torch tensor on the device 'meta'"):
        calibrated.predict(torch.tensor(X).to("meta"))


def test_tensors_on_a_gpu_say_how():
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    z, y = torch.tensor(ODDS).cuda(), torch.tensor(CLASS).cuda()
    for data, name in (((z, CLASS), "X"), ((ODDS, y), "y")):
        with pytest.raises(ValueError, match=rf"{name} is a torch tensor .*Give {name}\.cpu"):
            TemperatureScaling().fit(*data)
    network = FrozenNetwork(Net(lambda z: z).cuda(), from_logits=True)
    expected = network.predict_proba(X)
    assert_allclose(network.predict_proba(torch.tensor(X).cuda()), expected, atol=1e-6)
