"""Certificates and base rates, by simulation: violations, coverage, errors.

Run ``python tests/benchmarks/bench_decision.py certificates [N_RUNS] [FIRST_SETTING]`` for
SelectiveClassifier beside MAPIE's learn-then-test (BinaryClassificationController: is the
likeliest class right?), by its default and by its fixed sequence, where MAPIE is installed; and
``... priors`` for PriorShiftClassifier.adapt beside plain EM as QuaPy's EMQ stops it, by
QuaPy itself where it is installed.
"""

import sys
import warnings
from importlib.util import find_spec

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skcalib.decision import PriorShiftClassifier, SelectiveClassifier

CONFIDENCE = 0.95
POOL = 400_000
SHARPNESS = 12.0


class Answers(ClassifierMixin, BaseEstimator):
    """A calibrated classifier, frozen: its rows are its probabilities."""

    def fit(self, X, y=None):
        """Train nothing."""
        self.classes_ = np.arange(X.shape[1])
        return self

    def predict_proba(self, X):
        """Return the rows."""
        return X


def draw(rng, n_samples, n_classes):
    """Draw probabilities, and labels by them."""
    proba = softmax(SHARPNESS * rng.normal(size=(n_samples, n_classes)), axis=1)
    y = (rng.uniform(size=(n_samples, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return proba, y


def certify(proba, y, max_error):
    """Return the threshold of SelectiveClassifier."""
    frozen = FrozenEstimator(Answers().fit(proba))
    model = SelectiveClassifier(frozen, max_error=max_error, confidence=CONFIDENCE)
    return model.fit(proba, y).threshold_


def certify_by_mapie(proba, y, max_error):
    """Return the lowest of 100 thresholds that pass: by Holm's rule, by a fixed sequence."""
    from mapie.risk_control import BinaryClassificationController, control_fwer

    found = BinaryClassificationController(
        lambda X: np.stack([1 - X, X], axis=1),
        risk="precision",
        target_level=1 - max_error,
        confidence_level=CONFIDENCE,
    ).calibrate(proba.max(axis=1), (proba.argmax(axis=1) == y).astype(int))
    params, p_values = np.linspace(0, 0.99, 100), np.ravel(found.p_values)
    holm = np.ravel(found.valid_predict_params)
    passed = control_fwer(p_values[::-1], 1 - CONFIDENCE, "fixed_sequence")
    return [min(valid, default=np.inf) for valid in (holm, params[::-1][passed])]


def find_thresholds(proba, y, max_error):
    """Return those of all methods."""
    ours = [certify(proba, y, max_error)]
    return ours + certify_by_mapie(proba, y, max_error) if find_spec("mapie") else ours


def compare(n_samples, max_error, n_classes, n_runs):
    """Return violations and mean coverage of each method, on the same rows."""
    rng = np.random.default_rng(0)
    pool = np.sort(draw(rng, POOL, n_classes)[0].max(axis=1))[::-1]
    risk = 1 - np.cumsum(pool) / np.arange(1, POOL + 1)  # of all above, known
    risk = np.append(0, risk)
    kept = []
    for _ in range(n_runs):
        thresholds = find_thresholds(*draw(rng, n_samples, n_classes), max_error)
        kept.append(np.searchsorted(-pool, -np.array(thresholds), side="right"))
    kept = np.array(kept)
    return (risk[kept] > max_error).mean(axis=0), (kept / POOL).mean(axis=0)


def show_certificates(n_runs, first):
    """Print a row for each setting."""
    print(f"{n_runs} runs; share of violations (at most .05 wanted), mean coverage")
    print("classes   rows  error          skcalib     MAPIE, Holm    MAPIE, fixed")
    settings = [(k, n, e) for k in (2, 10) for n in (400, 2000, 10_000) for e in (0.01, 0.05)]
    for n_classes, n_samples, max_error in settings[first:]:
        found = zip(*compare(n_samples, max_error, n_classes, n_runs), strict=True)
        parts = [f"{broken:9.4f} {kept:6.4f}" for broken, kept in found]
        print(f"{n_classes:7} {n_samples:6} {max_error:6} ", *parts, flush=True)


def plain_em(training, proba):
    """Return base rates by EM, stopped as QuaPy stops it."""
    try:
        from quapy.method.aggregative import EMQ
    except ImportError:
        return _em(training, proba)
    return EMQ.EM(training, proba)[0]


def _em(training, proba):
    priors, before = training.copy(), None
    for step in range(1000):
        new = proba * priors / training
        priors = (new / new.sum(axis=1, keepdims=True)).mean(axis=0)
        if before is not None and np.abs(priors - before).mean() < 1e-4 and step > 10:
            break
        before = priors
    return priors


def draw_classes(rng, priors, n_samples, means):
    """Draw rows of Gaussian classes."""
    y = rng.choice(len(priors), n_samples, p=priors)
    return means[y] + rng.normal(size=(n_samples, means.shape[1])), y


def show_priors():
    """Print errors of base rates under shift, and what adapting costs without."""
    differences = []
    for shift in range(30):
        rng = np.random.default_rng(shift)
        n_classes, n_new = (2, 3, 5, 10)[shift % 4], (200, 1000, 4000)[shift % 3]
        means = 1.2 * rng.normal(size=(n_classes, 4))
        old = np.maximum(rng.dirichlet(np.full(n_classes, 3)), 0.02)
        old, new = old / old.sum(), rng.dirichlet(np.ones(n_classes))
        base = LogisticRegression(max_iter=1000).fit(*draw_classes(rng, old, 4000, means))
        model = PriorShiftClassifier(FrozenEstimator(base))
        model.fit(*draw_classes(rng, old, 4000, means))
        for _ in range(10):
            X, _ = draw_classes(rng, new, n_new, means)
            plain = plain_em(model.training_priors_, base.predict_proba(X))
            errors = [np.abs(p - new).sum() for p in (model.adapt(X).priors_, plain)]
            differences.append(errors)
    ours, theirs = np.array(differences).T
    gap = ours - theirs
    spread = gap.std() / np.sqrt(len(gap))
    print(
        f"L1 error of base rates, 30 shifts x 10: {ours.mean():.4f}, plain EM "
        f"{theirs.mean():.4f}; difference {gap.mean():.4f}, standard error {spread:.4f}"
    )
    for n_classes in (2, 3, 5, 10):
        worse = []
        for seed in range(100):
            rng = np.random.default_rng(1000 + seed)
            means = 1.2 * rng.normal(size=(n_classes, 6))
            old = np.maximum(rng.dirichlet(np.full(n_classes, 5)), 0.02)
            old /= old.sum()
            X, y = draw_classes(rng, old, 4000, means)
            model = PriorShiftClassifier(LogisticRegression(max_iter=1000)).fit(X, y)
            X_test, y_test = draw_classes(rng, old, 10_000, means)
            before = log_loss(y_test, model.predict_proba(X_test))
            model.adapt(draw_classes(rng, old, 1000, means)[0])
            worse.append(log_loss(y_test, model.predict_proba(X_test)) - before)
        worse = np.array(worse)
        print(
            f"no shift, {n_classes} classes, 1,000 rows: log loss {worse.mean():+.4f}, more "
            f"than .005 above in {(worse > 0.005).mean():.0%} of 100",
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of nothing that can be certified
    part = sys.argv[1] if len(sys.argv) > 1 else "certificates"
    if part == "priors":
        show_priors()
    else:
        given = [int(number) for number in sys.argv[2:]]
        show_certificates(*given, *(1000, 0)[len(given) :])
