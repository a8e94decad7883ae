"""The automatic choice as operations: a pool of candidates, or the input as it is."""

from skcalib import calibrators as c
from skcalib.deploy._calibrators import (
    SOFTMAX,
    add_columns,
    add_product,
    mixed_log_proba,
    op,
    operations_of,
)


@operations_of.register
def _(auto: c.AutoCalibration, tol=0.0):
    parts = auto.parts()
    if auto.gated_:
        return [_given(parts.families[0]), *lift_zeros(parts)]
    weights, branches = [], []
    start = 0
    for family in parts.families:
        own = parts.weights[start : start + len(family.names)].tolist()
        start += len(family.names)
        if any(own):
            pairs = zip(own, _branches(family, tol), strict=True)
            kept = [(weight, branch) for weight, branch in pairs if weight]
            weights += [weight for weight, _ in kept]
            branches += [branch for _, branch in kept]
    found = [op("combine", weights=weights, branches=branches)]
    if len(auto.classes_) == 2:
        found += [op("shift_odds", shift=float(parts.shift))] if parts.shift else []
    elif (parts.factors != 1).any():
        found += [op("multiply_classes", factors=parts.factors.tolist())]
    if auto.keep_argmax:
        tempered = parts.families[1]
        tempered = [*mixed_log_proba(tempered.beta, tempered.share), SOFTMAX]
        found = [op("keep_argmax", operations=found, tempered=tempered)]
    return found


def lift_zeros(parts):
    """Return the mixing with the uniform distribution where it was asked for."""
    share = float(parts.uniform_share)
    return [op("mix", share=share)] if share else []


def _given(identity):
    if identity.lifted == identity.floor:
        return SOFTMAX
    floor, lifted = float(identity.floor), float(identity.lifted)
    return op("softmax_from_floor", floor=floor, lifted=lifted)


def _branches(family, tol):
    if hasattr(family, "calibrator"):
        return [operations_of(family.calibrator, tol)]
    if not hasattr(family, "thetas"):
        return [[_given(family)]]
    begin = mixed_log_proba(family.beta, family.share)
    found = [[*begin, SOFTMAX]]
    for (kind, _), theta in zip(family.members, family.thetas, strict=True):
        add = add_columns if kind == "svs" else add_product
        found.append([*begin, *add(theta)])
    return found
