"""Learn the prior of `HierarchicalCalibration` from the half of the sets for development.

``python tests/benchmarks/learn_prior.py CACHE`` prints numbers as
``skcalib/calibrators/_learned_prior.py`` holds them, and then a check in which each data set is
calibrated by a prior that was learned without it: the mean test log loss, and how often the
calibrator beats structured matrix scaling, beside the prior that is shipped, which knows them
all. CACHE is the folder of ``bench_quality.py``.
"""

import argparse
import warnings

import numpy as np
from quality import experiments, learned_prior, methods

from skcalib.calibrators import HierarchicalCalibration, StructuredMatrixScaling
from skcalib.calibrators._posterior import Mixture, prepare_prior


class WithPrior(HierarchicalCalibration):
    """The calibrator under another prior."""

    def __init__(self, prior=None, *, multiclass="ovr"):
        self.prior = prior
        self.multiclass = multiclass

    def _prior(self):
        return self.prior


def printed(prior):
    """Print the numbers, as code."""
    for name, values in zip(Mixture._fields, prior, strict=True):
        rows = np.round(values, 4) + 0.0
        print(f"{name.upper()} = np.array({rows.tolist()})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cache", help="folder in which classifiers' outputs are kept")
    parser.add_argument("--n", nargs="+", type=int, default=[50, 100, 300])
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    names, theta = learned_prior.all_maps(given.cache)
    printed(learned_prior.learn(names, theta))
    folds = learned_prior.folds_of_sets()
    priors = {s: learned_prior.without(names, theta, fold) for fold in folds for s in fold}
    for n_samples in given.n:
        losses = []
        found = experiments.tabular("binary", "dev", given.cache, n_samples)
        for (set_name, _, _), data in found:
            tried = {
                methods.UNCALIBRATED: methods.uncalibrated,
                "sms": methods.ours(StructuredMatrixScaling()),
                "shipped": methods.ours(HierarchicalCalibration()),
                "left out": methods.ours(WithPrior(prepare_prior(priors[set_name]))),
            }
            results = experiments.tried(tried, data)
            losses.append([results[name]["loss"] for name in tried])
        losses = np.array(losses)
        print(f"\nn = {n_samples}, {len(losses)} experiments; log loss of {list(tried)}")
        print(losses.mean(axis=0).round(4).tolist())
        print(f"beats sms: {(losses[:, 2:] < losses[:, [1]]).mean(axis=0).round(3).tolist()}")


if __name__ == "__main__":
    main()
