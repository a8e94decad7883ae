"""Classes that a row cannot be: their logits are -inf, their probability is 0."""

import numpy as np

from skcalib.inputs import find_masked_entries, row_blocks

WAY_OUT = (
    "TemperatureScaling, VectorScaling, StructuredVectorScaling, EnsembleTemperatureScaling, "
    "AutoCalibration and the binary methods one-vs-rest (PlattScaling, IsotonicCalibration) can"
)


def refuse_masks(owner):
    """Raise for a method that cannot leave a class out."""
    raise ValueError(
        f"X masks classes in some rows (-inf, or the lowest number of its type), and {owner} "
        f"cannot leave them out, as it mixes the columns of all classes. {WAY_OUT}."
    )


def refuse_masked_truth(logits, codes, used):
    """Raise if some row is labelled with a class that it cannot be."""
    masked = np.isneginf(logits[np.arange(len(codes)), codes]) & used
    if masked.any():
        raise ValueError(
            f"In {int(masked.sum())} of {len(codes)} rows (the first is row "
            f"{int(masked.argmax())}), y is a class that X masks (-inf or the lowest number): "
            "one that this row cannot be. If X is the logarithm of probabilities with exact "
            "zeros, use skcalib.logits_from_proba."
        )


def rows_to_learn_from(logits, codes, weight):
    """Leave out the rows that can be of one class only: they say nothing."""
    logits, codes, weight, left = *leave_out_certain_rows(logits, codes, weight), len(codes)
    if len(codes) < left and len(np.unique(codes[weight > 0])) < 2:
        refuse_rows_of_one_class()
    return logits, codes, weight


def leave_out_certain_rows(logits, codes, weight):
    """Return the rows that can be of two classes or more, whatever their classes are."""
    open_ = np.ones(len(codes), dtype=bool)
    for block in row_blocks(*logits.shape):
        masked = find_masked_entries(logits[block])
        if masked is not None:
            open_[block] = masked.sum(axis=1) < logits.shape[1] - 1
    return (
        (logits, codes, weight) if open_.all() else (logits[open_], codes[open_], weight[open_])
    )


def refuse_rows_of_one_class():
    """Raise if what is left has fewer than two classes."""
    raise ValueError(
        "Among the rows in which X leaves two classes or more unmasked, y has fewer than "
        "two classes; there is nothing to learn from."
    )


def uniform_over_open(share, logits, dtype):
    """Return the share of the uniform distribution over each row's classes; 0 if masked."""
    masked = find_masked_entries(logits)
    if masked is None:
        return dtype.type(share / logits.shape[1])
    open_ = ~masked
    return (share * open_ / open_.sum(axis=1, keepdims=True)).astype(dtype)


def count_classes(logits):
    """Count the classes that some row can be."""
    masked = find_masked_entries(logits)
    return logits.shape[1] if masked is None else int((~masked.all(axis=0)).sum())
