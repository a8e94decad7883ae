"""Vector, matrix and Dirichlet calibration, and their core, against independent references."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime, minimize
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import (
    DirichletCalibration,
    MatrixScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VectorScaling,
    _affine,
    _dirichlet,
    _nearly_inverse,
)
from skcalib.calibrators._affine import fit_affine, hessian, hessian_product, objective
from skcalib.calibrators._dirichlet import folds

MATRICES = [StructuredMatrixScaling, MatrixScaling, DirichletCalibration]
PENALISED = [StructuredMatrixScaling, StructuredVectorScaling, MatrixScaling, VectorScaling]
SHAPES = {"matrix": lambda k: (k, k + 1), "diagonal": lambda k: (2, k)}


def a_problem(n_samples, n_classes, seed=0, mixing=0.2):
    """Return logits that are too sure and biased, labels, and weights."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n_samples, n_classes)) * 2
    mixed = logits @ (np.eye(n_classes) + mixing * rng.normal(size=(n_classes, n_classes)))
    y = (mixed / 2 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return logits, y, rng.uniform(0.5, 2, n_samples)


def plain_objective(flat, shape, z, y, weight, ridge):
    theta = flat.reshape(shape)
    if shape[1] > z.shape[1]:
        change = z @ theta[:, :-1].T + theta[:, -1]
    else:
        change = z * theta[0] + theta[1]
    losses = -log_softmax(z + change, axis=1)[np.arange(len(y)), y]
    return np.average(losses, weights=weight) + (ridge * theta**2).sum()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_derivatives_are_those_of_the_plain_objective(shape):
    logits, y, weight = a_problem(40, 4)
    shape = shape(4)
    rng = np.random.default_rng(1)
    theta, ridge = rng.normal(size=shape) / 3, rng.uniform(0.01, 1, shape)
    share = weight / weight.sum()
    proba = np.empty(logits.shape)
    value, gradient = objective(theta, logits, y, share, ridge, proba)
    rest = (shape, logits, y, weight, ridge)
    assert_allclose(value, plain_objective(theta.ravel(), *rest), rtol=1e-13)
    numeric = approx_fprime(theta.ravel(), plain_objective, 1e-7, *rest)
    assert_allclose(gradient.ravel(), numeric, atol=1e-5)

    def gradient_at(flat):
        at = flat.reshape(shape)
        return objective(at, logits, y, share, ridge, np.empty(logits.shape))[1].ravel()

    numeric = approx_fprime(theta.ravel(), gradient_at, 1e-7)
    matrix = hessian(logits, proba, share, ridge)
    assert_allclose(matrix, numeric, atol=1e-5)
    direction = rng.normal(size=shape)
    product = hessian_product(direction, logits, proba, share, ridge)
    assert_allclose(product.ravel(), matrix @ direction.ravel(), atol=1e-12)
    diagonal = _affine._diagonal(logits, proba, share, shape) + 2 * ridge
    assert_allclose(diagonal.ravel(), np.diag(matrix), atol=1e-12)


def test_newtons_step_of_a_matrix_is_nearly_solved():
    """By a Kronecker product exactly, if the curvature is the same but for its size."""
    rng = np.random.default_rng(0)
    z, weight = rng.normal(size=(50, 4)), rng.uniform(0.5, 2, 50)
    proba = np.tile(softmax(rng.normal(size=4)), (50, 1))
    ridge, gradient = np.full((4, 5), 0.03), rng.normal(size=(4, 5))
    solve = _nearly_inverse._Sums(z, proba, weight).kronecker(ridge)
    solved = np.linalg.solve(hessian(z, proba, weight, ridge), gradient.ravel())
    assert_allclose(solve(gradient).ravel(), solved, rtol=1e-9)


def test_newtons_step_among_a_classs_own_parameters_is_solved():
    """The Hessian of a diagonal is the part of a matrix's that the second solution inverts."""
    logits, _, weight = a_problem(200, 6)
    ridge, proba = np.full((6, 7), 0.02), softmax(logits, axis=1)
    own = _nearly_inverse._Sums(logits, proba, weight).own(ridge)
    assert_allclose(own @ hessian(logits, proba, weight, ridge[:2, :6]), np.eye(12), atol=1e-4)


@pytest.mark.parametrize("heavy", [False, True])
def test_newtons_steps_from_a_sample_of_rows_lead_to_the_same_optimum(monkeypatch, heavy):
    """Also where a few rows have most of the weight, and labels come in the order of rows."""
    logits, y, weight = a_problem(3000, 20)
    logits, y = logits[np.argsort(y, kind="stable")], np.sort(y)
    weight[::500] = 3000.0 if heavy else 1.0
    ridge = np.full((20, 21), 0.01)
    theta = fit_affine(logits, y, weight, ridge)
    monkeypatch.setattr(_nearly_inverse, "ENOUGH", 0)
    rows, _, drawn = _nearly_inverse.sample_rows(logits, logits, weight)
    assert len(rows) == len(drawn) == 420
    assert_allclose(drawn.sum(), weight.sum())
    assert_allclose(fit_affine(logits, y, weight, ridge), theta, atol=1e-6)


def test_a_matrix_takes_few_products_with_the_hessian(monkeypatch):
    """It would be 32 if a class's own parameters were not solved for apart."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(5000, 30))
    signal[np.arange(5000), rng.integers(0, 30, 5000)] += 4
    y = (signal + rng.gumbel(size=signal.shape)).argmax(axis=1)
    z = log_softmax(2 * signal, axis=1)
    ridge = np.full((30, 31), 0.02)
    ridge[np.diag_indices(30)] = 1e-7
    products = []
    monkeypatch.setattr(
        _affine, "hessian_product", lambda *given: products.append(1) or hessian_product(*given)
    )
    fit_affine(z, y, np.ones(5000), ridge)
    assert 5 <= len(products) <= 25


@pytest.mark.parametrize(("n_samples", "n_classes"), [(60, 3), (900, 20)])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_optimum_is_that_of_scipy(n_samples, n_classes, shape):
    """The second size is solved by conjugate gradients, partly in single precision."""
    logits, y, weight = a_problem(n_samples, n_classes)
    shape = shape(n_classes)
    ridge = np.full(shape, 0.05)
    theta = fit_affine(logits, y, weight, ridge)
    share = weight / weight.sum()

    def function(flat):
        at = flat.reshape(shape)
        value, gradient = objective(at, logits, y, share, ridge, np.empty(logits.shape))
        return value, gradient.ravel()

    start = np.zeros(theta.size)
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 5000}
    theirs = minimize(function, start, jac=True, method="L-BFGS-B", options=options)
    assert function(theta.ravel())[0] <= theirs.fun + 1e-13
    assert_allclose(theta.ravel(), theirs.x, atol=1e-6)
    warm = fit_affine(logits, y, weight, ridge, start=fit_affine(logits, y, weight, 9 * ridge))
    assert_allclose(warm, theta, atol=1e-6)


def test_many_classes_meet_the_laws_too():
    """Where the Hessian is not formed: order of classes, weights, single precision."""
    logits, y, weight = a_problem(900, 20)
    weight = np.ceil(weight)
    order = np.random.default_rng(0).permutation(20)
    rows = np.repeat(np.arange(900), weight.astype(int))
    for method in (StructuredMatrixScaling, MatrixScaling):
        proba = method().fit(logits, y, weight).predict_proba(logits)
        repeated = method().fit(logits[rows], y[rows])
        assert_allclose(repeated.predict_proba(logits), proba, atol=1e-7)
        moved = method().fit(logits[:, order], np.argsort(order)[y], weight)
        assert_allclose(moved.predict_proba(logits[:, order]), proba[:, order], atol=1e-7)
        single = method().fit(logits.astype(np.float32), y, weight)
        assert_allclose(single.predict_proba(logits.astype(np.float32)), proba, atol=1e-5)


@pytest.mark.parametrize(
    "method",
    [StructuredVectorScaling, pytest.param(VectorScaling, marks=pytest.mark.slow)],
    ids=lambda m: m.__name__,
)
def test_a_thousand_classes(method):
    rng = np.random.default_rng(0)
    y = np.r_[np.arange(1000), rng.integers(0, 1000, 2000)]
    logits = rng.normal(size=(3000, 1000)).astype(np.float32)
    logits[np.arange(3000), y] += 5
    logits *= 2
    model = method().fit(logits[:2100], y[:2100])
    proba = model.predict_proba(logits[2100:])
    tempered = TemperatureScaling().fit(logits[:2100], y[:2100]).predict_proba(logits[2100:])
    assert proba.dtype == np.float32
    of_truth = np.arange(900), y[2100:]
    loss, before = (-np.log(p[of_truth]).mean() for p in (proba, tempered))
    if method is StructuredVectorScaling:  # two samples for each class are too few without
        assert loss < before + 0.02


@pytest.mark.parametrize("method", MATRICES, ids=lambda m: m.__name__)
def test_matrices_for_too_many_classes_say_so(method, monkeypatch):
    monkeypatch.setattr("skcalib.calibrators._structured.MANY_CLASSES", 3)
    logits, y, _ = a_problem(60, 4)
    with pytest.warns(UserWarning, match="for 4 classes has 20 parameters"):
        method().fit(logits, y)


def test_structured_matrix_scaling_is_the_published_objective():
    """Every symbol of the formula, by scipy from scratch."""
    logits, y, weight = a_problem(80, 3)
    n, k = weight.sum(), 3
    model = StructuredMatrixScaling(penalty=0.5).fit(logits, y, weight)
    tempered = TemperatureScaling(smoothing="mix").fit(logits, y, weight)
    assert model.temperature_ == tempered.temperature_
    z = np.log(tempered.predict_proba(logits))

    def objective_of(flat):
        change, b = flat[:9].reshape(3, 3), flat[9:]
        losses = -log_softmax(z + z @ change.T + b, axis=1)[np.arange(80), y]
        diagonal = np.diag(change)
        off = (change**2).sum() - (diagonal**2).sum()
        penalty = k / n * ((b**2).sum() + (diagonal**2).sum()) + k * (k - 1) / n * off
        return np.average(losses, weights=weight) + 0.5 * penalty

    best = minimize(objective_of, np.zeros(12), options={"gtol": 1e-8}).x
    assert_allclose(model.coef_, np.eye(3) + best[:9].reshape(3, 3), atol=1e-5)
    assert_allclose(model.intercept_, best[9:], atol=1e-5)
    assert_allclose(
        model.predict_proba(logits), softmax(z @ model.coef_.T + model.intercept_, axis=1)
    )


@pytest.mark.parametrize("method", [VectorScaling, MatrixScaling])
def test_coefficients_are_those_of_the_formula(method):
    logits, y, weight = a_problem(80, 3)
    model = method().fit(logits, y, weight)
    log_proba = log_softmax(logits / model.temperature_, axis=1)
    vector = method is VectorScaling
    scores = log_proba * model.coef_ if vector else log_proba @ model.coef_.T
    expected = softmax(scores + model.intercept_, axis=1)
    assert_allclose(model.predict_proba(logits), expected, atol=1e-12)


def test_dirichlet_calibration_penalises_what_it_says():
    logits, y, weight = a_problem(80, 3)
    model = DirichletCalibration(penalty=0.01).fit(logits, y, weight)
    log_proba = log_softmax(logits, axis=1)
    off = 1 - np.eye(3)
    trace = 1e-3 / weight.sum()

    def objective_of(flat):
        w, b = flat[:9].reshape(3, 3), flat[9:]
        losses = -log_softmax(log_proba @ w.T + b, axis=1)[np.arange(80), y]
        slight = ((model.temperature_ * w - np.eye(3)) ** 2).sum() + (b**2).sum()
        odir = (off * w**2).sum() + (b**2).sum()
        return np.average(losses, weights=weight) + 0.01 * odir + trace * slight

    best = minimize(objective_of, np.r_[np.eye(3).ravel(), 0, 0, 0], options={"gtol": 1e-8}).x
    assert_allclose(model.coef_.ravel(), best[:9], atol=1e-4)
    assert_allclose(model.intercept_, best[9:], atol=1e-4)


def test_dirichlet_calibration_chooses_by_the_loss_out_of_fold():
    logits, y, weight = a_problem(300, 3, mixing=0.5)
    penalties = [10.0, 0.1, 1e-3, 1e-5]
    model = DirichletCalibration(penalty=penalties).fit(logits, y, weight)
    fold, losses = folds(logits, y), []
    for penalty in penalties:
        loss = 0.0
        for number in range(5):
            inside, out = fold != number, fold == number
            part = DirichletCalibration(penalty=penalty)
            part.fit(logits[inside], y[inside], weight[inside])
            proba = part.predict_proba(logits[out])[np.arange(out.sum()), y[out]]
            loss -= weight[out] @ np.log(proba)
        losses.append(loss)
    assert model.penalty_ == penalties[int(np.argmin(losses))]
    assert 0 < np.argmin(losses) < 3


@pytest.mark.parametrize(
    ("penalties", "is_clear"), [((100.0, 0.01), True), ((0.01, 0.009), False)]
)
def test_dirichlet_calibration_of_many_logits_asks_other_folds_in_doubt(
    penalties, is_clear, monkeypatch
):
    logits, y, weight = a_problem(900, 17, mixing=0.6)
    fits = []

    def count(*args, **kwargs):
        fits.append(args)
        return fit_affine(*args, **kwargs)

    monkeypatch.setattr(_dirichlet, "fit_affine", count)
    whole = DirichletCalibration(penalty=penalties).fit(logits, y, weight)
    assert len(fits) == 11
    monkeypatch.setattr(_dirichlet, "MANY", logits.size)
    model = DirichletCalibration(penalty=penalties).fit(logits, y, weight)
    assert model.penalty_ == whole.penalty_
    assert_allclose(model.predict_proba(logits), whole.predict_proba(logits), atol=1e-12)
    assert (len(fits) - 11 == 3) == is_clear


def test_folds_are_stratified_and_keep_equal_rows_together():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(103, 3)), rng.permutation(np.arange(103) % 3)
    fold = folds(logits, y)
    for k in range(3):
        assert np.ptp(np.bincount(fold[y == k], minlength=5)) <= 1
    assert np.ptp(np.bincount(fold)) <= 1
    twice = np.repeat(np.arange(103), 2)
    assert_array_equal(folds(logits[twice], y[twice]), fold[twice])
    assert_array_equal(folds(logits[:, [2, 0, 1]], (y + 1) % 3), fold)
    assert_array_equal(folds(np.zeros((2, 3)), np.array([0, 2])), [0, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_equal_whatever_their_sums_of_bits(monkeypatch, dtype):
    """Also where different rows have the same sum; minus zero is zero."""
    rng = np.random.default_rng(0)
    rows, codes = rng.integers(-1, 2, (300, 3)).astype(dtype), rng.integers(0, 2, 300)
    rows[::2] = np.where(rows[::2] == 0, dtype(-0.0), rows[::2])
    whole = [(*map(float, row), int(code)) for row, code in zip(rows, codes, strict=True)]
    for _ in range(2):
        first, group = _dirichlet._equal_rows(rows, codes)
        assert len(first) == len(set(whole)) < 300
        assert [whole.index(row) for row in whole] == first[group].tolist()
        monkeypatch.setattr(_dirichlet, "_sum_bits", lambda rows, codes: codes // 2)


def test_rare_and_missing_classes_in_folds():
    logits, y, _ = a_problem(60, 5)
    y = np.where(y == 4, 0, y)
    y[y == 3] = 2
    y[7] = 3  # a single row
    with pytest.warns(UserWarning, match=r"no sample of the classes \[4\]"):
        model = DirichletCalibration().fit(logits, y)
    proba = model.predict_proba(logits)
    assert np.isfinite(np.log(proba)).all()
    assert proba[:, 4].max() < 0.2


@pytest.mark.parametrize("method", [*PENALISED, DirichletCalibration], ids=lambda m: m.__name__)
@pytest.mark.parametrize("penalty", [0, -1.0, np.inf, np.nan, "1", None, True, (), (1, -1)])
def test_unusable_penalties(method, penalty):
    with pytest.raises(ValueError, match="penalty must be a positive number"):
        method(penalty=penalty).fit(np.eye(3), [0, 1, 2])


@pytest.mark.parametrize("method", PENALISED, ids=lambda m: m.__name__)
def test_a_heavy_penalty_leaves_a_temperature(method):
    logits, y, _ = a_problem(60, 3)
    smoothing = "mix" if method.__name__.startswith("Structured") else "none"
    tempered = TemperatureScaling(smoothing=smoothing).fit(logits, y)
    model = method(penalty=1e12).fit(logits, y)
    assert_allclose(model.predict_proba(logits), tempered.predict_proba(logits), atol=1e-9)


def test_a_fit_that_stops_short_warns(monkeypatch):
    monkeypatch.setattr(_affine, "MAX_ITER", 1)
    logits, y, _ = a_problem(60, 3)
    with pytest.warns(ConvergenceWarning, match="12 parameters did not converge in 1"):
        StructuredMatrixScaling().fit(logits, y)


@pytest.mark.parametrize("method", [VectorScaling, MatrixScaling, DirichletCalibration])
def test_logits_that_rank_nothing_are_reported(method):
    logits, y, _ = a_problem(60, 3)
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        method().fit(-logits, y)


@pytest.mark.parametrize("scale", [1e-20, 1e20, 1e29])
def test_the_scale_of_logits_makes_no_difference(scale):
    """Squares of the large ones overflow in single precision."""
    logits, y, _ = a_problem(900, 140)
    logits = logits.astype(np.float32)
    scale = np.float32(2.0 ** np.floor(np.log2(scale)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="y has no sample")
        for method in (VectorScaling, StructuredVectorScaling):
            proba = method().fit(logits, y).predict_proba(logits)
            scaled = method().fit(logits * scale, y).predict_proba(logits * scale)
            assert_allclose(scaled, proba, atol=1e-5)


def test_every_short_name_works_in_the_meta_estimator():
    X, y = load_iris(return_X_y=True)
    for name in ("sms", "svs", "vector", "matrix", "dirichlet", "ets"):
        model = CalibratedClassifierCV(LogisticRegression(C=0.01), method=name, cv=3)
        assert log_loss(y, model.fit(X, y).predict_proba(X)) < 0.3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1e-6, 1e6, 1e28])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "calibrator",
    [StructuredVectorScaling(), StructuredMatrixScaling(), VectorScaling(), MatrixScaling()],
    ids=repr,
)
def test_the_scale_of_logits_that_are_all_right_or_all_wrong_is_no_matter(
    calibrator, scale, sign
):
    """The temperature is at a bound there, and bounds have a scale."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 60)
    logits = rng.normal(size=(60, 4))
    logits[np.arange(60), y] = logits.max(axis=1) + 1
    logits *= sign
    expected = calibrator.fit(logits, y).predict_proba(logits)
    proba = calibrator.fit(logits * scale, y).predict_proba(logits * scale)
    assert_allclose(proba, expected, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-9, 1e-20, 1e-100, 1e-155, 1e-160, 1e-300])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_dirichlet_calibration_of_tiny_logits_goes_on_as_at_a_billionth(scale, n_classes):
    """All log-probabilities are -log K there, beside which their differences would be lost."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(80) % n_classes)
    logits = rng.normal(size=(80, n_classes)) + 2 * np.eye(n_classes)[y]
    model = DirichletCalibration().fit(logits * scale, y)
    proba = model.predict_proba(logits * scale)
    assert_allclose(proba.sum(axis=1), 1)
    expected = DirichletCalibration().fit(logits * 1e-9, y).predict_proba(logits * 1e-9)
    assert_allclose(proba, expected, atol=1e-6)
    assert (proba.argmax(axis=1) == y).mean() > 0.5
    far = model.predict_proba(logits)  # rows of another scale altogether
    assert np.isfinite(far).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_of_extreme_ratio_leave_no_curvature_negative():
    rng = np.random.default_rng([3, 16])
    for _ in range(20):
        y = rng.integers(0, 10, 150)
        logits = np.eye(10)[rng.integers(0, 10, 150)] * 1.1e19
        weight = 10.0 ** rng.uniform(-6, 6, 150)
        for calibrator in (VectorScaling(), StructuredVectorScaling(), MatrixScaling()):
            proba = calibrator.fit_columns(logits, y, weight).predict_proba(logits)
            assert np.isfinite(proba).all()
