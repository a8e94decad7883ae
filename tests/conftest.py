"""Settings of hypothesis: the same examples everywhere, more of them on demand.

``pytest -m "slow or hypothesis" --hypothesis-profile=slow`` runs what the default run leaves
out, and each law on 60 examples in place of 15; with ``--hypothesis-profile=thorough`` they
are 1,000 fresh ones.
"""

import gc
import os

from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a core; more threads only wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("slow", settings.get_profile("default"), max_examples=60)
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
