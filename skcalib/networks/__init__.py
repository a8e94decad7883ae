"""Trained networks as scikit-learn estimators, and what their wrappers get wrong."""

from skcalib.networks._checks import refuse_paths
from skcalib.networks._frozen_network import FrozenNetwork
from skcalib.networks._labels import check_multi_hot, proba_of_labels, zero_and_one
from skcalib.networks._meta_estimator import WrappingMixin, encode_labels
from skcalib.networks._outputs import order_of_outputs, warn_of_lost_logits
from skcalib.networks._regression_network import (
    RegressionNetwork,
    check_answers,
    is_trained,
    wrap_regression_network,
)
from skcalib.networks._sharing import AdapterMixin, SharedNetworkMixin, list_inputs
from skcalib.networks._wrappers import (
    clone_with_parameters,
    ends_frozen,
    final_estimator,
    final_network,
    final_step,
    fit_network_labels,
    is_multilabel,
    network_of,
    wrap_network,
    wraps_network,
)

__all__ = ["FrozenNetwork"]
