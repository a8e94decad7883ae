"""The one Keras layer of this package: a description that runs."""

from functools import cache

from skcalib.deploy._program import Program


@cache
def get_layer_class():
    """Return the layer class, registered with Keras, which is imported only here."""
    import keras

    from skcalib.deploy._keras_namespace import KerasNamespace

    @keras.saving.register_keras_serializable(package="skcalib")
    class Calibration(keras.layers.Layer):
        """Calibrated probabilities from what one network gives, or several.

        Parameters
        ----------
        description : str
            JSON text of what :func:`skcalib.deploy.describe` returned.
        """

        def __init__(self, description, **kwargs):
            super().__init__(**kwargs)
            self._program = Program(description)

        def call(self, inputs):
            answers = inputs if isinstance(inputs, list | tuple) else [inputs]
            return self._program(KerasNamespace(self.compute_dtype), list(answers))

        def compute_output_shape(self, input_shape):
            shape = input_shape[0] if isinstance(input_shape[0], list | tuple) else input_shape
            return (shape[0], self._program.n_classes)

        def get_config(self):
            return {**super().get_config(), "description": self._program.text}

    return Calibration
