"""`skcalib evaluate` of a million rows of csv, beside reading the file with pandas.

Run: python tests/benchmarks/bench_cli.py
"""

import contextlib
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import skcalib.deploy
from skcalib.cli import main

N_ROWS, REPEATS = 1_000_000, 7


def write_files(folder):
    """Write files as pandas writes what predict_proba returns."""
    rng = np.random.default_rng(0)
    p = rng.uniform(size=N_ROWS)
    y = (rng.uniform(size=N_ROWS) < p).astype(int)
    q = rng.dirichlet(np.ones(5), size=N_ROWS)
    y5 = (rng.uniform(size=N_ROWS)[:, None] > q.cumsum(axis=1)).sum(axis=1)
    names = np.array(["a", "b", "c", "d", "e"])
    frames = {
        "two classes, one column": pd.DataFrame({"y": y, "1": p}),
        "two classes, two columns": pd.DataFrame({"y": y, "0": 1 - p, "1": p}),
        "two classes, rounded": pd.DataFrame({"y": y, "0": (1 - p).round(4), "1": p.round(4)}),
        "five classes": pd.DataFrame(q, columns=names).assign(y=names[y5]),
    }
    for name, frame in frames.items():
        path = Path(folder, name.replace(" ", "_").replace(",", "") + ".csv")
        frame.to_csv(path, index=False)
        yield name, path


def seconds(function, clock=time.process_time):
    """Return the median of some repeats: seconds of the processor, whoever else uses it."""
    taken = []
    for _ in range(REPEATS):
        start = clock()
        function()
        taken.append(clock() - start)
    return float(np.median(taken))


def evaluate(path):
    """Run the command in this process, without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["evaluate", str(path)]) == 0


def process(*arguments):
    """Run a command in a process of its own."""
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def bench():
    """Print a line for each file."""
    print(
        f"skcalib {skcalib.__version__}, pandas {pd.__version__}, median of {REPEATS}, seconds"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, path in write_files(folder):
            evaluate(path)
            read = seconds(lambda path=path: pd.read_csv(path))
            ours = seconds(lambda path=path: evaluate(path))
            print(f"{name:<26} read {read:.3f}  evaluate {ours:.3f}  {ours / read:.2f} times")
        wall = time.perf_counter
        code = f"import pandas; pandas.read_csv({str(path)!r})"
        alone = seconds(lambda: process("-c", code), wall)
        whole = seconds(lambda: process("-m", "skcalib.cli", "evaluate", str(path)), wall)
        print(f"whole processes, wall clock: read {alone:.2f}  evaluate {whole:.2f}")
        shown = seconds(lambda: process("-m", "skcalib.cli", "--help"), wall)
        print(f"skcalib --help {shown:.2f}")


if __name__ == "__main__":
    bench()
