"""A description as a function of a namespace and of what classifiers answer."""

import json

from skcalib.deploy._document import read_document
from skcalib.deploy._members import mean_of_members, proba_of_member
from skcalib.deploy._registry import Machine


class Program:
    """A description that runs in any engine; pickles hold its text.

    Parameters
    ----------
    description : dict or str
        As of :func:`describe`.
    finds_masks : bool
        Whether logits may be minus infinity, if the calibration knows what to do with them.
    """

    def __init__(self, description, finds_masks=False):
        read = read_document(description)
        if any(member.takes_scores for member in read.members):
            raise ValueError(
                f"{read.document['kind']} asks how usual each row is, which is no part of the "
                "network: it cannot be exported with it. Take describe and from_description, "
                "or a calibration without distance."
            )
        self.text = json.dumps(read.document)
        self.document = read.document
        self.members = read.members
        self.geometric = read.geometric
        self.after = read.after
        self.finds_masks = finds_masks
        self._find_masks = finds_masks and read.masks
        self.n_classes = len(read.classes)
        self.widths = [len(member.columns) for member in read.members]

    def __reduce__(self):
        return type(self), (self.text, self.finds_masks)

    def replace(self, text):
        """Return the program of another description."""
        return type(self)(text, self.finds_masks)

    def __call__(self, namespace, answers):
        """Return probabilities of all classes.

        Parameters
        ----------
        namespace : object
            An engine; see :class:`NumpyNamespace`.
        answers : list of array
            Of the engine: what each classifier gives.
        """
        find_masked = namespace.find_masked if self._find_masks else None
        probas = [
            proba_of_member(namespace, member, answer, self.n_classes, find_masked=find_masked)
            for member, answer in zip(self.members, answers, strict=True)
        ]
        about = self.members, probas, self.n_classes
        proba = mean_of_members(namespace, *about, geometric=self.geometric)
        return Machine(namespace).run(self.after, proba)
