"""Several labels for each sample: with groups, with class weights, and as the example shows."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB

from skcalib import CalibratedClassifierCV, calibrators

EXAMPLE = Path(__file__).parents[2] / "examples" / "plot_multilabel.py"


def digits():
    X, digit = load_digits(return_X_y=True)
    Y = np.column_stack([digit % 2 == 0, digit > 4, np.isin(digit, [0, 6, 8, 9]), digit == 8])
    return X[::2], Y[::2].astype(int), X[1::2], Y[1::2].astype(int)


def test_every_label_gets_better():
    X, Y, X_test, Y_test = digits()
    forest = RandomForestClassifier(20, max_depth=6, random_state=0)
    raw = MultiOutputClassifier(forest).fit(X, Y).predict_proba(X_test)
    model = MultiOutputClassifier(CalibratedClassifierCV(forest, method="beta", cv=3))
    proba = model.fit(X, Y).predict_proba(X_test)
    assert len(proba) == 4
    for before, after, y in zip(raw, proba, Y_test.T, strict=True):
        assert log_loss(y, after) < log_loss(y, before) - 0.03
    assert_array_equal(model.predict(X_test), np.stack([p[:, 1] > 0.5 for p in proba], axis=1))


@pytest.mark.parametrize("method", ["venn-abers", "quadratic", "spline", "bbq"])
def test_other_methods_and_string_labels(method):
    X, Y, X_test, _ = digits()
    names = np.where(Y[:, 1:3], "yes", "no")
    calibrated = CalibratedClassifierCV(GaussianNB(var_smoothing=1e-2), method=method, cv=3)
    model = MultiOutputClassifier(calibrated).fit(X, names)
    codes = MultiOutputClassifier(calibrated).fit(X, Y[:, 1:3])
    for one, two in zip(model.predict_proba(X_test), codes.predict_proba(X_test), strict=True):
        assert_array_equal(one, two)
    assert set(np.unique(model.predict(X_test))) == {"yes", "no"}


class WatchedKFold(GroupKFold):
    """Remember the groups, and that no fold parted one."""

    seen = []

    def split(self, X, y=None, groups=None):
        for train, test in super().split(X, y, groups):
            assert not set(groups[train]) & set(groups[test])
            self.seen.append(groups)
            yield train, test


def test_groups_reach_the_splitter_of_each_label():
    X, Y, _, _ = digits()
    groups = np.arange(len(X)) // 20
    WatchedKFold.seen.clear()
    calibrated = CalibratedClassifierCV(GaussianNB(), method="beta", cv=WatchedKFold(3))
    with sklearn.config_context(enable_metadata_routing=True):
        MultiOutputClassifier(calibrated).fit(X, Y, groups=groups)
    assert len(WatchedKFold.seen) == 3 * Y.shape[1]
    assert all(seen is groups or (seen == groups).all() for seen in WatchedKFold.seen)
    with pytest.raises(ValueError, match="groups"):
        MultiOutputClassifier(calibrated).fit(X, Y)


def test_calibration_undoes_class_weights():
    X, Y, X_test, Y_test = digits()
    eight, eight_test = Y[:, 3], Y_test[:, 3]
    balanced = LogisticRegression(class_weight="balanced", C=1e-4, max_iter=1000)
    raw = balanced.fit(X, eight).predict_proba(X_test)[:, 1]
    calibrated = CalibratedClassifierCV(balanced, method="quadratic", cv=3).fit(X, eight)
    proba = calibrated.predict_proba(X_test)[:, 1]
    assert raw.mean() > 2 * eight_test.mean()
    assert abs(proba.mean() - eight_test.mean()) < 0.02
    assert log_loss(eight_test, proba) < log_loss(eight_test, raw) - 0.1


def test_several_labels_given_to_a_calibrator_name_the_way_out():
    for name in ("BetaCalibration", "VennAbersCalibration"):
        with pytest.raises(ValueError, match="MultiOutputClassifier"):
            getattr(calibrators, name)().fit(np.zeros((4, 2)), np.eye(4, 2, dtype=int))


@pytest.mark.slow
def test_example_prints_smaller_errors_after_calibration(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    errors = [[float(e) for e in re.findall(r"([\d.]+)%", line)] for line in lines[1:5]]
    assert [len(e) for e in errors] == [4] * 4
    assert np.all(np.array(errors[1]) < errors[0])
    assert errors[3][3] < 0.3 * errors[2][3]
