"""What helps at the next training of a network that says 0 or 1, and what a temperature adds.

Perceptrons of 2 x 64 (Adam, learning rate .001, 100 epochs, batches of 32) on 400 rows. Of 200
held-out rows the log loss chooses the strength of each remedy (as trained, and anew with a
temperature) and the epoch to stop at, and they teach the temperature; the other rows, 3,000 at
most, give the figures. The networks of all splits are trained in one batched product, each with
weights, rows and shuffles of its own. Differences are paired: each log loss minus that of the
plain network with a temperature, and half the width of the 95 % t-interval over the splits.
Needs torch.

    python tests/benchmarks/bench_training.py 8 digits
"""

import itertools
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from quality.tabular_sets import load
from scipy.special import softmax
from scipy.stats import t
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.nn import functional

from skcalib.calibrators import TemperatureScaling
from skcalib.metrics import log_loss

EPOCHS, BATCH, WIDTH = 100, 32, 64
STRENGTHS = {
    "plain": [0.0],
    "early stopping": [0.0],
    "weight decay": [0.1, 0.3, 1.0, 3.0],
    "label smoothing": [0.005, 0.01, 0.02, 0.05, 0.1],
    "focal loss": [0.5, 1.0, 2.0],
    "dropout": [0.2, 0.5, 0.7],
}
FIGURES = ("right", "confidence", "above 99.9 %", "log loss", "with temperature")


def split(name, seed):
    """Return training, held-out and test rows, scaled, and their labels."""
    X, y = load(name)
    X, X_test, y, y_test = train_test_split(X, y, train_size=600, stratify=y, random_state=seed)
    X, X_held, y, y_held = train_test_split(X, y, train_size=400, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    rows = [scaler.transform(part).astype(np.float32) for part in (X, X_held, X_test[:3000])]
    return rows, [y, y_held, y_test[:3000]]


def stacked(arrays):
    return torch.tensor(np.stack(arrays))


def initial(n_splits, sizes):
    """Return weights and intercepts of a network for each split, as torch draws them."""
    layers = []
    for n_in, n_out in itertools.pairwise(sizes):
        bound = n_in**-0.5
        for n_rows in (n_in, 1):
            values = torch.empty(n_splits, n_rows, n_out).uniform_(-bound, bound)
            layers.append(values.requires_grad_())
    return layers


def logits_of(layers, X, rate=0.0):
    """Return the logits of every network for its own rows."""
    for k in range(0, len(layers), 2):
        X = torch.baddbmm(layers[k + 1], X, layers[k])
        if k < len(layers) - 2:
            X = functional.dropout(torch.relu(X), rate)
    return X


def loss_of(logits, labels, remedy, strength):
    logp = torch.log_softmax(logits, -1)
    chosen = logp.gather(-1, labels[..., None])[..., 0]
    if remedy == "focal loss":
        chosen = (1 - chosen.exp()) ** strength * chosen
    if remedy == "label smoothing":
        chosen = (1 - strength) * chosen + strength * logp.mean(-1)
    return -chosen.mean(1).sum()  # networks do not share a parameter


def train(remedy, strength, X, y, X_held, y_held):
    """Return the trained layers of the networks of all splits."""
    torch.manual_seed(0)
    n_splits, n, _ = X.shape
    layers = initial(n_splits, (X.shape[2], WIDTH, WIDTH, int(y.max()) + 1))
    decay = strength if remedy == "weight decay" else 0.0
    rate = strength if remedy == "dropout" else 0.0
    optimizer = torch.optim.AdamW(layers, lr=0.001, weight_decay=decay)
    own = torch.arange(n_splits)[:, None]
    lowest = torch.full((n_splits,), torch.inf)
    kept = [layer.detach().clone() for layer in layers]
    for _ in range(EPOCHS):
        order = torch.rand(n_splits, n).argsort(1)
        for part in order.split(BATCH, 1):
            optimizer.zero_grad()
            logits = logits_of(layers, X[own, part], rate)
            loss_of(logits, y[own, part], remedy, strength).backward()
            optimizer.step()
        if remedy == "early stopping":  # the best epoch of each network
            with torch.no_grad():
                logp = torch.log_softmax(logits_of(layers, X_held), -1)
                held = -logp.gather(-1, y_held[..., None])[..., 0].mean(1)
                better = held < lowest
                lowest = torch.where(better, held, lowest)
                for old, new in zip(kept, layers, strict=True):
                    old[better] = new[better]
    return kept if remedy == "early stopping" else [layer.detach() for layer in layers]


def figures(y, proba, after):
    """Return the figures of one network as trained, and the log loss with a temperature."""
    sure = proba.max(axis=1)
    right = np.mean(proba.argmax(axis=1) == y)
    return [right, sure.mean(), np.mean(sure > 0.999), log_loss(y, proba), log_loss(y, after)]


def answers(logits_held, y_held, logits):
    """Return held-out and test probabilities as trained, and both with a temperature."""
    scaling = TemperatureScaling().fit(logits_held, y_held)
    raw = softmax(logits_held, axis=1), softmax(logits, axis=1)
    return raw, (scaling.predict_proba(logits_held), scaling.predict_proba(logits))


def measure(n_splits, name):
    """Return the figures of every remedy in every split."""
    splits = [split(name, seed) for seed in range(n_splits)]
    X, X_held, X_test = (stacked([rows[k] for rows, _ in splits]) for k in range(3))
    y, y_held, y_test = (np.stack([labels[k] for _, labels in splits]) for k in range(3))
    data = X, torch.tensor(y).long(), X_held, torch.tensor(y_held).long()
    found = {}
    for remedy, strengths in STRENGTHS.items():
        logits = []
        for strength in strengths:
            layers = train(remedy, strength, *data)
            logits.append(
                [logits_of(layers, part).double().numpy() for part in (X_held, X_test)]
            )
        rows, chosen = [], []
        for k in range(n_splits):
            tried = [answers(held[k], y_held[k], test[k]) for held, test in logits]
            lowest = [
                int(np.argmin([log_loss(y_held[k], one[how][0]) for one in tried]))
                for how in range(2)
            ]
            rows.append(figures(y_test[k], *(tried[lowest[how]][how][1] for how in range(2))))
            chosen.append(tuple(strengths[one] for one in lowest))
        found[remedy] = np.array(rows)
        print(name, remedy, chosen, found[remedy].mean(axis=0).round(3), flush=True)
    return found


def main(n_splits, names):
    for name in names:
        found = measure(n_splits, name)
        reference = found["plain"][:, -1]
        print(f"\n| {name} | {' | '.join(FIGURES)} | minus reference: without, with |")
        print("|" + "---|" * (len(FIGURES) + 2))
        for remedy, rows in found.items():
            right, sure, above, raw, after = rows.mean(axis=0)
            gains = rows[:, -2:] - reference[:, None]
            half = t.ppf(0.975, n_splits - 1) * gains.std(axis=0, ddof=1) / n_splits**0.5
            means = gains.mean(axis=0)
            words = [f"{means[k]:+.3f} ± {half[k]:.3f}" for k in range(2)]
            cells = (
                f"{right:.1%}",
                f"{sure:.1%}",
                f"{above:.0%}",
                f"{raw:.3f}",
                f"{after:.3f}",
            )
            print(f"| {remedy} | {' | '.join(cells)} | {', '.join(words)} |")
        print(flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
