"""Laws over every metric: whatever is in ``__all__`` is asked in the same way."""

import inspect
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skcalib import metrics
from skcalib.calibrators import TemperatureScaling
from skcalib.metrics._evaluation import make_function_of_weights
from skcalib.metrics._validation import check_predictions

GRID = 16  # probabilities are multiples of 1 / 16: sums are exact, and ties are many
RECALIBRATE = {"calibrator": TemperatureScaling(), "cv": 2}
KEYWORDS = {
    "augrc_loss": [{}],
    "aurc_loss": [{}],
    "brier_score_loss": [{}, {"scale_by_half": False}, {"scale_by_half": True}],
    "calibration_error": [
        {"norm": norm, "notion": notion, "n_bins": n_bins, "strategy": strategy}
        for norm, notion, n_bins, strategy in [
            ("l1", "class-wise", 5, "quantile"),
            ("l2", "top-label", "cube_root", "uniform"),
            ("l2_squared", "confidence", "sweep", "quantile"),
            ("max", "auto", "sweep", "uniform"),
            ("l1", "auto", "auto", "uniform"),
        ]
    ]
    + [{"norm": norm, "debias": True} for norm in ("l1", "l2", "l2_squared")],
    "calibration_error_interval": [
        {"random_state": 0, "n_resamples": 2},
        {"random_state": 0, "n_resamples": 2, "notion": "class-wise", "strategy": "quantile"},
    ],
    "calibration_loss": [RECALIBRATE],
    "calibration_slope_intercept": [{}],
    "calibration_test": [
        {"kind": kind, "notion": notion, "n_resamples": 20, "random_state": 0}
        for kind, notion in [
            ("cumulative", "auto"),
            ("kolmogorov-smirnov", "confidence"),
            ("kernel", "canonical"),
            ("spiegelhalter", "top-label"),
            ("hosmer-lemeshow", "class-wise"),
            ("cox", "confidence"),
            ("smooth", "auto"),
            ("truthful", "class-wise"),
        ]
    ],
    "corp_curve": [{"random_state": 0, "n_resamples": 3}],
    "corp_decomposition": [{}, {"loss": "log_loss"}, {"notion": "top-label"}],
    "cost_curve": [{}],
    "cumulative_calibration_error": [{}, {"norm": "max", "notion": "class-wise"}],
    "cumulative_curve": [{}],
    "error_detection_auc_score": [{}],
    "excess_aurc_loss": [{}],
    "expected_calibration_error": [{}, {"strategy": "quantile"}],
    "histogram_curve": [{}, {"n_bins": 7, "notion": "confidence"}],
    "integrated_calibration_error": [{}, {"quantile": 0.9}],
    "kernel_calibration_error": [
        {},
        {"debias": False, "notion": "top-label"},
        {"notion": "canonical", "norm": "l2_squared"},
    ],
    "log_loss": [{}],
    "maximum_calibration_error": [{}, {"n_bins": 4}],
    "multicalibration_error": [{"random_state": 0, "n_resamples": 20}],
    "murphy_decomposition": [
        {},
        {"n_bins": None, "loss": "log_loss"},
        {"strategy": "quantile"},
    ],
    "net_benefit_curve": [{}],
    "refinement_loss": [RECALIBRATE],
    "reliability_curve": [{}, {"strategy": "quantile", "n_bins": 4, "band": "consistency"}],
    "risk_coverage_curve": [{}],
    "smooth_calibration_error": [{}, {"notion": "class-wise"}],
    "smooth_curve": [{}, {"width": 0.1, "band": "consistency"}],
    "threshold_curve": [{}],
    "top_k_calibration_error": [{"k": 2}, {}],
    "truthful_calibration_error": [{}, {"notion": "class-wise"}],
    "value_of_abstaining": [{}],
}
TAKE_A_METRIC = {
    "accumulate",
    "bootstrap_difference",
    "bootstrap_interval",
    "by_group",
    "make_proba_scorer",
}
SLOW = {  # of these the first, and for the tests the kernel of whole rows, run by default
    "calibration_test": {1, 3, 4, 5, 6, 7},
    "cumulative_calibration_error": {1},
    "integrated_calibration_error": {1},
    "kernel_calibration_error": {1, 2},
    "top_k_calibration_error": {1},
    "truthful_calibration_error": {1},
}
CALLS = [
    pytest.param(
        partial(getattr(metrics, name), **params),
        id=f"{name}-{i}",
        marks=[pytest.mark.slow] if i in SLOW.get(name, ()) else [],
    )
    for name, several in KEYWORDS.items()
    for i, params in enumerate(several)
]
# Folds depend on the order of rows, and equal rows may be in different folds; the band of
# the curve is random.
FOLDED = ("calibration_loss", "refinement_loss")
PARTED = (
    "multicalibration_error",
)  # at random: its laws are in metrics/test_multicalibration.py
HEAVY = (  # for laws with random examples; the others run by default for all
    "calibration_slope_intercept",
    "calibration_test-2",
    "cost_curve",
    "cumulative_curve",
    "integrated_calibration_error",
    "top_k_calibration_error",
    "truthful_calibration_error",
    "value_of_abstaining",
)
UNFOLDED = [
    pytest.param(*call.values, id=call.id, marks=pytest.mark.slow)
    if call.id.startswith(HEAVY)
    else call
    for call in CALLS
    if not call.id.startswith(FOLDED + PARTED)
]
every = pytest.mark.parametrize("call", UNFOLDED)
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.UndefinedMetricWarning",  # documented, tested in test_selective
    "ignore:The temperature is at its bound",  # of a few rows, or of perfect ones
    "ignore:sample_weight sums to",  # the laws hold for weights that are too small, too
    "ignore:There is one row",  # no interval; the estimate is there
)


def answer(call, y_true, proba, **keywords):
    """Return the figures as a flat vector, without what is random."""
    found = call(y_true, proba, **keywords)
    if call.func is metrics.corp_curve:
        found = found[:2]
    if call.func in (metrics.calibration_error_interval, metrics.calibration_test):
        found = found[0]
    if call.func is metrics.multicalibration_error:
        found = found[0]
    if isinstance(found, float):
        return np.array([found])
    return np.concatenate([np.atleast_1d(part) for part in found])


@st.composite
def predictions(draw, max_classes=4):
    """Draw column numbers, rows of probabilities and weights 0, 1, 2, 3."""
    n_classes = draw(st.integers(2, max_classes))
    n_samples = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centre = rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.1, 1, 10]))), n_samples)
    weight = rng.integers(0, 4, n_samples)
    weight[rng.integers(n_samples)] = 2
    proba = rng.multinomial(GRID, centre) / GRID
    return rng.integers(0, n_classes, n_samples), proba, weight


def test_every_metric_is_here_and_has_the_one_signature():
    assert set(KEYWORDS) | TAKE_A_METRIC == set(metrics.__all__)
    for name in KEYWORDS:
        parameters = list(inspect.signature(getattr(metrics, name)).parameters.values())
        assert [p.name for p in parameters[:2]] == ["y_true", "y_proba"]
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters[2:])
        of_all = ["pos_label", "labels", "sample_weight"]
        optional = [p.name for p in parameters if p.default is None]
        along = ["axis", "ignore_index"]  # of those that take several axes
        assert (optional[:-2] if optional[-2:] == along else optional)[-3:] == of_all
    for name in TAKE_A_METRIC:
        assert "pos_label" in inspect.signature(getattr(metrics, name)).parameters


SIGNED = {
    metrics.calibration_slope_intercept,
    metrics.calibration_test,
    metrics.cumulative_curve,
    metrics.murphy_decomposition,
    metrics.net_benefit_curve,
    metrics.value_of_abstaining,
}


@every
@given(problem=predictions())
def test_types_and_bounds(call, problem):
    codes, proba, weight = problem
    found = call(codes, proba, labels=range(proba.shape[1]), sample_weight=weight)
    values = answer(call, codes, proba, labels=range(proba.shape[1]), sample_weight=weight)
    assert type(found) is float or isinstance(found, tuple)
    assert values.dtype == np.float64
    lowest = -np.inf if call.func in SIGNED else 0
    if call.keywords.get("norm") == "l2_squared":
        lowest = -0.25
    largest = np.inf
    if call.func.__name__.endswith(("_error", "aurc_loss", "augrc_loss", "_score")):
        largest = 1
    if call.keywords.get("notion") == "canonical":
        lowest, largest = -2 / 3, 2  # of rows whose distance is one from each other
    assert not (values < lowest).any()
    assert not (values > largest).any()
    assert np.isnan(values).any() <= (call.func is metrics.error_detection_auc_score)


@every
@given(problem=predictions())
def test_perfect_predictions(call, problem):
    codes, proba, weight = problem
    truth = np.eye(proba.shape[1])[codes]
    found = answer(call, codes, truth, labels=range(proba.shape[1]), sample_weight=weight)
    if call.func.__name__.endswith(("_error", "_loss")):
        assert_array_equal(found, 0)


@every
@given(problem=predictions(), seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(call, problem, seed):
    codes, proba, weight = problem
    order = np.random.default_rng(seed).permutation(len(codes))
    keywords = {"labels": range(proba.shape[1])}
    expected = answer(call, codes, proba, sample_weight=weight * 0.7, **keywords)
    shuffled = answer(
        call, codes[order], proba[order], sample_weight=weight[order] * 0.7, **keywords
    )
    assert_allclose(shuffled, expected, atol=1e-9)


@every
@given(problem=predictions())
def test_names_of_labels_do_not_matter(call, problem):
    codes, proba, weight = problem
    n_classes = proba.shape[1]
    expected = answer(call, codes, proba, labels=range(n_classes), sample_weight=weight)
    for names in (np.array(["a", "b", "cc", "d"]), np.array([-5, 0, 7, 10**6])):
        names = names[:n_classes]
        found = answer(call, names[codes], proba, labels=names, sample_weight=weight)
        assert_array_equal(found, expected)


NAMES = np.array(["dog", "ant", "cat", "bee"])  # in no order


def problem_of_text(seed, n_classes=3, n_samples=60):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), n_samples)
    codes = rng.permutation(np.arange(n_samples) % n_classes)
    return codes, proba, NAMES[:n_classes]


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_labels_are_the_order_of_the_columns(call, n_classes):
    codes, proba, names = problem_of_text(0, n_classes)
    order = np.argsort(names)
    y, ordered = names[codes], proba[:, order]
    positive = {"pos_label": "dog"} if n_classes == 2 else {}
    expected = answer(call, y, ordered, labels=names[order], **positive)
    assert_array_equal(answer(call, y, ordered, **positive), expected)
    assert_array_equal(answer(call, y, proba, labels=list(names), **positive), expected)
    for labels in ([*names, names[0]], [names[:, None]], names[:-1]):
        with pytest.raises(ValueError, match="labels"):
            call(y, proba, labels=labels)


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize("call", CALLS)
def test_a_frame_named_by_the_labels_tells_its_columns(call):
    codes, proba, names = problem_of_text(1)
    y, order = names[codes], np.argsort(names)
    expected = answer(call, y, proba[:, order])
    frame = pd.DataFrame(proba, columns=names, index=np.arange(60)[::-1])
    assert_array_equal(answer(call, y, frame), expected)
    assert_array_equal(answer(call, y, frame, labels=names), expected)
    with pytest.raises(ValueError, match="columns named 'dog', 'ant', 'cat', but labels"):
        call(y, frame, labels=names[order])
    with pytest.raises(ValueError, match="some names are labels"):
        call(y, frame.rename(columns={"ant": "bee"}))
    positions = pd.DataFrame(proba[:, order])  # 0, 1, 2: nobody has named them
    assert_array_equal(answer(call, y, positions), expected)
    features = positions.rename(columns={0: "p0", 1: "p1", 2: "p2"})
    assert_array_equal(answer(call, y, features), expected)


@pytest.mark.parametrize("call", CALLS)
def test_numbers_as_labels_and_as_names_of_columns(call):
    codes, proba, _ = problem_of_text(2)
    expected = answer(call, codes, proba)
    turned = [2, 0, 1]
    for names in (turned, ["2", "0", "1"], [2.0, 0.0, 1.0]):
        frame = pd.DataFrame(proba[:, turned], columns=names)
        assert_array_equal(answer(call, codes, frame), expected)
        assert_array_equal(answer(call, codes.astype(float), frame), expected)
    # A range is positions, whatever the labels: here those of labels=.
    frame = pd.DataFrame(proba[:, turned])
    assert_array_equal(answer(call, codes, frame, labels=turned), expected)
    shifted = pd.DataFrame(proba, columns=[10, 20, 30])
    assert_array_equal(answer(call, codes, shifted), expected)


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("positive", ["default", "paid"])
def test_the_positive_class_is_the_one_that_is_named(call, positive):
    codes, proba, _ = problem_of_text(3, 2)
    other = "paid" if positive == "default" else "default"
    y = np.where(codes == 1, positive, other)
    expected = answer(call, codes, proba[:, 1])  # zeros and ones: the second
    named = {"pos_label": positive}
    sorted_columns = proba if positive == "paid" else proba[:, ::-1]
    calls = [
        answer(call, y, proba[:, 1], **named),
        answer(call, y, proba[:, [1]], **named),
        answer(call, y, proba[:, 1], labels=[other, positive]),
        answer(call, y, proba[:, 1], labels=[positive, other], **named),
        answer(call, y, proba, labels=[other, positive]),
        answer(call, y, proba[:, ::-1], labels=[positive, other], **named),
        answer(call, y, sorted_columns, **named),
        answer(call, y, pd.DataFrame(proba, columns=[other, positive]), **named),
        answer(call, y, pd.Series(proba[:, 1], name=positive), **named),
        answer(call, y.astype(object), proba[:, 1], **named),
        answer(call, pd.Series(y, dtype="category"), proba[:, 1], **named),
    ]
    for found in calls:
        assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("call", CALLS)
def test_a_single_column_of_text_labels_needs_to_be_told(call):
    codes, proba, _ = problem_of_text(4, 2)
    y, p = np.where(codes == 1, "paid", "default"), proba[:, 1]
    for labels in (y, y.astype(object), pd.Series(y)):
        for column in (p, p[:, None]):
            with pytest.raises(
                ValueError, match=r"takes value in .*pos_label is not specified"
            ):
                call(labels, column)
    with pytest.raises(ValueError, match="pos_label='lost' is not a valid label"):
        call(y, p, pos_label="lost")
    with pytest.raises(ValueError, match=r"named 'default', but is taken for .* 'paid'"):
        call(y, pd.Series(p, name="default"), pos_label="paid")
    with pytest.raises(ValueError, match="pos_label=0 is for two classes, but there are 3"):
        call([0, 1, 2], np.full((3, 3), 1 / 3), pos_label=0)
    expected = answer(call, codes, p)
    for numbers in (codes * 2 - 1, codes == 1, codes.astype(float), codes.astype(object)):
        assert_array_equal(answer(call, numbers, p), expected)


@pytest.mark.parametrize("call", CALLS)
def test_masked_arrays(call):
    codes, proba, _ = problem_of_text(5)
    given_arrays = {"y_true": codes, "y_proba": proba, "sample_weight": np.ones(60)}
    expected = answer(call, codes, proba, sample_weight=np.ones(60))
    for name, values in given_arrays.items():
        clean = {**given_arrays, name: np.ma.masked_array(values)}
        found = answer(call, clean["y_true"], clean["y_proba"], sample_weight=np.ones(60))
        assert_array_equal(found, expected)
        mask = np.zeros(values.shape, dtype=bool)
        mask[3] = True
        masked = np.ma.masked_array(values, mask)
        for form in (masked, list(masked)) if name == "y_proba" else (masked,):
            with pytest.raises(ValueError, match=f"{name} is a masked array with"):
                call(**{**given_arrays, name: form})


@pytest.mark.parametrize("call", CALLS)
def test_swapped_arguments_are_called_swapped(call):
    codes, proba, _ = problem_of_text(6)
    text = NAMES[codes]
    for y, p in (
        (codes, proba),
        (text, proba),
        (codes.astype(float), proba),
        ([0, 1], [0.2, 0.9]),
    ):
        for swapped in ((p, y), (np.asarray(p).tolist(), np.asarray(y).tolist())):
            with pytest.raises(ValueError, match="y_true and y_proba are swapped"):
                call(*swapped)


@pytest.mark.parametrize("call", CALLS)
def test_messages_do_not_quote_more_than_200_characters(call):
    long = ["a" * 5000, "b" * 5000]
    p = [0.2, 0.9]
    calls = [
        lambda: call(long, p),
        lambda: call(long, p, pos_label="c" * 5000),
        lambda: call(long, p, labels=["a" * 5000, "c" * 5000]),
        lambda: call(long, np.full((2, 3), 1 / 3)),
        lambda: call(long, p, labels=["a" * 5000] * 3),
        lambda: call(p, long[:1] * 2),
        lambda: call([0, 1], ["x" * 5000, "y"]),
        lambda: call(list("ab"), pd.DataFrame([[0.1, 0.9]] * 2, columns=["a", "x" * 5000])),
    ]
    for own in calls:
        with pytest.raises(ValueError) as caught:
            own()
        assert len(str(caught.value)) < 700
        assert "aaaaa" * 41 not in str(caught.value)


@every
@given(problem=predictions(), seed=st.integers(0, 2**32 - 1))
def test_order_of_classes_does_not_matter(call, problem, seed):
    rng = np.random.default_rng(seed)
    codes, proba, _ = problem
    n_classes = proba.shape[1]
    if n_classes == 2:
        return
    proba = rng.dirichlet(np.ones(n_classes), len(codes))  # no ties
    order = rng.permutation(n_classes)
    expected = answer(call, codes, proba, labels=range(n_classes))
    found = answer(call, np.argsort(order)[codes], proba[:, order], labels=range(n_classes))
    assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@every
@given(problem=predictions())
def test_weight_is_repetition_and_zero_is_no_row(call, problem):
    codes, proba, weight = problem
    keywords = {"labels": range(proba.shape[1])}
    junk = np.where(weight > 0, codes, 99)  # a label that no row of weight has
    weighted = answer(call, junk, proba, sample_weight=weight, **keywords)
    repeated = answer(call, codes.repeat(weight), proba.repeat(weight, axis=0), **keywords)
    assert_allclose(weighted, repeated, atol=1e-9)


@every
@given(problem=predictions(max_classes=2))
def test_forms_of_binary_probabilities_agree(call, problem):
    codes, proba, weight = problem
    keywords = {"labels": [0, 1], "sample_weight": weight}
    expected = answer(call, codes, proba, **keywords)
    for form in (proba[:, 1], proba[:, [1]], proba[:, 1].tolist(), proba.astype(np.float32)):
        assert_allclose(answer(call, codes, form, **keywords), expected, atol=1e-12)


def test_normalised_weights_warn_where_the_number_of_rows_counts():
    given_arrays = ([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3])
    few = partial(pytest.warns, UserWarning, match="sums to 1 in 4 rows.*do not normalise")
    for call in (
        metrics.augrc_loss,
        partial(metrics.calibration_error, debias=True),
        partial(metrics.expected_calibration_error, n_bins="cube_root"),
    ):
        with few():
            call(*given_arrays, sample_weight=[0.25] * 4)


@every
def test_float32_gives_the_same(call):
    rng = np.random.default_rng(0)
    proba, codes = rng.dirichlet(np.ones(3), 300), rng.integers(0, 3, 300)
    small = proba.astype(np.float32)
    expected = answer(call, codes, small.astype(np.float64))
    assert_allclose(answer(call, codes, small), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("call", CALLS)
def test_what_is_given_is_not_changed(call):
    rng = np.random.default_rng(0)
    proba, codes, weight = rng.dirichlet(np.ones(3), 60), np.arange(60) % 3, np.ones(60)
    given_arrays = [array.copy() for array in (codes, proba, weight)]
    for array in (codes, proba, weight):
        array.setflags(write=False)
    call(codes, proba, sample_weight=weight)
    for array, before in zip((codes, proba, weight), given_arrays, strict=True):
        assert_array_equal(array, before)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"y_proba": [0.1, np.nan]}, "row 1, has NaN or infinite"),
        ({"y_proba": [1.2, -0.5]}, r"row 1, has -0.5, outside \[0, 1\].*logits"),
        ({"y_proba": [2, 1]}, r"row 0, has 2, outside \[0, 1\]; these are labels, it seems"),
        ({"y_proba": ["a", "b"]}, "y_proba is not numeric"),
        ({"y_proba": [[0.5, 0.55], [0.2, 0.2]]}, "row 1, .* sum to 0.4, not to"),
        ({"y_true": [], "y_proba": []}, "non-empty"),
        ({"y_true": [0, 1, 1]}, "inconsistent numbers of samples"),
        ({"y_true": [[0, 1], [1, 0]]}, "one-hot"),
        ({"y_true": [0.2, 0.9]}, "order of arguments is y_true, y_proba"),
        ({"y_true": [1, 1]}, "Pass labels="),
        ({"labels": [0, 5]}, "not in labels: 1"),
        ({"sample_weight": [1, -1]}, "Negative values"),
        ({"sample_weight": [0, 0]}, "zero"),
    ],
)
def test_bad_input(call, bad, message):
    with pytest.raises(ValueError, match=message):
        call(**{"y_true": [0, 1], "y_proba": [0.6, 0.7], **bad})


@every
@given(problem=predictions())
def test_a_figure_prepared_once_is_the_figure_of_each_weighting(call, problem):
    codes, proba, weight = problem
    if not hasattr(call.func, "prepare_for_weights"):
        return
    labels = np.arange(proba.shape[1])
    weighted = make_function_of_weights(call, codes, check_predictions(codes, proba, labels))
    for weights in (weight, weight[::-1].copy(), weight * 0.3):
        expected = call(codes, proba, labels=labels, sample_weight=weights)
        assert weighted(weights.astype(float)) == pytest.approx(
            expected, abs=1e-12, nan_ok=True
        )


MIRRORED = {name for name in KEYWORDS if name.endswith("_curve")} - {"risk_coverage_curve"}
MIRRORED |= {"calibration_slope_intercept"}  # the intercept changes its sign
SYMMETRIC = sorted(set(KEYWORDS) - MIRRORED - set(FOLDED) - set(PARTED))


@pytest.mark.parametrize("name", SYMMETRIC)
@given(seed=st.integers(0, 2**32 - 1), n_samples=st.integers(1, 60))
def test_swapped_classes_do_not_matter(name, seed, n_samples):
    rng = np.random.default_rng(seed)
    proba, y = rng.uniform(size=n_samples), rng.integers(0, 2, n_samples)
    call = partial(getattr(metrics, name), labels=[0, 1], **KEYWORDS[name][0])
    assert_allclose(answer(call, 1 - y, 1 - proba), answer(call, y, proba), atol=1e-9)


@every
@given(problem=predictions())
def test_single_rows_constants_zeros_and_ones_are_defined(call, problem):
    codes, proba, _ = problem
    n_classes = proba.shape[1]
    constant = np.repeat(proba[:1], len(codes), axis=0)
    for y, given_proba in [
        (codes[:1], proba[:1]),
        (codes, constant),
        (codes, np.eye(n_classes)[codes[::-1]]),
    ]:
        found = answer(call, y, given_proba, labels=range(n_classes))
        if call.func is not metrics.error_detection_auc_score:
            assert not np.isnan(found).any()


@st.composite
def several_of_each_class(draw):
    """Draw 12 rows and more of each class, none tied, with weights 0, 1, 2, 3."""
    n_classes = draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    codes = rng.permutation(np.arange(12 * n_classes) % n_classes)
    weight = rng.integers(0, 4, len(codes))
    weight[np.unique(codes, return_index=True)[1]] = 1
    return codes, rng.dirichlet(np.ones(n_classes), len(codes)), weight


RESAMPLED = {
    "bootstrap_interval": lambda y_true, proba, **keywords: metrics.bootstrap_interval(
        metrics.brier_score_loss, y_true, proba, n_resamples=50, random_state=0, **keywords
    )[:4],
    "bootstrap_difference": lambda y_true, proba, **keywords: metrics.bootstrap_difference(
        metrics.log_loss,
        y_true,
        proba,
        proba**2 / (proba**2).sum(axis=1, keepdims=True),
        n_resamples=50,
        random_state=0,
        **keywords,
    )[:5],
}
REFITTED = {name: partial(getattr(metrics, name), **RECALIBRATE) for name in FOLDED}


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize("name", [*RESAMPLED, *REFITTED])
@given(problem=several_of_each_class())
def test_names_and_rows_without_weight_do_not_matter_to_the_rest(name, problem):
    codes, proba, weight = problem
    call = {**RESAMPLED, **REFITTED}[name]
    columns = np.arange(proba.shape[1])
    used = weight > 0
    expected = call(codes[used], proba[used], labels=columns, sample_weight=weight[used])
    junk = np.where(used, codes, 99)
    assert_allclose(call(junk, proba, labels=columns, sample_weight=weight), expected)
    names = np.array(["a", "b", "cc", "d"])[: len(columns)]
    assert_array_equal(call(names[codes], proba, sample_weight=weight), expected)


@pytest.mark.parametrize("name", REFITTED)
@given(problem=several_of_each_class(), seed=st.integers(0, 2**32 - 1))
def test_order_and_type_of_columns_do_not_matter_to_refits(name, problem, seed):
    codes, proba, _ = problem
    order = np.random.default_rng(seed).permutation(proba.shape[1])
    expected = REFITTED[name](codes, proba)
    permuted = REFITTED[name](np.argsort(order)[codes], proba[:, order])
    assert permuted == pytest.approx(expected, abs=1e-6)
    assert REFITTED[name](codes, proba.astype(np.float32)) == pytest.approx(expected, abs=1e-5)


def test_perfect_predictions_are_refined():
    for n_classes in (2, 3, 5):
        codes = np.arange(60) % n_classes
        refinement = REFITTED["refinement_loss"](codes, np.eye(n_classes)[codes])
        assert 0 <= refinement < 0.01  # the calibrator's temperature is bounded
        assert REFITTED["calibration_loss"](codes, np.eye(n_classes)[codes]) == -refinement
