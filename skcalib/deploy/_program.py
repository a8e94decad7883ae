"""A description as a function of a namespace and of what classifiers answer."""

import json

from skcalib.deploy._document import read_document
from skcalib.deploy._members import mean_of_members, proba_of_member


class Program:
    """A description that runs in any engine; pickles hold its text.

    Parameters
    ----------
    description : dict or str
        As of :func:`describe`.
    """

    def __init__(self, description):
        read = read_document(description)
        self.text = json.dumps(read.document)
        self.document = read.document
        self.members = read.members
        self.geometric = read.geometric
        self.n_classes = len(read.classes)
        self.widths = [len(member.columns) for member in read.members]

    def __reduce__(self):
        return type(self), (self.text,)

    def __call__(self, namespace, answers):
        """Return probabilities of all classes.

        Parameters
        ----------
        namespace : object
            An engine; see :class:`NumpyNamespace`.
        answers : list of array
            Of the engine: what each classifier gives.
        """
        probas = [
            proba_of_member(namespace, member, answer, self.n_classes)
            for member, answer in zip(self.members, answers, strict=True)
        ]
        about = self.members, probas, self.n_classes
        return mean_of_members(namespace, *about, geometric=self.geometric)
