"""How objects are printed, and what their pickles know of versions."""

import copy
import importlib
import inspect
import pickle
import pkgutil
import sys
import warnings
from functools import lru_cache

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import Bunch
from support.calibrators import all_calibrators

import skcalib
from skcalib import metrics, uncertainty
from skcalib.estimators._representations import (
    DifferentVersionWarning,
    VersionedMixin,
    short_repr,
)

RNG = np.random.default_rng(0)
Y = np.arange(300) % 3
LOGITS = RNG.normal(size=(300, 3)) + np.eye(3)[Y]
PROBA = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def classes():
    """Yield every class of the package, without the backends of missing frameworks."""
    for module in pkgutil.walk_packages(skcalib.__path__, "skcalib."):
        if not module.name.startswith("skcalib.backends."):
            found = vars(importlib.import_module(module.name)).values()
            yield from (c for c in found if inspect.isclass(c) and c.__module__ == module.name)


META = {
    "CalibratedClassifierCV": lambda net, _: skcalib.CalibratedClassifierCV(net, cv=2),
    "TemperatureCalibratedClassifier": lambda net, _: skcalib.TemperatureCalibratedClassifier(
        FrozenEstimator(net)
    ),
    "MCDropoutClassifier": lambda net, _: skcalib.MCDropoutClassifier(
        FrozenEstimator(net), n_draws=3, random_state=0, rate=0.5
    ),
    "MCDropoutRegressor": lambda _, net: skcalib.MCDropoutRegressor(
        FrozenEstimator(net), n_draws=3, random_state=0, rate=0.5
    ),
}
CALIBRATORS = {repr(c): c for c in all_calibrators()}
SCORER = "ProbaScorer"
PAIR = "CalibratedPair"


@lru_cache
def perceptrons():
    sizes = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network = MLPClassifier(**sizes).fit(LOGITS, Y)
        return network, MLPRegressor(**sizes).fit(LOGITS, Y)


@lru_cache
def fitted(name):
    if name == SCORER:
        return metrics.make_proba_scorer(metrics.log_loss)
    if name == PAIR:
        return fitted("TemperatureCalibratedClassifier").calibrated_classifiers_[0]
    if name in CALIBRATORS:
        return clone(CALIBRATORS[name]).fit(LOGITS, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return META[name](*perceptrons()).fit(LOGITS, Y)


ALL = [*CALIBRATORS, *META, SCORER, PAIR]
every = pytest.mark.parametrize("name", ALL)


def answer(thing):
    return thing.predict_proba(LOGITS) if hasattr(thing, "predict_proba") else None


def loaded(data):
    """Unpickle, and return what came back with the warnings about versions."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thing = pickle.loads(data)
    return thing, [w.message for w in caught]


@every
def test_a_pickle_says_which_versions_wrote_it(name, monkeypatch):
    thing = fitted(name)
    data = pickle.dumps(thing)
    same, said = loaded(data)
    assert said == []
    assert vars(same).keys() == vars(thing).keys()  # no traces of it
    monkeypatch.setattr(skcalib, "__version__", "99.9")
    back, said = loaded(data)
    own = [w for w in said if type(thing).__name__ == w.estimator_name]
    assert len(own) == 1
    assert isinstance(own[0], InconsistentVersionWarning)
    assert own[0].current_skcalib_version == "99.9"
    assert own[0].original_skcalib_version in str(own[0])
    assert own[0].original_sklearn_version == sklearn.__version__
    assert_array_equal(answer(back), answer(thing))


def test_another_scikit_learn_warns_once_for_each_object(monkeypatch):
    data = pickle.dumps(fitted("TemperatureScaling()"))
    monkeypatch.setattr(sklearn, "__version__", "99.9")
    _, (said,) = loaded(data)
    assert said.current_sklearn_version == "99.9"
    with pytest.warns(DifferentVersionWarning, match=r"saved by skcalib .* in skcalib"):
        pickle.loads(data)


def test_a_pickle_without_versions_is_of_an_unknown_one():
    model = fitted("TemperatureScaling()")
    other = type(model).__new__(type(model))
    with pytest.warns(InconsistentVersionWarning, match="skcalib unknown"):
        other.__setstate__(vars(model).copy())
    assert_array_equal(answer(other), answer(model))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, clone])
def test_copies_do_not_warn(copied):
    model = fitted("CalibratedClassifierCV")
    assert vars(copied(model)).keys() >= model.get_params(deep=False).keys()


class Halved(skcalib.calibrators.Calibrator):
    """A stranger's calibrator."""

    def _fit(self, logits, codes, weight):
        pass

    def _proba(self, logits):
        return PROBA[: len(logits)]


def test_a_strangers_calibrator_has_it_too(monkeypatch):
    data = pickle.dumps(Halved().fit(LOGITS, Y))
    monkeypatch.setattr(skcalib, "__version__", "99.9")
    _, said = loaded(data)
    assert [w.estimator_name for w in said] == ["Halved"]


def test_every_estimator_has_it():
    ours = [c for c in classes() if issubclass(c, BaseEstimator)]
    assert len(ours) > 20
    for c in ours:
        order = c.__mro__
        assert VersionedMixin in order, c
        assert order.index(VersionedMixin) < order.index(BaseEstimator), c


def results():
    """Yield what public functions and methods answer, if it is more than numbers."""
    y, proba = Y, PROBA
    yield "multicalibration_error", metrics.multicalibration_error(y, proba, n_resamples=20)
    for name in metrics.__all__:
        if name.endswith(("_loss", "_error", "_score", "scorer")):  # numbers
            continue
        if name.startswith("bootstrap"):
            rows = (y, proba, PROBA[::-1]) if name.endswith("difference") else (y, proba)
            yield name, getattr(metrics, name)(metrics.log_loss, *rows, n_resamples=9)
            several = getattr(metrics, name)(metrics.murphy_decomposition, *rows, n_resamples=9)
            yield f"{name} of several figures", several
        elif name == "by_group":
            yield name, metrics.by_group(metrics.log_loss, y, proba, y, n_resamples=9)
        elif name == "accumulate":
            sums = metrics.accumulate(metrics.reliability_curve)
            sums.update(y == 1, proba[:, 1])
            yield name, sums.value()
        elif name == "calibration_test":
            yield name, metrics.calibration_test(y, proba, kind="cox", n_resamples=20)
        else:
            yield name, getattr(metrics, name)(y == 1, proba[:, 1])
    draws = RNG.dirichlet(np.ones(3), (20, 300))
    yield "summarize_draws", uncertainty.summarize_draws(draws)
    classifier, regressor = fitted("MCDropoutClassifier"), fitted("MCDropoutRegressor")
    yield "classifier", classifier.predict_uncertainty(LOGITS)
    yield "regressor", regressor.predict_uncertainty(LOGITS)
    levels = clone(classifier).set_params(rate=[0.1, 0.5]).fit(LOGITS, Y)
    yield "levels of a classifier", levels.predict_uncertainty(LOGITS)


pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning"),
    pytest.mark.filterwarnings("ignore:All replicates lie on one side"),  # of nine
]


def is_record(value):
    return isinstance(value, dict) or hasattr(value, "_fields")


def test_results_are_short_on_the_screen():
    records = {name: value for name, value in results() if is_record(value)}
    assert {"reliability_curve", "risk_coverage_curve", "classifier"} <= set(records)
    for name, value in records.items():
        text = repr(value)
        assert len(text) < 2000, name
        assert "\n" not in text
        fields = value.keys() if isinstance(value, dict) else value._fields
        for field in fields:
            assert f"{field}=" in text, name


def test_every_named_tuple_with_arrays_that_a_user_meets_is_short():
    met = []
    for _, value in results():
        if hasattr(value, "_fields"):
            met.append(type(value))
    for model in map(fitted, CALIBRATORS):
        maps = [m for m in getattr(model, "maps_", []) if hasattr(m, "_fields")]
        met += [type(m) for m in maps]
        assert all(len(repr(m)) < 2000 for m in maps), model
    arrays = [c for c in set(met) if "ndarray" in repr(inspect.get_annotations(c))]
    assert len(arrays) >= 8
    for c in arrays:
        assert c.__repr__ is short_repr, c


def test_a_result_is_still_a_bunch_that_can_be_saved():
    result = uncertainty.summarize_draws(RNG.dirichlet(np.ones(3), (20, 300)))
    assert isinstance(result, Bunch)
    again = pickle.loads(pickle.dumps(result))
    assert_array_equal(again.mean, result.mean)
    assert repr(again) == repr(result)
    assert "(300, 3)" in repr(result)


def test_small_results_are_printed_in_full():
    curve = metrics.reliability_curve([0, 1, 1], [0.1, 0.9, 0.8], n_bins=2)
    assert "0.85" in repr(curve)
    assert "..." not in repr(curve)


@every
def test_estimators_are_short_on_the_screen(name):
    assert len(repr(fitted(name))) < 2000


def test_a_frozen_network_of_many_layers_and_labels_is_short():
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'skcalib[torch]'")
    layers = [torch.nn.Linear(9, 9) for _ in range(200)]
    labels = [f"a label of some length {i}" for i in range(9)]
    network = skcalib.FrozenNetwork(torch.nn.Sequential(*layers), classes=labels)
    assert len(repr(network)) < 2000
    rows = np.eye(9, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = skcalib.TemperatureCalibratedClassifier(network).fit(rows, labels)
    assert len(repr(model)) < 2000
    bare = skcalib.TemperatureCalibratedClassifier(network.model)
    assert len(repr(bare)) < 2000
    assert len(repr(model.calibrated_classifiers_)) < 2000


@pytest.mark.parametrize("estimator", all_calibrators(), ids=repr)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_calibrators_come_back_from_skops(estimator, n_classes):
    sio = pytest.importorskip("skops.io", reason="needs skops: pip install 'skcalib[skops]'")
    rows = LOGITS[:, :n_classes]
    model = clone(estimator).fit(rows[n_classes > Y], Y[n_classes > Y])
    data = sio.dumps(model)
    types = sio.get_untrusted_types(data=data)
    assert all(name.startswith("skcalib.") for name in types)
    back = sio.loads(data, trusted=types)
    assert_array_equal(back.predict_proba(rows), model.predict_proba(rows))


@pytest.mark.parametrize("method", ["sigmoid", "spline", "auto"])
def test_meta_estimators_come_back_from_skops(method, monkeypatch):
    sio = pytest.importorskip("skops.io", reason="needs skops: pip install 'skcalib[skops]'")
    model = skcalib.CalibratedClassifierCV(LogisticRegression(), method=method, cv=2)
    data = sio.dumps(model.fit(LOGITS, Y))
    types = sio.get_untrusted_types(data=data)
    back = sio.loads(data, trusted=types)
    assert_array_equal(answer(back), answer(model))
    monkeypatch.setattr(skcalib, "__version__", "99.9")
    with pytest.warns(DifferentVersionWarning):
        sio.loads(data, trusted=types)


def test_a_table_without_pandas_says_what_is_missing(monkeypatch):
    result = uncertainty.summarize_draws(RNG.dirichlet(np.ones(3), (20, 30)))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        uncertainty.uncertainty_frame(result)
