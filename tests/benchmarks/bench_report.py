"""The confidence report: how often it names the cause, and how often it cries wolf.

    python tests/benchmarks/bench_report.py healthy 1000 2 1000
    python tests/benchmarks/bench_report.py causes 1000 2 200
    python tests/benchmarks/bench_report.py speed

The second and third number are rows, classes and simulated cases. A healthy model says the
probabilities that its outcomes are drawn from. Each cause is a strong one, as defined in
`CAUSES`; it is named if the report has the finding, whatever else it has.
"""

import sys
import time

import numpy as np

import skcalib
from skcalib.report import _evidence, _find_bad_parts, _made, _recalibrated

SCALE = 2.0  # of the true logits: accuracy .80 with two classes, .59 with ten


class Case:
    """Rows of a model: features, true logits, what is said, what happens."""

    def __init__(self, n, n_classes, rng):
        self.rng, self.n, self.n_classes = rng, n, n_classes
        self.X = rng.normal(size=(n, n_classes))
        self.true = SCALE * self.X
        self.logits = self.true.copy()
        self.y = draw(self.true, rng)
        self.groups = None
        self.said = None  # instead of the softmax of the logits
        self.training = None


def softmax(logits):
    mass = np.exp(logits - logits.max(axis=1, keepdims=True))
    return mass / mass.sum(axis=1, keepdims=True)


def draw(logits, rng):
    """Draw classes from a softmax."""
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


class Model:
    """A fitted classifier, of which the table of answers is known."""

    def __init__(self, answer, n_classes):
        self.answer, self.classes_ = answer, np.arange(n_classes)

    def predict_proba(self, X):
        return self.answer(X)

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def overconfident(case):
    """Logits times three: a temperature of 3."""
    case.logits = 3 * case.true


def underconfident(case):
    """Logits times .3."""
    case.logits = 0.3 * case.true


def base_rate(case):
    """One class is ten times as frequent in training as it is here: its logit is 2.3 higher."""
    case.logits[:, 1] += np.log(10)


def level_wrong(case):
    """Ranking intact, the level wrong: the probabilities are mixed with uniform ones, 80 % of
    them with two classes, 60 % with more.
    """
    proba = softmax(case.true)
    share = 0.8 if case.n_classes == 2 else 0.6
    case.said = (1 - share) * proba + share / case.n_classes


def bad_class(case):
    """A class that is predicted in about half of the rows; of their labels two of three are
    drawn from the others.
    """
    if case.n_classes > 2:
        case.true[:, 0] += 4.0
        case.logits, case.y = case.true.copy(), draw(case.true, case.rng)
    rows = np.flatnonzero(case.true.argmax(axis=1) == 0)
    rows = rows[case.rng.uniform(size=len(rows)) < 2 / 3]
    case.y[rows] = case.rng.integers(1, case.n_classes, size=len(rows))


def bad_group(case):
    """Three groups of equal size, in one of which two of three likeliest classes are wrong."""
    case.groups = case.rng.choice(["a", "b", "c"], size=case.n)
    bad = (case.groups == "b") & (case.rng.uniform(size=case.n) < 2 / 3)
    other = case.rng.integers(1, case.n_classes, size=case.n)
    likeliest = case.true.argmax(axis=1)
    case.y[bad] = ((likeliest + other) % case.n_classes)[bad]


def permuted(case):
    """Two columns are swapped with two classes; with more, all are moved on by one."""
    case.logits = np.roll(case.logits, 1, axis=1)


def sums_off(case):
    """Sigmoids of the logits instead of a softmax."""
    case.said = 1 / (1 + np.exp(-case.true))


def saturated(case):
    """Logits times 15, in a softmax of single precision."""
    case.said = softmax((15 * case.true).astype(np.float32))


def rounded(case):
    """Two decimals."""
    proba = np.round(softmax(case.true), 2)
    case.said = proba


def few_levels(case):
    """The likeliest class has .7, all others the same."""
    proba = np.full(case.true.shape, 0.3 / (case.n_classes - 1))
    proba[np.arange(case.n), case.true.argmax(axis=1)] = 0.7
    case.said = proba


def predict_disagrees(case):
    """In a tenth of the rows another class is predicted than the likeliest."""
    case.logits = case.true


def training_rows(case):
    """A fifth of the rows are among 1,000 training rows."""
    case.training = case.rng.normal(size=(1000, case.n_classes))
    n_seen = case.n // 5
    case.X[:n_seen] = case.training[:n_seen] if n_seen <= 1000 else np.resize(
        case.training, (n_seen, case.n_classes)
    )  # fmt: skip
    case.true = case.logits = SCALE * case.X
    case.y = draw(case.true, case.rng)


def unlike_training(case):
    """Half of the rows are moved by three standard deviations in each column."""
    case.training = case.rng.normal(size=(1000, case.n_classes))
    case.X[::2] += 3
    case.true = case.logits = SCALE * case.X
    case.y = draw(case.true, case.rng)


def overfitted(case):
    """Logits times three, also where all training rows are right."""
    case.training = case.rng.normal(size=(1000, case.n_classes))
    case.logits = 3 * case.true


def unrepeatable(case):
    """Noise of .3 on the logits, other noise in each call."""
    case.logits = case.true


def too_few_rows(case):
    """Forty of the rows, of a healthy model."""
    few = slice(40)
    case.X, case.true, case.logits = case.X[few], case.true[few], case.logits[few]
    case.y, case.n = case.y[few], 40


CAUSES = (
    overconfident, underconfident, base_rate, level_wrong, bad_class, bad_group, permuted,
    sums_off, saturated, rounded, few_levels, predict_disagrees, training_rows,
    unlike_training, overfitted, unrepeatable, too_few_rows,
)  # fmt: skip
WITH_MODEL = {"predict_disagrees", "training_rows", "unlike_training", "overfitted",
              "unrepeatable"}  # fmt: skip


def report_of(case, name):
    """Return the report of a case."""
    if name not in WITH_MODEL:
        proba = softmax(case.logits) if case.said is None else case.said
        return skcalib.confidence_report_from_predictions(
            case.y, proba, labels=np.arange(case.n_classes), groups=case.groups
        )
    factor = 3 if name == "overfitted" else 1

    def answer(X):
        logits = factor * SCALE * X
        if name == "unrepeatable":
            logits = logits + 0.3 * case.rng.normal(size=X.shape)
        return softmax(logits)

    model = Model(answer, case.n_classes)
    train = {}
    if case.training is not None:
        labels = draw(SCALE * case.training, case.rng)
        if name == "overfitted":
            labels = case.training.argmax(axis=1)
        train = {"X_train": case.training, "y_train": labels}
    if name == "predict_disagrees":
        moved = case.rng.uniform(size=case.n) < 0.1
        said = (case.X.argmax(axis=1) + moved) % case.n_classes
        model.predict = lambda X: said[: len(X)]
    return skcalib.confidence_report(model, case.X, case.y, **train)


def run_healthy(n, n_classes, n_cases):
    """Count reports with any cause."""
    causes = {}
    for seed in range(n_cases):
        rng = np.random.default_rng([seed, n, n_classes])
        case = Case(n, n_classes, rng)
        case.groups = rng.choice(["a", "b", "c"], size=n)
        case.training = rng.normal(size=(1000, n_classes))
        train = {"X_train": case.training, "y_train": draw(SCALE * case.training, rng)}
        model = Model(lambda X: softmax(SCALE * X), n_classes)
        report = skcalib.confidence_report(model, case.X, case.y, groups=case.groups, **train)
        found = [own.code for own in report.findings if own.severity == "cause"]
        for code in found or ["(none)"]:
            causes[code] = causes.get(code, 0) + 1
    any_cause = n_cases - causes.get("(none)", 0)
    print(f"healthy n={n} K={n_classes}: {any_cause} of {n_cases} with a cause; {causes}")


def run_causes(n, n_classes, n_cases, names):
    """Count how often each cause is named."""
    for make in CAUSES:
        if names and make.__name__ not in names:
            continue
        named = 0
        for seed in range(n_cases):
            case = Case(n, n_classes, np.random.default_rng([seed, n, n_classes, 1]))
            make(case)
            report = report_of(case, make.__name__)
            named += make.__name__ in {own.code for own in report.findings}
        share = named / n_cases
        print(
            f"n={n} K={n_classes} {make.__name__}: {named} of {n_cases} ({share:.1%})",
            flush=True,
        )


def run_speed():
    """Time 10,000 rows of 10 classes, with what can be given."""
    for name, factor in (("healthy", 1), ("too sure", 2)):
        case = Case(10_000, 10, np.random.default_rng(0))
        model = Model(lambda X, factor=factor: softmax(factor * SCALE * X), 10)
        train = case.rng.normal(size=(10_000, 10))
        groups = case.rng.integers(5, size=case.n)
        start = time.perf_counter()
        skcalib.confidence_report(
            model, case.X, case.y, X_train=train, y_train=draw(SCALE * train, case.rng),
            groups=groups,
        )  # fmt: skip
        print(f"10,000 rows, 10 classes, {name}: {time.perf_counter() - start:.2f} s")


def gain_always(logits, codes, *rest):
    """Stand for calibrators: one that gains, whatever the rows.

    They take nearly all of the time, and decide one verdict only: with them, "a calibrator
    helps" is a cause where calibration is refuted and one of them surely gains; without them,
    wherever calibration is refuted. So the share of false alarms can only be larger.
    """
    losses = np.zeros(len(codes))
    proba = np.full(logits.shape, 1 / logits.shape[1])
    return [_recalibrated.Recalibrated("temperature", 1.0, 1.0, 1.0, 0.0, losses, proba)]


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    if kind == "speed":
        run_speed()
    else:
        _evidence.recalibrate = _find_bad_parts.recalibrate = gain_always
        _made.compute_figures = _made.compute_curves = lambda evidence: {}
        size = [int(part) for part in rest[:3]]
        run_healthy(*size) if kind == "healthy" else run_causes(*size, rest[3:])
