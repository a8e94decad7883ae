"""The picture of unusual rows: its numbers, its axes, its sheet."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skcalib.displays import NoveltyDisplay, UncertaintyDisplay
from skcalib.novelty import DistanceAwareTemperatureClassifier, FeatureNovelty
from skcalib.uncertainty import EnsembleMembersClassifier

plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X, y = X[:500] / 16, y[:500]
    classifier = GaussianNB(var_smoothing=0.1).fit(X[:200], y[:200])
    return FeatureNovelty(classifier, random_state=0).fit(X[200:], y[200:]), X, y


def test_distances_are_in_the_spread_of_held_out_rows(digits):
    novelty, X, _ = digits
    display = NoveltyDisplay.from_estimator(novelty, 1 - X)
    median, limit = np.quantile(novelty.held_out_scores_, [0.5, 0.05], method="inverted_cdf")
    expected = (median - novelty.score_samples(1 - X)) / (median - limit)
    assert np.allclose(display.distances, expected)
    assert (display.distances > display.threshold).mean() > 0.9
    held_out = display.held_out > display.threshold
    assert held_out.mean() <= 0.05
    assert display.ax_.get_legend() is not None
    assert display.ax_.get_xscale() == "symlog"


def test_bars_hold_every_row(digits):
    novelty, X, _ = digits
    display = NoveltyDisplay.from_estimator(novelty, np.vstack([X, 1 - X, 50 * X]))
    for bars in display.artist_:
        assert np.isclose(sum(bar.get_height() for bar in bars), 1)


def test_draws_on_the_given_axes(digits):
    novelty, X, _ = digits
    _, axes = plt.subplots(1, 2)
    display = NoveltyDisplay.from_estimator(novelty, X, ax=axes[1], name="turned")
    assert display.ax_ is axes[1]
    assert not axes[0].has_data()
    words = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert "turned" in words
    again = display.plot(axes[0])
    assert again.ax_ is axes[0]


def test_a_sheet_of_the_strangest_rows_beside_the_nearest(digits):
    novelty, X, y = digits
    new = np.vstack([X[:50], 1 - X[:3]])
    display = NoveltyDisplay.from_estimator(
        novelty,
        new,
        n_samples=4,
        images=new.reshape(-1, 8, 8),
        images_known=X[200:].reshape(-1, 8, 8),
    )
    assert set(display.rows[:3]) == {50, 51, 52}
    assert len(display.ax_) == 8
    nearest = novelty.nearest(new[display.rows], n_neighbors=1)
    assert np.array_equal(display.labels, y[200:][nearest.rows[:, 0]])
    known = X[200:].reshape(-1, 8, 8)[nearest.rows[:, 0]]
    assert np.array_equal(display.images[1], known)
    assert display.ax_[0].get_title().startswith("row ")


def test_of_a_classifier_and_of_bare_scores():
    X, y = load_digits(n_class=3, return_X_y=True)
    model = DistanceAwareTemperatureClassifier(LogisticRegression(max_iter=3000), cv=3)
    model.fit(X / 16, y)
    display = NoveltyDisplay.from_estimator(model, 1 - X / 16)
    assert np.isclose(display.threshold, 1, atol=0.1)
    assert (display.distances > display.threshold).mean() > 0.9
    rng = np.random.default_rng(0)
    bare = NoveltyDisplay.from_scores(rng.normal(size=300), [-np.inf, -9.0, 0.0])
    assert np.isfinite(bare.distances).all()
    assert (bare.distances > bare.threshold).tolist() == [True, True, False]


def test_bad_input(digits):
    novelty, X, _ = digits
    with pytest.raises(ValueError, match="no held_out_scores_"):
        NoveltyDisplay.from_estimator(GaussianNB(), X)
    with pytest.raises(ValueError, match="A sheet needs images"):
        NoveltyDisplay.from_estimator(novelty, X, n_samples=2)
    for broken in ([], [np.nan], [[1.0]]):
        with pytest.raises(ValueError, match="must be a vector"):
            NoveltyDisplay.from_scores(broken, [1.0])
        with pytest.raises(ValueError, match="must be a vector"):
            NoveltyDisplay.from_scores([1.0], broken)


def test_a_sheet_of_ambiguous_rows_can_show_the_strangest_first(digits):
    novelty, X, y = digits
    model = DistanceAwareTemperatureClassifier(LogisticRegression(max_iter=3000), cv=3)
    model.fit(X[:300], y[:300])
    rows = np.vstack([X[300:340], 1 - X[:3], X[340:360]])
    shown = UncertaintyDisplay.from_estimator(model, rows, order="novelty", n_samples=5)
    assert np.array_equal(shown.rows, np.argsort(model.score_samples(rows))[:5])
    assert {40, 41, 42} == set(shown.rows[:3])
    scores = novelty.score_samples(rows)
    for draws in (model.predict_proba(rows), model.predict_proba(rows)[None].repeat(3, 0)):
        given = UncertaintyDisplay.from_predictions(None, draws, order=scores, n_samples=4)
        assert np.array_equal(given.rows, np.argsort(scores, kind="stable")[:4])
    members = EnsembleMembersClassifier(RandomForestClassifier(5, random_state=0))
    members.fit(X[:300], y[:300])
    drawn = UncertaintyDisplay.from_estimator(members, rows, order=scores, n_samples=4)
    assert np.array_equal(drawn.rows, given.rows)
    assert drawn.draws.shape == (5, 4, 2)
    plain = UncertaintyDisplay.from_estimator(model, rows, n_samples=4)
    assert not np.array_equal(plain.rows, shown.rows[:4])


@pytest.mark.parametrize("order", ["strange", None, [1.0], np.full(500, np.nan), ["a"] * 500])
def test_unusable_orders(order, digits):
    _, X, y = digits
    classifier = GaussianNB(var_smoothing=0.1).fit(X, y)
    with pytest.raises(ValueError, match="order must be 'margin'"):
        UncertaintyDisplay.from_estimator(classifier, X, order=order)
    with pytest.raises(ValueError, match="needs an estimator with score_samples"):
        UncertaintyDisplay.from_estimator(classifier, X, order="novelty")
    with pytest.raises(ValueError, match="order must be 'margin' or"):
        UncertaintyDisplay.from_predictions(None, classifier.predict_proba(X), order="novelty")
