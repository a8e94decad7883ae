"""The random states of torch, seeded for a while."""

from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed):
    """Seed torch on the processor and on the graphics cards in use; put all back."""
    in_use = torch.cuda.is_available() and torch.cuda.is_initialized()
    devices = range(torch.cuda.device_count()) if in_use else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
