"""Dropout in scikit-learn's perceptrons: NumPy loops, closed forms, and a twin in Keras."""

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array
from scipy.special import expit, softmax
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import MCDropoutClassifier, TemperatureCalibratedClassifier
from skcalib.sampling._masks import masks_of

# Small perceptrons are not trained to the end here.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_digits(return_X_y=True)
X, NAMES = X / 16, np.array(list("jihgfedcba"))[Y]
FIT, TEST = slice(0, 600), slice(600, 700)
ACTIVATIONS = {
    "identity": lambda x: x,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}


@pytest.fixture(scope="module")
def mlp():
    with pytest.warns(ConvergenceWarning):
        return MLPClassifier((24, 16), max_iter=60, random_state=0).fit(X[FIT], NAMES[FIT])


def around(mlp, **parameters):
    mc = MCDropoutClassifier(FrozenEstimator(mlp), random_state=0, **parameters)
    return mc.fit(X[TEST], NAMES[TEST])


def site(width):
    return type("Site", (), {"kind": "dropout", "shape": (width,)})


def by_a_loop(mlp, rows, mc, places, rate):
    """Return the draws of a plain loop over masks, in the layers of these places."""
    draws = []
    for draw in range(mc.n_draws):
        values, number = rows, 0
        for layer, (kernel, bias) in enumerate(zip(mlp.coefs_, mlp.intercepts_, strict=True)):
            values = values @ kernel + bias
            if layer + 1 < len(mlp.coefs_):
                values = ACTIVATIONS[mlp.activation](values)
                if layer in places:
                    noise = masks_of(
                        site(values.shape[1]), number, rate, mc.seed_, range(draw, draw + 1)
                    )
                    values = values * noise[0][0].astype(values.dtype)
                    number += 1
        draws.append(softmax(values, axis=1))
    return np.array(draws)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize(
    ("inject", "places"), [(None, [0, 1]), ("hidden", [0, 1]), ("last", [1])]
)
def test_bit_by_bit_as_a_plain_loop(activation, inject, places):
    mlp = MLPClassifier((24, 16), max_iter=5, activation=activation, random_state=0)
    mlp.fit(X[FIT], NAMES[FIT])
    mc = around(mlp, n_draws=6, rate=0.3, inject=inject)
    expected = by_a_loop(mlp, X[TEST], mc, places, 0.3)
    np.testing.assert_array_equal(mc.sample_proba(X[TEST]), expected)
    assert expected.std(axis=0).max() > 0.01


def test_a_linear_network_has_known_moments():
    """Var of z = m h W / (1 - p) is p / (1 - p) sum_j h_j^2 w_j w_j^T."""
    mlp = MLPClassifier((12,), activation="identity", max_iter=20, random_state=0)
    mlp.fit(X[FIT], NAMES[FIT])
    n_draws, p = 4000, 0.2
    draws = around(mlp, n_draws=n_draws, rate=p).sample_proba(X[:5])
    logits = np.log(draws) - np.log(draws[..., :1])
    W = mlp.coefs_[1] - mlp.coefs_[1][:, :1]
    b = mlp.intercepts_[1] - mlp.intercepts_[1][0]
    for row, h in enumerate(X[:5] @ mlp.coefs_[0] + mlp.intercepts_[0]):
        covariance = p / (1 - p) * (W.T * h**2) @ W
        error = np.sqrt(np.diag(covariance)[1:] / n_draws)
        assert np.abs((logits[:, row].mean(axis=0) - h @ W - b)[1:] / error).max() < 4
        found = np.cov(logits[:, row, 1:].T)
        size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))[1:, 1:]
        assert (np.abs(found - covariance[1:, 1:]) < 0.1 * size).all()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_rate_zero_is_the_perceptron(kind, n_classes):
    rows, y = load_iris(return_X_y=True)
    rows, y = rows[y < n_classes].astype(kind), np.array(list("zax"))[y[y < n_classes]]
    mlp = MLPClassifier(random_state=0, max_iter=30).fit(rows, y)
    mc = MCDropoutClassifier(FrozenEstimator(mlp), rate=0.0).fit(rows, y)
    np.testing.assert_allclose(mc.predict_proba(rows), mlp.predict_proba(rows), atol=1e-6)
    assert mc.sample_proba(rows).dtype == mlp.predict_proba(rows).dtype
    assert mc.set_params(rate=0.4).sample_proba(rows).std(axis=0).max() > 0


def test_the_same_network_in_keras(mlp):
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    if keras.config.backend() != "tensorflow":
        pytest.skip("draws of Keras models run on TensorFlow")
    layers = [keras.layers.Dense(width, "relu") for width in (24, 16)]
    twin = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10, "softmax")])
    pairs = zip(mlp.coefs_, mlp.intercepts_, strict=True)
    twin.set_weights([array for pair in pairs for array in pair])
    for inject in ("hidden", "last"):
        ours = around(mlp, n_draws=20, rate=0.3, inject=inject).sample_proba(X[TEST])
        mc = MCDropoutClassifier(twin, n_draws=20, rate=0.3, inject=inject, random_state=0)
        np.testing.assert_allclose(mc.fit(X).sample_proba(X[TEST]), ours, atol=1e-5)


def test_the_recipe_of_levels_in_five_lines():
    model = MLPClassifier((32,), random_state=0).fit(X[FIT], Y[FIT])
    mc = MCDropoutClassifier(FrozenEstimator(model), rate=[0.1, 0.3, 0.5], random_state=0)
    result = mc.fit(X[FIT], Y[FIT]).predict_uncertainty(X[TEST], interval=0.9)
    width = (result.high - result.low).mean(axis=(1, 2))
    assert width.shape == (3,)
    assert (np.diff(width) > 0).all()


def test_sparse_rows_and_batches(mlp):
    mc = around(mlp, n_draws=5)
    expected = mc.sample_proba(X[TEST])
    for kind in (csr_array, coo_array):
        np.testing.assert_allclose(mc.sample_proba(kind(X[TEST])), expected, atol=1e-12)
    mc.set_params(batch_size=7)
    np.testing.assert_allclose(mc.sample_proba(X[TEST]), expected, atol=1e-12)
    mc.set_params(masks="independent")
    several = mc.sample_proba(X[TEST])
    np.testing.assert_allclose(mc.set_params(batch_size=100).sample_proba(X[TEST]), several)
    assert np.abs(several - expected).max() > 0.01


def test_trained_in_searches_and_pipelines():
    mlp = MLPClassifier((32,), max_iter=60, learning_rate_init=0.01, random_state=0)
    grid = {"estimator__alpha": [1e-4, 1e2], "rate": [0.05, 0.8]}
    search = GridSearchCV(MCDropoutClassifier(mlp, random_state=0), grid, cv=2)
    search.set_params(scoring="neg_log_loss").fit(X[FIT], NAMES[FIT])
    assert search.best_params_ == {"estimator__alpha": 1e-4, "rate": 0.05}
    piped = make_pipeline(StandardScaler(), MCDropoutClassifier(mlp, random_state=0))
    inside = MCDropoutClassifier(make_pipeline(StandardScaler(), mlp), random_state=0)
    np.testing.assert_allclose(
        piped.fit(X[FIT], NAMES[FIT]).predict_proba(X[TEST]),
        inside.fit(X[FIT], NAMES[FIT]).predict_proba(X[TEST]),
        atol=1e-12,
    )
    assert cross_val_score(piped, X[FIT], NAMES[FIT], cv=2).mean() > 0.8
    calibrated = TemperatureCalibratedClassifier(MCDropoutClassifier(mlp, random_state=0), cv=2)
    assert calibrated.fit(X[FIT], NAMES[FIT]).score(X[TEST], NAMES[TEST]) > 0.8


def test_the_default_is_a_perceptron():
    mc = MCDropoutClassifier(random_state=0).fit(X[FIT], NAMES[FIT])
    assert isinstance(mc.estimator_, MLPClassifier)
    again = MCDropoutClassifier(random_state=0).fit(X[FIT], NAMES[FIT])
    np.testing.assert_array_equal(mc.predict_proba(X[TEST]), again.predict_proba(X[TEST]))
    assert mc.score(X[TEST], NAMES[TEST]) > 0.9
    assert 1 < mc.forecast_cost().ratio < 50


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"inject": ["dense"]}, "has no names of layers"),
        ({"inject": "everywhere"}, "'inject' parameter"),
        ({"inject": 3}, "'inject' parameter"),
        ({"rate": np.array([[0.1, 0.2]])}, "'rate' parameter"),
    ],
)
def test_bad_parameters(mlp, parameters, message):
    with pytest.raises(ValueError, match=message):
        around(mlp, **parameters)


def test_bad_input(mlp):
    mc = around(mlp)
    with pytest.raises(ValueError, match="NaN"):
        mc.predict_proba(np.full((2, 64), np.nan))
    with pytest.raises(ValueError, match="features"):
        mc.predict_proba(X[:, :5])
    none = MLPClassifier((), max_iter=5).fit(X[FIT], Y[FIT])
    with pytest.raises(ValueError, match="no hidden layer"):
        around(none)
    with pytest.raises(ValueError, match="must hold a network"):
        MCDropoutClassifier(LogisticRegression()).fit(X[:50], Y[:50])
