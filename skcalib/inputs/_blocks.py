"""Blocks of rows that fit in cache, shared among threads where that pays."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import joblib
from threadpoolctl import ThreadpoolController

BLOCKS_EACH = 4  # a thread with fewer blocks of half a million entries does not pay
LONG = 2**21  # entries of an array that is cut before it is read
MOST = 3  # each has 8 MiB of buffers; together with the rest of a fit they are to stay below 64


def run_in_threads(work, blocks):
    """Return what ``work`` answers to consecutive shares of the blocks, in their order.

    Each share is a list of blocks, and is worked on by one thread. So that the answer does
    not depend on the number of threads, `work` answers for each block on its own.
    """
    n_threads = min(MOST, len(blocks) // BLOCKS_EACH)
    if n_threads > 1:
        n_threads = min(n_threads, _count_threads())
    if n_threads <= 1:
        return [work(blocks)]
    bounds = [len(blocks) * i // n_threads for i in range(n_threads + 1)]
    shares = [blocks[low:high] for low, high in pairwise(bounds)]
    with ThreadPoolExecutor(n_threads - 1) as pool:
        others = [pool.submit(work, share) for share in shares[1:]]
        return [work(shares[0]), *(other.result() for other in others)]


def _count_threads():
    """Return how many threads may run: as many as those of BLAS and OpenMP.

    So ``threadpoolctl.threadpool_limits``, ``OMP_NUM_THREADS`` and the limits that joblib
    sets in its processes hold here too. A thread that somebody else started, joblib's
    among them, and a process of multiprocessing already are one of many: they start none.
    """
    if threading.current_thread() is not threading.main_thread():
        return 1
    if multiprocessing.parent_process() is not None:
        return 1
    pools = [pool["num_threads"] for pool in _controller().info()]
    return min([joblib.cpu_count(), *pools])


@lru_cache(maxsize=1)
def _controller():
    return ThreadpoolController()  # looking for the libraries takes 8 ms, asking them none


def row_blocks(n_samples, n_classes):
    """Cut rows into slices of about half a million entries, to stay in cache."""
    step = max(1, 2**19 // max(1, n_classes))
    return [slice(start, start + step) for start in range(0, n_samples, step)]


def cut_long_array(values):
    """Return slices of the rows of an array that is too long to be read at once, else None.

    So is an array in a file (:class:`numpy.memmap`, h5py, zarr): whatever has a shape, a type
    and slices; one that is kept in chunks is cut between them, so that none is read twice.
    Frames and tables are not cut.
    """
    shape = getattr(values, "shape", None)
    sliced = hasattr(values, "dtype") and hasattr(values, "__getitem__")
    if not sliced or hasattr(values, "iloc") or len(shape) not in (1, 2):
        return None
    n_columns = shape[1] if len(shape) == 2 else 1
    if shape[0] * n_columns <= LONG:
        return None
    step = max(1, LONG // max(2, n_columns))  # a single column stands for two
    chunks = getattr(values, "chunks", None)
    if isinstance(chunks, tuple) and chunks and isinstance(chunks[0], int):
        step = max(1, step // chunks[0]) * chunks[0]
    return [slice(start, start + step) for start in range(0, shape[0], step)]


def group_blocks(lengths, n_columns):
    """Return runs of blocks to be read at once: one, or more as long as they are short."""
    runs, first, n_rows = [], 0, 0
    for number, length in enumerate(lengths):
        if number > first and (n_rows + length) * n_columns > LONG:
            runs.append(slice(first, number))
            first, n_rows = number, 0
        n_rows += length
    return [*runs, slice(first, len(lengths))]
