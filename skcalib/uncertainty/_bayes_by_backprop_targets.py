"""Numbers, as a network with Gaussian weights is trained on them and judged by them."""

import numpy as np
from sklearn.utils import check_array

from skcalib.backends import (
    load_backend,
    load_keras_posteriors,
    load_keras_training,
    map_arrays,
    to_numpy,
)
from skcalib.networks import RegressionNetwork
from skcalib.uncertainty._bayes_by_backprop_draws import draw_weights
from skcalib.uncertainty._normal_mixtures import likeliest_variance

MOST_RESIDUALS = 2**20  # of all draws: a variance is known to 1 % from 20,000 rows
FEWEST_ROWS = 1000
LEAST_NOISE = 1e-12  # as a share of the variance of the targets
SMALLEST, LARGEST = 1e-140, 1e150  # of which squares, and shares of them, are numbers


class TargetTask:
    """What a regressor asks of its training.

    Its noise is that of predictions: the likeliest for held-out rows, or what is given.

    Keras minimises the mean over k targets of squared residuals, plus the divergence times c
    times 2 v / k: the negative evidence bound, times that. So a change of the noise v is one
    of the weight of the divergence, which is a variable.

    Parameters
    ----------
    regressor : BayesByBackpropRegressor
        To be trained.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    """

    holds_out = "noise_variance='auto', kl_weight='held_out' and early_stopping=True hold"
    way_out = "Give numbers as noise_variance and kl_weight, and early_stopping=False."

    def __init__(self, regressor, y):
        if y is None:
            raise ValueError(
                "This regressor requires y to be passed, but the target y is None."
            )
        self.regressor = regressor
        y = to_numpy(y, "y")
        values = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        self.target = values.reshape(len(values), -1) if values.ndim else values
        self.n_columns = self.target.shape[-1] if values.ndim else 1
        self.learns_noise = isinstance(regressor.noise_variance, str)
        given = 0.0 if self.learns_noise else float(regressor.noise_variance)
        self.noise = np.full(self.n_columns, given)
        self.unit = 2 / self.n_columns

    def match(self, model, X):
        """Raise unless a network of the user's has as many outputs as there are targets."""
        if self.regressor.network is None:
            return
        few = map_arrays(lambda part: part[:2], X)
        n_outputs = load_keras_training().count_columns(model, few)
        if n_outputs != self.n_columns:
            raise ValueError(
                f"y has {self.n_columns} targets, but the network has "
                f"{'several outputs' if n_outputs is None else n_outputs}; it needs one output "
                "of shape (n_samples, n_targets)."
            )

    def check(self, rows, goes_on):
        """Find the scale of the targets, or raise if a training goes on with others."""
        regressor = self.regressor
        if goes_on:
            if len(regressor._scale) != self.n_columns:
                raise ValueError(
                    f"warm_start=True goes on with {len(regressor._scale)} targets, but y has "
                    f"{self.n_columns}. Set warm_start=False to train anew."
                )
            return
        location, scale = np.zeros(self.n_columns), np.ones(self.n_columns)
        if regressor.network is None:
            with np.errstate(over="ignore", invalid="ignore"):
                location = np.average(rows.target, axis=0, weights=rows.weight)
                _check_spread(np.abs(rows.target - location).max(axis=0))
            squares = (rows.target - location) ** 2
            variance = np.average(squares, axis=0, weights=rows.weight)
            if not self.learns_noise:  # one noise for all targets as they are, not as scaled
                variance[:] = variance.mean()
            scale = np.where(variance > 0, np.sqrt(variance), 1.0)
        regressor._location, regressor._scale = location, scale

    def strata(self, rows):
        """Return what rows are held out alike by: nothing."""
        return None

    def find_loss(self, model, rows):
        """Return the squared error, unless a network was made for something else."""
        network = self.regressor.network
        given = getattr(network, "loss", None)
        if given is not None and not load_keras_posteriors().is_squared_error(given):
            raise ValueError(
                f"The network was compiled with the loss {getattr(given, 'name', given)!r}, "
                "but with normal noise of one variance the loss is the mean squared error. "
                "Compile it with 'mse', or give one that is not compiled."
            )
        if network is not None:
            few = map_arrays(lambda part: part[:2], rows.X)
            _, last_activation = load_backend("keras").forward(model, few, None)
            if last_activation == "softmax":
                raise ValueError(
                    "The network ends in a softmax, whose outputs are probabilities of "
                    "classes. Use BayesByBackpropClassifier."
                )
        return "mean_squared_error"

    def encode(self, model, target):
        """Return targets as the network answers."""
        scaled = (target - self.regressor._location) / self.regressor._scale
        return scaled.astype(np.float32)

    def start_noise(self, model, rows):
        """Return the noise of scaled targets that a training starts from."""
        scale = self.regressor._scale
        if not self.learns_noise:
            return float(self.noise[0] / scale[0] ** 2)
        means = [[mean for mean, _ in load_keras_posteriors().read_posteriors(model)]]
        squares, weight = self._squares(model, rows, means)
        noise = np.average(squares[0] / scale**2, axis=0, weights=weight)
        return max(float(noise.mean()), LEAST_NOISE)

    def learn_noise(self, model, held):
        """Return the likeliest variance of each target for rows that were not trained on."""
        if not self.learns_noise:
            return self.noise
        regressor = self.regressor
        posteriors = load_keras_posteriors().read_posteriors(model)
        draws = (
            draw_weights(posteriors, regressor.seed_, number)
            for number in range(regressor.n_draws)
        )
        squares, weight = self._squares(model, held, draws)
        found = [likeliest_variance(part, weight) for part in np.moveaxis(squares, -1, 0)]
        return np.maximum(found, LEAST_NOISE * regressor._scale**2)

    def _squares(self, model, rows, draws):
        """Return squared residuals (n_draws, n_rows, n_outputs), and the rows' weights."""
        regressor = self.regressor
        most = max(FEWEST_ROWS, MOST_RESIDUALS // (regressor.n_draws * self.n_columns))
        if len(rows.target) > most:  # evenly spread
            rows = rows.take(np.linspace(0, len(rows.target) - 1, most).astype(int))
        adapter = self.adapt(model, rows.X)
        answers = [regressor._answer_draws(adapter, [weights], rows.X)[0] for weights in draws]
        return (rows.target - np.stack(answers)) ** 2, rows.weight

    def adapt(self, model, X):
        """Return the model as a regressor."""
        return RegressionNetwork(model)

    def log_density(self, values, target, noise):
        """Return the logarithm of the density of each row's targets."""
        squares = (target - values) ** 2 / noise
        return -0.5 * (squares + np.log(2 * np.pi * noise)).sum(axis=1)


def _check_spread(spread):
    bad = (spread != 0) & ~((spread > SMALLEST) & (spread < LARGEST))
    if bad.any():
        raise ValueError(
            f"y differs from its mean by {spread[bad][0]:.3g}, the square of which is no "
            "usable number in double precision. Divide y by its standard deviation."
        )
