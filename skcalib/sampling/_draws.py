"""The contract of all sampling classifiers and regressors: what they give for some rows."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Draws(NamedTuple):
    """Draws for some rows, block by block: what a sampling estimator's ``_draws`` returns.

    Attributes
    ----------
    blocks : iterable of (rows, draws)
        One block of rows after the other, all rows in the end. ``draws`` is an array of shape
        (n_levels, n_draws, n_rows, n_classes) of probabilities, or of targets (n_outputs in
        the place of n_classes); ``rows`` the slice of X that it is for. Blocks are reduced as
        they come, so that a generator holds no more than one block at a time.

    levels : sequence or None, default=None
        None if there is one level, which answers then have no axis for; else what the
        entries of that axis are (rates of dropout, say).

    ragged : bool, default=False
        Whether rows have different numbers of draws. Then a block holds rows of one number,
        and ``rows`` is an array of their positions.

    random : bool, default=True
        False for points that were chosen to stand for a distribution, whose number says
        nothing of their error: standard errors are NaN then.

    References
    ----------
    S. Depeweg, J. M. Hernández-Lobato, F. Doshi-Velez, S. Udluft. Decomposition of
    Uncertainty in Bayesian Deep Learning. ICML 2018. arXiv:1710.07283

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.uncertainty import Draws
    >>> coins = np.array([[[0.5, 0.5]], [[0.9, 0.1]]])  # two draws for one row
    >>> draws = Draws([(slice(0, 1), coins[np.newaxis])])
    >>> draws.levels is None, draws.ragged, draws.random
    (True, False, True)
    """

    blocks: Iterable
    levels: Any = None
    ragged: bool = False
    random: bool = True
