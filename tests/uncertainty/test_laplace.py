"""Last-layer Laplace against closed forms, quadrature and finite differences."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import expit, log_softmax, softmax
from scipy.stats import norm
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    make_classification,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skcalib import FrozenNetwork, TemperatureCalibratedClassifier
from skcalib.sampling import STRUCTURES, draw_proba, mean_proba, normal_points
from skcalib.uncertainty import LaplaceClassifier, _laplace_precision, _laplace_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore:The plain network .* is at least as good"),
    pytest.mark.filterwarnings(
        "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
    ),
]
X, Y = load_iris(return_X_y=True)
TWO = Y < 2


def posterior_of(structure, features, logits):
    found = STRUCTURES[structure]()
    half = len(features) // 2
    found.add(features[:half], logits[:half])
    found.add(features[half:], logits[half:])
    return found.finish()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_hessian_is_that_of_the_log_likelihood(n_classes):
    rng = np.random.default_rng(0)
    features, codes = rng.normal(size=(30, 4)), rng.integers(0, n_classes, 30)
    n_logits = 1 if n_classes == 2 else n_classes
    weights = rng.normal(size=(n_logits, 4))

    def loss(flat):
        logits = features @ flat.reshape(n_logits, 4).T
        if n_logits == 1:
            logits = np.hstack([np.zeros_like(logits), logits])
        return -log_softmax(logits, axis=1)[np.arange(30), codes].sum()

    step, size = 1e-4, n_logits * 4
    moves = step * np.eye(size)
    theta = weights.ravel()
    hessian = np.array(
        [
            [
                loss(theta + a + b) - loss(theta + a - b) - loss(theta - a + b)
                + loss(theta - a - b)
                for b in moves
            ]
            for a in moves
        ]
    ) / (4 * step**2)  # fmt: skip
    found = posterior_of("full", features, features @ weights.T)
    assert_allclose(found.hessian.reshape(size, size), hessian, atol=2e-5)


def test_structures_agree_where_their_assumptions_hold():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(7, 3))
    same = np.tile(rng.normal(size=(1, 4)), (40, 1))  # all rows share p
    features = rng.normal(size=(40, 3))
    full, kron = (posterior_of(s, features, same) for s in ("full", "kronecker"))
    assert_allclose(kron.variances(rows, 0.7), full.variances(rows, 0.7))
    # Two classes: exact for any p. Orthogonal features of one entry each: diagonal, too.
    features = np.eye(3)[rng.integers(0, 3, 40)]
    logits = rng.normal(size=(40, 1))
    full, kron, diagonal = (
        posterior_of(s, features, logits) for s in ("full", "kronecker", "diagonal")
    )
    assert_allclose(kron.variances(rows, 2.0), full.variances(rows, 2.0))
    assert_allclose(diagonal.variances(rows, 2.0), full.variances(rows, 2.0))


def test_deviations_have_these_variances():
    rng = np.random.default_rng(1)
    features, logits = rng.normal(size=(50, 5)), rng.normal(size=(50, 3))
    points = rng.normal(size=(40_000, 3))
    for structure in STRUCTURES:
        found = posterior_of(structure, features, logits)
        moved = found.deviations(features[:4], 1.0, points)
        assert_allclose(moved.var(axis=0), found.variances(features[:4], 1.0), rtol=0.05)


def test_two_classes_and_one_feature_by_quadrature():
    found = LaplaceClassifier(
        LogisticRegression(), prior_precision=0.5, predictive="sampled", random_state=0
    ).fit(X[TWO, :1], Y[TWO])
    model = found.estimator_
    f = model.decision_function(X[TWO, :1])
    p = expit(f)
    features = np.column_stack([X[TWO, :1], np.ones(TWO.sum())])
    hessian = (features * (p * (1 - p))[:, None]).T @ features + 0.5 * np.eye(2)
    for value in (4.0, 5.5, 7.0, 20.0):
        row = np.array([value, 1.0])
        mean = model.decision_function([[value]])[0]
        deviation = np.sqrt(row @ np.linalg.solve(hessian, row))
        exact, _ = quad(lambda z, m=mean, d=deviation: expit(m + d * z) * norm.pdf(z), -12, 12)
        assert_allclose(found.predict_proba([[value]])[0, 1], exact, atol=3e-3)


def test_points_stand_for_many_draws():
    rng = np.random.default_rng(0)
    features, logits = rng.normal(size=(200, 6)), 3 * rng.normal(size=(200, 5))
    found = posterior_of("kronecker", features, logits)
    many = draw_proba(
        found, features[:50], logits[:50], 1.0, rng.normal(size=(10_000, 5))
    ).mean(axis=0)
    few = draw_proba(found, features[:50], logits[:50], 1.0, normal_points(5, 0, 64)).mean(
        axis=0
    )
    assert np.abs(few - many).mean() < 3e-3


def test_probit_is_near_the_mean_of_two_classes():
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    logits, variances = np.meshgrid(np.linspace(-6, 6, 13), [0.1, 1.0, 4.0, 16.0])
    exact = (expit(logits[..., None] + np.sqrt(variances)[..., None] * nodes) * weights).sum(
        axis=-1
    ) / weights.sum()
    found = mean_proba(logits.reshape(-1, 1), variances.reshape(-1, 1))[:, 1]
    assert_allclose(found, exact.ravel(), atol=0.02)


def test_probit_draws_have_its_mean():
    model = LogisticRegression(max_iter=500)
    laplace = LaplaceClassifier(model, prior_precision=0.1, random_state=0).fit(X, Y)
    mean = laplace.predict_proba(X)
    assert_allclose(laplace.sample_proba(X).mean(axis=0), mean, atol=1e-7)
    laplace = LaplaceClassifier(model, prior_precision=0.1, random_state=0).fit(X[TWO], Y[TWO])
    mean = laplace.predict_proba(X)
    sampled = laplace.set_params(predictive="sampled").predict_proba(X)
    assert 1e-4 < np.abs(sampled - mean).max() < 0.02


@pytest.mark.parametrize("structure", sorted(STRUCTURES))
def test_infinite_precision_is_the_plain_classifier(structure):
    model = LogisticRegression(max_iter=500).fit(X, Y)
    laplace = LaplaceClassifier(
        FrozenEstimator(model), structure=structure, prior_precision=np.inf
    ).fit(X, Y)
    assert_allclose(
        laplace.predict_proba(X), softmax(model.decision_function(X), axis=1), 1e-14
    )
    assert_allclose(laplace.predict_uncertainty(X).epistemic, 0, atol=1e-14)


def test_variance_grows_with_the_square_of_the_distance():
    rng = np.random.default_rng(0)
    found = posterior_of("full", rng.normal(size=(60, 3)), rng.normal(size=(60, 4)))
    row = np.array([[1e4, 0.0, 0.0]])
    ratio = found.variances(2 * row, 1.0) / found.variances(row, 1.0)
    assert_allclose(ratio, 4.0)


@pytest.mark.parametrize("predictive", ["probit", "sampled"])
@pytest.mark.parametrize("structure", sorted(STRUCTURES))
def test_far_away_it_tends_to_a_limit_however_far(structure, predictive):
    laplace = LaplaceClassifier(
        LogisticRegression(max_iter=500),
        structure=structure,
        predictive=predictive,
        prior_precision=1.0,
        random_state=0,
    ).fit(X, Y)
    rows = X[::30] - X.mean(axis=0)
    limit = laplace.predict_proba(rows * 1e50)
    assert np.abs(limit - 1 / 3).max() > 0.05
    for factor in (1e90, 1e160, 1e300):
        assert_allclose(laplace.predict_proba(rows * factor), limit, atol=1e-6)


@pytest.fixture(scope="module")
def tumours():
    X, y = load_breast_cancer(return_X_y=True)
    names = np.array(["malignant", "benign"])[y]
    X = StandardScaler().fit_transform(X)
    network = MLPClassifier((16,), max_iter=300, random_state=0).fit(X[:250], names[:250])
    return network, X, names


def test_held_out_precision_is_as_good_as_a_temperature(tumours):
    network, X, y = tumours
    frozen = FrozenEstimator(network)
    laplace = LaplaceClassifier(frozen, random_state=0)
    laplace.fit(X[250:420], y[250:420], X_train=X[:250], y_train=y[:250])
    assert set(laplace.comparison_) == {"plain", "plain, temperature", "laplace"}
    codes = (y[420:] == laplace.classes_[1]).astype(int)

    def loss(model):
        return -np.log(model.predict_proba(X[420:])[np.arange(len(codes)), codes]).mean()

    tempered = TemperatureCalibratedClassifier(frozen).fit(X[250:420], y[250:420])
    assert loss(laplace) < loss(tempered) + 0.003


def test_the_evidence_is_far_too_unsure_without_weight_decay():
    X, y = load_digits(return_X_y=True)
    network = MLPClassifier((32,), alpha=0, max_iter=300, random_state=0).fit(X[:800], y[:800])
    losses = {}
    for precision in ("held_out", "marginal_likelihood"):
        laplace = LaplaceClassifier(
            FrozenEstimator(network), prior_precision=precision, random_state=0
        ).fit(X[800:1300], y[800:1300], X_train=X[:800])
        losses[precision] = log_loss(y[1300:], laplace.predict_proba(X[1300:]))
    assert losses["held_out"] < 0.9 * losses["marginal_likelihood"]


def test_without_training_rows_both_are_cross_fitted(tumours):
    network, X, y = tumours
    laplace = LaplaceClassifier(FrozenEstimator(network), random_state=0).fit(X[250:], y[250:])
    assert np.isfinite(laplace.comparison_["laplace"]["log_loss"])
    assert laplace.classes_.tolist() == ["benign", "malignant"]


def test_it_ranks_strangers_and_is_calibrated_on_top():
    rng = np.random.default_rng(0)
    X, y = make_classification(600, 8, n_informative=6, n_classes=3, random_state=0)
    model = make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=80, random_state=0))
    laplace = LaplaceClassifier(model, prior_precision=5.0, random_state=0).fit(
        X[:300], y[:300]
    )
    far = X[300:] + 8 * rng.choice([-1, 1], (300, 8))
    unsure = [laplace.predict_uncertainty(rows).epistemic for rows in (X[300:], far)]
    truth = np.repeat([0, 1], 300)
    assert roc_auc_score(truth, np.concatenate(unsure)) > 0.6
    calibrated = TemperatureCalibratedClassifier(FrozenEstimator(laplace))
    calibrated.fit(X[300:450], y[300:450])
    draws = calibrated.sample_proba(X[450:])
    assert_allclose(draws.mean(axis=0), calibrated.predict_proba(X[450:]), atol=1e-6)


def refused(match, parameters, rows=slice(None), **given):
    base = parameters.pop("estimator", LogisticRegression())
    with pytest.raises(ValueError, match=match):
        LaplaceClassifier(base, **parameters).fit(X[rows], Y[rows], **given)


@pytest.mark.parametrize(
    ("match", "parameters", "given"),
    [
        ("n_draws must be a power of two", {"n_draws": 50}, {}),
        ("structure must be one of", {"structure": "block"}, {}),
        ("predictive must be one of", {"predictive": "exact"}, {}),
        ("prior_precision must be", {"prior_precision": 0.0}, {}),
        ("prior_precision must be", {"prior_precision": "auto"}, {}),
        ("prior_precision must be", {"prior_precision": np.nan}, {}),
        ("must end in a linear layer", {"estimator": RandomForestClassifier(3)}, {}),
        ("must end in a linear layer", {"estimator": LinearSVC()}, {}),
        ("not the softmax", {"estimator": SGDClassifier(loss="log_loss", random_state=0)}, {}),
        ("X_train is for an estimator that is trained", {}, {"X_train": X}),
        ("at least 10 of them, got 6", {}, {"rows": slice(47, 53)}),
    ],
)
def test_bad_input(match, parameters, given):
    refused(match, dict(parameters), **given)


def test_full_is_refused_where_it_is_too_large():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(40, 1000))
    with pytest.raises(ValueError, match="1001 x 3 = 3003, and at most 2048"):
        LaplaceClassifier(structure="full").fit(wide, np.arange(40) % 3)


@pytest.mark.slow
def test_keras_network_and_one_that_is_not_linear():
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8, "tanh")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X[::2], Y[::2], epochs=3, verbose=0)
    before = [np.array(weight) for weight in model.get_weights()]
    laplace = LaplaceClassifier(
        model, prior_precision=1.0, predictive="sampled", random_state=0
    ).fit(X[1::2], Y[1::2])
    logits = FrozenNetwork(model).fit(X, Y).decision_function(X)
    reader = keras.Model(inputs, hidden)
    features = np.column_stack([reader.predict(X, verbose=0), np.ones(len(X))])
    found = posterior_of("kronecker", features[1::2].astype(float), logits[1::2].astype(float))
    draws = draw_proba(
        found, features, logits.astype(float), 1.0, normal_points(3, laplace.seed_, 64)
    )
    assert_allclose(laplace.sample_proba(X), draws, atol=1e-5)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert (old == new).all()
    bent = keras.layers.Activation("tanh")(keras.layers.Dense(3)(hidden))
    bent = keras.Model(inputs, keras.layers.Softmax()(bent))
    for weight in bent.weights[-2:]:
        weight.assign(3 * np.ones(weight.shape) * np.arange(3))
    with pytest.raises(ValueError, match="no linear map"):
        LaplaceClassifier(bent, prior_precision=1.0).fit(X, Y)


@pytest.mark.slow
def test_a_thousand_classes_and_two_thousand_features_in_bounded_memory():
    rng = np.random.default_rng(0)
    model = LogisticRegression()
    model.coef_, model.intercept_ = rng.normal(size=(1000, 2048)) / 20, np.zeros(1000)
    model.classes_, model.n_features_in_ = np.arange(1000), 2048
    rows, y = rng.normal(size=(300, 2048)), rng.integers(0, 100, 300)
    tracemalloc.start()
    laplace = LaplaceClassifier(FrozenEstimator(model), prior_precision=10.0, random_state=0)
    proba = laplace.fit(rows, y).predict_proba(rows[:64])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert proba.shape == (64, 1000)
    assert peak < 2**30


@pytest.mark.slow
def test_torch_module_and_skorch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    hidden = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh())
    module = torch.nn.Sequential(hidden, torch.nn.Linear(8, 3))
    rows = X.astype(np.float32)
    laplace = LaplaceClassifier(
        module, prior_precision=1.0, predictive="sampled", random_state=0
    ).fit(rows, Y)
    with torch.no_grad():
        features = np.column_stack([hidden(torch.tensor(rows)).numpy(), np.ones(len(X))])
        logits = module(torch.tensor(rows)).numpy().astype(float)
    found = posterior_of("kronecker", features, logits)
    draws = draw_proba(found, features, logits, 1.0, normal_points(3, laplace.seed_, 64))
    assert_allclose(laplace.sample_proba(rows), draws, atol=1e-5)


@pytest.mark.parametrize("predictive", ["probit", "sampled"])
@pytest.mark.parametrize(("n_classes", "size"), [(2, 1.0), (2, 300.0), (5, 1.0), (5, 300.0)])
def test_losses_in_the_search_are_those_of_the_probabilities(predictive, n_classes, size):
    rng = np.random.default_rng(0)
    n_logits = 1 if n_classes == 2 else n_classes
    features = rng.normal(size=(40, 3))
    logits = features @ rng.normal(size=(3, n_logits)) * size
    codes = rng.integers(0, n_classes, 40)
    parts = [
        _laplace_precision.HeldOutPart(
            posterior_of("kronecker", features[rows], logits[rows] / size),
            _laplace_rows.Rows(features[rows], logits[rows]),
            codes[rows],
        )
        for rows in (slice(0, 25), slice(25, 40))
    ]
    points = normal_points(n_logits, 0, 16)
    predict = _laplace_precision._predictor(parts, points, predictive, 0.3)
    for rows in (slice(None), np.array([3, 4, 30])):
        loss = predict.losses(rows, codes[rows])
        for temperature in (0.05, 1.0, 20.0):
            proba = predict.proba(temperature, rows)
            own = proba[np.arange(len(proba)), codes[rows]]
            expected = -np.log(np.maximum(own, np.finfo(np.float32).tiny)).mean()
            assert_allclose(loss(temperature), expected, rtol=1e-12, atol=1e-12)
