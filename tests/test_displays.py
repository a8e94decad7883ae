"""Laws over every display: whatever is in ``__all__`` is drawn, and looked at, alike."""

import inspect
import random
import sys
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure, FigureBase
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from skcalib import displays, metrics
from skcalib.displays import (
    ConfidenceHistogramDisplay,
    DecompositionDisplay,
    ReliabilityDisplay,
    RiskCoverageDisplay,
    ThresholdDisplay,
    UncertaintyDisplay,
)
from skcalib.uncertainty import SamplingClassifier

plt.switch_backend("Agg")
SEEDED = {"random_state": 0}
KEYWORDS = {
    "ConfidenceHistogramDisplay": [{}],
    "DecompositionDisplay": [{}, {"loss": "log_loss"}],
    "ReliabilityDisplay": [
        SEEDED,
        SEEDED | {"kind": "corp"},
        SEEDED | {"kind": "smooth", "band": "consistency"},
        {"band": None, "metric": None, "strategy": "quantile"},
        SEEDED | {"notion": "class-wise", "n_panels": 2},
        SEEDED | {"notion": "top-label"},
    ],
    "RiskCoverageDisplay": [SEEDED | {"risk": 0.1}],
    "ThresholdDisplay": [{"cost_fp": 1, "cost_fn": 3}],
    "UncertaintyDisplay": [{"n_samples": 3}, {"sample": 1}],
}
SMALL = {"class-wise", "top-label"}


def is_sheet(params):
    return params.get("notion") in SMALL or "n_samples" in params


CASES = [
    pytest.param(getattr(displays, name), params, id=f"{name}-{i}")
    for name, several in KEYWORDS.items()
    for i, params in enumerate(several)
]
every = pytest.mark.parametrize(("display", "params"), CASES)


@pytest.fixture(autouse=True)
def figures_are_closed():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    X, y = load_digits(n_class=3, return_X_y=True)
    return GaussianNB(var_smoothing=0.1).fit(X[:100], y[:100]), X[100:300], y[100:300]


def predictions(n_classes=3, n_samples=60, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.5), n_samples)
    y = (rng.uniform(size=(n_samples, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    y[:n_classes] = np.arange(n_classes)[:n_samples]
    return y, proba


def numbers(thing):
    """Return all numbers and words that a display keeps, in a fixed order."""
    if isinstance(thing, dict):
        return [part for key in sorted(thing) for part in numbers(thing[key])]
    if isinstance(thing, list | tuple):
        return [part for own in thing for part in numbers(own)]
    return np.ravel(np.asarray(thing)).tolist()


def kept(display):
    names = inspect.signature(type(display)).parameters
    return numbers({name: getattr(display, name) for name in names})


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


def test_every_display_is_here():
    # NoveltyDisplay draws scores, not predictions: tests/novelty/test_display.py
    assert set(KEYWORDS) == set(displays.__all__) - {"NoveltyDisplay"}


@pytest.mark.parametrize("name", displays.__all__)
def test_constructor_keeps_what_it_is_given(name):
    cls = getattr(displays, name)
    given = {parameter: object() for parameter in inspect.signature(cls).parameters}
    display = cls(**given)
    assert vars(display) == given


@every
def test_signatures_are_alike(display, params):
    method = inspect.signature(display.from_predictions).parameters
    assert next(iter(method)) == "y_true"
    assert {"labels", "ax", "name", "kwargs"} <= set(method)
    plot = inspect.signature(display.plot).parameters
    assert list(plot)[:3] == ["self", "ax", "name"]
    assert list(inspect.signature(display.from_estimator).parameters)[:3] == [
        "estimator",
        "X",
        "y",
    ]


@every
def test_draws_on_the_given_axes_and_makes_none_besides(display, params):
    figure, axes = plt.subplots(1, 4)
    before = list(figure.axes)
    given = axes[1:] if is_sheet(params) else axes[2]
    made = display.from_predictions(*predictions(), **params, ax=given)
    assert plt.get_fignums() == [figure.number]
    assert figure.axes == before
    assert made.figure_ is figure
    used = made.ax_ if is_sheet(params) else [made.ax_]
    assert set(used) <= set(np.ravel(given))
    for ax in before:
        assert ax.has_data() == (ax in used)


@every
def test_makes_one_figure_if_none_is_given(display, params):
    made = display.from_predictions(*predictions(), **params)
    assert plt.get_fignums() == [made.figure_.number]
    used = made.ax_ if is_sheet(params) else [made.ax_]
    assert made.figure_.axes == used


@pytest.mark.parametrize(("display", "params"), [c for c in CASES if is_sheet(c.values[1])])
def test_a_sheet_divides_a_place_or_a_figure(display, params):
    figure, (left, right) = plt.subplots(1, 2)
    made = display.from_predictions(*predictions(), **params, ax=right)
    assert set(figure.axes) == {left, right, *made.ax_}
    middle = right.get_position().x0
    assert all(ax.get_position().x0 >= middle - 1e-9 for ax in made.ax_)
    free = Figure()
    made = display.from_predictions(*predictions(), **params, ax=free.subfigures(1, 2)[0])
    assert isinstance(made.figure_, FigureBase)
    assert free.axes == made.ax_
    with pytest.raises(ValueError, match="axes are needed, but ax holds 1"):
        display.from_predictions(*predictions(), **params, ax=[left])
    with pytest.raises(ValueError, match="no place in a grid"):
        display.from_predictions(*predictions(), **params, ax=Figure().add_axes((0, 0, 1, 1)))


@every
def test_keywords_reach_the_artists(display, params):
    made = display.from_predictions(*predictions(), **params, alpha=0.123)
    axes = made.ax_ if is_sheet(params) else [made.ax_]
    for ax in axes:
        assert any(artist.get_alpha() == 0.123 for artist in ax.get_children())
    if display in (ReliabilityDisplay, RiskCoverageDisplay):
        made = display.from_predictions(*predictions(), **params, c="red", linewidth=3)
        assert {(line.get_color(), line.get_linewidth()) for line in made.line_} == {("red", 3)}


@every
def test_estimator_and_predictions_agree(display, params, fitted):
    model, X, y = fitted
    expected = display.from_predictions(y, model.predict_proba(X), **params, labels=[0, 1, 2])
    found = display.from_estimator(model, X, y, **params)
    found.name = getattr(expected, "name", None)  # that of the class
    assert kept(found) == kept(expected)


@every
def test_repeated_plots_are_equal(display, params):
    made = display.from_predictions(*predictions(), **params)
    before = kept(made)
    first = pixels(made.figure_)
    assert made.plot() is made
    assert_array_equal(pixels(made.figure_), first)
    assert kept(made) == before


@every
def test_state_of_the_process_and_what_is_given_are_left_alone(display, params):
    y, proba = predictions()
    arrays, style = (y.copy(), proba.copy()), dict(plt.rcParams)
    state, own = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    for array in (y, proba):
        array.setflags(write=False)
    display.from_predictions(y, proba, **params)
    assert dict(plt.rcParams) == style
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert random.getstate() == own
    assert_array_equal(y, arrays[0])
    assert_array_equal(proba, arrays[1])


@every
def test_axes_say_what_they_are(display, params):
    made = display.from_predictions(*predictions(), **params)
    axes = made.ax_ if is_sheet(params) else [made.ax_]
    assert axes[-1].get_xlabel()
    assert axes[0].get_ylabel()


@every
def test_without_matplotlib_the_extra_is_named(display, params, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skcalib\[plot\]"):
        display.from_predictions(*predictions(), **params)


@every
@pytest.mark.parametrize(("n_classes", "n_samples"), [(2, 1), (2, 2), (2, 30), (100, 3)])
def test_few_rows_many_classes_and_perfect_ones(display, params, n_classes, n_samples):
    y, proba = predictions(n_classes, n_samples)
    params = {k: 0 if k == "sample" else v for k, v in params.items()}
    draw = partial(display.from_predictions, **params, labels=np.arange(n_classes))
    made = draw(y % n_classes, proba)
    pixels(made.figure_)
    pixels(draw(y, np.eye(n_classes)[y]).figure_)
    assert all(np.isfinite(n) for n in kept(made) if isinstance(n, float))


@every
def test_names_of_labels_are_shown_and_do_not_matter(display, params):
    y, proba = predictions()
    names = np.array(["ant", "bee", "cat"])
    plain = display.from_predictions(y, proba, labels=[0, 1, 2], **params)
    named = display.from_predictions(names[y], proba, labels=names, **params)
    found, expected = kept(named), kept(plain)
    assert len(found) == len(expected)
    pairs = zip(found, expected, strict=True)
    assert all(a == b for a, b in pairs if not isinstance(a, str))
    if is_sheet(params) and display is ReliabilityDisplay:
        assert named.ax_[0].get_title().split("\n")[0].split()[1] in names


WEIGHTED = [c for c in CASES if c.values[0] is not UncertaintyDisplay]


@pytest.mark.parametrize(("display", "params"), WEIGHTED)
def test_rows_of_zero_weight_do_not_matter(display, params):
    y, proba = predictions()
    weight = np.arange(60) % 3
    used = weight > 0
    junk = np.where(used, y, 7)
    params = params | {"labels": [0, 1, 2]}
    found = display.from_predictions(junk, proba, sample_weight=weight, **params)
    expected = display.from_predictions(
        y[used], proba[used], sample_weight=weight[used], **params
    )
    assert kept(found) == kept(expected)


SMOOTHED = {"bayes": 1e-9, "flat": 1.0}
SEVERAL = [ReliabilityDisplay, RiskCoverageDisplay, DecompositionDisplay]


@pytest.mark.parametrize("display", SEVERAL)
def test_several_models_have_a_colour_and_a_name_each(display, fitted):
    _, X, y = fitted
    models = {name: GaussianNB(var_smoothing=v).fit(X, y) for name, v in SMOOTHED.items()}
    made = display.from_estimator(models, X, y)
    artists = made.point_ if display is DecompositionDisplay else made.line_
    assert len({artist.get_color() for artist in artists}) == 2
    words = [text.get_text() for text in made.ax_.get_legend().get_texts()]
    assert words[0].startswith("bayes")
    assert words[1].startswith("flat")
    one = display.from_estimator(models["bayes"], X, y, name="one")
    other = display.from_estimator(models["flat"], X, y, ax=one.ax_)
    words = " ".join(text.get_text() for text in other.ax_.get_legend().get_texts())
    assert "one" in words
    assert "GaussianNB" in words
    colors = [d.point_ if display is DecompositionDisplay else d.line_ for d in (one, other)]
    assert colors[0][0].get_color() != colors[1][0].get_color()
    with pytest.raises(ValueError, match="the keys of y_proba name several"):
        display.from_predictions(y, {"a": models["bayes"].predict_proba(X)}, name="b")
    with pytest.raises(ValueError, match="holds no model"):
        display.from_predictions(y, {})
    with pytest.raises(ValueError, match="2 names for 1 models"):
        one.plot(name=["a", "b"])


def test_curves_are_those_of_the_metrics():
    y, proba = predictions(2, 500)
    proba = proba[:, 1]
    made = ReliabilityDisplay.from_predictions(y, proba, n_bins=6, random_state=0)
    assert numbers(made.curve[0]) == numbers(metrics.reliability_curve(y, proba, n_bins=6))
    assert_array_equal(made.line_[0].get_xydata().T, made.curve[0][:2])
    corp = ReliabilityDisplay.from_predictions(y, proba, kind="corp", metric=None)
    assert_array_equal(corp.curve[0].frequency, metrics.corp_curve(y, proba).frequency)
    squared = partial(metrics.calibration_error, norm="l2_squared", debias=True, n_bins=6)
    expected = metrics.bootstrap_interval(
        squared, y, proba, method="normal", n_resamples=200, random_state=0
    )
    assert made.error[0] == tuple(np.sqrt(np.maximum(expected[:3], 0)))
    other = ReliabilityDisplay.from_predictions(
        y, proba, metric=metrics.brier_score_loss, random_state=0
    )
    assert other.error[0][0] == metrics.brier_score_loss(y, proba)
    assert other.ax_.get_legend().get_title().get_text() == "brier score loss [95 %]"


def test_classwise_panels_are_the_worst_classes():
    y, proba = predictions(6, 3000, seed=1)
    wrong = proba.copy()
    wrong[:, [1, 4]] = wrong[:, [4, 1]]
    made = ReliabilityDisplay.from_predictions(y, wrong, notion="class-wise", n_panels=2)
    assert set(made.panel) == {"1", "4"}
    assert made.figure_.get_suptitle().startswith("The 2 worst of 6 classes")
    for panel, curve in zip(made.panel, made.curve, strict=True):
        hit = y == int(panel)
        bins = len(curve.count) + 10  # as many as were asked for, or empty ones besides
        assert any(
            numbers(metrics.reliability_curve(hit, wrong[:, int(panel)], n_bins=n))
            == numbers(curve)
            for n in range(1, bins)
        )


def test_empty_bins_have_neither_point_nor_bar():
    y, proba = np.arange(40) % 2, np.repeat([0.05, 0.95], 20)
    made = ReliabilityDisplay.from_predictions(y, proba, n_bins=10)
    assert len(made.line_[0].get_xdata()) == 2
    assert len(made.bars_[0]) == 2
    assert all(bar.get_height() > 0 for bar in made.bars_[0])
    made = ConfidenceHistogramDisplay.from_predictions(y, proba)
    assert len(made.right_) == len(made.wrong_) == 1


def test_uneven_counts_are_drawn_in_logarithms_and_say_so():
    y, proba = predictions(2, 1000)
    even = ReliabilityDisplay.from_predictions(y, proba, metric=None)
    proba = np.r_[np.full(900, 0.01), np.linspace(0.1, 1, 100)]
    uneven = ReliabilityDisplay.from_predictions(y, proba, metric=None)
    assert [text.get_text() for text in even.ax_.texts] == ["rows"]
    assert [text.get_text() for text in uneven.ax_.texts] == ["rows, log scale"]
    tallest = max(bar.get_height() for bar in uneven.bars_[0])
    labels = dict(zip(uneven.ax_.get_yticks(), uneven.ax_.get_yticklabels(), strict=True))
    ticks = sorted(labels)
    assert ticks[0] + tallest == pytest.approx(ticks[1])
    assert labels[ticks[1]].get_text() == "900"


def test_from_cv_results_is_out_of_fold():
    X, y = load_breast_cancer(return_X_y=True)
    found = cross_validate(GaussianNB(), X, y, return_estimator=True, return_indices=True)
    made = ReliabilityDisplay.from_cv_results(found, X, y, random_state=0)
    expected = cross_val_predict(GaussianNB(), X, y, method="predict_proba")[:, 1]
    assert_array_equal(made.curve[0].count.sum(), len(y))
    bins = {"n_bins": 6}
    assert made.curve[0].frequency == pytest.approx(
        metrics.reliability_curve(y, expected, **bins).frequency
    )
    assert len(made.fold_curve) == 5
    assert made.name == ["GaussianNB"]
    with pytest.raises(ValueError, match="return_estimator=True"):
        ReliabilityDisplay.from_cv_results({}, X, y)
    with pytest.raises(ValueError, match="fold is for one model"):
        ReliabilityDisplay.from_cv_results(found, X, y, notion="class-wise")
    weight = np.arange(len(y)) % 2
    weighted = ReliabilityDisplay.from_cv_results(found, X, y, sample_weight=weight)
    assert weighted.curve[0].count.sum() == weight.sum()


def test_a_fold_without_a_class_gives_it_no_probability():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 3
    split = [
        (np.flatnonzero(y != 2)[:30], np.arange(0, 30)),
        (np.arange(30), np.arange(30, 60)),
    ]
    found = cross_validate(
        GaussianNB(), X, y, cv=split, return_estimator=True, return_indices=True
    )
    made = ReliabilityDisplay.from_cv_results(found, X, y, random_state=0)
    assert made.curve[0].count.sum() == 60


def test_a_classifier_without_probabilities_is_refused(fitted):
    _, X, y = fitted
    model = LinearSVC().fit(X[:20], y[:20])
    with pytest.raises(ValueError, match=r"LinearSVC has no predict_proba.*Calibrated"):
        ReliabilityDisplay.from_estimator(model, X, y)


def test_models_of_different_classes_are_refused(fitted):
    model, X, y = fitted
    other = LogisticRegression(max_iter=1000).fit(X, y + 1)
    with pytest.raises(ValueError, match="different classes"):
        RiskCoverageDisplay.from_estimator({"a": model, "b": other}, X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kind": "histogram"}, "kind must be one of"),
        ({"band": "wide"}, "band must be one of"),
        ({"metric": "ece"}, "metric must be 'rms', a function or None"),
        ({"notion": "positive"}, "for two classes"),
    ],
)
def test_unusable_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(*predictions(), **params)


def test_costs_say_where_to_act():
    y, proba = predictions(2, 400)
    made = ThresholdDisplay.from_predictions(y, proba, cost_fp=1, cost_fn=4)
    assert made.threshold_ == 0.2
    assert_array_equal(made.threshold_line_.get_xdata(), 0.2)
    acted = proba[:, 1] >= 0.2
    at = {line.get_xdata()[0]: line for line in made.ax_.lines if line.get_marker() == "o"}
    shown = [text.get_text() for text in made.ax_.texts]
    expected = (y[acted].mean(), acted[y == 1].mean(), acted.mean())
    assert shown == [f"{100 * share:.0f} %" for share in expected]
    assert list(at) == [0.2]
    assert ThresholdDisplay.from_predictions(y, proba).threshold_ is None
    for costs in ({"cost_fp": 1}, {"cost_fp": 0, "cost_fn": 1}, {"cost_fp": 1, "cost_fn": -1}):
        with pytest.raises(ValueError, match="must be positive numbers, both"):
            ThresholdDisplay.from_predictions(y, proba, **costs)


def test_the_point_keeps_most_rows_at_the_risk_allowed():
    y, proba = predictions(3, 500)
    made = RiskCoverageDisplay.from_predictions(y, proba, risk=0.2, random_state=0)
    curve = metrics.risk_coverage_curve(y, proba)
    coverage = curve.coverage[curve.risk <= 0.2].max()
    assert made.point_[0].get_xdata() == [coverage]
    assert RiskCoverageDisplay.from_predictions(y, proba).point_ == [None]


def test_on_a_line_of_equal_loss_it_is_equal():
    y, proba = predictions(3, 500)
    flat = (proba + 1 / 3) / 2
    made = DecompositionDisplay.from_predictions(y, {"sharp": proba, "flat": flat})
    levels = [line.get_xydata() for line in made.ax_.lines if line.get_gid() == "level"]
    words = [float(text.get_text()) for text in made.ax_.texts]
    uncertainty = made.parts[0].uncertainty
    found = [uncertainty + xy[0, 0] - xy[0, 1] for xy in levels]
    assert len(levels) >= 3
    assert all(min(abs(loss - word) for loss in found) < 1e-3 for word in words)


def test_infinite_losses_are_not_drawn():
    y, proba = [0, 1, 1, 0], [0.1, 0.9, 0.0, 0.3]
    made = DecompositionDisplay.from_predictions(y, proba, loss="log_loss")
    assert np.isnan(made.point_[0].get_xydata()).all()
    pixels(made.figure_)


class Digits(SamplingClassifier):
    """Draws around a matrix of probabilities, which it is given as X."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def _blocks(self, X):
        shift = np.linspace(0, 1, 5)[:, np.newaxis, np.newaxis]
        X = np.asarray(X).reshape(len(X), -1)
        yield slice(0, len(X)), ((1 - shift) * X + shift / X.shape[1])[np.newaxis]


def test_the_most_ambiguous_rows_of_a_sampling_classifier():
    y, proba = predictions(4, 50)
    model = Digits().fit(proba, y)
    images = np.arange(50 * 9).reshape(50, 3, 3) / 450
    made = UncertaintyDisplay.from_estimator(model, proba, y, n_samples=5, images=images)
    draws = model.sample_proba(proba)
    same = UncertaintyDisplay.from_predictions(y, draws, n_samples=5, images=images)
    assert kept(made) == kept(same)
    mean = np.sort(draws.mean(axis=0), axis=1)
    margin = mean[:, -1] - mean[:, -2]
    assert_array_equal(made.rows, np.argsort(margin)[:5])
    for ax, row, artist in zip(made.ax_, made.rows, made.artist_, strict=True):
        assert_array_equal(artist.get_array(), images[row])
        first, second = draws[:, row].mean(axis=0).argsort()[::-1][:2]
        p = draws[:, row].mean(axis=0)
        words = f"{first} at {100 * p[first]:.0f} %\n{second} at {100 * p[second]:.0f} %"
        assert ax.get_title() == words
        assert ax.get_xlabel() == f"row {row}: is {y[row]}"


def test_X_is_drawn_if_it_is_images(fitted):
    y, proba = predictions(4, 20)
    model = Digits().fit(proba, y)
    squares = proba.reshape(20, 2, 2)
    made = UncertaintyDisplay.from_estimator(model, squares, n_samples=2)
    assert_array_equal(made.images, squares[made.rows])
    assert UncertaintyDisplay.from_estimator(model, proba, n_samples=2).images is None
    assert (
        UncertaintyDisplay.from_estimator(model, squares, n_samples=2, images=None).images
        is None
    )
    for channels in (1, 3):
        colored = 300 * np.repeat(squares[..., np.newaxis], channels, axis=3) - 5
        made = UncertaintyDisplay.from_predictions(y, proba, images=colored, n_samples=2)
        shape = made.artist_[0].get_array().shape
        assert shape == ((2, 2) if channels == 1 else (2, 2, 3))


def test_one_row_shows_how_its_probabilities_are_distributed():
    rng = np.random.default_rng(0)
    draws = rng.dirichlet([5, 3, 1], (200, 4))
    made = UncertaintyDisplay.from_predictions(None, draws, sample=-2, labels=["a", "b", "c"])
    assert_array_equal(made.rows, [2])
    up, down = (np.array([bar.get_height() for bar in bars]) for bars in made.artist_[0])
    assert (up.sum(), down.sum()) == (200, -200)
    columns = made.summary.likeliest[0]
    counts = np.histogram(draws[:, 2, columns[0]], 25, (0, 1))[0]
    assert_array_equal(up, counts)
    made.plot(alpha=0.123)
    assert {bar.get_alpha() for bars in made.artist_[0] for bar in bars} == {0.123}
    sheet = UncertaintyDisplay.from_predictions(None, draws, n_samples=3, interval=0.5)
    legend = sheet.ax_[0].get_legend().get_texts()[0].get_text()
    column = sheet.summary.likeliest[0, 0]
    low, high = np.quantile(draws[:, sheet.rows[0], column], [0.25, 0.75])
    assert legend == f"{column} [{100 * low:.0f}, {100 * high:.0f}] %"
    for bad in ({"sample": 4}, {"n_samples": 0}):
        with pytest.raises(ValueError, match=r"but there are 4 rows|at least 1"):
            UncertaintyDisplay.from_predictions(None, draws, **bad)


def test_a_trained_network_is_asked_and_not_trained():
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    X, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
    before = [weight.copy() for weight in model.get_weights()]
    made = ReliabilityDisplay.from_estimator(model, X, y, random_state=0)
    proba = model.predict(X, verbose=0)
    same = ReliabilityDisplay.from_predictions(y, proba, random_state=0)
    np.testing.assert_allclose(made.curve[0].mean_proba, same.curve[0].mean_proba, rtol=1e-5)
    assert made.name == ["Sequential"]
    for weight, old in zip(model.get_weights(), before, strict=True):
        assert_array_equal(weight, old)
