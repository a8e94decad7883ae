"""Bayesian layers for Keras: dense ones and convolutions whose weights are Gaussian."""

import keras
from keras import ops

from skcalib.backends._keras_bayes_layer import BayesLayer

_register = keras.saving.register_keras_serializable(package="skcalib")
_PARAMETERS = """n_rows : float
        The number of training rows, or the sum of their weights: in training the divergence
        from the prior adds `kl_weight` / `n_rows` times itself to the loss, whatever the size
        of a batch. Kept in a weight of this name, which may be assigned.

    activation : str, callable or None, default=None
        As of Keras's layer.

    use_bias : bool, default=True
        Whether there is a bias, drawn as the kernel is.

    prior : {"mixture", "gaussian"}, default="mixture"
        Of each weight: a wide and a narrow Gaussian around 0, or one.

    prior_scale : float, pair of float or None, default=None
        Standard deviation of a Gaussian (None: 0.3), or the wide and the narrow one of
        a mixture (None: 1 and exp(-6)).

    prior_mix : float, default=0.5
        Share of the wide part of a mixture, in (0, 1).

    estimator : {"flipout", "local", "shared"}, default="flipout"
        How noise is drawn in training: one draw of the weights, turned by random signs
        for each row; noise of the outputs, for each row (Gaussian priors only); or one draw
        of the weights for all rows of a batch.

    kl_weight : float, default=1.0
        Below 1 the posterior is colder than that of Bayes' rule. Kept in a weight of this
        name: ``layer.kl_weight.assign(0.1)`` works between epochs, too.

    initial_scale : float or None, default=None
        Standard deviation of each weight before training. None: 0.02 with a Gaussian prior,
        0.0067 with a mixture.

    kernel_initializer : str or keras.initializers.Initializer, default="he_normal"
        Of the means of the kernel.

    bias_initializer : str or keras.initializers.Initializer, default="zeros"
        Of the means of the bias.

    seed : int or None, default=None
        Of the noise in training. None takes Keras's own seed."""
_REFERENCES = """C. Blundell, J. Cornebise, K. Kavukcuoglu, D. Wierstra. Weight Uncertainty in
    Neural Networks. ICML 2015. arXiv:1505.05424

    D. P. Kingma, T. Salimans, M. Welling. Variational Dropout and the Local
    Reparameterization Trick. NeurIPS 2015. arXiv:1506.02557

    Y. Wen, P. Vicol, J. Ba, D. Tran, R. Grosse. Flipout: Efficient Pseudo-Independent Weight
    Perturbations on Mini-Batches. ICLR 2018. arXiv:1803.04386"""
_ATTRIBUTES = """kernel_mean, kernel_rho, bias_mean, bias_rho : keras.Variable
        Means, and of what softplus makes standard deviations.

    n_rows, kl_weight : keras.Variable
        Numbers that may be assigned."""
_CONVOLUTION = """filters : int
        Number of channels of the output.

    kernel_size, strides, dilation_rate : int or tuple of int
        As of Keras's layer.

    padding : str, default="valid"
        As of Keras's layer.

    data_format : str or None, default=None
        As of Keras's layer.

    groups : int, default=1
        As of Keras's layer."""


def _document(layer):
    """Put what all layers have in common into a docstring."""
    shared = {"attributes": _ATTRIBUTES, "parameters": _PARAMETERS}
    shared |= {"references": _REFERENCES, "convolution": _CONVOLUTION}
    for name, text in shared.items():
        layer.__doc__ = layer.__doc__.replace(f"<{name}>", text)
    layer.__module__ = "skcalib.layers"
    return layer


@_register
@_document
class BayesDense(BayesLayer):
    r"""A dense layer whose weights are Gaussian: Bayes by Backprop.

    .. math:: w \sim N(\mu, \operatorname{softplus}(\rho)^2), \qquad
              \text{loss} = -\log p(y \mid x, w)
              + \frac{\text{kl\_weight}}{\text{n\_rows}} \operatorname{KL}(q \,\|\, p)

    In training weights are drawn; at prediction, and under ``training=False``, they are
    their means. Draws at prediction:
    :meth:`skcalib.uncertainty.BayesByBackpropClassifier.from_network`.

    **When to use it.** In a Keras model of your own, in place of ``keras.layers.Dense``.
    **When not.** To have a classifier at once:
    :class:`~skcalib.uncertainty.BayesByBackpropClassifier` builds such a network.

    Parameters
    ----------
    units : int
        Number of outputs.

    <parameters>

    **kwargs : dict
        As of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Attributes
    ----------
    <attributes>

    Notes
    -----
    A layer that a model calls several times adds its divergence once; each call draws noise of
    its own. The divergence is computed in float32 under mixed precision, too.

    References
    ----------
    <references>

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_iris
    >>> from skcalib.layers import BayesDense
    >>> X, y = load_iris(return_X_y=True)
    >>> _ = keras.utils.set_random_seed(0)
    >>> model = keras.Sequential([
    ...     keras.Input((4,)),
    ...     BayesDense(16, activation="relu", n_rows=150),
    ...     BayesDense(3, activation="softmax", n_rows=150),
    ... ])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> _ = model.fit(X, y, epochs=2, verbose=0)
    >>> model.predict(X, verbose=0).shape
    (150, 3)
    """

    _channel_axis = -1

    def __init__(self, units, *, n_rows=None, **kwargs):
        super().__init__(n_rows=n_rows, **kwargs)
        self.units = units
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape):
        super().build(input_shape)
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def _kernel_shape(self, input_shape):
        return (input_shape[-1], self.units)

    def _multiply(self, x, kernel):
        return ops.matmul(x, kernel)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class _BayesConvolution(BayesLayer):
    """What convolutions of one and two dimensions share."""

    _rank = None

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=1,
        *,
        n_rows=None,
        **kwargs,
    ):
        super().__init__(n_rows=n_rows, **kwargs)
        self.filters, self.groups = filters, groups
        self.kernel_size = self._spread("kernel_size", kernel_size)
        self.strides = self._spread("strides", strides)
        self.dilation_rate = self._spread("dilation_rate", dilation_rate)
        self.padding = padding.lower()
        known = ("valid", "same", "causal") if self._rank == 1 else ("valid", "same")
        if self.padding not in known:
            raise ValueError(
                f"{type(self).__name__}: padding must be one of {known}, got {padding!r}."
            )
        self.data_format = data_format or keras.config.image_data_format()
        self._channel_axis = -1 if self.data_format == "channels_last" else 1
        if filters % groups:
            raise ValueError(
                f"{type(self).__name__}: filters must be a multiple of groups, got "
                f"filters={filters!r}, groups={groups!r}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=self._rank + 2)

    def _spread(self, name, value):
        values = (value,) * self._rank if isinstance(value, int) else tuple(value)
        if len(values) != self._rank:
            raise ValueError(
                f"{type(self).__name__}: {name} must be a number or {self._rank} of them, got "
                f"{value!r}."
            )
        return values

    def _kernel_shape(self, input_shape):
        return (*self.kernel_size, input_shape[self._channel_axis] // self.groups, self.filters)

    def _multiply(self, x, kernel):
        padding = self.padding
        if padding == "causal":
            before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            widths = [[0, 0], [before, 0], [0, 0]]
            if self._channel_axis == 1:
                widths = [[0, 0], [0, 0], [before, 0]]
            x, padding = ops.pad(x, widths), "valid"
        return ops.conv(
            x,
            kernel,
            strides=self.strides,
            padding=padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def get_config(self):
        names = ("filters", "kernel_size", "strides", "padding", "data_format")
        own = {name: getattr(self, name) for name in (*names, "dilation_rate", "groups")}
        return {**super().get_config(), **own}


@_register
@_document
class BayesConv1D(_BayesConvolution):
    """A convolution over one dimension whose weights are Gaussian: Bayes by Backprop.

    As :class:`~skcalib.layers.BayesDense`, for sequences: in training weights are drawn, at
    prediction they are their means.

    **When to use it.** In place of ``keras.layers.Conv1D``. **When not.** Where the last
    layers alone shall be uncertain, which is cheaper.

    Parameters
    ----------
    <convolution>

    <parameters>

    **kwargs : dict
        As of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Attributes
    ----------
    <attributes>

    References
    ----------
    <references>

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.layers import BayesConv1D
    >>> layer = BayesConv1D(8, 3, padding="causal", n_rows=1000)
    >>> tuple(layer(np.zeros((2, 20, 4), "float32")).shape)
    (2, 20, 8)
    """

    _rank = 1


@_register
@_document
class BayesConv2D(_BayesConvolution):
    """A convolution over images whose weights are Gaussian: Bayes by Backprop.

    As :class:`~skcalib.layers.BayesDense`: in training weights are drawn, at prediction they
    are their means.

    **When to use it.** In place of ``keras.layers.Conv2D``. **When not.** Where the last
    layers alone shall be uncertain, which is cheaper.

    Parameters
    ----------
    <convolution>

    <parameters>

    **kwargs : dict
        As of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Attributes
    ----------
    <attributes>

    References
    ----------
    <references>

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.layers import BayesConv2D
    >>> layer = BayesConv2D(8, 3, activation="relu", n_rows=1000)
    >>> tuple(layer(np.zeros((2, 8, 8, 1), "float32")).shape)
    (2, 6, 6, 8)
    """

    _rank = 2
