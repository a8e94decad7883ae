"""Base classifiers that answer in single precision and lose digits on the way."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier


class Rows(ClassifierMixin, BaseEstimator):
    """A classifier whose answers are its rows."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return X


@pytest.fixture
def halves():
    """Return digits in float32 whose naive Bayes gives two classes of one row probability 1.

    Its log-likelihoods are of a million, where single precision has no fractions left.
    """
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(125).permutation(len(y))[:998]
    X, y = X.astype(np.float32)[order], y[order]
    proba = GaussianNB().fit(X[:499], y[:499]).predict_proba(X[499:])
    if proba.dtype == np.float64:
        pytest.skip("naive Bayes answers in double precision here")
    assert (np.abs(proba.sum(axis=1) - 1) > 0.5).sum() == 1
    return X, y


@pytest.mark.parametrize("method", ["auto", "temperature", "isotonic", "sms"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_that_do_not_sum_to_one_by_rounding_are_divided(halves, method):
    X, y = halves
    split = [(np.arange(499), np.arange(499, 998))]
    model = CalibratedClassifierCV(GaussianNB(), method=method, cv=split).fit(X, y)
    proba = model.predict_proba(X[499:])
    assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    lost = np.abs(GaussianNB().fit(X[:499], y[:499]).predict_proba(X[499:]).sum(axis=1) - 1)
    alone = model.predict_proba(X[499:][[lost.argmax()]])  # the same without other rows
    assert_allclose(alone[0], proba[lost.argmax()], atol=1e-6)


def answers(dtype, share, n_samples=200):
    """Return probabilities of which a share of rows sums to two."""
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), n_samples)
    broken = np.arange(n_samples) < share * n_samples
    proba[broken] = [1, 1, 0]
    y = np.where(broken, 0, proba.argmax(axis=1))
    y[-20:] = rng.integers(0, 3, 20)
    return proba.astype(dtype), y


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_two_classes_with_probability_one_share_it(dtype):
    proba, y = answers(dtype, 0.02)
    rows = FrozenEstimator(Rows().fit(proba, y))
    model = TemperatureCalibratedClassifier(rows).fit(proba, y)
    first, second, third = model.predict_proba(proba[:1])[0]
    assert first == second > 0.4
    assert third < 0.2


@pytest.mark.parametrize(("dtype", "share"), [(np.float32, 0.6), (np.float64, 0.02)])
def test_what_is_no_rounding_is_refused(dtype, share):
    proba, y = answers(dtype, share)
    rows = FrozenEstimator(Rows().fit(proba, y))
    with pytest.raises(ValueError, match="do not sum to one"):
        TemperatureCalibratedClassifier(rows).fit(proba, y)
