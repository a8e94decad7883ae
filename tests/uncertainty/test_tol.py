"""tol: rows stop drawing when their standard errors are small, each for itself."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from support.networks import BACKEND, NAMES, X, Y, trained

from skcalib import MCDropoutClassifier
from skcalib.sampling._stopping import are_enough, rounds
from skcalib.uncertainty import uncertainty_frame

pytestmark = [
    pytest.mark.skipif(BACKEND != "tensorflow", reason="draws run on TensorFlow"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
FIT, TEST = slice(0, 600), slice(1200, 1500)


@pytest.fixture(scope="module")
def networks():
    keras.utils.set_random_seed(0)
    hidden = []
    for width in (64, 64):
        hidden += [layers.Dense(width, "relu"), layers.Dropout(0.3)]
    output = layers.Dense(10, "softmax")
    model = trained(keras.Sequential([keras.Input((64,)), *hidden, output]))
    mlp = MLPClassifier((64, 64), max_iter=300, random_state=0)
    return {"keras": model, "perceptron": FrozenEstimator(mlp.fit(X[FIT], Y[FIT]))}


@pytest.fixture(params=["keras", "perceptron"])
def network(request, networks):
    return networks[request.param]


def drawn(network, n_draws=200, **parameters):
    return MCDropoutClassifier(network, n_draws=n_draws, random_state=0, **parameters).fit(X, Y)


def standard_errors(draws):
    """Return the largest of each row's, from the definition."""
    mean = draws.mean(axis=0)
    floor = mean * (1 - mean) / (4 * len(draws))
    squares = np.maximum(draws.var(axis=0, ddof=1) / len(draws), floor)
    return np.sqrt(squares.max(axis=1))


def test_a_tolerance_that_no_row_reaches_is_none(network):
    fixed = drawn(network, n_draws=40)
    expected, proba = fixed.predict_uncertainty(X[TEST]), fixed.predict_proba(X[TEST])
    mc = drawn(network, n_draws=40, tol=1e-9)
    result = mc.predict_uncertainty(X[TEST])
    assert (result.n_draws == 40).all()
    atol = 1e-6 if isinstance(network, keras.Model) else 0
    np.testing.assert_allclose(mc.predict_proba(X[TEST]), proba, rtol=0, atol=atol)
    for name in ("mean", "std", "aleatoric", "low"):
        np.testing.assert_allclose(result[name], expected[name], rtol=0, atol=atol)


def test_rows_stop_when_they_should_and_are_what_so_many_draws_say(network):
    tol = 0.02
    mc = drawn(network, tol=tol)
    result, proba = mc.predict_uncertainty(X[TEST]), mc.predict_proba(X[TEST])
    draws = drawn(network).sample_proba(X[TEST])
    stops = [draws.stop for draws in rounds(200)]
    assert stops == [10, 15, 22, 33, 49, 73, 109, 163, 200]
    assert set(result.n_draws) <= set(stops)
    assert result.n_draws.min() == 10
    assert result.n_draws.max() > 49
    for row, count in enumerate(result.n_draws):
        own = draws[:count, row].astype(float)
        np.testing.assert_allclose(result.mean[row], own.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(proba[row], own.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(result.std[row], own.std(axis=0, ddof=1), atol=1e-6)
        reached = [standard_errors(draws[:stop, row : row + 1].astype(float))[0] <= tol
                   for stop in stops if stop <= count]  # fmt: skip
        assert not any(reached[:-1])
        assert reached[-1] or count == 200
    assert len(uncertainty_frame(result)) == 300


def test_blocks_hold_rows_of_equally_many_draws(network):
    mc = drawn(network, tol=0.02, batch_size=100)
    draws = drawn(network).sample_proba(X[TEST])
    counts = mc.predict_uncertainty(X[TEST], measures="mean").n_draws
    seen = []
    for rows, block in mc.sample_proba(X[TEST], blocks=True):
        assert (counts[rows] == len(block)).all()
        np.testing.assert_allclose(block, draws[: len(block), rows], atol=1e-6)
        seen.extend(rows)
    assert sorted(seen) == list(range(300))
    with pytest.raises(ValueError, match=r"different numbers of draws.*blocks=True.*tol=None"):
        mc.sample_proba(X[TEST])


@pytest.mark.parametrize("masks", ["shared", "independent"])
def test_a_row_depends_on_no_other(network, masks):
    rows = X[1200:1260]
    mc = drawn(network, n_draws=60, tol=0.02, masks=masks)
    result = mc.predict_uncertainty(rows)
    assert len(set(result.n_draws)) > 2
    others = [mc.set_params(batch_size=7).predict_uncertainty(rows)]
    if masks == "shared":
        back = mc.predict_uncertainty(rows[::-1])
        others.append({name: back[name][::-1] for name in result if name != "classes"})
        alone = [mc.predict_uncertainty(row[None]) for row in rows[:9]]
        for number, one in enumerate(alone):
            assert one.n_draws[0] == result.n_draws[number]
            np.testing.assert_allclose(one.mean[0], result.mean[number], atol=1e-6)
    else:
        fixed = mc.set_params(tol=None).sample_proba(rows)
        for row, count in enumerate(result.n_draws):
            own = fixed[:count, row].mean(axis=0, dtype=float)
            np.testing.assert_allclose(result.mean[row], own, atol=1e-6)
    for other in others:
        np.testing.assert_array_equal(other["n_draws"], result.n_draws)
        for name in ("mean", "std", "low", "high"):
            np.testing.assert_allclose(other[name], result[name], atol=1e-5)


def test_several_levels_go_on_together(network):
    mc = drawn(network, rate=[0.05, 0.3], tol=0.02)
    both = mc.predict_uncertainty(X[TEST])
    counts = [
        mc.set_params(rate=rate).predict_uncertainty(X[TEST]).n_draws for rate in (0.05, 0.3)
    ]
    assert (both.n_draws >= np.maximum(*counts)).all()
    assert (both.n_draws > counts[0]).any()
    assert both.mean.shape == (2, 300, 10)
    assert both.n_draws.shape == (300,)
    mc.set_params(rate=[0.05, 0.3])
    shapes = {draws.shape[:2] for _, draws in mc.sample_proba(X[TEST], blocks=True)}
    assert {levels for levels, _ in shapes} == {2}
    assert {count for _, count in shapes} == set(both.n_draws)


def test_fewer_passes_for_the_same_answers(network):
    """At an equal maximum; more figures, measured with 5,000 other draws, in the docs."""
    mc = drawn(network, n_draws=400, tol=0.02)
    result = mc.predict_uncertainty(X[600:], measures=["mean", "standard_error"])
    fixed = mc.set_params(tol=None).predict_uncertainty(X[600:], measures="mean").mean
    assert result.n_draws.mean() < 400 / 4  # measured: 5.1 and 4.6 times fewer
    stopped = result.n_draws < 400
    assert (result.standard_error[stopped] <= 0.02 + 1e-6).all()
    assert stopped.mean() > 0.9
    assert np.quantile(np.abs(result.mean - fixed), 0.99) < 0.04  # measured: .032 for both
    assert np.mean(result.mean.argmax(axis=1) == fixed.argmax(axis=1)) > 0.995


def test_labels_and_single_draws(networks):
    mc = MCDropoutClassifier(
        MLPClassifier((32,), max_iter=100, random_state=0), n_draws=50, tol=0.05, random_state=0
    )
    mc.fit(X[FIT], NAMES[FIT])
    assert mc.score(X[TEST], NAMES[TEST]) > 0.7
    four = drawn(networks["perceptron"], n_draws=4, tol=0.5).predict_uncertainty(X[TEST])
    assert (four.n_draws == 4).all()
    one = drawn(networks["keras"], n_draws=1, tol=0.5).predict_uncertainty(X[TEST])
    assert (one.n_draws == 1).all()


def test_equal_draws_are_not_enough_by_chance():
    same = np.full((1, 10, 1, 2), 0.5)
    assert are_enough(same, 0.08).all()  # sqrt(.25 / 4 / 10) = .079
    assert not are_enough(same, 0.078).any()
    sure = np.zeros((1, 10, 2, 2))
    sure[..., 1] = 1
    sure[0, 0, 1] = 1, 0
    np.testing.assert_array_equal(are_enough(sure, 1e-6), [True, False])
    assert not are_enough(np.concatenate([sure, same.repeat(2, axis=2)]), 1e-6).any()


def test_the_forecast_is_an_upper_bound(network, capsys):
    mc = drawn(network, tol=0.02, verbose=1)
    assert "at most about" in capsys.readouterr().out
    assert mc.forecast_cost().ratio == drawn(network).forecast_cost().ratio


@pytest.mark.parametrize("tol", [0, -0.1, "small", np.nan, np.inf, True, [0.1]])
def test_tolerances_that_are_none(networks, tol):
    with pytest.raises(ValueError, match=r"'tol' parameter.*positive number"):
        drawn(networks["perceptron"], tol=tol)
    mc = drawn(networks["perceptron"]).set_params(tol=tol)
    for method in (mc.predict_proba, mc.predict_uncertainty, mc.sample_proba):
        with pytest.raises(ValueError, match="'tol' parameter"):
            method(X[TEST])


def test_no_tolerance_without_draws(networks):
    with pytest.raises(ValueError, match=r"'tol' parameter.*n_draws='exact' draws nothing"):
        drawn(networks["perceptron"], n_draws="exact", tol=0.01, inject="last")
