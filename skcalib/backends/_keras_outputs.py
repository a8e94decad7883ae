"""A Keras model of several outputs, of which one is chosen."""

import keras

from skcalib.backends._keras_models import name_of
from skcalib.backends._outputs import choose_of


class ChosenOutput(keras.Model):
    """Calls a model, and answers with one of its outputs.

    Parameters
    ----------
    inner : keras.Model
        Of code of its own, so that its outputs are not known before it runs.

    output : str or int
    """

    def __init__(self, inner, output):
        super().__init__(name=inner.name)
        self.inner = inner
        self.output_chosen = output
        self.built = True

    def call(self, inputs, training=None):
        """Return the chosen output."""
        found = self.inner(inputs, training=training)
        return choose_of(found, self.output_chosen, name_of(self))

    def get_build_config(self):
        """Return what the inner model says of its inputs."""
        return self.inner.get_build_config()


def choose_output(model, output):
    """Return a model of the same layers and weights with one of the outputs."""
    loss = getattr(model, "loss", None)
    if getattr(model, "outputs", None) and _is_of_keras(type(model).call):
        tensor = choose_of(model.output, output, name_of(model), model.output_names)
        chosen = keras.Model(model.input, tensor, name=model.name)
        number = [id(x) for x in model.outputs].index(id(tensor))
    else:
        chosen, number = ChosenOutput(model, output), output
    chosen.run_eagerly = getattr(model, "run_eagerly", False)
    if isinstance(loss, dict):
        loss = loss.get(output if isinstance(output, str) else _name_at(model, number))
    elif isinstance(loss, list | tuple):
        loss = loss[number] if isinstance(number, int) else None
    if loss is not None:
        chosen.loss = loss
    return chosen


def _name_at(model, number):
    names = getattr(model, "output_names", None) or ()
    return names[number] if isinstance(number, int) and number < len(names) else None


def _is_of_keras(thing):
    return thing.__module__.split(".")[0] == "keras"
