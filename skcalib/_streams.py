"""Datasets, loaders and generators, which are not X."""

from collections.abc import Iterator

WAY_OUT = """\
Ask the network batch by batch, and calibrate on arrays of logits and labels:

    network = FrozenNetwork(model)
    batches = [(network.decision_function(x), labels) for x, labels in data]
    logits, y = (np.concatenate(parts) for parts in zip(*batches))
    scaling = TemperatureScaling().fit(logits.reshape(len(y), -1), y)
    scaling.predict_proba(network.decision_function(x_new).reshape(len(x_new), -1))"""


def refuse_streams(X):
    """Raise, and show the way, if X gives batches or pairs instead of samples."""
    packages = {cls.__module__.split(".")[0] for cls in type(X).__mro__}
    is_stream = packages & {"tensorflow", "keras", "torch"} and not hasattr(X, "shape")
    if is_stream or isinstance(X, Iterator):
        raise ValueError(
            f"X is a {type(X).__name__}, which gives batches; it cannot be split or asked "
            f"twice like an array of samples. {WAY_OUT}"
        )
