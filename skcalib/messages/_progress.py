"""Long work: in parallel, and with a progress bar, tqdm's if it is installed, else lines."""

import sys
import time

from sklearn.utils.parallel import Parallel, delayed

from skcalib.messages._clusters import find_dask, iterate_on_dask, share_arguments


def run_parallel(function, calls, *, n_jobs, name, unit, verbose=False):
    """Return what a function answers to each tuple of arguments, in their order."""
    options = {"n_jobs": n_jobs, "name": name, "unit": unit, "verbose": verbose}
    return list(iterate_parallel(function, calls, **options))


def iterate_parallel(function, calls, *, n_jobs, name, unit, verbose=False):
    """Yield the same, one after the other as they are done.

    Under joblib's backends without streams (multiprocessing, and those of some clusters)
    all come, and the progress is shown, when all is done.
    """
    calls = [(function, *arguments) for arguments in calls]
    dask = find_dask()
    if dask is not None:
        work = iterate_on_dask(dask, calls)
        yield from show_progress(work, len(calls), name, unit, verbose)
        return
    with share_arguments(calls, n_jobs) as (call, shared, n_jobs):
        try:
            parallel = Parallel(n_jobs=n_jobs, return_as="generator")
        except ValueError:  # joblib's answer where the active backend has no generators
            parallel = Parallel(n_jobs=n_jobs)
        work = parallel(delayed(call)(*arguments) for arguments in shared)
        yield from show_progress(work, len(calls), name, unit, verbose)


def show_progress(work, total, name, unit, verbose):
    """Pass work on, and say on standard error how much is done if `verbose`."""
    if not verbose:
        return work
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _lines(work, total, name, unit)
    return tqdm(work, total=total, desc=name, unit=f" {unit}", file=sys.stderr)


def _lines(work, total, name, unit):
    start = last = time.monotonic()
    for done, item in enumerate(work):
        if time.monotonic() - last > 2 or done == 0:
            last = time.monotonic()
            _print(name, done, total, unit, last - start)
        yield item
    _print(name, total, total, unit, time.monotonic() - start)


def _print(name, done, total, unit, seconds):
    print(f"[{name}] {done} of {total} {unit}, {seconds:.1f} s", file=sys.stderr)
