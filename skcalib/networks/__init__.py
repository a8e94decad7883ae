"""Trained networks as scikit-learn estimators, and what their wrappers get wrong."""

from skcalib.networks._frozen_network import FrozenNetwork
from skcalib.networks._meta_estimator import WrappingMixin, encoded
from skcalib.networks._outputs import order_of_outputs, warn_of_lost_logits
from skcalib.networks._regression_network import (
    RegressionNetwork,
    check_answers,
    is_trained,
    sheltered_regressor,
)
from skcalib.networks._sharing import AdapterMixin, SharedNetworkMixin
from skcalib.networks._wrappers import (
    faithful_clone,
    final_estimator,
    final_network,
    final_step,
    is_networked,
    network_of,
    prepared,
    sheltered,
)

__all__ = ["FrozenNetwork"]
