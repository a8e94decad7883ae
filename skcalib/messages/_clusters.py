"""What several calls of a parallel piece of work share reaches a cluster's workers once.

Joblib's own processes share large arrays as files. dask scatters them to one worker, in a
callback of its event loop, where a failure is lost and joblib waits for ever; Ray pickles them
for each call. Both are spoken to only here, and only where the user has chosen them.
"""

from contextlib import contextmanager

from joblib.parallel import Parallel, get_active_backend

from skcalib.messages._warnings import warn

LARGE = 2**16  # bytes; smaller ones may travel with each call
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
    backend, _ = get_active_backend()
    name = type(backend).__name__
    if name == "RayBackend":
        with _share_by_ray(calls, n_jobs) as shared:
            yield shared
    elif name == "DaskDistributedBackend":
        with _share_by_dask(backend, calls):
            yield _call, calls, n_jobs
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


@contextmanager
def _share_by_dask(backend, calls):
    """Scatter to all workers here, where errors are raised, instead of in joblib's callback.

    A copy on every worker also outlives a worker that dies. Keys are not hashes of the
    content: releasing such a key and scattering it again cancels it.
    """
    from dask.sizeof import sizeof

    shared = {key: value for key, value in _find_shared(calls).items() if sizeof(value) > LARGE}
    shared = {key: v for key, v in shared.items() if key not in backend.data_futures}
    size = sum(map(sizeof, shared.values()))
    _warn_of_little_memory(backend.client, size)
    try:
        for key, value in shared.items():
            (future,) = backend.client.scatter([value], broadcast=True, hash=False)
            backend.data_futures[key] = future
        yield
    except (OSError, RuntimeError) as error:
        # Of a worker that dies: CommClosedError; KilledWorker says by itself which.
        if not type(error).__module__.startswith("distributed"):
            raise
        raise RuntimeError(_describe_loss(size)) from error
    except Exception as error:
        if type(error).__name__ not in {"FutureCancelledError", "CancelledError"}:
            raise
        raise RuntimeError(_describe_loss(size)) from error
    finally:
        for key in shared:
            backend.data_futures.pop(key, None)


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
