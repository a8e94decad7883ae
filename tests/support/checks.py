"""scikit-learn's checks as tests; what they are called is found once for each estimator."""

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_checks


def parametrize_with_checks(estimators, **options):
    """Return scikit-learn's parametrization; it prints each estimator anew for each check."""
    made = estimator_checks.parametrize_with_checks(estimators, **options)
    name_of, names = made.kwargs["ids"], {}

    def name_once(value):
        if not isinstance(value, BaseEstimator):
            return name_of(value)
        if id(value) not in names:
            names[id(value)] = value, name_of(value)  # with the value, so that its id stays
        return names[id(value)][1]

    return pytest.mark.parametrize(*made.args, **{**made.kwargs, "ids": name_once})
