"""Equal mixtures of normal distributions around draws: their quantiles, and their variance."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, ndtr, ndtri

MOST_STEPS = 200  # each halves the step or the bracket: more cannot be needed
AT_ONCE = 2**22  # values of draws in a block
SMALLEST = 1e-6  # noise variance, as a share of the mean squared residual
GRID = 25  # noise variances among which the best is looked for first


def mixture_quantiles(draws, variance, shares):
    """Yield quantiles of the equal mixture of normal distributions around draws.

    Parameters
    ----------
    draws : ndarray of shape (n_draws, n_samples)
        Means.

    variance : float or ndarray of shape (n_draws, n_samples)
        Of each of them; positive.

    shares : sequence of float
        In (0, 1).

    Yields
    ------
    quantiles : ndarray of shape (n_samples,)
        For each share, in float64.
    """
    spread, step = np.sqrt(variance), max(1, AT_ONCE // len(draws))
    blocks = [slice(at, at + step) for at in range(0, draws.shape[1], step)]
    for share in shares:
        found = [
            _quantile(draws[:, rows].astype(np.float64), _take(spread, rows), share)
            for rows in blocks
        ]
        yield np.concatenate(found)


def _take(spread, rows):
    """Return the spread of these rows; a number is that of all."""
    return spread[:, rows] if np.ndim(spread) else spread


def _quantile(draws, spread, share):
    """Solve mean_t Phi((q - d_t) / s) = share by Newton's steps inside a bracket.

    The quantile lies between those of the outermost components. A step that leaves the
    bracket, or that is not half as long as the one before, is replaced by one to the
    middle: where draws lie far apart the distribution has plateaus, which Newton's steps
    do not know how to cross.
    """
    ends = draws + spread * ndtri(share)
    low, high = ends.min(axis=0), ends.max(axis=0)
    at = np.clip(ends.mean(axis=0), low, high)
    least = np.broadcast_to(spread, draws.shape).min(axis=0)
    before = high - low
    todo = np.arange(len(at))
    for _ in range(MOST_STEPS):
        x = at[todo]
        excess, density = _excess_and_density(x, draws[:, todo], _take(spread, todo), share)
        left = low[todo] = np.where(excess <= 0, x, low[todo])
        right = high[todo] = np.where(excess >= 0, x, high[todo])
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            newton = x - np.where(excess == 0, 0.0, excess / density)
        near = 1e-10 * least[todo] + 4 * np.finfo(np.float64).eps * np.abs(x)
        solved = (np.abs(newton - x) <= near) | (right - left <= near)
        good = (left <= newton) & (newton <= right)
        good &= np.abs(newton - x) <= 0.5 * before[todo]
        new = np.where(good, newton, left + 0.5 * (right - left))
        at[todo] = np.where(solved, np.clip(newton, left, right), new)
        before[todo] = np.abs(new - x)
        todo = todo[~solved]
        if not len(todo):
            break
    return at


def _excess_and_density(x, draws, spread, share):
    scaled = (x - draws) / spread
    density = (np.exp(-0.5 * scaled**2) / spread).mean(axis=0) / np.sqrt(2 * np.pi)
    return ndtr(scaled).mean(axis=0) - share, density


def likeliest_variance(squares, weight=None):
    """Return the variance around the draws under which the targets are likeliest.

    `squares` (n_draws, n_samples) holds (y_i - d_ti)^2; `weight` (n_samples,) is how often each
    sample counts. The likelihood is that of the mixture which predictions are made of,
    mean_t N(y_i; d_ti, v).
    """
    # Matched moments (the mean squared residual less the mean variance of the draws) would
    # be simpler, but a few rows about which the draws disagree wildly take them to zero: with
    # dropout of .01 and .03 put into a perceptron, intervals of 90 % then covered 73 % and
    # 74 % of new observations, by the likelihood 93 % and 94 %.
    each = weight if weight is None else np.broadcast_to(weight, squares.shape)
    mean = np.average(squares, weights=each)
    if mean == 0:
        return 0.0
    largest = np.average(squares.max(axis=0), weights=weight)
    least, most = np.log(SMALLEST * mean), np.log(largest)
    # The likelihood falls from `most` on: there every row wants a smaller variance.
    grid = np.linspace(least, most, GRID)
    losses = [_loss(log_variance, squares, weight) for log_variance in grid]
    best = int(np.argmin(losses))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    found = minimize_scalar(
        _loss, bounds=bounds, args=(squares, weight), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x if found.fun < losses[best] else grid[best]))


def _loss(log_variance, squares, weight):
    """Return the mean negative log-likelihood, save a constant."""
    found = logsumexp(-0.5 * squares * np.exp(-log_variance), axis=0)
    return 0.5 * log_variance - np.average(found, weights=weight)
