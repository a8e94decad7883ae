"""Classifiers that behave as wrappers of other libraries do."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class Untagged(BaseEstimator):
    """A classifier without the classifier tag that squeezes the answer for one row."""

    def fit(self, X, y):
        self.model_ = LogisticRegression(max_iter=1000).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return np.squeeze(self.model_.predict_proba(X))

    def predict(self, X):
        return self.classes_[np.atleast_2d(self.predict_proba(X)).argmax(axis=1)]


class Scores(ClassifierMixin, BaseEstimator):
    """A classifier whose decision values are the features themselves."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        X = np.asarray(X)
        return X[:, 0] if X.shape[1] == 1 else X


class Probabilities(ClassifierMixin, BaseEstimator):
    """A classifier whose probabilities are the features themselves."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.asarray(X)
