"""Recorded predictions of networks: ``.npz`` files with `predictions` and `ground_truth`."""

from pathlib import Path

import numpy as np

SPLITS = (0, 1, 2)


def experiments(folder, n_samples=None):
    """Yield ((file, "", split), data): half of the rows calibrate, the other half tests.

    Rows are normalised in double precision. With `n_samples`, only that many of the
    calibration half are used.
    """
    for path in sorted(Path(folder).glob("*.npz")):
        with np.load(path) as record:
            proba = record["predictions"].astype(np.float64)
            y = record["ground_truth"].astype(np.intp).ravel()
        proba /= proba.sum(axis=1, keepdims=True)
        for split in SPLITS:
            order = np.random.default_rng(split).permutation(len(y))
            cal, test = order[: len(y) // 2], order[len(y) // 2 :]
            cal = cal[:n_samples]
            yield (
                (path.stem, "", split),
                {
                    "p_cal": proba[cal],
                    "y_cal": y[cal],
                    "p_test": proba[test],
                    "y_test": y[test],
                },
            )
