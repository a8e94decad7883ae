"""Piecewise cubics as plain arrays."""

from typing import NamedTuple

import numpy as np
from scipy.interpolate import PPoly

from skcalib.estimators import short_repr


class PiecewiseCubic(NamedTuple):
    """What SciPy's interpolators are, without a state of their own that skops cannot save."""

    x: np.ndarray  # breaks
    c: np.ndarray  # coefficients, as in scipy.interpolate.PPoly

    __repr__ = short_repr

    def __call__(self, x, nu=0):
        """Return the derivative of order `nu`."""
        return PPoly.construct_fast(self.c, self.x)(x, nu)
