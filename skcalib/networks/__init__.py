"""Trained networks as scikit-learn estimators, and what their wrappers get wrong."""

from skcalib.networks._checks import refuse_paths
from skcalib.networks._frozen_network import FrozenNetwork
from skcalib.networks._labels import check_multi_hot, proba_of_labels, zero_and_one
from skcalib.networks._meta_estimator import WrappingMixin, encoded
from skcalib.networks._outputs import order_of_outputs, warn_of_lost_logits
from skcalib.networks._regression_network import (
    RegressionNetwork,
    check_answers,
    is_trained,
    sheltered_regressor,
)
from skcalib.networks._sharing import AdapterMixin, SharedNetworkMixin, listed_inputs
from skcalib.networks._wrappers import (
    ends_frozen,
    faithful_clone,
    final_estimator,
    final_network,
    final_step,
    is_multilabel,
    is_networked,
    network_of,
    prepared,
    sheltered,
)

__all__ = ["FrozenNetwork"]
