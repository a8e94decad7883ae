"""What draws cost: the cheapest way for a product, how much is held, and what is forecast."""

from functools import partial

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier

from skcalib import FrozenNetwork, MCDropoutClassifier
from skcalib.backends._sampling import Cost, Product
from skcalib.sampling import _passes, _room
from skcalib.sampling._forecast import forecast_ratio

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype(np.float32)


def of_keras(width, units):
    keras = pytest.importorskip("keras", reason="needs Keras")
    layers = keras.layers
    keras.utils.set_random_seed(0)
    hidden = [layers.Dense(width, "relu"), layers.Dropout(0.4), layers.Dense(units, "relu")]
    return keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(3, "softmax")])


def of_torch(width, units):
    torch = pytest.importorskip("torch", reason="needs torch")
    nn = torch.nn
    torch.manual_seed(0)
    hidden = nn.Linear(6, width), nn.ReLU(), nn.Dropout(0.4), nn.Linear(width, units)
    return nn.Sequential(*hidden, nn.ReLU(), nn.Linear(units, 3), nn.Softmax(-1))


def fitted(model, **parameters):
    return MCDropoutClassifier(model, random_state=0, **parameters).fit(X)


@pytest.mark.parametrize(
    ("product", "ways"),
    [
        (Product(1, 4096, 4096), ("rows", "rows", "kernels")),
        (Product(1, 1600, 10), ("rows", "kernels", "kernels")),
        (Product(50, 64, 40), ("kernels", "kernels", "kernels")),
        (Product(1, 1600, 128, 4), ("rows", "shared", "shared")),
    ],
)
def test_what_writes_fewest_values_is_chosen(product, ways):
    for n_rows, way in zip((1, 64, 4096), ways, strict=True):
        assert product.way(n_rows) == way
        rows = n_rows * product.places * product.features
        kernel = product.features * product.units
        fewest = kernel / product.masks if way == "shared" else min(rows, kernel)
        assert product.written(n_rows) * n_rows == pytest.approx(fewest)


@pytest.mark.parametrize("build", [of_keras, of_torch])
@pytest.mark.parametrize(("width", "units"), [(16, 40), (512, 64)])
def test_draws_are_the_same_in_each_way(build, width, units):
    mc = fitted(build(width, units), n_draws=6)
    few = [mc.sample_proba(X[start : start + 4]) for start in (0, 40)]
    many = mc.sample_proba(X)
    assert many.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(few[0], many[:, :4], atol=1e-6)
    np.testing.assert_allclose(few[1], many[:, 40:44], atol=1e-6)


def count_calls(monkeypatch, accelerated):
    """Count draws and fetches of what is fitted from now on."""
    calls = {"draw": 0, "fetch": 0}
    make = _passes.Passes.__init__

    def count(name, function, *args):
        calls[name] += 1
        return function(*args)

    def init(self, sampler, *args):
        parts = {name: partial(count, name, getattr(sampler, name)) for name in calls}
        make(self, sampler._replace(accelerated=accelerated, **parts), *args)

    monkeypatch.setattr(_passes.Passes, "__init__", init)
    monkeypatch.setattr(_room, "ON_A_CARD", 1)
    return calls


@pytest.mark.parametrize("build", [of_keras, of_torch])
def test_answers_leave_a_card_once_a_block(build, monkeypatch):
    mc = fitted(build(16, 40), n_draws=12, rate=[0.2, 0.4])
    expected = mc.sample_proba(X)
    monkeypatch.setattr(_room, "HELD", 12 * 2 * 3 * 96)  # what one block of answers holds
    for accelerated in (False, True):
        with monkeypatch.context() as patch:
            calls = count_calls(patch, accelerated)
            np.testing.assert_allclose(mc.sample_proba(X), expected, atol=1e-6)
        assert calls["draw"] > 4
        blocks = 1 if build is of_keras else 96 // _room.FEW  # of vmap, which has no more room
        assert calls["fetch"] == (blocks if accelerated else calls["draw"])


def test_a_large_kernel_is_not_made_for_each_draw(monkeypatch):
    mc = fitted(of_torch(256, 256), n_draws=10)
    expected = mc.predict_proba(X[:16])
    calls = count_calls(monkeypatch, False)
    monkeypatch.setattr(_room, "HELD", 2**17)  # two kernels
    np.testing.assert_allclose(mc.predict_proba(X[:16]), expected, atol=1e-6)
    assert calls["draw"] == 1


def test_work_that_dwarfs_all_else_is_what_is_forecast():
    cost = Cost(
        before=10**9, after=10**8, written=10, written_after=10, width=10, start=1, outputs=2
    )
    for n_draws in (1, 30, 100):
        room = _room.Room(cost, "split", 10, n_draws, 1, True, 1)
        expected = (10 + n_draws) / 11
        assert forecast_ratio(room, 256) == pytest.approx(expected, rel=1e-2)
        more = forecast_ratio(room._replace(shared=False, masks=10**6), 256)
        assert more > expected + 0.4 * n_draws


@pytest.mark.parametrize("build", [of_keras, of_torch])
def test_a_forecast_follows_the_parameters(build):
    mc = fitted(build(64, 64), n_draws=10, batch_size=32)
    ten = mc.forecast_cost()
    hundred = mc.set_params(n_draws=100).forecast_cost()
    assert 3 < hundred.ratio / ten.ratio < 10.5
    assert (ten.loop_ratio, hundred.loop_ratio) == (10, 100)
    assert 0 < ten.share < 1
    levels = mc.set_params(rate=[0.1, 0.2]).forecast_cost()
    assert levels.ratio == pytest.approx(2 * hundred.ratio, rel=0.1)
    alone = mc.set_params(rate=None, masks="independent").forecast_cost()
    assert alone.ratio > hundred.ratio


def test_a_perceptron_has_a_forecast():
    mlp = MLPClassifier((32, 16), max_iter=5, random_state=0)
    mlp.set_params(tol=1e6, n_iter_no_change=1).fit(X, np.arange(96) % 3)
    mc = fitted(FrozenEstimator(mlp), n_draws=10)
    assert 1 < mc.forecast_cost().ratio < 20


def test_nothing_of_a_torch_module_changes_even_after_an_exception():
    torch = pytest.importorskip("torch", reason="needs torch")
    nn = torch.nn

    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.fails = of_torch(8, 8)[:-1], False
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x):
            out = self.norm(self.body(x))
            if self.fails:
                raise RuntimeError("no more")
            return out

    model = Fails().train()
    model.norm.eval()
    mc = fitted(FrozenNetwork(model, from_logits=True), n_draws=5)

    def state():
        values = [x.clone() for x in model.state_dict().values()]
        modes = [part.training for part in model.modules()]
        return values, modes, torch.get_rng_state()

    before, model.fails = state(), True
    with pytest.raises(RuntimeError, match="no more"):
        mc.predict_proba(X)
    for one, other in zip(before[0], state()[0], strict=True):
        assert torch.equal(one, other)
    assert state()[1] == before[1]
    assert torch.equal(state()[2], before[2])
    model.fails = False
    assert mc.predict_proba(X).shape == (96, 3)
