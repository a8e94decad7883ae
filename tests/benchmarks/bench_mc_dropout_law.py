"""Whether draws have the law of a loop of passes in training: means and variances, by z-scores.

Run ``python tests/benchmarks/bench_mc_dropout_law.py keras`` (on the library that KERAS_BACKEND
says) or ``torch``. Networks are those of the tests. Each line has, over all rows and outputs,
the root mean squares of the z-scores of means and of variances, about 1 if all is right (cells
of a network depend on each other, so that they scatter), and the ratio of the variances.
The variance of a sample variance is ``(m4 - s**4) / n``. Nothing is asserted.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "uncertainty"))

import numpy as np
from scipy.special import softmax

from skcalib import FrozenNetwork, MCDropoutClassifier

SEEDS = 4
N = 800


def compare(draws, loop):
    """Return z-scores of means and of variances, and both variances."""
    variances, errors = [], []
    for part in (draws, loop):
        centered = part - part.mean(axis=0)
        variance, fourth = (centered**2).mean(axis=0), (centered**4).mean(axis=0)
        variances.append(variance)
        errors.append((fourth - variance**2) / N)
    error = np.sqrt(sum(variances) / N)
    z = (draws.mean(axis=0) - loop.mean(axis=0)) / np.maximum(error, 1e-9)
    z_variance = (variances[0] - variances[1]) / np.maximum(np.sqrt(sum(errors)), 1e-12)
    return z, z_variance, *variances


def report(name, found):
    means, variances, ours, theirs = map(np.array, zip(*found, strict=True))
    rms = [np.sqrt((z**2).mean()) for z in (means, variances)]
    print(
        f"{name:24}{rms[0]:8.2f}{rms[1]:8.2f}{ours.mean() / theirs.mean():8.3f}",
        flush=True,
    )


def measure_keras():
    import test_any_keras_network as networks

    networks.N_LOOPS = N
    for build in [*networks.QUICK, *networks.SLOW]:
        found = []
        for seed in range(SEEDS):
            model, X = build()
            networks.larger_weights(model, np.random.default_rng(seed))
            own = build is networks.subclassed
            given = FrozenNetwork(model, from_logits=False) if own else model
            mc = MCDropoutClassifier(given, n_draws=N, random_state=seed).fit(X)
            found.append(compare(mc.sample_proba(X), networks.by_a_loop(model, X)))
        report(build.__name__, found)


def measure_torch():
    import test_torch_networks as networks
    import torch
    from torch import nn

    for build, X in networks.NETWORKS:
        found = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            model = build()
            for weight in model.parameters():
                nn.init.normal_(weight, 0, 0.5)
            network = FrozenNetwork(model.eval(), from_logits=True)
            mc = MCDropoutClassifier(network, n_draws=N, random_state=seed).fit(X)
            draws = mc.sample_proba(X)
            loop = softmax(networks.by_a_loop_in_training(model, X, N), axis=-1)
            found.append(compare(draws, loop))
        report(build.__name__, found)


if __name__ == "__main__":
    print(f"{'':24}{'mean':>8}{'var':>8}{'ratio':>8}")
    parts = {"keras": measure_keras, "torch": measure_torch}
    for part in sys.argv[1:] or parts:
        parts[part]()
