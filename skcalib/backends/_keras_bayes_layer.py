"""What the Bayesian layers share: weights with a mean and a spread, drawn in training."""

import math
import weakref

import keras
import numpy as np
from keras import ops
from keras.src.backend.common.stateless_scope import get_stateless_scope

from skcalib.backends._keras_priors import gaussian_divergence, mixture_divergence

ESTIMATORS = ("flipout", "local", "shared")
PRIORS = ("gaussian", "mixture")
SCALES = {"gaussian": 0.3, "mixture": (1.0, math.exp(-6))}
# Adam moves a spread by a few per mille at a step, so that it hardly leaves its order of
# magnitude in a short training. A mixture's narrow part is at home below.
INITIAL_SCALES = {"gaussian": 0.02, "mixture": 0.0067}
LEAST_VARIANCE = 1e-20  # below it a square root has no gradient


class BayesLayer(keras.layers.Layer):
    """Base class of layers whose kernel and bias are Gaussian.

    A subclass has ``_kernel_shape(input_shape)``, ``_multiply(x, kernel)``, which is linear in
    both, and ``_channel_axis``.
    """

    def __init__(
        self,
        *,
        n_rows=None,
        activation=None,
        use_bias=True,
        prior="mixture",
        prior_scale=None,
        prior_mix=0.5,
        estimator="flipout",
        kl_weight=1.0,
        initial_scale=None,
        kernel_initializer="he_normal",
        bias_initializer="zeros",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.use_bias, self.seed = bool(use_bias), seed
        self.prior, self.prior_mix, self.estimator = prior, prior_mix, estimator
        self.prior_scale = SCALES.get(prior) if prior_scale is None else prior_scale
        start = INITIAL_SCALES.get(prior) if initial_scale is None else initial_scale
        self.initial_scale = start
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self._scope_of_losses = None
        self._given = {"n_rows": n_rows, "kl_weight": kl_weight}
        self._check_parameters()
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Weights, not numbers: what a traced function reads may be changed between epochs.
        self.n_rows = self._add_number("n_rows", n_rows)
        self.kl_weight = self._add_number("kl_weight", kl_weight)

    def _add_number(self, name, value):
        initializer = keras.initializers.Constant(float(value))
        options = {"dtype": "float32", "trainable": False, "autocast": False}
        return self.add_weight(name=name, shape=(), initializer=initializer, **options)

    def _check_parameters(self):
        name = type(self).__name__
        if self._given["n_rows"] is None:
            raise ValueError(
                f"{name} needs n_rows, the number of training rows (or the sum of their "
                "weights): the divergence counts once for all rows, while Keras averages the "
                "loss over the rows of a batch."
            )
        _check_positive(name, "n_rows", self._given["n_rows"])
        _check_positive(name, "kl_weight", self._given["kl_weight"], or_zero=True)
        for parameter, value, known in (
            ("prior", self.prior, PRIORS),
            ("estimator", self.estimator, ESTIMATORS),
        ):
            if not isinstance(value, str) or value not in known:
                raise ValueError(f"{name}: {parameter} must be one of {known}, got {value!r}.")
        _check_positive(name, "initial_scale", self.initial_scale)
        if self.prior == "gaussian":
            _check_positive(name, "prior_scale", self.prior_scale)
            return
        if self.estimator == "local":
            raise ValueError(
                f"{name}: estimator='local' draws outputs, not weights, at which a mixture "
                "could be evaluated. Give prior='gaussian', or estimator='flipout'."
            )
        scales = np.ravel(np.asarray(self.prior_scale, dtype=object))
        if len(scales) != 2:
            raise ValueError(
                f"{name}: prior_scale must hold two numbers for prior='mixture', the wide "
                f"and the narrow one, got {self.prior_scale!r}."
            )
        for scale in scales:
            _check_positive(name, "prior_scale", scale)
        self.prior_scale = tuple(float(scale) for scale in scales)
        _check_positive(name, "prior_mix", self.prior_mix)
        if self.prior_mix >= 1:
            raise ValueError(
                f"{name}: prior_mix, the share of the wide part, must be in (0, 1), got "
                f"{self.prior_mix!r}."
            )

    def build(self, input_shape):
        """Make means and spreads of the weights.

        Parameters
        ----------
        input_shape : tuple
            Shape of the input, None for the batch.
        """
        rho = keras.initializers.Constant(float(np.log(np.expm1(self.initial_scale))))
        shapes = {"kernel": self._kernel_shape(input_shape)}
        if self.use_bias:
            shapes["bias"] = shapes["kernel"][-1:]
        for name, shape in shapes.items():
            start = getattr(self, f"{name}_initializer")
            for part, initializer in (("mean", start), ("rho", rho)):
                weight = self.add_weight(
                    name=f"{name}_{part}", shape=shape, initializer=initializer, autocast=False
                )
                setattr(self, f"{name}_{part}", weight)
        self.built = True

    def posteriors(self):
        """Return the variables of the weights' distribution: spreads are softplus(rho).

        Returns
        -------
        posteriors : list of (keras.Variable, keras.Variable)
            Mean and rho of the kernel, then of the bias if there is one.
        """
        found = [(self.kernel_mean, self.kernel_rho)]
        return found + ([(self.bias_mean, self.bias_rho)] if self.use_bias else [])

    def call(self, inputs, training=False):
        """Draw the weights in training; take their means otherwise.

        Parameters
        ----------
        inputs : tensor
            Input of the layer.

        training : bool, default=False
            Whether to draw, and to add the divergence to the loss. Keras gives it.

        Returns
        -------
        outputs : tensor
            Output of the layer.
        """
        if not training:
            output = self._multiply(inputs, self._cast(self.kernel_mean))
            return self._finish(output, self.bias_mean if self.use_bias else None)
        noise = [
            ops.softplus(rho) * self._normal(ops.shape(rho)) for _, rho in self.posteriors()
        ]
        self._clear_losses()  # of an earlier call in the same pass: weights diverge once
        self.add_loss(self._divergence(noise) * self.kl_weight / self.n_rows)
        scope = get_stateless_scope()
        self._scope_of_losses = None if scope is None else weakref.ref(scope)
        if self.estimator == "local":
            return self._draw_outputs(inputs)
        bias = self.bias_mean + noise[1] if self.use_bias else None
        if self.estimator == "shared":
            output = self._multiply(inputs, self._cast(self.kernel_mean + noise[0]))
            return self._finish(output, bias)
        output = self._multiply(inputs, self._cast(self.kernel_mean))
        turned = self._multiply(inputs * self._signs(inputs), self._cast(noise[0]))
        return self._finish(output + turned * self._signs(output), bias)

    def _clear_losses(self):
        # Keras tells losses by their ids, and on JAX keeps those of earlier traces. By now they
        # may be those of other layers' losses, which would be lost.
        known = self._scope_of_losses
        if known is None or known() is not get_stateless_scope():
            self._loss_ids.clear()
        super()._clear_losses()

    def divergence(self):
        """Return how far the weights' distribution q is from the prior p: KL(q || p).

        Returns
        -------
        divergence : scalar tensor
            In nats, summed over all weights; for a mixture estimated from one draw.
        """
        noise = [
            ops.softplus(rho) * self._normal(ops.shape(rho)) for _, rho in self.posteriors()
        ]
        return self._divergence(noise)

    def _divergence(self, noise):
        total = 0.0
        for (mean, rho), own in zip(self.posteriors(), noise, strict=True):
            mean, rho = ops.convert_to_tensor(mean), ops.convert_to_tensor(rho)
            if self.prior == "gaussian":
                total += gaussian_divergence(mean, rho, float(self.prior_scale))
            else:
                total += mixture_divergence(mean + own, rho, self.prior_scale, self.prior_mix)
        return total

    def _draw_outputs(self, inputs):
        output = self._multiply(inputs, self._cast(self.kernel_mean))
        wide = ops.square(ops.cast(inputs, "float32"))
        variance = self._multiply(wide, ops.square(ops.softplus(self.kernel_rho)))
        if self.use_bias:
            variance = self._add_bias(variance, ops.square(ops.softplus(self.bias_rho)))
        spread = ops.sqrt(ops.maximum(variance, LEAST_VARIANCE))
        output = output + self._cast(spread * self._normal(ops.shape(spread)))
        return self._finish(output, self.bias_mean if self.use_bias else None)

    def _finish(self, output, bias):
        output = output if bias is None else self._add_bias(output, self._cast(bias))
        return self.activation(output)

    def _add_bias(self, output, bias):
        shape = [1] * len(output.shape)
        shape[self._channel_axis] = bias.shape[0]
        return output + ops.reshape(bias, shape)

    def _normal(self, shape):
        return keras.random.normal(shape, dtype="float32", seed=self.seed_generator)

    def _signs(self, x):
        """Return -1 or 1 for each row and channel."""
        shape = [1] * len(x.shape)
        shape[0] = ops.shape(x)[0]
        shape[self._channel_axis] = x.shape[self._channel_axis]
        half = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator) < 0.5
        return self._cast(ops.where(half, -1.0, 1.0))

    def _cast(self, values):
        return ops.cast(values, self.compute_dtype)

    def get_config(self):
        """Return what makes such a layer again.

        Returns
        -------
        config : dict
            Parameters of the constructor, with `n_rows` and `kl_weight` as they are now.
        """
        return {
            **super().get_config(),
            "n_rows": float(ops.convert_to_numpy(self.n_rows)),
            "kl_weight": float(ops.convert_to_numpy(self.kl_weight)),
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "prior": self.prior,
            "prior_scale": self.prior_scale,
            "prior_mix": self.prior_mix,
            "estimator": self.estimator,
            "initial_scale": self.initial_scale,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "seed": self.seed,
        }


def _check_positive(owner, name, value, or_zero=False):
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value < 0 or (value == 0 and not or_zero):
        kind = "a non-negative" if or_zero else "a positive"
        raise ValueError(f"{owner}: {name} must be {kind} finite number, got {value!r}.")
