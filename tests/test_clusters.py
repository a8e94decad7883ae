"""Every backend of joblib: the same answers, data moved once, and an end to what went wrong."""

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from joblib import parallel_backend, parallel_config
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier
from support.clusters import CountedFrame, CountedRows, Dying, Lasting, started_ray

from skcalib import CalibratedClassifierCV, DeepEnsembleClassifier
from skcalib.calibrators import AutoCalibration
from skcalib.messages import run_parallel

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = np.where(X[:, 0] + RNG.normal(size=300) > 0, "yes", "no")
LOGITS = np.column_stack([-X[:, 0], 3 * X[:, 0]])


@pytest.fixture(scope="module")
def dask_client():
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    import dask

    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray_cluster():
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from ray.util.joblib import register_ray

    with started_ray():
        register_ray()
        yield


@contextmanager
def on(backend, request):
    """Choose a backend, whose cluster is started if it needs one."""
    if backend == "dask":
        request.getfixturevalue("dask_client")
        with parallel_config("dask"):
            yield
    elif backend == "ray":
        request.getfixturevalue("ray_cluster")
        with parallel_backend("ray", n_jobs=-1):
            yield
    else:
        with parallel_config(backend, n_jobs=2):
            yield


CLUSTERS = ["dask", "ray"]
PROCESSES = [pytest.param(name, marks=pytest.mark.slow) for name in ("loky", "multiprocessing")]


@pytest.mark.parametrize("backend", ["threading", *PROCESSES, *CLUSTERS])
def test_same_answers(backend, request):
    def answers():
        cross = CalibratedClassifierCV(GaussianNB(), method="temperature", cv=3).fit(X, Y)
        auto = AutoCalibration(random_state=0).fit(LOGITS, Y)
        options = {"n_members": 2, "bootstrap": True, "random_state": 0}
        members = DeepEnsembleClassifier(DecisionTreeClassifier(max_depth=2), **options)
        members.fit(X, Y)
        given = [(cross, X), (auto, LOGITS), (members, X)]
        return [model.predict_proba(rows) for model, rows in given]

    with on(backend, request):
        found = answers()
    expected = answers()
    for ours, plain in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize(
    ("backend", "kind"),
    [("dask", CountedFrame), ("dask", CountedRows), ("ray", CountedFrame)],
)
def test_data_leave_once_for_all_splits(backend, kind, request):
    rows = kind(np.tile(X, (20, 1)).tolist())
    if kind is CountedFrame:
        rows.columns = ["a", "b", "c"]
    y = np.tile(Y, 20)
    expected = CalibratedClassifierCV(GaussianNB(), cv=5).fit(rows, y).predict_proba(rows)
    with on(backend, request):
        before = kind.sent
        model = CalibratedClassifierCV(GaussianNB(), cv=5).fit(rows, y)
        assert kind.sent == before + 1
        again = CalibratedClassifierCV(GaussianNB(), cv=5).fit(rows, y)  # nothing is kept
    np.testing.assert_array_equal(model.predict_proba(rows), expected)
    np.testing.assert_array_equal(again.predict_proba(rows), expected)


def name_of_file(array, number):
    return getattr(array, "filename", None)


@pytest.mark.parametrize("backend", PROCESSES)
def test_processes_map_one_file(backend):
    large = np.zeros((400, 500))
    with parallel_config(backend, n_jobs=2):
        names = run_parallel(
            name_of_file, [(large, i) for i in range(4)], n_jobs=None, name="", unit=""
        )
    assert None not in names
    assert len(set(names)) == 1


@pytest.mark.parametrize("backend", [pytest.param("loky", marks=pytest.mark.slow), *CLUSTERS])
def test_a_worker_that_dies_is_reported(backend, request):
    model = CalibratedClassifierCV(Dying(os.getpid()), cv=3)
    with on(backend, request):
        with pytest.raises(Exception) as caught:
            model.fit(X, Y)
        found = f"{type(caught.value).__name__} {caught.value}".lower()
        assert any(word in found for word in ("died", "killed", "terminated", "lost")), found
        if backend != "dask":  # whose workers are not ours to wait for
            assert CalibratedClassifierCV(GaussianNB(), cv=3).fit(X, Y).predict(X[:1])


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_an_interrupt_ends_the_workers(backend, tmp_path):
    code = (
        "import signal, sys, numpy as np\n"
        "from joblib import parallel_config\n"
        "from support.clusters import Lasting\n"
        "from skcalib import CalibratedClassifierCV\n"
        "X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2\n"
        # What runs in the background of a shell is told to ignore it, and so is its child.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with parallel_config(sys.argv[2], n_jobs=2):\n"
        "    CalibratedClassifierCV(Lasting(sys.argv[1]), cv=4).fit(X, y)\n"
    )
    here = os.path.dirname(__file__)
    paths = os.pathsep.join([here, os.path.dirname(here), os.environ.get("PYTHONPATH", "")])
    user = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), backend],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        workers = [int(name.split("-")[0]) for name in os.listdir(tmp_path)]
        if len(workers) == 2 or user.poll() is not None:
            break
        time.sleep(0.1)
    user.send_signal(signal.SIGINT)
    _, said = user.communicate()
    assert "KeyboardInterrupt" in said
    assert len(workers) == 2
    for _ in range(300):
        left = [worker for worker in workers if os.path.exists(f"/proc/{worker}")]
        if not left:
            break
        time.sleep(0.1)
    assert not left


def test_an_interrupt_drops_what_has_not_begun_on_dask(dask_client, tmp_path):
    model = CalibratedClassifierCV(Lasting(tmp_path), cv=6)

    def interrupt():
        for _ in range(600):
            if len(list(tmp_path.iterdir())) == 2:
                break
            time.sleep(0.1)
        _thread.interrupt_main()

    watch = threading.Thread(target=interrupt)
    watch.start()
    with parallel_config("dask"), pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    watch.join()
    (tmp_path / "go").touch()
    assert dask_client.submit(len, "abc", pure=False).result() == 3  # behind what was left
    started = [path for path in tmp_path.iterdir() if path.name != "go"]
    assert len(started) == 2
