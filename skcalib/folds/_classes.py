"""The classes of y, of the folds and of the classifier trained on all rows."""

import numpy as np
from sklearn.frozen import FrozenEstimator

from skcalib.inputs import columns_among


def find_own_classes(final, estimator, response):
    """Return the classes of the classifier that was trained on all rows."""
    frozen = isinstance(estimator, FrozenEstimator)
    own = response.classes if frozen else np.asarray(final.classes_)
    return np.unique(own) if response.network else own  # as networks answer


def count_known(response):
    return len(response.classes)


def refuse_one_class(y_classes, codes):
    present = y_classes[np.unique(codes)]
    if len(present) < 2:
        raise ValueError(
            f"y has one class only ({present.tolist()[0]!r}) among the samples of positive "
            "weight; calibration needs at least two classes."
        )


def unite_classes(y_classes, codes, splits, responses):
    """Return the classes of y and of all members, and codes among them."""
    for (rows, _), response in zip(splits, responses, strict=True):
        known = response.classes.tolist()
        strange = set(y_classes[np.unique(codes[rows])].tolist()) - set(known)
        if strange:
            raise ValueError(
                f"y holds the classes {sorted(strange)}, which the fitted estimator does not "
                f"know (it knows {known}). Train it on all classes, or leave these samples out."
            )
    classes = np.unique(np.concatenate([y_classes, *(r.classes for r in responses)]))
    if len(classes) == len(y_classes):
        classes = y_classes
    return classes, columns_among(classes, y_classes)[codes]
