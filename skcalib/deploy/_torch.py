"""A calibrated network as one torch module."""

from skcalib.backends import load_backend
from skcalib.deploy._networks import describe_any, describe_networks
from skcalib.deploy._program import Program


def to_torch(calibrated):
    """Put a calibration behind its module: one torch module, whose output is calibrated.

    Parameters
    ----------
    calibrated : object
        A fitted :class:`~skcalib.CalibratedClassifierCV` or
        :class:`~skcalib.TemperatureCalibratedClassifier` around a torch module: bare, in
        :class:`~skcalib.FrozenNetwork` or in a classifier of skorch. Or a fitted calibrator
        alone, or a description of one.

    Returns
    -------
    module : torch.nn.Module
        It takes what the user's module takes (for a calibrator alone: logits), and returns
        probabilities (n_samples, n_classes), a column for each of ``calibrated.classes_``. It
        holds a copy of the module, and is in evaluation mode.

    Raises
    ------
    ValueError
        If steps of a pipeline stand before the network, if it has several labels, or if the
        means over folds are of different classes.
    TypeError
        If there is no torch module in it.

    See Also
    --------
    to_keras : The same for Keras.

    Notes
    -----
    The map is computed in float64; ``module.float()`` makes that float32. Answers are float32,
    or float64 if the network's are. The ``state_dict`` holds the module's weights and, as
    bytes in a tensor, the description, so that another calibration of the same network can be
    loaded into it. ``torch.export.export`` and ``torch.onnx.export`` take it, with a batch
    of any size; what they write needs nothing of this package. What stands before the last
    activation is found at each call, as :class:`~skcalib.FrozenNetwork` finds it.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

    Examples
    --------
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.deploy import to_torch
    >>> fitted = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0])
    >>> module = to_torch(fitted)  # doctest: +SKIP
    >>> module(torch.zeros(1, 2))  # doctest: +SKIP
    tensor([[0.5000, 0.5000]])
    """
    backend = load_backend("torch")
    networks = describe_networks(calibrated, backend, "torch")
    program = Program(describe_any(calibrated), finds_masks=networks is None)
    readings = [
        {
            "is_proba": member.gives_proba,
            "says_logits": found.says_logits,
            "linear_is_proba": found.linear_is_proba,
            "outputs": found.outputs,
        }
        for found, member in zip(networks or [], program.members, strict=networks is not None)
    ]
    models = [found.model for found in networks or []]
    return backend.make_calibrated_module(models, readings, program)
