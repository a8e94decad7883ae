"""Draws of torch modules, bare and in skorch, against loops of passes."""

import hashlib
import pickle

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.frozen import FrozenEstimator

from skcalib import FrozenNetwork, MCDropoutClassifier, MCDropoutRegressor
from skcalib.sampling._masks import masks_of

torch = pytest.importorskip("torch", reason="needs torch")
nn, F = torch.nn, torch.nn.functional

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(12, 10)).astype(np.float32)
SEQUENCES = RNG.normal(size=(12, 6, 8)).astype(np.float32)
IMAGES = RNG.normal(size=(12, 1, 8, 8)).astype(np.float32)
N_DRAWS = 400


@pytest.fixture(autouse=True)
def same_start():
    torch.manual_seed(0)


def perceptron(drop=nn.Dropout):
    return nn.Sequential(
        *(nn.Linear(10, 32), nn.ReLU(), drop(0.3), nn.Linear(32, 16)),
        *(nn.BatchNorm1d(16), nn.ReLU(), drop(0.2), nn.Linear(16, 4), nn.Softmax(dim=-1)),
    )


def images(drop=nn.Dropout):
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.ReLU(), drop(0.3), nn.Conv2d(4, 4, 3)),
        *(nn.ReLU(), nn.Flatten(), drop(0.4), nn.Linear(64, 4), nn.Softmax(dim=-1)),
    )


def head(drop=nn.Dropout):
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten()),
        *(drop(0.5), nn.Linear(144, 4), nn.Softmax(dim=-1)),
    )


class Given(nn.Module):
    """Stands where a dropout stood, and multiplies by the mask of one draw."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        self.shape = tuple(x.shape[1:])
        return x * self.mask if hasattr(self, "mask") else x


def by_a_loop(build, model, X, seed, n_draws):
    """Return draws of a twin in which masks were put by hand."""
    twin = build(Given)
    twin.load_state_dict(model.state_dict())
    twin.eval()
    given = torch.from_numpy(X)
    places = [part for part in twin if isinstance(part, Given)]
    with torch.no_grad():
        twin(given)
        draws = []
        for draw in range(n_draws):
            for number, place in enumerate(places):
                site = type("Site", (), {"kind": "dropout", "shape": place.shape})
                (mask,) = masks_of(site, number, place.rate, seed, range(draw, draw + 1))
                place.mask = torch.from_numpy(mask[0])
            draws.append(twin(given).numpy())
    return np.array(draws)


def state_of(model):
    """Hash weights, statistics, modes and the state of torch's generator."""
    parts = [x.detach().numpy().tobytes() for x in model.state_dict().values()]
    modes = str([part.training for part in model.modules()]).encode()
    state = torch.get_rng_state().numpy().tobytes()
    return hashlib.sha256(b"".join([*parts, modes, state])).hexdigest()


def path_of(mc):
    return mc.forecast_cost().path


@pytest.mark.parametrize(
    ("build", "X", "path"),
    [(perceptron, ROWS, "vmap"), (head, IMAGES, "vmap"), (images, IMAGES, "vmap")],
)
def test_the_same_as_a_loop_with_the_same_masks(build, X, path):
    model = build().train()
    before = state_of(model)
    mc = MCDropoutClassifier(model, n_draws=7, random_state=3).fit(X)
    draws = mc.sample_proba(X)
    assert path_of(mc) == path
    assert state_of(model) == before
    expected = by_a_loop(build, model, X, mc.seed_, 7)
    np.testing.assert_allclose(draws, expected, atol=1e-6)
    assert draws.std(axis=0).max() > 1e-3
    smaller = mc.set_params(batch_size=5).sample_proba(X[::-1])[:, ::-1]
    np.testing.assert_allclose(smaller, draws, atol=1e-6)
    with torch.no_grad():
        plain = model.eval()(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(mc.set_params(rate=0.0).predict_proba(X), plain, atol=1e-6)


class Residual(nn.Module):
    """Functional dropout, in place too, and a way around it."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = (
            nn.Linear(10, 16),
            nn.Linear(16, 16),
            nn.Linear(16, 4),
        )

    def forward(self, x):
        x = F.relu(self.first(x))
        x = x + F.dropout(F.relu(self.second(x)), 0.4, self.training)
        F.dropout(x, 0.2, self.training, inplace=True)
        return self.last(x.view(x.size(0), -1))


class Channels(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = (
            nn.Conv2d(1, 4, 3),
            nn.Dropout2d(0.4),
            nn.Linear(4, 4),
        )

    def forward(self, x):
        return self.last(self.drop(F.relu(self.first(x))).mean((2, 3)))


class Recurrent(nn.Module):
    """Dropout before, and between the layers of an LSTM whose first axis is time."""

    def __init__(self):
        super().__init__()
        self.drop, self.last = nn.Dropout(0.3), nn.Linear(16, 4)
        self.lstm = nn.LSTM(8, 8, 2, dropout=0.3, bidirectional=True)

    def forward(self, x):
        return self.last(self.lstm(self.drop(x).transpose(0, 1))[0][-1])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.last = nn.TransformerEncoderLayer(8, 2, 16, 0.2), nn.Linear(8, 4)

    def forward(self, x):
        return self.last(self.encoder(x.transpose(0, 1)).mean(0))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts, self.last = nn.Linear(8, 24), nn.Linear(8, 4)

    def forward(self, x):
        q, k, v = (
            part.view(len(x), 6, 2, 4).transpose(1, 2) for part in self.parts(x).chunk(3, -1)
        )
        rate = 0.3 if self.training else 0.0
        out = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)
        return self.last(out.transpose(1, 2).reshape(len(x), 6, 8).mean(1))


class Depth(nn.Module):
    """Stochastic depth, as torchvision and timm write it."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = (
            nn.Linear(10, 16),
            nn.Linear(16, 16),
            nn.Linear(16, 4),
        )

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.last(x + self.drop(torch.relu(self.second(x))))

    def drop(self, x, keep=0.7):
        if not self.training:
            return x
        noise = torch.empty((len(x), 1), dtype=x.dtype).bernoulli_(keep)
        noise.div_(keep)
        return x * noise


class UniformDepth(Depth):
    """Stochastic depth as in transformers."""

    def drop(self, x, keep=0.7):
        if not self.training:
            return x
        noise = keep + torch.rand((len(x), 1), dtype=x.dtype)
        noise.floor_()
        return x.div(keep) * noise


class NeedsValues(nn.Module):
    """Looks at values, which vmap does not allow; an AlphaDropout."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = (
            nn.Linear(10, 16),
            nn.AlphaDropout(0.3),
            nn.Linear(16, 4),
        )

    def forward(self, x):
        x = self.drop(self.first(x))
        return self.last(2 * x if x.sum().item() < 1e9 else x)


class Auxiliary(nn.Module):
    """Gives a second output in training."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(10, 16), nn.Dropout(0.3), nn.Linear(16, 4)

    def forward(self, x):
        x = self.drop(torch.relu(self.first(x)))
        return (self.last(x), x) if self.training else self.last(x)


class Inverted(nn.Module):
    """An inverted residual block, its rows skipped at random, as in EfficientNet."""

    def __init__(self):
        super().__init__()
        conv = nn.Conv2d
        self.first = conv(1, 4, 3, padding=1, bias=False)
        self.wide = nn.Sequential(conv(4, 8, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU(True))
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(8, 8, 1, bias=False))
        self.narrow = nn.Sequential(conv(8, 4, 1, bias=False), nn.BatchNorm2d(4))
        self.last = nn.Sequential(nn.Dropout(0.2, inplace=True), nn.Linear(4, 4))

    def forward(self, x):
        x = self.first(x)
        wide = self.wide(x)
        wide = wide * torch.sigmoid(self.squeeze(wide))
        x = x + self.skip_some(self.narrow(wide))
        return self.last(x.mean((2, 3)))

    def skip_some(self, x, keep=0.7):
        if not self.training:
            return x
        noise = torch.empty((len(x), 1, 1, 1), dtype=x.dtype).bernoulli_(keep)
        return x * noise.div_(keep)


class OnACard(Depth):
    """Divides as a card does, and rounds as its products of few digits do."""

    def forward(self, x):
        x = self.drop(x)
        return self.first(torch.round(x * 1024) / 1024)

    def drop(self, x, keep=0.7):
        if not self.training:
            return x
        noise = torch.empty((len(x), 1), dtype=x.dtype).bernoulli_(keep)
        return x * noise.mul_(1 / keep).mul_(1 + 2**-23)


def test_rounding_of_a_card_is_no_other_computation():
    model = OnACard().eval()
    X = (np.arange(120).reshape(12, 10) % 9 + 100.5).astype(np.float32) / 1024  # between two
    with torch.no_grad():
        plain, other = (model(torch.from_numpy(X * x)) for x in (1, np.float32(1 + 2**-22)))
    changed = (plain - other).abs().max() / plain.abs().max()
    assert 1e-3 < changed < 0.05  # which a comparison of plain float32 would refuse
    mc = MCDropoutClassifier(FrozenNetwork(model, from_logits=True), n_draws=3).fit(X)
    assert [site.shape for site in mc.sites_] == [(1,)]


NETWORKS = [
    (Residual, ROWS),
    (Channels, IMAGES),
    (Recurrent, SEQUENCES),
    (Encoder, SEQUENCES),
    (Attention, SEQUENCES),
    (Depth, ROWS),
    (UniformDepth, ROWS),
    (Inverted, IMAGES),
    (NeedsValues, ROWS),
    (Auxiliary, ROWS),
]
LOOPED = (NeedsValues,)


def by_a_loop_in_training(model, X, n_draws):
    """Return passes in training, but for statistics."""
    model.train()
    for part in model.modules():  # its statistics are not what is drawn
        part.train(not isinstance(part, nn.BatchNorm2d))
    with torch.no_grad():
        loop = [model(torch.from_numpy(X)) for _ in range(n_draws)]
    return np.array([part[0] if isinstance(part, tuple) else part for part in loop])


@pytest.mark.parametrize(("build", "X"), NETWORKS)
def test_in_distribution_as_a_loop_of_passes(build, X):
    model = build()
    for weight in model.parameters():
        nn.init.normal_(weight, 0, 0.5)
    model.eval()
    before = state_of(model)
    network = FrozenNetwork(model, from_logits=True)
    mc = MCDropoutClassifier(network, n_draws=N_DRAWS, random_state=0).fit(X)
    draws = mc.sample_proba(X)
    assert path_of(mc) == ("loop" if build in LOOPED else "vmap")
    assert state_of(model) == before
    loop = softmax(by_a_loop_in_training(model, X, N_DRAWS), axis=-1)
    error = np.sqrt((draws.var(axis=0) + loop.var(axis=0)) / N_DRAWS)
    z = (draws.mean(axis=0) - loop.mean(axis=0)) / error
    assert 0.5 < np.sqrt((z**2).mean()) < 1.5
    assert 0.85 < draws.var(axis=0).mean() / loop.var(axis=0).mean() < 1.15
    alone = mc.set_params(n_draws=3).sample_proba(X[4:5])
    np.testing.assert_allclose(alone[:, 0], draws[:3, 4], atol=1e-5)


@pytest.mark.parametrize("masks", ["shared", "independent"])
def test_one_linear_layer_has_a_known_mean_and_covariance(masks):
    model = nn.Sequential(nn.Dropout(0.4), nn.Linear(10, 2)).eval()
    mc = MCDropoutRegressor(model, n_draws=4000, masks=masks, random_state=0).fit(ROWS)
    draws = mc.sample(ROWS)
    kernel = model[1].weight.detach().numpy().T
    mean = ROWS @ kernel + model[1].bias.detach().numpy()
    covariance = np.einsum("nj,jk,jl->nkl", ROWS**2, kernel, kernel) * 0.4 / 0.6
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    assert (np.abs(draws.mean(axis=0) - mean) < 4 * np.sqrt(variance / 4000)).all()
    found = np.einsum("tnk,tnl->nkl", draws - mean, draws - mean) / 4000
    np.testing.assert_allclose(found, covariance, atol=0.12 * covariance.max())


def test_compiled_modules_and_pickles():
    model = perceptron().eval()
    compiled = torch.compile(model, backend="eager")
    with torch.no_grad():
        compiled(torch.from_numpy(ROWS))
    plain, other = (
        MCDropoutClassifier(m, n_draws=5, random_state=0).fit(ROWS) for m in (model, compiled)
    )
    expected = plain.sample_proba(ROWS)
    np.testing.assert_array_equal(other.sample_proba(ROWS), expected)
    twin = pickle.loads(pickle.dumps(plain))
    np.testing.assert_array_equal(twin.sample_proba(ROWS), expected)


class OwnNoise(nn.Module):
    """Stochastic depth of its own making."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(10, 16), nn.Dropout(0.3), nn.Linear(16, 4)

    def forward(self, x):
        x = self.drop(self.first(x))
        return self.last(x * (torch.rand(()) > 0.1) if self.training else x)


class Together(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop, self.last = nn.Dropout(0.3), nn.Linear(10, 4)

    def forward(self, x):
        return self.last(self.drop(x) / (1 + 0.05 * x.abs().mean()))


class Certain(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop, self.last = nn.Dropout(0.0), nn.Linear(10, 4)

    def forward(self, x):
        return self.last(self.drop(x))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (OwnNoise, "random numbers that are no dropout"),
        (Together, "depends on the other rows"),
        (Certain, "has no dropout that is on"),
        (lambda: nn.Sequential(nn.Dropout(1.0), nn.Linear(10, 4)), "rate 1.0 and drops all"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(build, message):
    model = build().eval()
    before = state_of(model)
    with pytest.raises(ValueError, match=message):
        MCDropoutClassifier(FrozenNetwork(model, from_logits=True)).fit(ROWS)
    assert state_of(model) == before


def test_injection_is_refused_and_a_rate_turns_dropout_on():
    network = FrozenNetwork(Certain().eval(), from_logits=True)
    with pytest.raises(ValueError, match="inject='last' is for Keras models"):
        MCDropoutClassifier(network, inject="last").fit(ROWS)
    assert (
        MCDropoutClassifier(network, rate=0.3).fit(ROWS).predict_uncertainty(ROWS).std.max() > 0
    )


def test_skorch_trained_here_or_before():
    skorch = pytest.importorskip("skorch", reason="needs skorch")
    net = skorch.NeuralNetClassifier(
        perceptron(), criterion=nn.NLLLoss, max_epochs=2, train_split=None, verbose=0, lr=0.1
    )
    y = np.array(["a", "b", "c", "d"])[np.arange(12) % 4]
    mc = MCDropoutClassifier(net, n_draws=6, random_state=0).fit(ROWS, y)
    assert mc.classes_.tolist() == ["a", "b", "c", "d"]
    trained = mc.estimator_.net_
    frozen = MCDropoutClassifier(FrozenEstimator(trained), n_draws=6, random_state=0)
    frozen.fit(ROWS, np.arange(12) % 4)
    draws = mc.sample_proba(ROWS)
    np.testing.assert_allclose(frozen.sample_proba(ROWS), draws, atol=1e-6)
    bare = trained.module_
    expected = by_a_loop(perceptron, bare, ROWS, mc.seed_, 6)
    np.testing.assert_allclose(draws, expected, atol=1e-6)
