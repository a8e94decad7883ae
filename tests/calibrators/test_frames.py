"""Frames: columns that are named by the labels are told by their names; masks are refused."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

from skcalib import CalibratedClassifierCV, calibrators
from skcalib.calibrators import (
    HistogramBinning,
    IsotonicCalibration,
    PlattScaling,
    TemperatureScaling,
    VectorScaling,
    VennAbersCalibration,
)

NAMES = np.array(["cat", "dog", "ant"])
SORTED = sorted(NAMES)
METHODS = [
    TemperatureScaling,
    IsotonicCalibration,
    VectorScaling,
    VennAbersCalibration,
    HistogramBinning,
]


def problem(n=300):
    rng = np.random.default_rng(0)
    z = 2 * rng.standard_normal((n, 3))
    codes = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    frame = pd.DataFrame(2.5 * z, columns=NAMES, index=np.arange(n)[::-1])
    return frame, NAMES[codes]


@pytest.mark.parametrize("method", METHODS)
def test_names_decide_in_fit_and_in_predict_proba(method):
    frame, y = problem()
    array = frame[SORTED].to_numpy()
    expected = method().fit(array, y)
    proba = expected.predict_proba(array)
    for one in (frame, frame[SORTED], frame[["dog", "ant", "cat"]], array):
        fitted = method().fit(one, y)
        assert_array_equal(fitted.classes_, SORTED)
        for other in (frame, frame[SORTED], frame[["ant", "dog", "cat"]]):
            assert_array_equal(fitted.predict_proba(other), proba)
            assert_array_equal(fitted.predict(other), expected.predict(array))
    assert_array_equal(method().fit(frame, y).feature_names_in_, SORTED)
    if method is VennAbersCalibration:
        found = fitted.predict_interval(frame)
        for part, own in zip(found, expected.predict_interval(array), strict=True):
            assert_array_equal(part, own)


def test_an_array_after_named_columns_is_in_the_order_of_the_classes_and_warns():
    frame, y = problem()
    fitted = TemperatureScaling().fit(frame, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = fitted.predict_proba(frame[SORTED].to_numpy())
    assert_array_equal(found, fitted.predict_proba(frame))


def test_other_names_are_those_of_features():
    frame, y = problem()
    features = frame[SORTED].set_axis(["a", "b", "c"], axis=1)
    fitted = IsotonicCalibration().fit(features, y)
    expected = IsotonicCalibration().fit(features.to_numpy(), y)
    assert_array_equal(
        fitted.predict_proba(features), expected.predict_proba(features.to_numpy())
    )
    assert_array_equal(fitted.feature_names_in_, ["a", "b", "c"])
    with pytest.raises(ValueError, match="must be in the same order"):
        fitted.predict_proba(features[["b", "a", "c"]])
    with pytest.raises(ValueError, match="Feature names unseen"):
        fitted.predict_proba(frame)
    with pytest.raises(ValueError, match=r"some names are labels.*X.to_numpy\(\)"):
        IsotonicCalibration().fit(frame.rename(columns={"ant": "bee"}), y)


def test_numbered_columns_are_positions():
    frame, y = problem()
    codes = np.searchsorted(SORTED, y)
    array = frame[SORTED].to_numpy()
    expected = IsotonicCalibration().fit(array, codes).predict_proba(array)
    turned = [2, 0, 1]
    for given in (
        pd.DataFrame(array),
        pd.DataFrame(array, columns=[10, 20, 30]),
        pd.DataFrame(array[:, turned], columns=turned),
        pd.DataFrame(array[:, turned], columns=["2", "0", "1"]),
    ):
        fitted = IsotonicCalibration().fit(given, codes)
        assert_array_equal(fitted.predict_proba(given), expected)
    shifted = IsotonicCalibration().fit(pd.DataFrame(array), codes + 1)  # labels 1, 2, 3
    assert_array_equal(shifted.predict_proba(pd.DataFrame(array)), expected)


def test_a_single_column_of_the_other_class_is_refused():
    frame, y = problem()
    y = np.where(y == "cat", "cat", "dog")
    column = frame[["cat"]]
    with pytest.raises(ValueError, match=r"named 'cat'.*second class, 'dog'.*Pass -X"):
        PlattScaling().fit(column, y)
    turned = -column.rename(columns={"cat": "dog"})
    fitted = PlattScaling().fit(turned, y)
    assert fitted.score(turned, y) > 0.7


def test_arrow_tables_are_frames():
    pyarrow = pytest.importorskip("pyarrow")
    frame, y = problem()
    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of pyarrow's interchange protocol
        fitted = IsotonicCalibration().fit(table, y)
        found = fitted.predict_proba(table)
    assert_array_equal(found, IsotonicCalibration().fit(frame, y).predict_proba(frame))


@pytest.mark.parametrize(
    "name",
    [name for name in calibrators.__all__ if hasattr(getattr(calibrators, name), "short_name")],
)
def test_masked_arrays_are_refused_by_all(name):
    method = getattr(calibrators, name)
    if inspect.isabstract(method):
        return
    method = method()
    frame, y = problem(60)
    X = frame[SORTED].to_numpy()
    mask = np.arange(60) == 3
    for given, source in (
        ((np.ma.masked_array(X, X > 5), y), "X"),
        ((X, np.ma.masked_array(y, mask)), "y"),
        ((X, y, np.ma.masked_array(np.ones(60), mask)), "sample_weight"),
    ):
        with pytest.raises(ValueError, match=f"{source} is a masked array with"):
            method.fit(*given)


def test_arrays_without_a_masked_value_are_taken():
    frame, y = problem()
    X = frame[SORTED].to_numpy()
    given = [np.ma.masked_array(part) for part in (X, y, np.ones(300))]
    fitted = TemperatureScaling().fit(*given)
    assert fitted.temperature_ == TemperatureScaling().fit(X, y).temperature_
    with pytest.raises(ValueError, match="X is a masked array"):
        fitted.predict_proba(np.ma.masked_array(X, X > 5))


def test_meta_estimators_refuse_masks_too():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 2
    mask = np.arange(60) == 3
    model = CalibratedClassifierCV(LogisticRegression(), cv=2)
    for given, source in (
        ((np.ma.masked_array(X, X > 1), y), "X"),
        ((X, np.ma.masked_array(y, mask)), "y"),
        ((X, y, np.ma.masked_array(np.ones(60), mask)), "sample_weight"),
    ):
        with pytest.raises(ValueError, match=f"{source} is a masked array with"):
            model.fit(*given)
    model.fit(X, y)
    with pytest.raises(ValueError, match="X is a masked array with"):
        model.predict_proba(np.ma.masked_array(X, X > 1))
