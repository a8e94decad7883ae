"""scikit-learn's checks of MCDropoutClassifier around a network that they train."""

import keras
import pytest
from keras import layers
from support.checks import parametrize_with_checks
from support.networks import BACKEND

from skcalib import MCDropoutClassifier

wrappers = pytest.importorskip("scikeras.wrappers", reason="needs scikeras")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BACKEND != "tensorflow", reason="draws run on TensorFlow"),
]

# scikeras fails these by itself.
OF_THE_WRAPPER = dict.fromkeys(
    [
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
        "check_estimator_sparse_tag",
        "check_n_features_in_after_fitting",
    ],
    "scikeras' KerasClassifier fails it, too",
)


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session()


def network(meta):
    n_classes = meta["n_classes_"]
    last, loss = ("softmax", "sparse_categorical") if n_classes > 2 else ("sigmoid", "binary")
    model = keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            layers.Dense(16, "relu"),
            layers.Dropout(0.1),
            layers.Dense(n_classes if n_classes > 2 else 1, last),
        ]
    )
    model.compile(keras.optimizers.Adam(0.05), f"{loss}_crossentropy")
    return model


class Wrapper(wrappers.KerasClassifier):
    """Prints the same in every process, as the names of tests must."""

    def __repr__(self, N_CHAR_MAX=700):
        return "KerasClassifier(network)"


@parametrize_with_checks(
    [
        MCDropoutClassifier(
            Wrapper(network, epochs=20, verbose=0, random_state=0),
            random_state=0,
        )
    ],
    expected_failed_checks=lambda estimator: OF_THE_WRAPPER,
)
def test_around_scikeras(estimator, check):
    check(estimator)
