"""Small clusters on this machine, and what is sent to them."""

import os
import signal
import sys
import time
from contextlib import contextmanager

import pandas as pd
from sklearn.naive_bayes import GaussianNB


@contextmanager
def started_ray():
    """Start Ray on this machine only, with two processors, and stop it."""
    changes = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # the one way to stay on 127.0.0.1
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),  # for `support`
    }
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    import ray

    try:
        ray.init(
            num_cpus=2,
            object_store_memory=100 * 2**20,
            include_dashboard=False,
            log_to_driver=False,
            _node_ip_address="127.0.0.1",
        )
        yield ray
    finally:
        ray.shutdown()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class CountedFrame(pd.DataFrame):
    """A frame that counts how often it leaves this process."""

    sent = 0

    @property
    def _constructor(self):
        return pd.DataFrame

    def __reduce_ex__(self, protocol):
        CountedFrame.sent += 1
        return pd.DataFrame, (self.to_numpy(), None, list(self.columns))


class CountedRows(list):
    """The same, of a list, which has no weak references."""

    sent = 0

    def __reduce_ex__(self, protocol):
        CountedRows.sent += 1
        return list, (list(self),)


class Dying(GaussianNB):
    """Ends the process that trains it, unless that is the user's."""

    def __init__(self, home=None):
        super().__init__()
        self.home = home

    def fit(self, X, y, sample_weight=None):
        if os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y, sample_weight)


class Lasting(GaussianNB):
    """Says in a folder which process trains it, and is done when that holds a file "go"."""

    def __init__(self, folder=None):
        super().__init__()
        self.folder = folder

    def fit(self, X, y, sample_weight=None):
        name = f"{os.getpid()}-{time.monotonic_ns()}"
        open(os.path.join(self.folder, name), "w").close()
        for _ in range(3000):
            if os.path.exists(os.path.join(self.folder, "go")):
                break
            time.sleep(0.1)
        return super().fit(X, y, sample_weight)
