"""The one Keras layer of this package: a description that runs."""

from functools import cache


@cache
def get_layer_class():
    """Return the layer class, registered with Keras; Keras is imported only here."""
    import keras

    from skcalib.deploy._keras_namespace import KerasNamespace

    @keras.saving.register_keras_serializable(package="skcalib")
    class Calibration(keras.layers.Layer):
        """Calibrated probabilities of logits (or probabilities) of one network or several.

        Parameters
        ----------
        description : dict
            Plain values, as of :func:`skcalib.deploy.describe`.
        """

        def __init__(self, description, **kwargs):
            super().__init__(**kwargs)
            self.description = description
            self._program = read(description)

        def call(self, inputs):
            answers = inputs if isinstance(inputs, list | tuple) else [inputs]
            return self._program(KerasNamespace(self.compute_dtype), list(answers))

        def compute_output_shape(self, input_shape):
            first = input_shape[0] if isinstance(input_shape, list) else input_shape
            return (first[0], self._program.n_classes)

        def get_config(self):
            return {**super().get_config(), "description": self.description}

    return Calibration
