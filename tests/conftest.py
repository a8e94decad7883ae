"""Settings of hypothesis: the same examples everywhere, more of them on demand.

``pytest -m "slow or hypothesis" --hypothesis-profile=slow`` runs what the default run leaves
out, and each law on 20 examples in place of 8; with ``--hypothesis-profile=thorough`` they
are 1,000 fresh ones.
"""

import gc
import os

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core; more threads only wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# dask asks for this clock; on a busy machine a cluster may take longer than its 30 s to start.
os.environ.setdefault("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "600s")

settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    max_examples=8,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("slow", settings.get_profile("default"), max_examples=20)
settings.register_profile(
    "thorough", settings.get_profile("default"), derandomize=False, max_examples=1000
)
settings.load_profile("default")


def pytest_collection_finish():
    """Let the garbage collector pass over what stays for the whole session anyway.

    That is millions of objects of TensorFlow and of pytest, which Keras has it look through
    after each test of networks.
    """
    gc.collect()
    gc.freeze()


# Their laws that run by default: such fits are slow, and a law has fifty, of up to five maps.
FEW_LAWS = {
    "AutoCalibration": ("test_permuting_classes_permutes_the_answer",),
    "HierarchicalCalibration": ("test_integer_weights_are_repeated_rows",),
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Leave most of the laws that hypothesis tries, of some methods, to the slow run."""
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        by_default = FEW_LAWS.get(type(params.get("calibrator")).__name__)
        if by_default and is_hypothesis_test(item.obj) and item.originalname not in by_default:
            item.add_marker(pytest.mark.slow)
