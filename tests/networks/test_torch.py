"""torch modules, bare and in skorch's wrappers."""

import copy
import hashlib
import pickle

import joblib
import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.networks import NAMES, X_TWO, Y_TWO, X, Y

from skcalib import CalibratedClassifierCV, FrozenNetwork, TemperatureCalibratedClassifier
from skcalib.folds._responses import response_of

torch = pytest.importorskip("torch", reason="needs torch: pip install 'skcalib[torch]'")
skorch = pytest.importorskip("skorch", reason="needs skorch: pip install 'skcalib[torch]'")
nn = torch.nn
FIT, CALIB, TEST = slice(0, 600), slice(600, 900), slice(900, None)
TWO_NAMES = np.array(["malignant", "benign"])[Y_TWO]

HEADS = {
    "torch.softmax": lambda z: torch.softmax(z, -1),
    "functional": lambda z: nn.functional.softmax(z, dim=1),
    "module": lambda z: nn.Softmax(dim=-1)(z),
    "method": lambda z: z.softmax(1),
    "cast": lambda z: z.double().softmax(1).float(),
    "log_softmax": lambda z: nn.functional.log_softmax(z, dim=-1),
    "reshaped": lambda z: torch.softmax(z[:, :, None], 1).flatten(1),
    "logits": lambda z: z,
}


class Digits(nn.Module):
    def __init__(self, hidden=32, head="torch.softmax"):
        super().__init__()
        self.hidden = nn.Linear(64, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.dropout = nn.Dropout(0.2)
        self.out = nn.Linear(hidden, 10)
        self.head = head

    def before(self, x):
        return self.out(self.dropout(torch.relu(self.norm(self.hidden(x)))))

    def forward(self, x):
        return HEADS[self.head](self.before(x))


class Cancer(nn.Module):
    def __init__(self, sigmoid=False, squeeze=True):
        super().__init__()
        self.out = nn.Linear(30, 1)
        self.sigmoid = sigmoid
        self.squeeze = squeeze

    def forward(self, x):
        z = self.out(x)
        z = torch.sigmoid(z) if self.sigmoid else z
        return z.squeeze(-1) if self.squeeze else z


class ByHand(Digits):
    def forward(self, x):
        e = torch.exp(self.before(x))
        return e / e.sum(dim=1, keepdim=True)


@pytest.fixture(autouse=True)
def torch_seed():
    torch.manual_seed(0)


def digits_net(**parameters):
    return skorch.NeuralNetClassifier(
        Digits, max_epochs=15, lr=0.1, verbose=0, train_split=None, **parameters
    )


def cancer_net(**parameters):
    return skorch.NeuralNetBinaryClassifier(
        Cancer, max_epochs=20, lr=0.3, verbose=0, train_split=None, **parameters
    )


@pytest.fixture(scope="module")
def fitted():
    torch.manual_seed(0)
    return digits_net().fit(X[FIT], Y[FIT])


def module_hash(module):
    state = [v.detach().cpu().numpy().tobytes() for v in module.state_dict().values()]
    modes = repr([m.training for m in module.modules()]).encode()
    return hashlib.sha256(b"".join([*state, modes])).hexdigest()


def expected_logits(module):
    module = copy.deepcopy(module).eval()
    with torch.no_grad():
        return module.before(torch.tensor(X)).numpy()


@pytest.mark.parametrize("head", HEADS)
def test_true_logits(fitted, head):
    module = Digits(head=head)
    module.load_state_dict(fitted.module_.state_dict())
    module.out.weight.data *= 40  # saturated
    module.train()
    module.norm.eval()  # modes are restored one by one
    before = module_hash(module)
    network = FrozenNetwork(module).fit(X, Y)
    logits = expected_logits(module)
    wanted = log_softmax(logits, axis=1) if head == "log_softmax" else logits
    assert network.has_logits_
    np.testing.assert_allclose(network.decision_function(X), wanted, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(network.predict_proba(X), softmax(logits, axis=1), atol=1e-5)
    assert softmax(logits, axis=1).max(axis=1).mean() > 0.99
    calibrated = TemperatureCalibratedClassifier(module).fit(X[CALIB], Y[CALIB])
    raw = log_loss(Y[TEST], network.predict_proba(X[TEST]))
    assert log_loss(Y[TEST], calibrated.predict_proba(X[TEST])) <= raw + 0.01
    assert module_hash(module) == before


@pytest.mark.parametrize("sigmoid", [False, True])
@pytest.mark.parametrize("squeeze", [False, True])
def test_one_output(sigmoid, squeeze):
    module = Cancer(sigmoid, squeeze)
    module.load_state_dict(cancer_net().fit(X_TWO, Y_TWO.astype("f")).module_.state_dict())
    with torch.no_grad():
        z = module.out(torch.tensor(X_TWO)).numpy()[:, 0]
    network = FrozenNetwork(module).fit(X_TWO, Y_TWO)
    np.testing.assert_allclose(network.decision_function(X_TWO), z, rtol=1e-4, atol=1e-4)
    calibrated = CalibratedClassifierCV(module).fit(X_TWO[:400], Y_TWO[:400])
    assert roc_auc_score(Y_TWO[400:], calibrated.predict_proba(X_TWO[400:])[:, 1]) > 0.95


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_lost_logits(fitted):
    module = ByHand()
    module.load_state_dict(fitted.module_.state_dict())
    network = FrozenNetwork(module).fit(X, Y)
    assert not network.has_logits_
    with pytest.warns(UserWarning, match="logits of ByHand are not available"):
        TemperatureCalibratedClassifier(network).fit(X, Y)
    traced = torch.jit.trace(copy.deepcopy(fitted.module_).eval(), torch.zeros(2, 64))
    with pytest.warns(UserWarning, match="are not available"):
        TemperatureCalibratedClassifier(traced).fit(X, Y)


def test_at_home_in_scikit_learn(fitted):
    module = fitted.module_
    before = module_hash(module)
    network = FrozenNetwork(module).fit(X, NAMES)
    proba = network.predict_proba(X)
    assert "Digits" in repr(network)
    assert "FrozenNetwork" in network._repr_html_()
    for twin in (
        copy.deepcopy(network),
        copy.copy(network),
        pickle.loads(pickle.dumps(network)),
        copy.deepcopy(FrozenEstimator(network)),
        clone(network).fit(X, NAMES),
    ):
        np.testing.assert_array_equal(twin.predict_proba(X), proba)
        assert twin.classes_.tolist() == sorted(set(NAMES))
    calibrated = TemperatureCalibratedClassifier(module, ensemble=True)
    assert clone(calibrated).estimator.model is module
    cross_val_score(calibrated, X[CALIB], Y[CALIB], cv=3)
    GridSearchCV(CalibratedClassifierCV(module), {"method": ["isotonic"]}, cv=3).fit(X, Y)
    assert module_hash(module) == before
    with pytest.raises(ValueError, match="bare Digits, which it would train"):
        CalibratedClassifierCV(make_pipeline(StandardScaler(), module)).fit(X, Y)


def test_modes_are_restored_after_an_error(fitted):
    module = copy.deepcopy(fitted.module_).train()
    with pytest.raises(RuntimeError, match="shapes"):
        FrozenNetwork(module).predict_proba(X[:, :9])
    assert all(part.training for part in module.modules())


def test_inputs(fitted):
    network = FrozenNetwork(fitted.module_)
    proba = network.predict_proba(X)
    for same in (X.astype(float), X.tolist(), torch.tensor(X), X[::-1][::-1]):
        np.testing.assert_allclose(network.predict_proba(same), proba, atol=1e-6)
    np.testing.assert_allclose(network.predict_proba(X[::-1])[::-1], proba, atol=1e-6)
    whole = np.round(X * 16).astype(np.uint8)  # what images come as
    np.testing.assert_allclose(
        network.predict_proba(whole), network.predict_proba(whole.astype(float)), atol=1e-6
    )
    np.testing.assert_allclose(
        FrozenNetwork(fitted.module_, batch_size=7).predict_proba(X[:30]), proba[:30], atol=1e-6
    )
    double = copy.deepcopy(fitted.module_).double()
    np.testing.assert_allclose(FrozenNetwork(double).predict_proba(X), proba, atol=1e-5)

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.EmbeddingBag(17, 10)

        def forward(self, words, weights):
            return self.embed(words, per_sample_weights=None) * weights

    inputs = {"words": whole.astype(int), "weights": np.ones((len(X), 1))}
    assert FrozenNetwork(Tokens()).fit(inputs, Y).predict_proba(inputs).shape == (1797, 10)


def test_lazy_modules_without_weights():
    with pytest.raises(ValueError, match="has no weights yet"):
        FrozenNetwork(nn.LazyLinear(10)).fit(X, Y)


def check(calibrated, y=NAMES, samples=X):
    calibrated.fit(samples[:900], y[:900])
    proba = calibrated.predict_proba(samples[900:])
    assert calibrated.classes_.tolist() == sorted(set(y.tolist()))
    assert calibrated.score(samples[900:], y[900:]) > 0.75
    assert log_loss(y[900:], proba) < 0.9
    one = calibrated.predict_proba(samples[900:901])
    np.testing.assert_allclose(one, proba[:1], atol=1e-4)
    return calibrated


@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_skorch_trained_in_folds(method, ensemble, n_jobs):
    check(
        CalibratedClassifierCV(
            digits_net(), method=method, ensemble=ensemble, cv=2, n_jobs=n_jobs
        )
    )


@pytest.mark.parametrize(
    "y",
    [Y, NAMES, Y * 7 - 20, Y.astype(float), np.eye(10)[Y]],
    ids=["ints", "str", "odd", "float", "1hot"],
)
def test_skorch_takes_any_labels(y):
    calibrated = TemperatureCalibratedClassifier(digits_net(), cv=2)
    if y.ndim == 2:
        assert calibrated.fit(X, y).score(X, Y) > 0.75
    else:
        check(calibrated, y)


def test_skorch_takes_any_numbers():
    net = digits_net()
    check(TemperatureCalibratedClassifier(net, cv=2), samples=X.astype(float))
    check(TemperatureCalibratedClassifier(net, cv=2), samples=np.round(X * 16).astype(int))
    check(TemperatureCalibratedClassifier(make_pipeline(StandardScaler(), net), cv=2))


def test_skorch_with_cross_entropy():
    net = digits_net(module__head="logits", criterion=nn.CrossEntropyLoss)
    check(TemperatureCalibratedClassifier(net, cv=2))


def test_skorch_in_searches():
    search = GridSearchCV(
        TemperatureCalibratedClassifier(digits_net(), cv=2),
        {"estimator__module__hidden": [1, 32]},
        cv=2,
    )
    assert check(search).best_params_ == {"estimator__module__hidden": 32}
    inner = GridSearchCV(digits_net(), {"module__hidden": [4, 32]}, cv=2).fit(X[FIT], Y[FIT])
    calibrated = TemperatureCalibratedClassifier(FrozenEstimator(inner)).fit(X[CALIB], Y[CALIB])
    assert calibrated.score(X[TEST], Y[TEST]) > 0.75
    assert response_of(FrozenEstimator(inner), X).network == "Digits"


def test_skorch_frozen(fitted):
    raw = fitted.predict_proba(X[TEST])  # skorch leaves the module in evaluation mode
    before = module_hash(fitted.module_)
    for net in (fitted, make_pipeline(StandardScaler(with_mean=False, with_std=False), fitted)):
        if net is not fitted:
            net[0].fit(X)
        calibrated = TemperatureCalibratedClassifier(FrozenEstimator(net))
        calibrated.fit(X[CALIB].astype(float), Y[CALIB])
        assert (
            log_loss(Y[TEST], calibrated.predict_proba(X[TEST]))
            <= log_loss(Y[TEST], raw) + 0.01
        )
    np.testing.assert_allclose(
        response_of(fitted, X).values, expected_logits(fitted.module_), atol=1e-4
    )
    assert module_hash(fitted.module_) == before
    with pytest.raises(ValueError, match="which the fitted estimator does not know"):
        TemperatureCalibratedClassifier(FrozenEstimator(fitted)).fit(X[CALIB], NAMES[CALIB])


def test_skorch_that_was_only_initialised(fitted):
    net = digits_net().initialize()
    net.module_.load_state_dict(fitted.module_.state_dict())
    calibrated = TemperatureCalibratedClassifier(FrozenEstimator(net)).fit(X[CALIB], Y[CALIB])
    assert calibrated.score(X[TEST], Y[TEST]) > 0.75


@pytest.mark.parametrize(
    "y",
    [Y_TWO, TWO_NAMES, Y_TWO.astype(bool), Y_TWO.astype(float)],
    ids=["int", "str", "bool", "float"],
)
@pytest.mark.parametrize("ensemble", [True, False])
def test_skorch_binary_is_never_inverted(y, ensemble):
    for net in (cancer_net(), make_pipeline(StandardScaler(), cancer_net())):
        calibrated = CalibratedClassifierCV(net, ensemble=ensemble, cv=2).fit(
            X_TWO[:400], y[:400]
        )
        proba = calibrated.predict_proba(X_TWO[400:])
        assert roc_auc_score(y[400:] == calibrated.classes_[1], proba[:, 1]) > 0.95
        assert calibrated.score(X_TWO[400:], y[400:]) > 0.9
        assert calibrated.predict_proba(X_TWO[:1]).shape == (1, 2)


def test_skorch_binary_frozen():
    rows, y = X_TWO[:300], Y_TWO[:300].astype("f")
    search = GridSearchCV(cancer_net(), {"lr": [0.3]}, cv=2)
    for net in (cancer_net(), search, make_pipeline(StandardScaler(), cancer_net())):
        calibrated = CalibratedClassifierCV(FrozenEstimator(net.fit(rows, y)))
        calibrated.fit(X_TWO[300:400], Y_TWO[300:400])
        assert calibrated.calibrated_classifiers_[0].floor is None  # true logits
        proba = calibrated.predict_proba(X_TWO[400:])
        assert roc_auc_score(Y_TWO[400:], proba[:, 1]) > 0.95


class Mirrored(skorch.NeuralNetClassifier):
    """Trained, and asked, on other features than it is given."""

    def infer(self, x, **fit_params):
        return super().infer(1 - x, **fit_params)


def mirrored(rows):
    return tuple(torch.utils.data.default_collate([(1 - x, y) for x, y in rows]))


@pytest.mark.parametrize(
    "changed",
    [
        {"predict_nonlinearity": None},
        {"iterator_train__collate_fn": mirrored, "iterator_valid__collate_fn": mirrored},
        {},
    ],
    ids=["nonlinearity", "collate_fn", "subclass"],
)
def test_a_customised_skorch_net_is_asked_itself(changed):
    kind = skorch.NeuralNetClassifier if changed else Mirrored
    net = kind(Digits, max_epochs=15, lr=0.1, verbose=0, train_split=None, **changed)
    fitted = clone(net).fit(X[FIT], Y[FIT])
    response = response_of(fitted, X)
    assert response.is_proba
    np.testing.assert_allclose(response.values, fitted.predict_proba(X))
    check(TemperatureCalibratedClassifier(net, cv=2))


def test_subclasses_of_losses_say_what_their_bases_say():
    class Weighted(nn.CrossEntropyLoss):
        pass

    check(
        TemperatureCalibratedClassifier(
            digits_net(module__head="logits", criterion=Weighted), cv=2
        )
    )


def test_skorch_with_labels_in_its_own_order():
    def net(classes, k):
        module = nn.Sequential(nn.Linear(30, k), nn.Softmax(1))
        return skorch.NeuralNetClassifier(
            module, classes=classes, max_epochs=20, lr=0.3, verbose=0, train_split=None
        )

    fitted = net(["yes", "no"], 2).fit(X_TWO, 1 - Y_TWO)
    words = np.where(Y_TWO, "yes", "no")
    for ensemble in (True, False):
        calibrated = CalibratedClassifierCV(FrozenEstimator(fitted), ensemble=ensemble)
        calibrated.fit(X_TWO, words)
        assert calibrated.classes_.tolist() == ["no", "yes"]
        assert roc_auc_score(Y_TWO, calibrated.predict_proba(X_TWO)[:, 1]) > 0.95


def test_skorch_that_never_saw_a_class(fitted):
    few = np.flatnonzero(Y[:900] < 9)
    calibrated = TemperatureCalibratedClassifier(digits_net(), cv=[(few, np.arange(900))])
    with pytest.raises(ValueError, match=r"y holds the classes \['nine'\].*Stratify"):
        calibrated.fit(X[:900], NAMES[:900])
    # Another split knows it, and completes the answer of the first.
    splits = [(few, np.arange(900)), (np.arange(450), np.arange(450, 900))]
    calibrated.set_params(cv=splits)
    with pytest.warns(UserWarning, match="training rows lack .'nine'.*samples .* left out"):
        calibrated.fit(X[:900], NAMES[:900])
    column = calibrated.classes_.tolist().index("nine")
    nines = NAMES[900:] == "nine"
    assert calibrated.predict_proba(X[900:])[nines, column].mean() > 0.5
    assert (calibrated.temperature_ < 10).all()
    # A module with more outputs than there are labels, trained and frozen.
    check_few = TemperatureCalibratedClassifier(digits_net(), cv=2).fit(X[few], NAMES[few])
    assert check_few.predict_proba(X[:5]).shape == (5, 9)
    part = digits_net().fit(X[few], Y[few])
    with pytest.warns(UserWarning, match="Some classes have no samples"):
        calibrated = TemperatureCalibratedClassifier(FrozenEstimator(part)).fit(X[few], Y[few])
    assert calibrated.score(X[few], Y[few]) > 0.9


def test_skorch_in_a_dict_of_rows():
    from skorch.helper import SliceDict

    class Named(Digits):
        def forward(self, pixels):
            return super().forward(pixels)

    net = skorch.NeuralNetClassifier(Named, max_epochs=15, lr=0.1, verbose=0, train_split=None)
    for kind in (SliceDict, dict):
        calibrated = TemperatureCalibratedClassifier(net, cv=2)
        calibrated.fit(kind(pixels=X[:900]), NAMES[:900])
        proba = calibrated.predict_proba(kind(pixels=X[900:]))
        assert np.mean(calibrated.classes_[proba.argmax(axis=1)] == NAMES[900:]) > 0.75


def test_skorch_in_another_meta_estimator():
    search = GridSearchCV(digits_net(), {"max_epochs": [3]}, cv=2, error_score="raise")
    calibrated = TemperatureCalibratedClassifier(search, cv=2)
    with (
        pytest.warns(UserWarning, match="GridSearchCV trains the NeuralNetClassifier inside"),
        pytest.raises((TypeError, ValueError, RuntimeError)),
    ):
        calibrated.fit(X, NAMES)
    calibrated.fit(X[:900], Y[:900])  # numbered labels


def test_requests_of_the_net_are_routed():
    with config_context(enable_metadata_routing=True):
        net = digits_net().set_fit_request(epochs=True)
        pipe = make_pipeline(StandardScaler(), net)
        calibrated = TemperatureCalibratedClassifier(pipe, cv=2)
        calibrated.fit(X[:900], NAMES[:900], epochs=2)
    inside = calibrated.calibrated_classifiers_[0].estimator[-1].net_
    assert len(inside.history) == 2


def own_answer(module, fitted):
    """Give a module the weights of a fitted net; return what it answers itself."""
    module.load_state_dict(fitted.module_.state_dict())
    module.eval()
    with torch.no_grad():
        return module(torch.tensor(X)).numpy()


class InPlace(Digits):
    """Changes its answer after the softmax, in place, or what went into it."""

    def forward(self, x):
        z = self.before(x)
        if self.head == "out":
            p = torch.empty_like(z)
            torch.softmax(z, 1, out=p)
            return p
        p = torch.softmax(z, 1)
        if self.head == "output":
            p.mul_(0.5).add_(0.05)
        elif self.head == "row":
            p[:, 0] = 0
            p /= p.sum(dim=1, keepdim=True)
        else:
            z.mul_(3)
        return p


@pytest.mark.parametrize("head", ["out", "output", "row", "input"])
def test_what_happens_in_place_is_seen(fitted, head):
    module = InPlace(head=head)
    expected = own_answer(module, fitted)
    network = FrozenNetwork(module).fit(X, Y)
    np.testing.assert_allclose(network.predict_proba(X), expected, atol=1e-6)
    assert not network.has_logits_


class Reordered(Digits):
    """Gives the columns after the softmax another order, or mixes them."""

    def forward(self, x):
        p = torch.softmax(self.before(x), 1)
        if self.head == "index":
            return p[:, torch.arange(9, -1, -1)]
        if self.head == "list":
            return p[:, [*range(1, 10), 0]]
        if self.head == "matmul":
            return p @ torch.eye(10).flip(0)
        return p.flip(1)


@pytest.mark.parametrize("head", ["index", "list", "matmul", "flip"])
def test_columns_in_another_order_are_seen(fitted, head):
    module = Reordered(head=head)
    expected = own_answer(module, fitted)
    np.testing.assert_allclose(
        FrozenNetwork(module).fit(X, Y).predict_proba(X), expected, atol=1e-6
    )


class InParts(Digits):
    """Ends in a softmax over each half of the columns: two answers, not one."""

    def forward(self, x):
        return torch.softmax(self.before(x).view(-1, 5), 1).view(-1, 10)


def test_a_softmax_over_parts_of_a_row_is_not_the_head(fitted):
    module = InParts()
    own_answer(module, fitted)
    with pytest.raises(ValueError, match=r"may be logits or probabilities. Set from_logits"):
        FrozenNetwork(module).fit(X, Y)


class Squeezed(Cancer):
    def forward(self, x):
        return torch.sigmoid(self.out(x)).squeeze()


class Indexed(Cancer):
    def forward(self, x):
        return torch.sigmoid(self.out(x))[:, 0]


class InADict(Digits):
    def forward(self, x):
        return {"logits": self.before(x)}


class OwnParams(Digits):
    def get_params(self, deep=True):
        return {}


def test_common_idioms(fitted):
    state = cancer_net().fit(X_TWO, Y_TWO.astype("f")).module_.state_dict()
    for kind in (Squeezed, Indexed):
        module = kind()
        module.load_state_dict(state)
        calibrated = CalibratedClassifierCV(module).fit(X_TWO, Y_TWO)
        assert calibrated.calibrated_classifiers_[0].floor is None  # true logits
        proba = calibrated.predict_proba(X_TWO)
        np.testing.assert_allclose(calibrated.predict_proba(X_TWO[:1]), proba[:1], atol=1e-6)
        last = FrozenNetwork(module, classes=[0, 1], batch_size=8).predict_proba(X_TWO[:9])
        np.testing.assert_allclose(
            last, FrozenNetwork(module).fit(X_TWO).predict_proba(X_TWO[:9])
        )
    for kind in (InADict, OwnParams):
        module = kind()
        module.load_state_dict(fitted.module_.state_dict())
        assert TemperatureCalibratedClassifier(module).fit(X, Y).score(X, Y) > 0.8
    trained = skorch.NeuralNetBinaryClassifier(Squeezed, criterion=nn.BCELoss, verbose=0)
    assert CalibratedClassifierCV(trained, cv=2).fit(X_TWO, Y_TWO).classes_.tolist() == [0, 1]


def test_a_linear_end_is_logits_whatever_the_values():
    module = nn.Linear(30, 1)
    with torch.no_grad():
        module.weight.mul_(0.01)
        module.bias.fill_(0.5)
        z = module(torch.tensor(X_TWO)).numpy()[:, 0]
    assert 0 < z.min() < z.max() < 1
    network = FrozenNetwork(module)
    np.testing.assert_allclose(network.decision_function(X_TWO), z, rtol=1e-5)
    np.testing.assert_allclose(
        network.fit(X_TWO).predict_proba(X_TWO)[:, 1], expit(z), rtol=1e-5
    )


class ByValues(Digits):
    def forward(self, x):
        p = torch.softmax(self.before(x) * 9, 1)
        return p.clamp_min(1e-6) if (p < 1e-6).any() else p


def test_an_end_that_depends_on_the_values_is_refused(fitted):
    module = ByValues()
    module.load_state_dict(fitted.module_.state_dict())
    with pytest.raises(ValueError, match=r"in one operation for some rows and in another"):
        FrozenNetwork(module, batch_size=1).predict_proba(X)


def test_threads_do_not_see_each_others_modes(fitted):
    module = copy.deepcopy(fitted.module_).train()
    before = module_hash(module)
    expected = FrozenNetwork(module).predict_proba(X)
    for _ in range(5):
        answers = joblib.Parallel(3, backend="threading")(
            joblib.delayed(FrozenNetwork(module, batch_size=50 * i).predict_proba)(X)
            for i in (1, 2, 3)
        )
        for answer in answers:
            np.testing.assert_allclose(answer, expected, atol=1e-5)
    assert module_hash(module) == before


def test_columns_of_a_frame_in_another_order_are_refused():
    pd = pytest.importorskip("pandas", reason="needs pandas: pip install pandas")
    frame = pd.DataFrame(X_TWO, columns=[f"measure {k:02}" for k in range(30)])
    turned = frame[frame.columns[::-1]]
    order = "must be in the same order as they were in fit"
    network = FrozenNetwork(Cancer()).fit(frame, Y_TWO)
    assert list(network.feature_names_in_) == list(frame.columns)
    for method in (network.predict, network.predict_proba, network.decision_function):
        method(frame)
        with pytest.raises(ValueError, match=order):
            method(turned)
    with pytest.raises(ValueError, match=order):
        TemperatureCalibratedClassifier(network).fit(turned, Y_TWO)
    bare = TemperatureCalibratedClassifier(Cancer()).fit(frame, Y_TWO)
    with pytest.raises(ValueError, match=order):
        bare.predict_proba(turned)
    with pytest.warns(UserWarning, match="X does not have valid feature names") as record:
        bare.predict_proba(X_TWO)
    assert len(record) == 1
    FrozenNetwork(Cancer()).predict(frame)  # was taught no names
    assert not hasattr(network.fit(X_TWO), "feature_names_in_")
