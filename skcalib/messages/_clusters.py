"""Calls on a cluster: what they share travels once, and what goes wrong is told.

Joblib's own processes share large arrays as files. Its backend for dask scatters data and
submits calls in callbacks of an event loop, where an error is lost and the fit waits for ever
(a worker died, and with it the data): so calls go to dask's client directly. Its backend for
Ray pickles data for each call. Both packages are spoken to only where the user chose them.
"""

from contextlib import contextmanager

from joblib import parallel_config
from joblib.parallel import Parallel, get_active_backend
from sklearn import config_context, get_config

from skcalib.messages._warnings import warn

LARGE = 2**16  # bytes; smaller ones travel with each call
PAUSED = 0.8  # of a worker's memory, beyond which dask gives it no work
WAYS_OUT = (
    "Give the workers more memory (memory_limit=), have fewer of them with more threads each, "
    "or stay on this machine, with LocalCluster(processes=False), which moves nothing, or "
    "joblib's own 'loky', whose processes map one file of X"
)


@contextmanager
def share_arguments(calls, n_jobs):
    """Give the function, the calls and the number of jobs by which the active backend runs.

    Each call is a function and its arguments; so is what the function given takes.
    """
    of_joblib, _ = get_active_backend()
    if type(of_joblib).__name__ == "RayBackend":
        with _share_by_ray(calls, n_jobs) as shared:
            yield shared
    else:
        yield _call, calls, n_jobs


def _call(function, *arguments):
    return function(*arguments)


def _find_shared(calls):
    """Return by identity what more than one call is given, if it has a size at all."""
    seen, shared = set(), {}
    for arguments in calls:
        for value in {id(value): value for value in arguments}.values():
            if id(value) in seen and not callable(value) and hasattr(value, "__len__"):
                shared[id(value)] = value
            seen.add(id(value))
    return shared


def find_dask():
    """Return joblib's backend for dask if that is the active one, else None."""
    of_joblib, _ = get_active_backend()
    return of_joblib if type(of_joblib).__name__ == "DaskDistributedBackend" else None


def iterate_on_dask(of_joblib, calls):
    """Yield the answers of calls, each a function and its arguments, in their order.

    What several share is on every worker, so that it outlives one that dies; keys are not
    hashes of the content, as releasing such a key and scattering it again cancels it. Calls
    that have not begun are dropped if the user, or an error, ends it.
    """
    client, work, size = of_joblib.client, [], 0
    shared = _find_shared(calls)
    try:
        size = _measure(shared.values())
        _warn_of_little_memory(client, size)
        stored = {
            key: client.scatter([value], broadcast=True, hash=False)[0]
            for key, value in shared.items()
            if _measure([value]) > LARGE
        }
        options = {"pure": False, **of_joblib.submit_kwargs}
        for call in calls:
            given = [stored[id(v)] if id(v) in stored else _send(client, v) for v in call]
            work.append(client.submit(_call_as_here, get_config(), *given, **options))
        for future in work:
            yield future.result()
    except Exception as error:
        if not _is_loss(error):
            raise
        raise RuntimeError(_describe_loss(size)) from error
    finally:
        client.cancel([future for future in work if not future.done()], force=True)


def _call_as_here(config, function, *arguments):
    """Call with scikit-learn's settings, and joblib's backend, of the user's process."""
    with config_context(**config), parallel_config(backend="dask"):
        return function(*arguments)


def _measure(values):
    from dask.sizeof import sizeof

    return sum(map(sizeof, values))


def _send(client, value):
    """Return a future of what is too large for a message to the scheduler, else the value."""
    large = not callable(value) and _measure([value]) > 2**20
    return client.scatter([value], hash=False)[0] if large else value


def _is_loss(error):
    """Tell an error of dask's from those of a call: a worker, or data on it, is gone."""
    kind = type(error)
    return kind.__module__.startswith("distributed") and (
        isinstance(error, OSError)
        or kind.__name__ in {"FutureCancelledError", "KilledWorker", "TimeoutError"}
    )


def _describe_loss(size):
    return (
        f"dask lost a worker, and with it data or work of this fit ({size / 1e6:.3g} MB are "
        "given to each worker; its log says what it died of, memory most often). "
        f"{WAYS_OUT}."
    )


def _warn_of_little_memory(client, size):
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    limits = [w["memory_limit"] for w in workers if w.get("memory_limit")]
    if limits and 2 * size > PAUSED * min(limits):
        warn(
            f"{size / 1e6:.3g} MB are given to each worker of dask, which takes as much again"
            f" for the rows of splits, but one may use {min(limits) / 1e6:.3g} MB only. Beyond "
            f"{PAUSED:.0%} of it dask pauses a worker, and beyond 95% it restarts it, so "
            f"that no result may come. {WAYS_OUT}.",
            UserWarning,
        )


@contextmanager
def _share_by_ray(calls, n_jobs):
    """Put into Ray's store, once for each machine; start no more actors than there are calls.

    Each actor is a process that imports everything anew (Keras: many seconds).
    """
    import ray

    if not ray.is_initialized():
        yield _call, calls, n_jobs
        return
    stored = {key: ray.put(value) for key, value in _find_shared(calls).items()}
    calls = [[stored.get(id(value), value) for value in arguments] for arguments in calls]
    n_jobs = Parallel(n_jobs=n_jobs).n_jobs
    if n_jobs < 0:
        n_jobs = max(1, int(ray.cluster_resources()["CPU"]) + 1 + n_jobs)
    yield _call_on_stored, calls, min(n_jobs, len(calls))


def _call_on_stored(function, *arguments):
    import ray

    given = [ray.get(v) if isinstance(v, ray.ObjectRef) else v for v in arguments]
    return function(*given)
