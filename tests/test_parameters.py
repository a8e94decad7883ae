"""Each kind of parameter is judged in one way, behind every public door."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import InvalidParameterError

from skcalib import (
    CalibratedClassifierCV,
    MCDropoutClassifier,
    MCDropoutRegressor,
    calibrators,
    displays,
    logits_from_proba,
    metrics,
    uncertainty,
)
from skcalib.messages._parameters import (
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    is_count,
    is_flag,
    is_number,
)
from skcalib.messages._quotes import quote


def test_kinds():
    assert all(map(is_flag, (True, False, np.True_)))
    assert not any(map(is_flag, (1, 0, "yes", None, np.int8(1))))
    assert all(map(is_count, (1, 7, np.int8(3), np.uint64(2))))
    assert not any(map(is_count, (True, np.True_, 0, -1, 1.0, "1", None, np.float64(2))))
    assert is_count(0, 0)
    assert all(map(is_number, (0, 1.5, np.float32(2), np.inf, Fraction(1, 3))))
    assert not any(map(is_number, (True, np.False_, np.nan, "1", None, 1j, Decimal(1), [1.0])))


@pytest.mark.parametrize("value", [True, 0, 1.5, "5", None, np.True_, [3]])
def test_counts_are_refused_with_their_name_and_value(value):
    with pytest.raises(ValueError, match="n must be an integer of at least 1, got") as raised:
        check_count("n", value)
    assert isinstance(raised.value, InvalidParameterError)
    assert repr(value) in str(raised.value)


def test_what_else_is_allowed_is_listed():
    check_count("n", None, others=(None, "all"))
    check_count("n", "all", others=(None, "all"))
    check_flag("f", "auto", others=("auto",))
    check_choice("c", "a", ("a", "b"))
    with pytest.raises(ValueError, match="n must be an integer of at least 2, None or 'all'"):
        check_count("n", 1, 2, others=(None, "all"))
    with pytest.raises(ValueError, match="f must be True, False or 'auto', got 1"):
        check_flag("f", 1, others=("auto",))
    with pytest.raises(ValueError, match="c must be one of 'a', 'b', got 'c'"):
        check_choice("c", "c", ("a", "b"))
    with pytest.raises(ValueError, match="c must be one of 'a', got array"):
        check_choice("c", np.array(["a", "b"]), ("a",))


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, -0.5, 2, np.nan, True, "0.5", None, [0.5]])
def test_fractions(value):
    with pytest.raises(ValueError, match="share must be a number between 0 and 1, got"):
        check_fraction("share", value)
    check_fraction("share", np.float32(0.5))


Y, PROBA = [0, 1, 1, 0], [0.2, 0.9, 0.6, 0.4]
LOGITS = np.eye(2)[Y] * 3.0 + [[0.0, 4.0], [0, 0], [0, 0], [0, 0]]
RESAMPLED = (metrics.log_loss, Y, PROBA)
DOORS = {
    "n_bins": lambda v: metrics.calibration_error(Y, PROBA, n_bins=v),
    "n_bins of a histogram": lambda v: metrics.histogram_curve(Y, PROBA, n_bins=v),
    "n_resamples": lambda v: metrics.bootstrap_interval(*RESAMPLED, n_resamples=v),
    "n_resamples of a curve": lambda v: metrics.corp_curve(Y, PROBA, n_resamples=v),
    "confidence_level": lambda v: metrics.corp_curve(Y, PROBA, confidence_level=v),
    "width": lambda v: metrics.smooth_curve(Y, PROBA, width=v),
    "floor": lambda v: logits_from_proba(PROBA, floor=v),
    "n_jobs": lambda v: CalibratedClassifierCV(n_jobs=v).fit(LOGITS, Y),
    "n_knots": lambda v: calibrators.SplineCalibration(n_knots=v).fit(LOGITS, Y),
    "penalty": lambda v: calibrators.VectorScaling(penalty=v).fit(LOGITS, Y),
    "caution": lambda v: calibrators.AutoCalibration(caution=v).fit(LOGITS, Y),
    "interval": lambda v: uncertainty.summarize_draws([[[0.5, 0.5]]], interval=v),
    "n_draws": lambda v: MCDropoutClassifier(MLP, n_draws=v, rate=0.5).fit(LOGITS, Y),
    "batch_size": lambda v: MCDropoutClassifier(MLP, batch_size=v, rate=0.5).fit(LOGITS, Y),
    "tol": lambda v: MCDropoutClassifier(MLP, tol=v, rate=0.5).fit(LOGITS, Y),
    "rate": lambda v: MCDropoutClassifier(MLP, rate=v).fit(LOGITS, Y),
    "noise_variance": lambda v: MCDropoutRegressor(noise_variance=v).fit(LOGITS, Y),
    "cost_fp": lambda v: displays.ThresholdDisplay.from_predictions(
        Y, PROBA, cost_fp=v, cost_fn=2
    ),
}
MLP = MLPClassifier((3,), max_iter=2)


@pytest.mark.parametrize("value", [True, np.True_, "1", [1]])
@pytest.mark.parametrize("name", DOORS)
def test_true_is_no_number(name, value):
    with pytest.raises(ValueError, match=name.split(" ")[0]):
        DOORS[name](value)


@pytest.mark.parametrize(
    ("name", "door"),
    [
        ("debias", lambda v: metrics.calibration_error(Y, PROBA, debias=v)),
        ("scale_by_half", lambda v: metrics.brier_score_loss(Y, PROBA, scale_by_half=v)),
        ("ensemble", lambda v: CalibratedClassifierCV(ensemble=v).fit(LOGITS, Y)),
        ("monotone", lambda v: calibrators.SplineCalibration(monotone=v).fit(LOGITS, Y)),
        ("lift_zeros", lambda v: calibrators.AutoCalibration(lift_zeros=v).fit(LOGITS, Y)),
    ],
)
@pytest.mark.parametrize("value", [1, 0, "yes", None])
def test_one_is_not_true(name, door, value):
    with pytest.raises(ValueError, match=f"{name}.* must be True"):
        door(value)


def test_long_values_are_cut():
    assert len(quote("x" * 10_000)) == 200
    assert quote([1]) == "[1]"
    with pytest.raises(ValueError) as raised:
        check_choice("c", "x" * 10_000, ("a", "b"))
    assert len(str(raised.value)) < 300
