"""Laws over every display: whatever is in ``__all__`` is drawn, and looked at, alike."""

import inspect
import io
import pickle
import random
import sys
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure, FigureBase
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC

from skcalib import displays, metrics
from skcalib.displays import (
    ConfidenceHistogramDisplay,
    CostDisplay,
    CumulativeDisplay,
    DecisionCurveDisplay,
    DecompositionDisplay,
    ReliabilityDisplay,
    RiskCoverageDisplay,
    ThresholdDisplay,
    UncertaintyDisplay,
)
from skcalib.uncertainty import Draws, MCDropoutClassifier, SamplingClassifier

plt.switch_backend("Agg")
SEEDED = {"random_state": 0}
KEYWORDS = {
    "ConfidenceHistogramDisplay": [{}],
    "CostDisplay": [{}],
    "CumulativeDisplay": [SEEDED],
    "DecisionCurveDisplay": [{}],
    "DecompositionDisplay": [{}, {"loss": "log_loss"}],
    "ReliabilityDisplay": [
        SEEDED,
        SEEDED | {"kind": "corp"},
        SEEDED | {"kind": "smooth", "band": "consistency"},
        {"band": None, "metric": None, "strategy": "quantile"},
        SEEDED | {"notion": "class-wise", "n_panels": 2, "test": "cox"},
        SEEDED | {"notion": "top-label"},
    ],
    "RiskCoverageDisplay": [SEEDED | {"risk": 0.1}, SEEDED | {"coverage": 0.8}],
    "ThresholdDisplay": [{"cost_fp": 1, "cost_fn": 3}],
    "UncertaintyDisplay": [{"n_samples": 3}, {"sample": 1}],
}
SMALL = {"class-wise", "top-label"}


def is_sheet(params):
    return params.get("notion") in SMALL or "n_samples" in params


CASES = [
    pytest.param(
        getattr(displays, name),
        params,
        id=f"{name}-{i}",
        marks=[pytest.mark.slow] if name == "CostDisplay" else [],  # drawn as decision curves
    )
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
    if display is not UncertaintyDisplay:  # whose draws have a column for each class
        assert "pos_label" in method
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
@pytest.mark.parametrize(
    ("n_classes", "n_samples"),
    [
        pytest.param(2, 1, marks=pytest.mark.slow),
        pytest.param(2, 2, marks=pytest.mark.slow),
        pytest.param(2, 30, marks=pytest.mark.slow),
        (100, 3),
    ],
)
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


@pytest.fixture
def checks(monkeypatch):
    """What was given to each call of `check_predictions`, whoever calls it."""
    calls, check = [], metrics.check_predictions

    def counted(y_true, y_proba, *args, **kwargs):
        calls.append(y_proba)
        return check(y_true, y_proba, *args, **kwargs)

    for name, module in list(sys.modules.items()):
        if name.startswith("skcalib.") and vars(module).get("check_predictions") is check:
            monkeypatch.setattr(module, "check_predictions", counted)
    return calls


CHECKED = [
    *[case for case in CASES if case.values[0] is not UncertaintyDisplay],
    *[
        pytest.param(ReliabilityDisplay, SEEDED | params, id=f"ReliabilityDisplay-{name}")
        for name, params in {
            "ten panels": {"notion": "class-wise", "n_panels": 10},
            "worst": {"notion": "class-wise", "n_panels": 3, "kind": "corp"},
            "smooth": {"notion": "confidence", "kind": "smooth"},
            "top-label": {"notion": "top-label", "metric": metrics.log_loss},
            "function": {"notion": "confidence", "metric": lambda y, p: np.mean(p - y)},
        }.items()
    ],
    pytest.param(DecompositionDisplay, {"notion": "top-label"}, id="DecompositionDisplay-top"),
]


@pytest.mark.parametrize(
    ("display", "params", "n_classes"),
    [
        pytest.param(
            *case.values,
            n_classes,
            id=f"{case.id}-{n_classes}",
            marks=pytest.mark.slow if n_classes == 2 else [],
        )
        for case in CHECKED
        for n_classes in ((10,) if "notion" in case.values[1] else (2, 10))
    ],
)
def test_predictions_are_checked_once_for_each_model(display, params, n_classes, checks):
    y, proba = predictions(n_classes, 150)
    given = {"labels": np.arange(n_classes), "sample_weight": np.arange(150) % 3, **params}
    made = display.from_predictions(y, proba, **given)
    assert len(checks) == 1
    assert checks[0] is proba
    if params.get("n_panels") == 10:
        assert len(made.ax_) == n_classes
    checks.clear()
    display.from_predictions(y, {"one": proba, "other": proba[:, ::-1]}, **given)
    assert len(checks) == 2
    made.plot()
    assert len(checks) == 2


def test_folds_are_not_checked_again(checks):
    y, proba = predictions(2, 150)
    fold = np.arange(150) % 3
    made = ReliabilityDisplay.from_predictions(y, proba, fold=fold, **SEEDED)
    assert len(made.fold_curve) == 3
    assert len(checks) == 1


SMOOTHED = {"bayes": 1e-9, "flat": 1.0}
SEVERAL = [name for name in KEYWORDS if name != "UncertaintyDisplay"]
SEVERAL = [getattr(displays, name) for name in SEVERAL]


def artists_of(display):
    """Return the first artist of each model."""
    if isinstance(display, DecompositionDisplay):
        return display.point_ if isinstance(display.point_, list) else [display.point_]
    if isinstance(display, ConfidenceHistogramDisplay):
        bars = display.right_ if isinstance(display.right_, list) else [display.right_]
        return [bar[0] for bar in bars]
    if isinstance(display, ThresholdDisplay):
        return (
            [own[0] for own in display.line_]
            if isinstance(display.curve, list)
            else display.line_
        )
    return display.line_


def color_of(artist):
    if hasattr(artist, "get_color"):
        return to_hex(artist.get_color())
    filled = artist.get_facecolor()[3] > 0
    return to_hex(artist.get_facecolor() if filled else artist.get_edgecolor())


def words_in(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("display", SEVERAL)
def test_several_models_have_a_colour_and_a_name_each(display, fitted):
    _, X, y = fitted
    models = {name: GaussianNB(var_smoothing=v).fit(X, y) for name, v in SMOOTHED.items()}
    made = display.from_estimator(models, X, y)
    artists = artists_of(made)
    assert len({color_of(artist) for artist in artists}) == len(artists) == 2
    words = words_in(made.ax_)
    assert words[0].startswith("bayes")
    assert any(text.startswith("flat") for text in words)
    assert len(set(words)) == len(words)
    one = display.from_estimator(models["bayes"], X, y, name="one")
    first = [color_of(artist) for artist in artists_of(one)]
    other = display.from_estimator(models["flat"], X, y, ax=one.ax_)
    words = words_in(other.ax_)
    assert any(text.startswith("one") for text in words)
    assert any(text.startswith("GaussianNB") for text in words)
    assert not set(first) & {color_of(artist) for artist in artists_of(other)}
    again = display.from_estimator(models["flat"], X, y, ax=one.ax_)
    seen = {*first, *[color_of(artist) for artist in artists_of(other)]}
    assert not seen & {color_of(artist) for artist in artists_of(again)}
    pixels(again.figure_)
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
    assert made.loss == [metrics.log_loss(y, proba)]
    assert words_in(made.ax_)[0].endswith(f"], log loss {made.loss[0]:.3f}")
    other = ReliabilityDisplay.from_predictions(
        y, proba, metric=metrics.brier_score_loss, random_state=0
    )
    assert other.error[0][0] == metrics.brier_score_loss(y, proba)
    assert other.ax_.get_legend().get_title().get_text() == "brier score loss [95 %]"
    assert other.loss is None
    assert "log loss" not in words_in(other.ax_)[0]


def test_p_values_of_a_test_are_shown():
    y, proba = predictions(2, 300)
    proba = proba[:, 1]
    both = {"true": proba, "wrong": proba**3}
    made = ReliabilityDisplay.from_predictions(y, both, test="cox", random_state=0)
    expected = [
        metrics.calibration_test(y, own, kind="cox", random_state=0).p_value
        for own in both.values()
    ]
    assert made.p_value == expected
    assert expected[0] > 0.001 >= expected[1]
    words = words_in(made.ax_)
    assert words[0].endswith(f", p = {expected[0]:.3f}")
    assert words[1].endswith(", p = 0.001")
    assert ReliabilityDisplay.from_predictions(y, proba).p_value is None
    alone = ReliabilityDisplay.from_predictions(
        y, proba, metric=None, test="cox", random_state=0
    )
    assert words_in(alone.ax_) == [f"p = {expected[0]:.3f}"]
    with pytest.raises(ValueError, match="kind must be one of"):
        ReliabilityDisplay.from_predictions(y, proba, test="t")
    y, proba = predictions(3, 60)
    panels = ReliabilityDisplay.from_predictions(
        y, proba, notion="class-wise", test="cumulative", random_state=0
    )
    for ax, p_value in zip(panels.ax_, panels.p_value, strict=True):
        assert ax.get_title().endswith(f"p = {p_value:.3f}")


def test_cumulative_curves_are_those_of_the_metric():
    y, proba = predictions(3, 300)
    made = CumulativeDisplay.from_predictions(y, proba, random_state=0)
    curve = metrics.cumulative_curve(y, proba)
    assert_array_equal(made.line_[0].get_xdata(), curve.share)
    assert_array_equal(made.line_[0].get_ydata(), curve.difference)
    error = metrics.cumulative_calibration_error(y, proba)
    p_value = metrics.calibration_test(y, proba, kind="cumulative", random_state=0).p_value
    assert words_in(made.ax_) == [f"{error:.3f}, p = {p_value:.3f}"]
    assert made.ax_.get_xlabel() == "Share of rows, by ascending confidence"
    one = CumulativeDisplay(curve)
    assert one.plot().line_.get_label().startswith("_")
    assert one.ax_.get_legend() is None
    with pytest.raises(ValueError, match="a curve for each class"):
        CumulativeDisplay.from_predictions(y, proba, notion="class-wise")


@pytest.mark.parametrize(
    ("display", "metric"),
    [
        (DecisionCurveDisplay, metrics.net_benefit_curve),
        (CostDisplay, metrics.cost_curve),
    ],
)
def test_what_acting_gains_and_costs_is_that_of_the_metrics(display, metric):
    y, proba = predictions(2, 300)
    other = predictions(2, 300, seed=1)[1]
    params = {"prevalence": {1: 0.2, 0: 0.8}, "confidence_level": 0.8}
    made = display.from_predictions(y, proba, name="one", **params)
    curve = metric(y, proba, **params)
    assert numbers(made.curve) == numbers([curve])
    assert words_in(made.ax_)[0] == "one"
    assert_array_equal(made.line_[0].get_xydata()[:, 0], curve[0])
    alone = display(curve).plot()
    assert_array_equal(alone.line_.get_xydata(), made.line_[0].get_xydata())
    both = {"one": proba, "other": other}
    paired = display.from_predictions(y, both, reference="one", **params)
    assert paired.name == ["other"]
    assert numbers(paired.curve) == numbers([metric(y, other, reference=proba, **params)])
    assert words_in(paired.ax_) == ["other", "one"]
    assert paired.ax_.get_ylabel().endswith("minus that of one")
    for wrong in ("third", None):
        with pytest.raises(
            ValueError, match=r"reference=.* must be the name of one of several"
        ):
            display.from_predictions(y, both if wrong else proba, reference=wrong or "one")
    y, proba = predictions(4, 300)
    names = np.array(["d", "b", "c", "a"])
    small = display.from_predictions(
        names[y], {"m": proba}, labels=names, notion="class-wise", n_panels=2
    )
    most = np.sort(names)[
        np.sort(np.argsort(-np.bincount(np.argsort(np.argsort(names))[y]))[:2])
    ]
    assert small.panel == most.tolist()
    assert [ax.get_title() for ax in small.ax_] == [f"class {label}" for label in most]
    for line, label in zip(small.line_, most, strict=True):
        own = metric(names[y] == label, proba[:, names.tolist().index(label)])
        values = own.net_benefit if display is DecisionCurveDisplay else own.cost
        np.testing.assert_allclose(line.get_ydata(), values)
    with pytest.raises(ValueError, match="n_panels must be a positive integer"):
        display.from_predictions(y, proba, notion="class-wise", n_panels=0)


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


def heights(display):
    return [bar.get_height() for bar in display.bars_[0]]


def test_bars_on_the_same_axes_have_the_scale_of_the_first():
    many = np.arange(900) % 2, np.tile(np.linspace(0.02, 0.98, 45), 20)
    few = many[0][:90], many[1][:90]
    draw = partial(ReliabilityDisplay.from_predictions, metric=None)
    first = draw(*many)
    tallest = max(heights(first))
    second = draw(*few, ax=first.ax_)
    assert max(heights(second)) == pytest.approx(tallest / 10)
    assert [text.get_text() for text in first.ax_.texts] == ["rows"]
    loaded = pickle.loads(pickle.dumps(first.figure_))  # the scale goes with the axes
    assert heights(draw(*few, ax=loaded.axes[0])) == heights(second)
    first.ax_.clear()  # and is gone with what was drawn
    assert max(heights(draw(*few, ax=first.ax_))) == pytest.approx(tallest)


def test_a_logarithmic_scale_is_kept_for_later_bars():
    proba = np.r_[np.full(900, 0.01), np.linspace(0.1, 1, 100)]
    draw = partial(ReliabilityDisplay.from_predictions, np.arange(1000) % 2, metric=None)
    first = draw(proba)
    even = draw(np.tile(np.linspace(0, 1, 50), 20), ax=first.ax_)  # 40 rows in each bin
    expected = max(heights(first)) * np.log1p(40) / np.log1p(900)
    assert heights(even) == pytest.approx([expected] * 25)
    assert [text.get_text() for text in first.ax_.texts] == ["rows, log scale"]


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

    def _draws(self, X):
        shift = np.linspace(0, 1, 5)[:, np.newaxis, np.newaxis]
        X = np.asarray(X).reshape(len(X), -1)
        draws = (1 - shift) * X + shift / X.shape[1]
        return Draws([(slice(0, len(X)), draws[np.newaxis])])


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


class Asked(Digits):
    """Draws that belong to places in X, and in what number; counts how often it is asked."""

    def __init__(self, ragged=False):
        self.ragged = ragged

    def _draws(self, X):
        self.n_asked_ = getattr(self, "n_asked_", 0) + 1
        draws = np.random.default_rng(0).dirichlet([3, 2, 1], (12, len(X)))
        if not self.ragged:
            return Draws([(slice(0, 4), draws[None, :, :4]), (slice(4, 9), draws[None, :, 4:])])
        few, many = np.arange(0, len(X), 2), np.arange(1, len(X), 2)
        blocks = [(many, draws[None, :, many]), (few, draws[None, :7, few])]
        return Draws(blocks, ragged=True)


@pytest.mark.parametrize("ragged", [False, True])
def test_the_draws_that_choose_rows_are_those_that_are_shown(ragged):
    X = np.zeros((9, 2))
    model = Asked(ragged).fit(X, [0, 1, 2] * 3)
    own = {}
    for rows, draws in model.sample_proba(X, blocks=True):
        for place, row in enumerate(np.arange(9)[rows]):
            own[row] = draws[:, place]
    mean = {row: np.sort(draws.mean(axis=0)) for row, draws in own.items()}
    margin = [mean[row][-1] - mean[row][-2] for row in range(9)]
    model.n_asked_ = 0
    made = UncertaintyDisplay.from_estimator(model, X, n_samples=4)
    assert model.n_asked_ == 1
    assert_array_equal(made.rows, np.argsort(margin)[:4])
    np.testing.assert_allclose(made.summary.margin, np.sort(margin)[:4])
    for place, row in enumerate(made.rows):
        shown = made.draws[:, place]
        shown = shown[~np.isnan(shown[:, 0])]
        assert_array_equal(shown, own[row][:, made.likeliest[place]])
        up, _ = made.artist_[place]
        assert sum(bar.get_height() for bar in up) == len(own[row])
    one = UncertaintyDisplay.from_estimator(model, X, sample=-2)
    assert_array_equal(one.rows, [7])
    assert_array_equal(one.draws[:, 0], own[7][:, one.likeliest[0]])
    with pytest.raises(ValueError, match="there are 9 rows"):
        UncertaintyDisplay.from_estimator(model, X, sample=9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("params", [{"tol": 0.05}, {"masks": "independent", "batch_size": 50}])
def test_draws_of_dropout_are_shown_as_they_were_when_they_chose(params):
    X, y = load_digits(return_X_y=True)
    mlp = MLPClassifier((16,), max_iter=20, random_state=0)
    mc = MCDropoutClassifier(mlp, rate=0.4, random_state=0, **params).fit(X[:300], y[:300])
    margin = mc.predict_uncertainty(X[300:500], measures="likeliest").margin
    made = UncertaintyDisplay.from_estimator(mc, X[300:500], n_samples=6)
    assert_array_equal(made.rows, np.argsort(margin, kind="stable")[:6])
    np.testing.assert_allclose(made.summary.margin, np.sort(margin)[:6], atol=1e-12)


def test_several_levels_are_not_drawn():
    X = np.zeros((3, 2))
    model = Asked().fit(X, [0, 1, 2])
    draws = np.full((2, 5, 3, 3), 1 / 3)
    model._draws = lambda X: Draws([(slice(0, 3), draws)], levels=[0.1, 0.2])
    with pytest.raises(ValueError, match="several levels"):
        UncertaintyDisplay.from_estimator(model, X)


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


def test_two_thresholds_in_one_axes_have_colours_and_names_of_their_own(fitted):
    _, X, y = fitted
    model = GaussianNB().fit(X, y == 1)
    one = ThresholdDisplay.from_estimator(model, X, y == 1, cost_fp=1, cost_fn=20)
    two = ThresholdDisplay.from_estimator(model, X, y == 1, cost_fp=1, cost_fn=2, ax=one.ax_)
    same = ThresholdDisplay.from_estimator(model, X, y == 1, cost_fp=1, cost_fn=2, ax=one.ax_)
    words = words_in(one.ax_)
    assert len(set(words)) == len(words) == 3 * 3 + 2
    assert sum(word.startswith("GaussianNB (2): ") for word in words) == 4
    assert one.ax_.get_title() == ""
    assert one.threshold_line_.get_color() != two.threshold_line_.get_color()
    assert same.threshold_line_ is two.threshold_line_  # one line where they agree
    together = ThresholdDisplay.from_estimator({"a": model, "b": model}, X, y == 1)
    assert [len(lines) for lines in together.line_] == [3, 3]


def test_bars_of_several_models_stand_side_by_side():
    y, proba = predictions(3, 200)
    flat = (proba + 1 / 3) / 2
    made = ConfidenceHistogramDisplay.from_predictions(y, {"sharp": proba, "flat": flat})
    for bars, p in zip(made.right_, (proba, flat), strict=True):
        right = p.argmax(axis=1) == y
        heights = np.array([bar.get_height() for bar in bars])
        counts = np.histogram(p.max(axis=1)[right], 20, (0, 1))[0]
        np.testing.assert_allclose(heights, counts[counts > 0] / right.sum())
    places = [{round(bar.get_x(), 6) for bar in bars} for bars in made.right_]
    assert not places[0] & places[1]
    assert made.confidence_line_[1].get_xdata()[0] == pytest.approx(flat.max(axis=1).mean())


@pytest.mark.parametrize("display", SEVERAL)
@pytest.mark.parametrize("positive", ["default", "paid"])
def test_the_positive_class_is_the_one_that_is_named(display, positive):
    codes, proba = predictions(2, 200)
    other = "paid" if positive == "default" else "default"
    y = np.where(codes == 1, positive, other)
    draw = partial(display.from_predictions, **KEYWORDS[display.__name__][0])
    found = [
        draw(y, proba[:, 1], pos_label=positive),
        draw(y, proba, labels=[other, positive]),
        draw(y, proba, labels=[other, positive], pos_label=positive),
        draw(y, pd.DataFrame(proba, columns=[other, positive]), pos_label=positive),
    ]
    expected = kept(draw(codes, proba[:, 1]))
    for own in found:
        if hasattr(own, "pos_label"):
            assert own.pos_label == positive
            own.pos_label = 1
        for part, other_part in zip(kept(own), expected, strict=True):
            assert part == other_part or part == pytest.approx(other_part, rel=1e-9)
    words = found[0].ax_.get_xlabel() + found[0].ax_.get_ylabel()
    if display in (ReliabilityDisplay, ThresholdDisplay):
        assert positive in words
    with pytest.raises(ValueError, match="pos_label is not specified"):
        draw(y, proba[:, 1])


def test_costs_are_those_of_the_positive_class():
    X, y = load_breast_cancer(return_X_y=True)
    names = np.where(y == 0, "default", "paid")
    model = GaussianNB().fit(X, names)
    made = ThresholdDisplay.from_estimator(
        model, X, names, cost_fp=1, cost_fn=20, pos_label="default"
    )
    curve = metrics.threshold_curve(names == "default", model.predict_proba(X)[:, 0])
    assert numbers(made.curve) == numbers([curve])
    assert made.pos_label == "default"
    assert made.threshold_ == 1 / 21


STRANGE = [[r"$\frac{1}{$ok", "_hidden", "$a$"], ["100 $ & 50 %", r"\$ x\ny", "a" * 5000]]


def begins(text, strange):
    return text.strip().startswith(strange[:20].replace("\n", " ").replace("$", r"\$"))


strange_names = pytest.mark.parametrize(
    "strange",
    [
        pytest.param(STRANGE[0], id="formulas"),
        pytest.param(STRANGE[1], id="long", marks=pytest.mark.slow),
    ],
)


@every
@strange_names
def test_labels_and_names_are_text(display, params, strange):
    y, proba = predictions()
    given = {"labels": strange, "name": strange[1], **params}
    made = display.from_predictions(np.array(strange)[y], proba, **given)
    made.figure_.savefig(io.BytesIO(), dpi=20)
    axes = made.ax_ if is_sheet(params) else [made.ax_]
    words = [word for ax in axes if ax.get_legend() for word in words_in(ax)]
    assert all(len(word) < 200 for word in words)
    named = display in (ReliabilityDisplay, RiskCoverageDisplay, DecompositionDisplay)
    if named and not is_sheet(params):
        assert any(begins(word, strange[1]) for word in words)


@pytest.mark.parametrize("display", SEVERAL)
@strange_names
def test_names_of_models_are_text(display, strange):
    y, proba = predictions(2)
    labels = np.array(strange[:2])
    probas = dict.fromkeys(strange, proba)
    made = display.from_predictions(labels[y], probas, labels=labels, pos_label=strange[0])
    display.from_predictions(y, proba, name=strange[0], ax=made.ax_)
    made.figure_.savefig(io.BytesIO(), dpi=20)
    for name in strange:
        assert any(begins(word, name) for word in words_in(made.ax_))
    assert sum(begins(word, strange[0]) for word in words_in(made.ax_)) >= 2


@every
def test_unknown_keywords_are_refused_with_the_known(display, params, fitted):
    model, X, y = fitted
    made = display.from_predictions(*predictions(), **params)
    before = plt.get_fignums()
    not_named = {"y_true", "y_proba", "draws", "kwargs"}
    own = set(inspect.signature(display.from_predictions).parameters) - not_named
    for bad in ({"title": "x"}, {"n_bin": 5}, {"ref_line": False}, {"x" * 5000: 1}):
        calls = {
            "from_predictions": lambda bad: display.from_predictions(
                *predictions(), **params, **bad
            ),
            "from_estimator": lambda bad: display.from_estimator(model, X, y, **params, **bad),
            "plot": lambda bad: made.plot(**bad),
        }
        for method, call in calls.items():
            name = next(iter(bad))
            with pytest.raises(TypeError, match=f"keyword argument '{name[:9]}") as caught:
                call(bad)
            text = str(caught.value)
            assert len(text) < 700
            assert "color" in text
            assert method == "plot" or all(known in text for known in own)
    assert plt.get_fignums() == before
    with pytest.raises(TypeError, match="labels are those of the classifier"):
        display.from_estimator(model, X, y, labels=[0, 1, 2], **params)


def test_a_near_keyword_is_named():
    with pytest.raises(TypeError, match="Did you mean 'n_bins'"):
        ReliabilityDisplay.from_predictions(*predictions(), n_bin=4)


def test_errors_at_a_coverage():
    y, proba = predictions(3, 500)
    made = RiskCoverageDisplay.from_predictions(y, proba, coverage=0.6, random_state=0)
    order = np.argsort(-proba.max(axis=1))[:300]
    risk = (proba[order].argmax(axis=1) != y[order]).mean()
    assert made.point_[0].get_xdata() == pytest.approx([0.6])
    assert made.point_[0].get_ydata() == pytest.approx([risk])
    assert made.point_[0].get_label().endswith(f"{100 * risk:.1f} % errors")
    tied = RiskCoverageDisplay.from_predictions(
        [0, 1, 1, 0], [0.1, 0.9, 0.4, 0.4], coverage=0.6
    )
    assert tied.point_[0].get_xdata() == [1]  # those of one confidence come together
    everything = RiskCoverageDisplay.from_predictions(y, proba, coverage=1.0)
    assert everything.point_[0].get_xdata() == [1]
    with pytest.raises(ValueError, match=r"risk=0.1 and coverage=0.5 were both given"):
        RiskCoverageDisplay.from_predictions(y, proba, coverage=0.5, risk=0.1)
    for bad in ({"coverage": 80}, {"coverage": "0.8"}, {"risk": -0.1}):
        with pytest.raises(ValueError, match="must be a number between 0 and 1"):
            RiskCoverageDisplay.from_predictions(y, proba, **bad)


@every
def test_masked_arrays_are_refused(display, params):
    y, proba = predictions()
    for given in (
        (np.ma.masked_array(y, y == 1), proba),
        (y, np.ma.masked_array(proba, proba < 0.1)),
    ):
        with pytest.raises(ValueError, match="is a masked array with"):
            display.from_predictions(*given, **params)
    clean = display.from_predictions(np.ma.masked_array(y), np.ma.masked_array(proba), **params)
    assert kept(clean) == kept(display.from_predictions(y, proba, **params))


@every
def test_swapped_arguments_are_called_swapped(display, params):
    y, proba = predictions()
    with pytest.raises(ValueError, match="are swapped"):
        display.from_predictions(proba, y, **params)


@every
def test_columns_in_another_order(display, params):
    y, proba = predictions()
    names = np.array(["dog", "ant", "cat"])
    order = np.argsort(names)
    params = {k: v for k, v in params.items() if k != "n_panels"}
    expected = display.from_predictions(
        names[y], proba[:, order], labels=names[order], **params
    )
    frame = pd.DataFrame(proba, columns=names)
    for given, labels in ((proba, names), (frame, None), (frame, names)):
        made = display.from_predictions(names[y], given, labels=labels, **params)
        if display is UncertaintyDisplay:
            assert_array_equal(made.likeliest, expected.likeliest)
        else:
            assert kept(made) == kept(expected)
    with pytest.raises(ValueError, match="columns named 'dog', 'ant', 'cat', but labels"):
        display.from_predictions(names[y], frame, labels=names[order], **params)


def test_a_single_row_claims_no_interval():
    for display in (ReliabilityDisplay, RiskCoverageDisplay):
        made = display.from_predictions([1], [[0.2, 0.8]], labels=[0, 1])
        legend = made.ax_.get_legend()
        words = [] if legend is None else legend.get_texts()
        assert not any("[" in text.get_text() for text in words)


def rare_events(n_samples=4000):
    """Return outcomes of about 1 in 100, and probabilities that are too extreme."""
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-6, 2, n_samples)
    y = (rng.uniform(size=n_samples) < 1 / (1 + np.exp(-log_odds))).astype(int)
    return y, 1 / (1 + np.exp(-1.5 * log_odds))


@pytest.mark.parametrize("kind", ["binned", "smooth", "corp"])
def test_log_odds_show_the_curve_where_rare_classes_are(kind):
    y, proba = rare_events()
    given = {"kind": kind, "strategy": "quantile", "n_bins": 8, "metric": None}
    plain = ReliabilityDisplay.from_predictions(y, proba, **given, random_state=0)
    wide = ReliabilityDisplay.from_predictions(
        y, proba, **given, random_state=0, scale="log-odds"
    )
    assert kept(plain)[:100] == kept(wide)[:100]  # what is stored is what was measured
    ax = wide.ax_
    assert (ax.get_xscale(), ax.get_yscale()) == ("logit", "logit")
    assert ax.get_xlim() == ax.get_ylim()
    low, high = ax.get_xlim()
    (diagonal,) = (line for line in ax.lines if line.get_gid() == "diagonal")
    np.testing.assert_allclose(diagonal.get_data(), [(low, high)] * 2)
    x, frequency = plain.line_[0].get_data()
    found = wide.line_[0].get_data()
    assert 1e-6 <= low < 1e-3
    np.testing.assert_array_equal(found, np.clip([x, frequency], low, high))
    assert wide.bars_ == [None]
    if kind == "binned":  # the same points are much further apart
        shares = ax.transAxes.inverted().transform(ax.transData.transform(np.transpose(found)))
        flat = plain.ax_.transAxes.inverted().transform(
            plain.ax_.transData.transform(np.transpose([x, frequency]))
        )
        assert np.median(np.diff(shares[:, 0])) > 10 * np.median(np.diff(flat[:, 0]))


def test_log_odds_of_exact_zeros_and_ones_are_at_the_edges():
    y, proba = np.array([0, 0, 0, 1, 1, 1]), np.array([0.0, 0.0, 0.2, 0.7, 1.0, 1.0])
    made = ReliabilityDisplay.from_predictions(
        y, proba, n_bins=5, metric=None, scale="log-odds", random_state=0
    )
    x, frequency = made.line_[0].get_data()
    assert made.ax_.get_xlim() == (0.1, 0.85)  # half as far from 0, and from 1
    assert (x[0], x[-1], frequency[0], frequency[-1]) == (0.1, 0.85, 0.1, 0.85)
    pixels(made.figure_)


def test_a_scale_that_is_unknown_or_not_that_of_the_axes():
    y, proba = rare_events(400)
    with pytest.raises(
        ValueError, match="scale must be one of 'linear', 'log-odds', got 'logit'"
    ):
        ReliabilityDisplay.from_predictions(y, proba, metric=None, scale="logit")
    for first, second in (("linear", "log-odds"), ("log-odds", "linear")):
        made = ReliabilityDisplay.from_predictions(y, proba, metric=None, scale=first)
        with pytest.raises(ValueError, match=f"scale is '{second}', but .* scale='{first}'"):
            ReliabilityDisplay.from_predictions(
                y, proba, metric=None, scale=second, ax=made.ax_
            )
        again = ReliabilityDisplay.from_predictions(
            y, proba**2, metric=None, scale=first, ax=made.ax_
        )
        assert again.line_[0].get_color() != made.line_[0].get_color()
