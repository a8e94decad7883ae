"""Calibration and refinement loss: the same by hand, known losses, edges, bad input."""

import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import logits_from_proba, probability_floor
from skcalib.calibrators import IsotonicCalibration, PlattScaling, TemperatureScaling
from skcalib.metrics import brier_score_loss, calibration_loss, log_loss, refinement_loss

SEEDS = st.integers(0, 2**32 - 1)
LOSSES = {"log_loss": log_loss, "brier": brier_score_loss}
CALIBRATORS = [
    TemperatureScaling(),
    PlattScaling(),
    IsotonicCalibration(),
    LogisticRegression(C=0.1),
    make_pipeline(StandardScaler(), LogisticRegression()),
]


def problem(n, n_classes=3, seed=0, power=1.0):
    """Return labels, the probabilities they were drawn from, and these made too sharp."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), n)
    codes = (rng.uniform(size=(n, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    sharp = proba**power
    return codes, proba, sharp / sharp.sum(axis=1, keepdims=True)


def by_hand(y, proba, calibrator, splits, weight=None):
    """Recalibrate each part with what is learned from the others."""
    out = np.zeros_like(proba)
    for train, test in splits:
        floor = probability_floor(proba[train])
        keywords = {} if weight is None else {"sample_weight": weight[train]}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "y has no sample of the classes")
            fitted = clone(calibrator).fit(
                logits_from_proba(proba[train], floor), y[train], **keywords
            )
        found = fitted.predict_proba(logits_from_proba(proba[test], floor))
        out[np.ix_(test, fitted.classes_)] = found
    return out


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_is_what_one_does_by_hand(calibrator, n_classes):
    y, _, proba = problem(300, n_classes, power=2.0)
    proba[proba < 0.02] = 0  # so that there is a floor, another one for each split
    proba /= proba.sum(axis=1, keepdims=True)
    calibrated = by_hand(y, proba, calibrator, StratifiedKFold(5).split(proba, y))
    for name, loss in LOSSES.items():
        keywords = {"calibrator": calibrator, "loss": name}
        expected = loss(y, calibrated)
        assert np.isfinite(expected)
        assert refinement_loss(y, proba, **keywords) == pytest.approx(expected, rel=1e-9)
        gained = loss(y, proba) - expected
        assert calibration_loss(y, proba, **keywords) == pytest.approx(gained, rel=1e-9)
    assert not hasattr(calibrator, "classes_")  # a clone was fitted


@given(seed=SEEDS, n_classes=st.integers(2, 4), name=st.sampled_from([*LOSSES]))
@settings(max_examples=20)
def test_the_parts_add_up(seed, n_classes, name):
    y, _, proba = problem(60, n_classes, seed, power=0.5)
    y[: 2 * n_classes] = np.tile(np.arange(n_classes), 2)
    keywords = {
        "labels": range(n_classes),
        "sample_weight": np.random.default_rng(seed).uniform(0.5, 2, 60),
    }
    parts = [
        part(y, proba, calibrator=PlattScaling(), loss=name, cv=2, **keywords)
        for part in (calibration_loss, refinement_loss)
    ]
    assert {type(part) for part in parts} == {float}
    assert sum(parts) == pytest.approx(LOSSES[name](y, proba, **keywords), rel=1e-14)
    assert parts[1] > 0


@pytest.mark.parametrize("calibrator", CALIBRATORS[:4])
def test_weights_reach_the_calibrator_and_the_mean(calibrator):
    y, _, proba = problem(200, power=2.0)
    weight = np.random.default_rng(1).uniform(0.1, 5, 200) * (y + 1)
    splits = list(StratifiedKFold(5).split(proba, y))
    calibrated = by_hand(y, proba, calibrator, splits, weight)
    expected = brier_score_loss(y, calibrated, sample_weight=weight)
    loss = partial(refinement_loss, calibrator=calibrator, loss="brier")
    assert loss(y, proba, sample_weight=weight) == pytest.approx(expected, rel=1e-9)
    unaware = by_hand(y, proba, calibrator, splits)
    for other in (
        brier_score_loss(y, unaware, sample_weight=weight),
        brier_score_loss(y, calibrated),
    ):
        assert abs(other - expected) > 1e-5
    # Rows of weight zero do not count: not for splits, floors or calibrators.
    kept = np.arange(200) % 3 > 0
    found = loss(np.where(kept, y, 9), proba, sample_weight=weight * kept)
    assert found == loss(y[kept], proba[kept], sample_weight=weight[kept])
    assert loss(y, proba, sample_weight=weight * 1e6) == pytest.approx(expected, rel=0.02)


def test_a_pipeline_takes_no_weights_but_the_mean_does():
    y, _, proba = problem(200, power=2.0)
    weight = np.random.default_rng(1).uniform(0.1, 5, 200)
    calibrated = by_hand(y, proba, CALIBRATORS[4], StratifiedKFold(5).split(proba, y))
    found = refinement_loss(y, proba, calibrator=CALIBRATORS[4], sample_weight=weight)
    assert found == pytest.approx(log_loss(y, calibrated, sample_weight=weight), rel=1e-9)


def test_splitters_and_iterables():
    y, _, proba = problem(120, power=2.0)
    loss = partial(refinement_loss, y, proba, calibrator=TemperatureScaling())
    splitter = KFold(4, shuffle=True, random_state=0)
    splits = list(splitter.split(proba))
    expected = log_loss(y, by_hand(y, proba, TemperatureScaling(), splits))
    masks = [(np.isin(np.arange(120), a), np.isin(np.arange(120), b)) for a, b in splits]
    for cv in (splitter, splits, splits[::-1], iter(splits), masks):
        assert loss(cv=cv) == pytest.approx(expected, rel=1e-12)
    assert loss(cv=2) == loss(cv=StratifiedKFold(2))
    assert abs(loss(cv=2) - expected) > 1e-6
    assert loss() == loss(cv=5)


@pytest.mark.parametrize("calibrator", [TemperatureScaling(), LogisticRegression()])
def test_classes_that_are_missing(calibrator):
    y, _, proba = problem(200, 4, power=2.0)
    y = np.where(y == 1, 2, y)
    names = np.array(["a", "b", "c", "d"])
    # Labels are those of the columns, in their order, which need not be the sorted one.
    columns, keywords = proba[:, ::-1], {"calibrator": calibrator, "labels": names[::-1]}
    calibrated = by_hand(y, proba, calibrator, StratifiedKFold(5).split(proba, y))
    expected = log_loss(y, calibrated, labels=range(4))
    assert np.isfinite(expected)
    assert refinement_loss(names[y], columns, **keywords) == pytest.approx(expected, rel=1e-9)
    if isinstance(calibrator, LogisticRegression):
        assert_allclose(calibrated[:, 1], 0)  # who has not seen it gives it nothing
        y = np.sort(y)
        splits = [(np.flatnonzero(y < 3), np.flatnonzero(y == 3))]
        splits += [(np.flatnonzero(y > 0), np.flatnonzero(y < 3))]
        keywords["cv"] = splits
        assert refinement_loss(names[y], columns, **keywords) == np.inf
        assert calibration_loss(names[y], columns, **keywords) == -np.inf
        expected = by_hand(y, proba, calibrator, splits)
        expected = brier_score_loss(y, expected, labels=range(4))
        found = refinement_loss(names[y], columns, loss="brier", **keywords)
        assert found == pytest.approx(expected, rel=1e-9)


def test_forms_of_binary_probabilities_agree():
    y, _, proba = problem(80, 2, power=2.0)
    names = np.array(["no", "yes"])[y]
    loss = partial(refinement_loss, calibrator=PlattScaling())
    expected = loss(y, proba)
    for form in (proba[:, 1], proba[:, [1]], proba.tolist()):
        assert loss(names, form, pos_label="yes") == pytest.approx(expected, rel=1e-9)
    assert loss(names, proba.tolist()) == pytest.approx(expected, rel=1e-9)
    assert loss(names, proba[:, 0], pos_label="no") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n_classes", "power"), [(2, 2.0), (3, 2.0), (3, 0.5)])
def test_recovers_a_known_loss(n_classes, power):
    n = 20_000
    y, proba, spoilt = problem(n, n_classes, power=power)
    keywords = {"calibrator": TemperatureScaling()}
    found = calibration_loss(y, spoilt, **keywords)
    rows = (proba * np.log(proba / spoilt)).sum(axis=1)  # Kullback-Leibler
    gains = np.log(proba / spoilt)[np.arange(n), y]
    assert rows.mean() > 0.02
    assert found == pytest.approx(gains.mean(), abs=10 / n)  # for these rows
    assert found == pytest.approx(rows.mean(), abs=4 * gains.std() / np.sqrt(n) + 10 / n)
    refined = refinement_loss(y, spoilt, **keywords)
    assert refined == pytest.approx(log_loss(y, proba), abs=10 / n)
    brier = calibration_loss(y, spoilt, loss="brier", **keywords)
    expected = brier_score_loss(y, spoilt) - brier_score_loss(y, proba)
    assert brier == pytest.approx(expected, abs=1e-4)
    assert brier > 0.005


def test_a_calibrated_model_has_almost_none_and_a_costly_calibrator_does_harm():
    found = []
    for seed in range(20):
        y, proba, _ = problem(500, seed=seed)
        found += [calibration_loss(y, proba, calibrator=TemperatureScaling())]
        assert calibration_loss(y, proba, calibrator=IsotonicCalibration()) < found[-1]
    assert np.abs(found).max() < 12 / 500
    # One parameter: about half of chi-squared over n is lost in held-out rows.
    assert -3 / 500 < np.mean(found) < 0.5 / 500


def test_infinite_losses_are_part_of_the_calibration():
    y, _, proba = problem(100, power=2.0)
    proba[0] = np.roll([0, 0.5, 0.5], y[0])
    assert log_loss(y, proba) == np.inf
    assert calibration_loss(y, proba, calibrator=TemperatureScaling()) == np.inf
    assert 0.5 < refinement_loss(y, proba, calibrator=TemperatureScaling()) < 2


def test_losses_of_ones_own():
    y, _, proba = problem(100, power=2.0)

    def absolute(codes, proba):
        return 1 - proba[np.arange(len(codes)), codes]

    calibrated = by_hand(y, proba, TemperatureScaling(), StratifiedKFold(5).split(proba, y))
    keywords = {"calibrator": TemperatureScaling(), "loss": absolute}
    expected = absolute(y, calibrated).mean()
    assert refinement_loss(y, proba, **keywords) == pytest.approx(expected)
    expected = absolute(y, proba).mean() - expected
    assert calibration_loss(y, proba, **keywords) == pytest.approx(expected)


ROWS = np.arange(30)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"calibrator": TemperatureScaling}, "calibrator must be an instance.*Temperature"),
        ({"calibrator": LogisticRegression}, "calibrator must be an instance"),
        ({"calibrator": "temperature"}, "calibrator must be an instance.*got 'temperature'"),
        ({"calibrator": None}, "calibrator must be an instance"),
        ({"calibrator": StandardScaler()}, "calibrator must be an instance"),
        ({"loss": "hinge"}, "loss must be one of .*'brier', 'log_loss'.*'hinge'"),
        ({"loss": None}, "loss must be one of"),
        ({"loss": lambda codes, proba: 1.0}, "loss must return a number for each row"),
        ({"cv": [(ROWS[:20], ROWS[20:])]}, r"(?s)cv=.* 20 rows never and 0 more than once"),
        ({"cv": ShuffleSplit(2, random_state=0)}, "never and"),
        (
            {"cv": [(ROWS[::2], ROWS[1::2]), (ROWS[1::2], ROWS)]},
            "0 rows never and 15 more than once",
        ),
        ({"cv": 1}, "n_splits|k-fold"),
        ({"cv": "five"}, "cv"),
        ({"y_true": [1] * 30, "labels": [0, 1]}, "one class"),
        ({"y_true": np.sort([0, 1] * 15), "cv": KFold(2)}, "one class in some split"),
        ({"y_proba": [1.5] * 30}, "outside"),
        ({"labels": [0, 1, 2]}, "labels has 3 classes"),
    ],
)
def test_bad_input(bad, message):
    given = {
        "y_true": [0, 1, 1] * 10,
        "y_proba": [0.3, 0.6, 0.4] * 10,
        "calibrator": TemperatureScaling(),
        **bad,
    }
    for function in (calibration_loss, refinement_loss):
        with pytest.raises(ValueError, match=message):
            function(**given)


def test_the_calibrator_is_required():
    for function in (calibration_loss, refinement_loss):
        with pytest.raises(TypeError, match="calibrator"):
            function([0, 1], [0.1, 0.2])
