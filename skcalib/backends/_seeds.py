"""All random states that training may read, seeded for a while and then put back."""

import random
import sys
from contextlib import ExitStack, contextmanager
from importlib import import_module
from threading import RLock

import numpy as np

_LOCK = RLock()  # these states belong to the process: one training at a time
_LIBRARIES = {"torch": "_torch_seeds", "keras": "_keras_seeds"}


@contextmanager
def seeded(seed):
    """Seed Python, NumPy, and of torch and Keras what is loaded; put all back at the end.

    Threads that come here wait for each other, so that each trains by its own seed.
    """
    with _LOCK, ExitStack() as stack:
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
        stack.callback(np.random.set_state, numpy)
        stack.callback(random.setstate, python)
        for package, home in _LIBRARIES.items():
            if package in sys.modules:
                module = import_module(f"skcalib.backends.{home}")
                stack.enter_context(module.seeded(seed))
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        yield
