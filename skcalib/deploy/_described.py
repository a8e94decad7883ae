"""What a description says, as a classifier."""

import numpy as np
from sklearn.base import BaseEstimator

from skcalib.deploy._document import read_document
from skcalib.deploy._members import find_masked_numpy, mean_of_members, proba_of_member
from skcalib.deploy._namespace import NumpyNamespace
from skcalib.estimators import ProbabilisticClassifierMixin
from skcalib.inputs import check_logits, check_proba, float_array


class DescribedCalibrator(ProbabilisticClassifierMixin, BaseEstimator):
    """A calibration that was read from a description.

    It predicts, and cannot be fitted: `fit` changes nothing. :func:`from_description` makes
    it.

    Parameters
    ----------
    description : dict or str
        What :func:`describe` returned, or JSON text of it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.

    n_members_ : int
        How many classifiers' answers it takes.

    gives_ : list of str
        What each of them must give: "logits" or "probabilities".

    Raises
    ------
    ValueError
        If the description is not valid; the message names the place.

    References
    ----------
    JSON: T. Bray. The JavaScript Object Notation Data Interchange Format. RFC 8259, 2017.
    doi:10.17487/RFC8259

    Examples
    --------
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.deploy import DescribedCalibrator, describe
    >>> fitted = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0])
    >>> DescribedCalibrator(describe(fitted)).predict([[3.0, 0.0]])
    array([0])
    """

    def __init__(self, description):
        self.description = description
        self._read = read_document(description)
        self.classes_ = self._read.classes
        self.n_members_ = len(self._read.members)
        self.gives_ = [
            "probabilities" if member.gives_proba else "logits" for member in self._read.members
        ]

    def __sklearn_is_fitted__(self):
        return True

    def __repr__(self):
        return (
            f"DescribedCalibrator({self._read.document['kind']}, {len(self.classes_)} classes)"
        )

    def fit(self, X, y=None):
        """Change nothing.

        Parameters
        ----------
        X : object
            Ignored.

        y : object
            Ignored.

        Returns
        -------
        self : object
            As it was.
        """
        return self

    def predict_proba(self, X):
        """Calibrated probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes), or a list of such
            What the classifier answers, logits or probabilities as ``gives_`` says, a column
            for each class in the order of ``classes_`` (for a member of an ensemble: of its
            own ``classes_``); for two classes a single column, the decision value or the
            probability of the second, will do. With several members, a list: one for each.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; float32 for float32 answers.
        """
        members = self._read.members
        answers = [X] if len(members) == 1 else X
        if not isinstance(answers, list | tuple) or len(answers) != len(members):
            raise ValueError(
                f"X must be a list of {len(members)} arrays, the answer of each classifier."
            )
        pairs = list(zip(members, answers, strict=True))
        answers = [_check_answer(member, answer) for member, answer in pairs]
        if len({len(answer) for answer in answers}) > 1:
            raise ValueError("The arrays in X have different numbers of rows.")
        single = all(answer.dtype == np.float32 for answer in answers)
        namespace, n_classes = NumpyNamespace(), len(self.classes_)
        with np.errstate(all="ignore"):
            probas = [
                proba_of_member(
                    namespace, member, answer.astype(np.float64), n_classes, find_masked_numpy
                )
                for member, answer in zip(members, answers, strict=True)
            ]
            proba = mean_of_members(
                namespace, members, probas, n_classes, geometric=self._read.geometric
            )
        check_proba(proba, "The description", way_out="it is not one of a calibrator")
        return proba.astype(np.float32) if single else proba


def _check_answer(member, answer):
    answer = float_array(answer, "X")
    width = len(member.columns)
    if answer.ndim == 1 and width == 2:
        answer = answer[:, None]
    if answer.ndim == 2 and answer.shape[1] == 1 and width == 2:
        second = answer if member.gives_proba else answer / 2
        answer = np.hstack([1 - second if member.gives_proba else second - answer, second])
    if answer.ndim != 2 or answer.shape[1] != width:
        raise ValueError(
            f"X must be of shape (n_samples, {width}), a column for each class, got "
            f"{answer.shape}."
        )
    if member.gives_proba:
        check_proba(answer, "X", allow_zero_rows=True, way_out="this description takes them")
        return answer
    return check_logits(answer, "X")


def from_description(description):
    """Make a classifier of a description.

    Parameters
    ----------
    description : dict or str
        What :func:`describe` returned, or JSON text of it. It is data, never run: one from a
        stranger may be refused, and can do no harm.

    Returns
    -------
    calibrator : DescribedCalibrator
        It predicts from logits (or probabilities), as the fitted calibrator did.

    Raises
    ------
    ValueError
        If it is no description, or a wrong one: the message names the place.

    See Also
    --------
    read_description : From a file.

    Examples
    --------
    >>> import json
    >>> from skcalib.calibrators import PlattScaling
    >>> from skcalib.deploy import describe, from_description
    >>> fitted = PlattScaling().fit([[-2.0], [-1.0], [0.5], [2.0]], ["no", "yes", "no", "yes"])
    >>> text = json.dumps(describe(fitted))
    >>> from_description(text).predict([[3.0], [-3.0]])
    array(['yes', 'no'], dtype='<U3')
    """
    return DescribedCalibrator(description)
