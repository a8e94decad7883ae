"""One pass of a trained network: logits or probabilities, and features if asked for."""

from functools import partial

from skcalib.backends import check_arrays, map_arrays
from skcalib.inputs import (
    check_feature_names,
    check_logits,
    check_proba,
    float_array,
    refuse_streams,
)
from skcalib.networks._checks import (
    backend_of,
    check_choices,
    is_one_vs_rest,
    outputs_logits,
    refuse_contradictions,
)
from skcalib.networks._labels import check_labels_answer, make_binary_classes
from skcalib.networks._outputs import Answer, are_logits, expand_columns, put_in_order
from skcalib.networks._sharing import list_inputs

IF_LOGITS = (
    "if they are logits, say so: FrozenNetwork(model, from_logits=True); if they are one "
    "sigmoid for each of several labels: multilabel=True"
)


class AnswerMixin:
    """What a classifier asks of its network `model`, and how it reads the answer."""

    def answer(self, X):
        """Return the logits or the probabilities of the network, and say which they are.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        Returns
        -------
        answer : named tuple (values, is_proba, classes, last_activation)
            ``values`` (n_samples, n_classes) in the order of ``classes``, also for two
            classes; ``last_activation`` is the network's last operation, None if it is not
            known.
        """
        check_feature_names(self, X)
        return self._interpret(*self._run(X))

    def answer_with_features(self, X, layer=None):
        """Return as `answer` does, and what the last layer with weights takes, in one pass.

        Parameters
        ----------
        X : array-like of n_samples, or dict of arrays
            Inputs of the network.

        layer : str, default=None
            The name of the layer whose input is meant.

        Returns
        -------
        answer : named tuple
            As of `answer`.

        features : ndarray of shape (n_samples, n_features)
            The input of that layer.
        """
        check_feature_names(self, X)
        forward = partial(backend_of(self.model).forward_with_features, layer=layer)
        *found, features = self._run(X, forward=forward)
        return self._interpret(*found), features

    def _interpret(self, values, last_activation):
        learned = getattr(self, "_learned", None)
        if learned is not None and learned.last_activation != last_activation:
            raise ValueError(
                f"The network ended in {learned.last_activation} when fitted and now ends "
                f"in {last_activation}. Fit again; if that depends on X, give a network "
                "that ends before it."
            )
        is_proba = last_activation is None and not self._output_is_logits(values)
        one_vs_rest = is_one_vs_rest(self, values, last_activation, not is_proba)
        name = f"The output of {type(self.model).__name__}"
        if self.multilabel:
            check_labels_answer(values, is_proba, name)
            return Answer(
                values, is_proba, make_binary_classes(values.shape[1]), last_activation
            )
        values = expand_columns(values, one_vs_rest, is_proba)
        if is_proba:
            check_proba(values, name, way_out=IF_LOGITS)
        else:
            values = check_logits(values, name)
        values, classes = put_in_order(values, learned, self.classes)
        return Answer(values, is_proba, classes, last_activation)

    def _run(self, X, n_rows=None, forward=None):
        """Return what stands before the last activation, its name, and what else comes."""
        check_choices(self)
        refuse_streams(X)
        X = check_arrays(list_inputs(self, X))
        if n_rows is not None:
            X = map_arrays(lambda part: part[:n_rows], X)
        forward = forward or backend_of(self.model).forward
        values, last_activation, *more = forward(self.chosen_model, X, self.batch_size)
        refuse_contradictions(self, last_activation, values.shape[1])
        if last_activation == "linear" and self.from_logits is False:
            last_activation = None  # if that is what its user says
        return float_array(values, "The network's output"), last_activation, *more

    def _output_is_logits(self, values):
        says = getattr(self, "has_logits_", None)
        says = outputs_logits(self) if says is None else says
        return are_logits(values, self.multilabel, decide=False) if says is None else says
