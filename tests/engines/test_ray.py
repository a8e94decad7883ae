"""Ray Data: the answers of the rows in memory."""

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
    with pytest.raises(Exception, match="are these logits"):
        measure_ray(log_loss, dataset, y_true="label", y_proba="logits")
