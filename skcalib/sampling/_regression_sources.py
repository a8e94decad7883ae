"""What draws of a regression are made of: a network, or scikit-learn's MLPRegressor."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPRegressor
from sklearn.utils.validation import check_is_fitted

from skcalib.backends import wrapper_backend
from skcalib.networks import RegressionNetwork, check_answers, find_final_step
from skcalib.sampling._sources import (
    HALF_ROUNDING,
    ROUNDING,
    Inspection,
    Network,
    Perceptron,
)

CLASSES = "{} {}: that is a classifier, use MCDropoutClassifier."


def find_regression_source(estimator, X):
    """Return what a fitted regressor is at its end, and X as that takes it; or None."""
    last, X = find_final_step(estimator, X)
    if isinstance(last, MLPRegressor):
        check_is_fitted(last)
        return TargetPerceptron(last), X
    if isinstance(last, RegressionNetwork):
        _refuse_loss_for_classes(last)
        return TargetNetwork(last), X
    backend = wrapper_backend(last)
    if backend is None or not backend.regresses(last):
        return None
    if not hasattr(last, "model_"):
        raise NotFittedError(f"The {type(last).__name__} is frozen but was never fitted.")
    found = backend.unwrap(last, X)
    return None if found is None else (TargetNetwork(RegressionNetwork(found[0])), found[1])


def _refuse_loss_for_classes(network):
    if network.has_loss_for_classes():
        what = "was compiled with a loss for classes"
        raise ValueError(
            CLASSES.format(type(network.model).__name__, what) + " If its targets are numbers "
            "from [0, 1], compile it with a loss for regression (that does not change weights)."
        )


class _Targets:
    """What networks and perceptrons have in common if their outputs are targets."""

    def rounding(self, passes, inputs, plain):
        """Return by how much the same answer may differ.

        An output may be the small difference of large summands, and its rounding error is
        theirs. Draws that drop half of them show how large these are.
        """
        share = HALF_ROUNDING if passes.sampler.half else ROUNDING
        return share * np.abs(passes.draw_at_rate(inputs, rate=0.5, n_draws=8)).max()

    def order_columns(self, draws):
        """Return draws as they are."""
        return draws


class TargetNetwork(_Targets, Network):
    """A Keras model whose outputs are targets."""

    def __init__(self, network):
        self.network = network
        self.name = type(network.model).__name__
        self.answer = network.answer

    def inspect(self, inputs):
        """Return no labels, what the output is, and the answer for these rows."""
        with self.keep_network_seeds():
            values, last_activation = self.network.run(inputs)
        if last_activation in ("softmax", "log_softmax"):
            raise ValueError(CLASSES.format(self.name, f"ends in a {last_activation}"))
        return Inspection(None, "target", self.network.targets(values, last_activation))


class TargetPerceptron(_Targets, Perceptron):
    """scikit-learn's MLPRegressor: dropout is put in after its hidden layers."""

    def __init__(self, mlp):
        self.mlp = mlp
        self.name = type(mlp).__name__

    def inspect(self, inputs):
        """Return no labels, and the answer; what the output is, the perceptron says itself."""
        return Inspection(None, None, self.answer(inputs))

    def answer(self, inputs):
        """Return predictions, a column for each target."""
        values = self.mlp.predict(inputs)
        values = values.reshape(len(values), -1)
        check_answers(values, self.name)
        return values
