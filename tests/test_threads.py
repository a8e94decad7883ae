"""Threads: the same answer with any number of them, and never more than are allowed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_limits

from skcalib.calibrators import TemperatureScaling
from skcalib.inputs import _blocks
from skcalib.inputs._blocks import BLOCKS_EACH, MOST, row_blocks, run_in_threads
from skcalib.inputs._logits import softmax

MANY = list(range(100 * BLOCKS_EACH))


def n_workers(blocks=MANY):
    return len(run_in_threads(list, blocks))


@pytest.fixture
def many_cores(monkeypatch):
    """Pretend to have cores without end, as far as nobody limits them."""
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1000)
    with threadpool_limits(1000):
        yield


def test_blocks_keep_their_order(many_cores):
    for n_blocks in (0, 1, 2 * BLOCKS_EACH, 2 * BLOCKS_EACH + 1, 100 * BLOCKS_EACH):
        assert [*chain.from_iterable(run_in_threads(list, MANY[:n_blocks]))] == MANY[:n_blocks]


def test_shares_are_worked_on_at_the_same_time(many_cores):
    all_there, before = threading.Barrier(MOST), set(threading.enumerate())

    def meet(blocks):
        if MANY[0] in blocks and len(set(threading.enumerate()) - before) < MOST - 1:
            all_there.abort()  # nobody is there to wait for
        return all_there.wait()

    assert sorted(run_in_threads(meet, MANY)) == list(range(MOST))


def test_little_work_starts_no_thread(many_cores):
    assert [n_workers(MANY[: BLOCKS_EACH * k]) for k in (1, 2, 3)] == [1, 2, 3]
    assert n_workers(MANY[: 2 * BLOCKS_EACH - 1]) == 1
    assert n_workers() == MOST


def test_limits_of_threadpoolctl_hold(many_cores):
    with threadpool_limits(1):
        assert n_workers() == 1
    with threadpool_limits(1, user_api="blas"):
        assert n_workers() == 1
    with threadpool_limits(2):
        assert n_workers() <= 2


def test_no_more_than_there_are_cores(many_cores, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    assert n_workers() == 1


def test_a_thread_among_others_starts_none(many_cores):
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: n_workers(), range(3))) == [1, 1, 1]
    jobs = joblib.Parallel(n_jobs=2, backend="threading")
    assert jobs(joblib.delayed(n_workers)() for _ in range(2)) == [1, 1]


@pytest.mark.parametrize(
    "backend", [pytest.param("loky", marks=pytest.mark.slow), "multiprocessing"]
)
def test_processes_of_joblib_share_the_cores(backend):
    jobs = joblib.Parallel(n_jobs=joblib.cpu_count(), backend=backend)
    allowed = jobs(joblib.delayed(_blocks._count_threads)() for _ in range(joblib.cpu_count()))
    assert sum(allowed) <= joblib.cpu_count()


def test_an_error_is_raised_in_the_caller(many_cores):
    def fail(blocks):
        if MANY[-1] in blocks:
            raise FloatingPointError("in a thread")

    with pytest.raises(FloatingPointError, match="in a thread"):
        run_in_threads(fail, MANY)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_answers_do_not_depend_on_threads(dtype, monkeypatch):
    rng = np.random.default_rng(0)
    n_samples = 2 * BLOCKS_EACH * 2**19 // 50
    logits = 3 * rng.standard_normal((n_samples, 50), dtype=dtype)
    y = (logits[:, :50] + rng.gumbel(size=(50,))).argmax(axis=1)
    assert len(row_blocks(*logits.shape)) >= 2 * BLOCKS_EACH
    answers = []
    for n_threads in (1, 2):
        monkeypatch.setattr(_blocks, "_count_threads", lambda n=n_threads: n)
        model = TemperatureScaling().fit(logits, y)
        answers.append((model.temperature_, model.predict_proba(logits[::5])))
        answers[-1] += (softmax(logits, 0.7),)
    for one, two in zip(*answers, strict=True):
        assert_array_equal(one, two)
