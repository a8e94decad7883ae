"""Each calibrator as operations: one line each; a curve is what a binary method is."""

from functools import singledispatch

import numpy as np

from skcalib import calibrators as c
from skcalib.deploy._tables import (
    as_list,
    cubic_curve,
    finite,
    linear_curve,
    step_curve,
    venn_abers_curve,
)

LOWEST = -10_000.0  # of log-probabilities, and what they are brought to after a large factor
FARTHEST = 1e18
LARGE = 1e8


@singledispatch
def operations_of(calibrator, tol=0.0):
    """Return a fitted calibrator as operations, from logits to probabilities.

    Parameters
    ----------
    calibrator : object
        Fitted. Register a function for a class of your own with
        ``operations_of.register(Class)``; see "Into production" for the operations.

    tol : float, default=0.0
        By how much probabilities on steps may be moved, to make the description smaller.

    Returns
    -------
    operations : list of dict
        Plain values.

    Raises
    ------
    ValueError
        If the class is not known.

    Examples
    --------
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.deploy import operations_of
    >>> fitted = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0])
    >>> [operation["op"] for operation in operations_of(fitted)]
    ['scale', 'softmax']
    """
    raise ValueError(
        f"{type(calibrator).__name__} has no description. Describe calibrators of "
        "skcalib.calibrators, or register a function for this class: "
        "skcalib.deploy.operations_of.register."
    )


def op(name, **fields):
    """Return an operation as plain values."""
    plain = {k: float(v) if isinstance(v, np.floating) else v for k, v in fields.items()}
    return {"op": name, **plain}


def takes_masks(calibrator):
    """Tell whether a fitted calibrator can leave classes out in rows that mask them."""
    if isinstance(calibrator, c.AutoCalibration) and len(calibrator.classes_) > 2:
        return bool(calibrator.gated_ or calibrator.parts().masked)
    return bool(getattr(calibrator, "takes_masks", False))


SOFTMAX = op("softmax")


def _temper(beta):
    """Return log-probabilities at a temperature, as those of the affine methods."""
    return [
        op("scale", factor=beta),
        op("log_softmax", of_mean=False),
        op("clip", lowest=LOWEST, highest=0.0, factor=1.0),
    ]


def mixed_log_proba(beta, share):
    """Return logarithms of tempered probabilities that are mixed with the uniform."""
    return [op("scale", factor=float(beta)), SOFTMAX, op("mix", share=float(share)), op("log")]


def add_columns(theta):
    """Return factors and intercepts of what is added to logits, then the softmax."""
    factors, shifts = map(as_list, theta)
    return [op("add_columns", factors=factors, shifts=shifts), SOFTMAX]


def add_product(theta):
    """Return a matrix and intercepts of what is added to logits, then the softmax."""
    fields = {"matrix": as_list(theta[:, :-1]), "shifts": as_list(theta[:, -1])}
    return [op("add_product", **fields), SOFTMAX]


@operations_of.register
def _(temperature: c.TemperatureScaling, tol=0.0):
    found = [op("scale", factor=temperature.beta_), SOFTMAX]
    share = float(temperature.uniform_share_)
    return [*found, op("mix", share=share)] if share else found


@operations_of.register
def _(ensemble: c.EnsembleTemperatureScaling, tol=0.0):
    tempered, given, uniform = map(float, ensemble.weights_)
    branches = [_tempered(1 / ensemble.temperature_), _tempered(1.0)]
    weights = [tempered, given] if tempered + given else [1.0, 0.0]
    found = op("combine", weights=weights, branches=branches)
    return [found, op("mix", share=min(max(uniform, 0.0), 1.0))]


def _tempered(beta):
    return [op("scale", factor=float(beta)), SOFTMAX]


@operations_of.register
def _(vector: c.VectorScaling, tol=0.0):
    return [*_temper(1 / vector.temperature_), *add_columns(vector.theta_)]


@operations_of.register
def _(matrix: c.MatrixScaling, tol=0.0):
    return [*_temper(1 / matrix.temperature_), *add_product(matrix.theta_)]


@operations_of.register
def _(vector: c.StructuredVectorScaling, tol=0.0):
    mixed = mixed_log_proba(1 / vector.temperature_, vector.uniform_share_)
    return [*mixed, *add_columns(vector.theta_)]


@operations_of.register
def _(matrix: c.StructuredMatrixScaling, tol=0.0):
    mixed = mixed_log_proba(1 / matrix.temperature_, matrix.uniform_share_)
    return [*mixed, *add_product(matrix.theta_)]


@operations_of.register
def _(dirichlet: c.DirichletCalibration, tol=0.0):
    factor = 1 / dirichlet.temperature_
    large = factor > LARGE
    bounds = [LOWEST * factor, 0.0]
    if large:
        bounds = [max(LOWEST * factor, -FARTHEST), FARTHEST]
    return [
        op("scale", factor=1.0),
        op("log_softmax", of_mean=bool(large)),
        op("clip", lowest=bounds[0], highest=bounds[1], factor=factor),
        *add_product(dirichlet.theta_),
    ]


def binary(calibrator, *operations):
    """Return a binary method from operations on log-odds."""
    maps = calibrator.maps_
    lift = "one_vs_rest" if calibrator.multiclass == "ovr" else "one_vs_one"
    factors = np.ldexp(1.0, calibrator.exponents_)
    magnified = [op("line", factors=as_list(factors), shifts=[0.0] * len(maps))]
    return [
        op(
            lift,
            operations=[*(magnified if (factors != 1).any() else []), *operations],
            unchanged=[i for i, fitted in enumerate(maps) if fitted is None],
            shares=as_list(calibrator.uniform_shares_),
        )
    ]


def fields_of(calibrator, default, names):
    """Return each field of the maps as a list; that of no map is the default's."""
    rows = [default if fitted is None else fitted for fitted in calibrator.maps_]
    columns = np.array(rows, dtype=np.float64).T
    return {name: as_list(finite(column)) for name, column in zip(names, columns, strict=True)}


@operations_of.register
def _(platt: c.PlattScaling, tol=0.0):
    return binary(platt, op("line", **fields_of(platt, (1, 0), ["factors", "shifts"])))


@operations_of.register
def _(beta: c.BetaCalibration, tol=0.0):
    return binary(beta, op("beta", **fields_of(beta, (1, 1, 0), "abc")))


@operations_of.register
def _(quadratic: c.QuadraticScaling, tol=0.0):
    names = ["quadratic", "slope", "intercept", "lowest", "highest", "centres", "factors"]
    fields = fields_of(quadratic, (0, 1, 0, 0, 0, 0, 1), names)
    standard = {name: fields.pop(name) for name in ("centres", "factors")}
    return binary(quadratic, op("standardise", **standard), op("parabola", **fields))


LOGIT = op("logit")
ROUND = op("round_decimals")


@operations_of.register
def _(isotonic: c.IsotonicCalibration, tol=0.0):
    maps = isotonic.maps_
    if all(m is None or m.cubic is None for m in maps):
        return binary(
            isotonic, op("curves", curves=[linear_curve(m, tol) for m in maps]), ROUND, LOGIT
        )
    return binary(isotonic, *_smooth_isotonic(maps), ROUND, LOGIT)


def _smooth_isotonic(maps):
    """Return the cubics of the range of the knots; a map of one or two knots is a line."""
    ends, bulks, curves = [], [], []
    for fitted in maps:
        knots = np.zeros(1) if fitted is None else fitted.knots
        bent = fitted is not None and fitted.cubic is not None
        bulks.append((fitted.bulk.centre, fitted.bulk.reach) if bent else (0.0, np.inf))
        begin, end = fitted.bulk.compress(knots[[0, -1]]) if bent else (0.0, 1.0)
        ends.append((knots[0], knots[-1], begin, 1 / (end - begin)))
        curves.append(cubic_curve(fitted.cubic) if bent else linear_curve(fitted))
    lowest, highest, centres, factors = map(as_list, np.transpose(ends))
    return [
        op("bound", lowest=lowest, highest=highest),
        compress(bulks),
        op("standardise", centres=centres, factors=factors),
        op("curves", curves=curves),
    ]


def compress(bulks):
    """Return the operation that brings outliers in, from pairs of a centre and a reach."""
    centres, reaches = map(as_list, finite(np.transpose(bulks)))
    return op("compress", centres=centres, reaches=reaches)


@operations_of.register
def _(histogram: c.HistogramBinning, tol=0.0):
    return binary(
        histogram, op("curves", curves=[step_curve(m, tol) for m in histogram.maps_]), LOGIT
    )


@operations_of.register
def _(binning: c.BayesianBinning, tol=0.0):
    return binary(
        binning, op("curves", curves=[step_curve(m, tol) for m in binning.maps_]), LOGIT
    )


@operations_of.register
def _(binning: c.ScalingBinning, tol=0.0):
    return binary(binning, op("curves", curves=[step_curve(m) for m in binning.maps_]))


@operations_of.register
def _(venn_abers: c.VennAbersCalibration, tol=0.0):
    curves = [venn_abers_curve(m, venn_abers.point, tol) for m in venn_abers.maps_]
    return binary(venn_abers, op("curves", curves=curves))
