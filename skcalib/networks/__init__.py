"""Trained networks as scikit-learn estimators, and what their wrappers get wrong."""

from skcalib.networks._checks import refuse_paths
from skcalib.networks._fitted_network import find_fitted_network
from skcalib.networks._frozen_network import FrozenNetwork
from skcalib.networks._labels import check_multi_hot, make_binary_classes, proba_of_labels
from skcalib.networks._meta_estimator import WrappingMixin, encode_labels
from skcalib.networks._outputs import (
    labels_from_one_hot,
    order_of_outputs,
    warn_of_lost_logits,
)
from skcalib.networks._randomness import expect_randomness
from skcalib.networks._regression_network import (
    RegressionNetwork,
    check_answers,
    is_trained,
    wrap_regression_network,
)
from skcalib.networks._sharing import AdapterMixin, SharedNetworkMixin, list_inputs
from skcalib.networks._trainable_network import TrainableNetwork, find_codes, fit_together
from skcalib.networks._trainable_regressor import TrainableRegressor
from skcalib.networks._wrappers import (
    clone_with_parameters,
    ends_frozen,
    find_final_estimator,
    find_final_network,
    find_final_step,
    find_network,
    fit_network_labels,
    is_multilabel,
    wrap_network,
    wraps_network,
)

__all__ = ["FrozenNetwork", "TrainableNetwork"]
