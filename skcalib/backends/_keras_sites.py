"""What a dropout layer of Keras drops: the record of it."""

from keras import layers

from skcalib.backends._sampling import CannotDraw, Site

NOTHING_RANDOM = (
    "{} has no random layer{}, so that every draw would be the same. Train it with "
    "keras.layers.Dropout before its last layer; or pass inject='hidden', which adds dropout "
    "to a network that was trained without it; or, if it has Dropout layers of rate 0, pass "
    "rate=0.1."
)
SITES = (layers.Dropout, layers.AlphaDropout, layers.GaussianDropout)


def make_site(layer, shape, name):
    """Return the Site of a layer for values of this shape, without rows."""
    kind = "gaussian" if isinstance(layer, layers.GaussianDropout) else "dropout"
    kind = "alpha" if isinstance(layer, layers.AlphaDropout) else kind
    asked = getattr(layer, "noise_shape", None)
    spatial = [k for k in type(layer).__mro__ if k.__name__.startswith("SpatialDropout")]
    if asked is not None:
        if len(asked) != len(shape) + 1:
            raise ValueError(
                f"{name}: noise_shape={asked} of {layer.name!r} must have as many entries as "
                f"what enters it has dimensions, {len(shape) + 1}."
            )
        mask_shape = tuple(given or size for given, size in zip(asked[1:], shape, strict=True))
    elif spatial:
        first = getattr(layer, "data_format", None) == "channels_first"
        channel = 0 if first else len(shape) - 1
        mask_shape = tuple(size if axis == channel else 1 for axis, size in enumerate(shape))
    else:
        mask_shape = tuple(shape)
    return fix_shape(Site(layer.name, kind, float(layer.rate), mask_shape), shape, name)


def fix_shape(site, shape, name):
    """Return a Site, or raise CannotDraw if the shape of its masks is not known."""
    if None in site.shape:
        raise CannotDraw(
            f"{name}: the shape of what enters {site.name!r} is not fixed ({shape}), so its "
            "masks cannot be drawn. Build the model with an Input of fixed shape."
        )
    return site
