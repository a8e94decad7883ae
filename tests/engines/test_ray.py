"""Ray Data: the answers of the rows in memory."""

import os
import signal

import numpy as np
import pytest
from scipy.special import softmax
from support.clusters import started_ray

from skcalib.calibrators import AutoCalibration, IsotonicCalibration, TemperatureScaling
from skcalib.engines import fit_ray, measure_ray, predict_proba_ray
from skcalib.metrics import expected_calibration_error, log_loss

pytest.importorskip("ray", reason="the extra ray is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

# Ray Data warns of its own settings when it starts.
pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")

RNG = np.random.default_rng(0)
N = 30_000
CODES = RNG.integers(0, 3, size=N)
LOGITS = 3 * RNG.normal(size=(N, 3)) + 4 * np.eye(3)[CODES]
WEIGHT = RNG.integers(0, 3, size=N).astype(float)
NAMES = np.array(["cat", "dog", "eel"])
PROBA = softmax(LOGITS, axis=1)


@pytest.fixture(scope="module")
def dataset():
    columns = {"logits": LOGITS, "proba": PROBA, "weight": WEIGHT, "label": NAMES[CODES]}
    columns |= {name: LOGITS[:, i] for i, name in enumerate(NAMES)}
    with started_ray() as ray:
        import ray.data

        ray.data.DataContext.get_current().enable_progress_bars = False
        numbers = ray.data.from_numpy(np.array_split(np.arange(N), 4))
        yield numbers.map_batches(
            lambda batch: {name: part[batch["data"]] for name, part in columns.items()}
        )


@pytest.mark.parametrize("logits", ["logits", list(NAMES)])
def test_a_fit(dataset, logits):
    options = {"logits": logits, "y": "label", "sample_weight": "weight", "batch_size": 7_000}
    found = fit_ray(TemperatureScaling(), dataset, **options)
    expected = TemperatureScaling().fit(LOGITS, NAMES[CODES], WEIGHT)
    assert found.classes_.tolist() == list(NAMES)
    assert found.temperature_ == pytest.approx(expected.temperature_, abs=1e-6)


def test_a_fit_by_tables(dataset):
    options = {"logits": "logits", "y": "label"}
    found = fit_ray(IsotonicCalibration(), dataset, **options).predict_proba(LOGITS[:99])
    expected = IsotonicCalibration().fit(LOGITS, NAMES[CODES]).predict_proba(LOGITS[:99])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("metric", [log_loss, expected_calibration_error])
def test_a_metric(dataset, metric):
    columns = {"y_true": "label", "y_proba": "proba", "sample_weight": "weight"}
    options = {**columns, "batch_size": 7_000, "labels": list(NAMES)}
    found = measure_ray(metric, dataset, **options)
    expected = metric(NAMES[CODES], PROBA, sample_weight=WEIGHT)
    assert found == pytest.approx(expected, abs=1e-12)


def test_probabilities(dataset):
    fitted = TemperatureScaling().fit(LOGITS, CODES)
    rows = predict_proba_ray(fitted, dataset, logits="logits", output="sure").take(3)
    assert {"logits", "label", "sure"} <= set(rows[0])
    for row in rows:
        proba = fitted.predict_proba([row["logits"]])[0]
        np.testing.assert_allclose(row["sure"], proba, atol=1e-12)


def test_errors_name_the_way_out(dataset):
    with pytest.raises(ValueError, match=r"no column 'wrong'; it has .*'label'"):
        fit_ray(TemperatureScaling(), dataset, logits="wrong", y="label")
    with pytest.raises(AttributeError, match="AutoCalibration cannot be fitted to blocks"):
        fit_ray(AutoCalibration(), dataset, logits="logits", y="label")
    with pytest.raises(ValueError, match=r"In a batch of Ray: .*are these logits"):
        measure_ray(log_loss, dataset, y_true="label", y_proba="logits")


COLUMNS = {"logits": LOGITS, "proba": PROBA, "label": NAMES[CODES]}


def in_blocks(places):
    """Return a dataset whose blocks have the rows at some places each."""
    import ray.data

    def take(batch):
        return {name: part[batch["data"]] for name, part in COLUMNS.items()}

    numbers = ray.data.from_numpy([np.asarray(some, dtype=int) for some in places])
    return numbers.map_batches(take, batch_size=None)


def answers(rows):
    """Return a temperature, a loss and the number of probabilities."""
    options = {"logits": "logits", "y": "label"}
    fitted = fit_ray(TemperatureScaling(), rows, **options)
    options = {"y_true": "label", "y_proba": "proba", "labels": list(NAMES)}
    loss = measure_ray(log_loss, rows, **options)
    sure = predict_proba_ray(fitted, rows, logits="logits").select_columns(["proba"])
    return fitted.temperature_, loss, sure.count()


@pytest.fixture(scope="module")
def expected():
    fitted = TemperatureScaling().fit(LOGITS, NAMES[CODES])
    return fitted.temperature_, log_loss(NAMES[CODES], PROBA), N


@pytest.mark.slow
def test_uneven_and_empty_blocks_and_blocks_that_lack_a_class(dataset, expected):
    order = np.argsort(CODES)
    np.testing.assert_allclose(
        answers(in_blocks(np.split(order, [0, 1, 9_000, 9_000, 29_000]))), expected, rtol=1e-6
    )


@pytest.mark.slow
def test_no_rows_at_all(dataset):
    none = in_blocks([[], []])
    with pytest.raises(ValueError, match="no row of positive weight"):
        fit_ray(TemperatureScaling(), none, logits="logits", y="label")
    with pytest.raises(ValueError, match="no row"):
        measure_ray(log_loss, none, y_true="label", y_proba="proba", labels=list(NAMES))


@pytest.mark.slow
def test_a_task_that_fails(dataset):
    def spoil(batch):
        if 25_000 in batch["data"]:
            raise OSError("the disk has gone")
        return {"logits": LOGITS[batch["data"]], "label": NAMES[CODES[batch["data"]]]}

    import ray.data

    numbers = ray.data.from_numpy(np.array_split(np.arange(N), 4))
    calibrator = TemperatureScaling()
    with pytest.raises(Exception, match="the disk has gone"):
        fit_ray(calibrator, numbers.map_batches(spoil), logits="logits", y="label")
    assert not hasattr(calibrator, "temperature_")

    def forget(batch):
        missing = np.arange(len(batch["label"])) == 7
        return {**batch, "logits": np.where(missing[:, None], np.nan, batch["logits"])}

    with pytest.raises(ValueError, match=r"In a batch of Ray: .*NaN"):
        fit_ray(calibrator, dataset.map_batches(forget), logits="logits", y="label")


@pytest.mark.slow
def test_a_worker_that_dies_and_is_replaced(dataset, expected, tmp_path):
    def die_once(batch):
        try:
            os.close(os.open(tmp_path / "died", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return batch
        os.kill(os.getpid(), signal.SIGKILL)

    rows = in_blocks(np.array_split(np.arange(N), 4)).map_batches(die_once)
    fitted = fit_ray(TemperatureScaling(), rows, logits="logits", y="label")
    assert (tmp_path / "died").exists()
    assert fitted.temperature_ == pytest.approx(expected[0], abs=1e-6)
