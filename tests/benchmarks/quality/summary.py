"""From measures of many experiments to a table, with intervals over data sets."""

import numpy as np

from quality.methods import UNCALIBRATED

N_RESAMPLES = 1000
ROUNDING = 1e-6  # of a log loss: less is no harm
# What is made of others, or learned from other data sets, is no rival when wins are counted.
POOLS = ("auto", "hierarchical")


def win_rates(loss, names):
    """Return, for each experiment and method, the share of rivals that it beats; ties half."""
    rivals = [j for j, name in enumerate(names) if name not in POOLS]
    wins = np.empty_like(loss)
    for j in range(loss.shape[1]):
        others = loss[:, [k for k in rivals if k != j]]
        own = loss[:, [j]]
        wins[:, j] = ((own < others) + 0.5 * (own == others)).mean(axis=1)
    return wins


def beats(loss, names, rival):
    """Return, for each experiment and method, whether it beats the rival; a tie is a half."""
    other = loss[:, [list(names).index(rival)]]
    return (loss < other) + 0.5 * (loss == other)


def interval(values, groups, seed=0):
    """Return the 95 % interval of the mean when data sets are drawn anew."""
    labels, codes = np.unique(groups, return_inverse=True)
    counts = np.bincount(codes)
    sums = np.stack([np.bincount(codes, column) for column in values.T], axis=1)
    draws = np.random.default_rng(seed).integers(0, len(labels), (N_RESAMPLES, len(labels)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)[:, None]
    return np.percentile(means, [2.5, 97.5], axis=0)


def summarised(keys, measures, names, rivals):
    """Return {column: value of each method}, and the intervals of some of them."""
    loss, before = measures["loss"], measures["loss"][:, [names.index(UNCALIBRATED)]]
    accuracy = measures["accuracy"] - measures["accuracy"][:, [names.index(UNCALIBRATED)]]
    with np.errstate(invalid="ignore"):
        significant = measures["gain"] < np.minimum(-2 * measures["gain_se"], -ROUNDING)
    per_experiment = {
        "log loss": loss,
        "Brier": measures["brier"],
        "accuracy": 100 * accuracy,
        "win": win_rates(loss, names),
        **{f"> {rival}": beats(loss, names, rival) for rival in rivals if rival in names},
        "harm": (loss > before + ROUNDING).astype(float),
        "harm > .1 %": (loss > before * 1.001 + ROUNDING).astype(float),
        "harm > 1 %": (loss > before * 1.01 + ROUNDING).astype(float),
        "signif.": significant.astype(float),
        "change": 100 * (loss / np.maximum(before, ROUNDING) - 1),
        "s": measures["seconds"],
    }
    groups = [key[0] for key in keys]
    means = {column: np.nanmean(values, axis=0) for column, values in per_experiment.items()}
    means["worst"] = per_experiment["change"].max(axis=0)
    intervals = {
        column: interval(per_experiment[column], groups)
        for column in ("log loss", "win", "harm", "change")
    }
    return means, intervals


def printed(title, keys, measures, names, rivals, failures):
    """Print one table in Markdown."""
    means, intervals = summarised(keys, measures, names, rivals)
    print(f"\n### {title}: {len(keys)} experiments, {len({k[0] for k in keys})} data sets\n")
    columns = list(means)
    print("| method | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for j in np.argsort(-means["win"]):
        cells = []
        for column in columns:
            text = _cell(column, means[column][j])
            if column in intervals:
                low, high = (_cell(column, end[j]) for end in intervals[column])
                text += f" [{low}, {high}]"
            cells.append(text)
        failed = f" ({failures[names[j]]} failed)" if failures[names[j]] else ""
        print(f"| {names[j]}{failed} | " + " | ".join(cells) + " |")


def _cell(column, value):
    if column in ("change", "worst"):
        return f"{value:+.1f} %" if value < 1e5 else "huge"
    if column in ("log loss", "Brier"):
        return f"{value:.4f}"
    return f"{value:+.2f}" if column == "accuracy" else f"{value:.3f}"
