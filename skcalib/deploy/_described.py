"""What a description says, as a classifier."""

import numpy as np
from sklearn.base import BaseEstimator

from skcalib.deploy._document import read_document
from skcalib.deploy._liftings import MOST_CLASSES
from skcalib.deploy._members import mean_of_members, proba_of_member
from skcalib.deploy._namespace import NumpyNamespace
from skcalib.deploy._registry import Machine
from skcalib.estimators import ProbabilisticClassifierMixin, VersionedMixin
from skcalib.folds import complete_geometric_mean, complete_mean
from skcalib.inputs import (
    check_logits,
    check_proba,
    find_masked_entries,
    float_array,
    row_blocks,
)

SUM_TOLERANCE = 1e-6


class DescribedCalibrator(VersionedMixin, ProbabilisticClassifierMixin, BaseEstimator):
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

    def __getstate__(self):
        return {"description": self.description}

    def __setstate__(self, state):
        self.__init__(state["description"])

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

    def predict_proba(self, X, scores=None):
        """Calibrated probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes), or a list of such
            What the classifier answers, logits or probabilities as ``gives_`` says, a column
            for each class in the order of ``classes_`` (for a member of an ensemble: of its
            own ``classes_``); for two classes a single column, the decision value or the
            probability of the second, will do. With several members, a list: one for each.

        scores : array-like of shape (n_samples,), or a list of such, default=None
            How usual each row is, for a temperature that grows with distance:
            ``pair.distance.score(X)`` of each of ``calibrated_classifiers_``.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; float32 for float32 answers.
        """
        members = self._read.members
        answers = _list_for("X", members, X)
        answers = [_check_answer(*pair) for pair in zip(members, answers, strict=True)]
        self._refuse_masks(answers)
        if len({len(answer) for answer in answers}) > 1:
            raise ValueError("The arrays in X have different numbers of rows.")
        scores = _check_scores(members, scores, len(answers[0]))
        single = all(answer.dtype == np.float32 for answer in answers)
        out = np.empty((len(answers[0]), len(self.classes_)), np.float32 if single else float)
        for block in row_blocks(len(out), self._widest()):
            rows = [answer[block].astype(np.float64) for answer in answers]
            of_rows = [None if each is None else each[block] for each in scores]
            proba = run_description(self._read, rows, of_rows)
            out[block] = _refuse_other_than_probabilities(proba)
        return out

    def _refuse_masks(self, answers):
        pairs = zip(self._read.members, answers, strict=True)
        logits = [answer for member, answer in pairs if not member.gives_proba]
        if not self._read.masks and any(find_masked_entries(x) is not None for x in logits):
            kind = self._read.document["kind"]
            raise ValueError(
                "X masks classes in some rows (-inf, or the lowest number of its type), and "
                f"{kind} cannot leave them out, as it mixes the columns of all classes."
            )

    def _widest(self):
        """Return the number of columns for which blocks of rows are cut."""
        n_classes = len(self.classes_)
        pairs = n_classes**2 if n_classes <= MOST_CLASSES else n_classes
        return max(pairs, 1024)


def _refuse_other_than_probabilities(proba):
    off = ~(np.abs(proba.sum(axis=1) - 1) <= SUM_TOLERANCE)  # NaN too
    if off.any() or not (
        proba.min(initial=0) >= 0 and proba.max(initial=0) <= 1 + SUM_TOLERANCE
    ):
        raise ValueError(
            "The description gives what are no probabilities for some rows: it is not that of "
            "a calibrator, or the rows are far from all that it was made for."
        )
    return proba


def run_description(description, answers, scores):
    """Return probabilities in float64 from checked answers in float64."""
    namespace, n_classes = NumpyNamespace(), len(description.classes)
    members = description.members
    with np.errstate(all="ignore"):
        probas = [
            proba_of_member(
                namespace,
                member,
                answer,
                n_classes,
                scores=score,
                find_masked=find_masked_entries,
            )
            for member, answer, score in zip(members, answers, scores, strict=True)
        ]
        geometric = description.geometric
        proba = mean_of_members(
            namespace, members, probas, n_classes, geometric=geometric, complete=_complete
        )
        return Machine(namespace).run(description.after, proba)


def _complete(means, geometric):
    n_classes = means[0][2].shape[1]
    known = np.zeros((len(means), n_classes), dtype=bool)
    for own, (columns, _, _) in zip(known, means, strict=True):
        own[list(columns)] = True
    counts = np.array([count for _, count, _ in means])
    stacked = np.stack(
        [np.where(own, m, 0) for own, (*_, m) in zip(known, means, strict=True)], 1
    )
    complete = complete_geometric_mean if geometric else complete_mean
    return complete(stacked, known, counts)


def _list_for(name, members, values):
    if len(members) == 1:
        values = [values[0] if isinstance(values, list) and _is_listed(values) else values]
    if not isinstance(values, list | tuple) or len(values) != len(members):
        raise ValueError(
            f"{name} must be a list of {len(members)} arrays, one for each classifier."
        )
    return values


def _is_listed(values):
    return len(values) == 1 and getattr(values[0], "ndim", 0) == 2


def _check_scores(members, scores, n_samples):
    if not any(member.takes_scores for member in members):
        if scores is not None:
            raise ValueError("This description takes no scores.")
        return [None] * len(members)
    if scores is None:
        raise ValueError(
            "This description needs scores: how usual each row is, as "
            "calibrated_classifiers_[i].distance.score(X) says."
        )
    found = []
    for each in [scores] if len(members) == 1 else _list_for("scores", members, scores):
        column = float_array(each, "scores").astype(np.float64)
        if column.shape != (n_samples,):
            raise ValueError(f"scores must have a number for each of {n_samples} rows.")
        if np.isnan(column).any():
            raise ValueError("scores has NaN.")
        found.append(column[:, None])
    return found


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
