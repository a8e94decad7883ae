"""Calibrators that are fitted to blocks of rows, one after the other or elsewhere."""

from functools import partial

import numpy as np
from sklearn.utils.metaestimators import available_if

from skcalib.calibrators._device_fitting import LOOKS_LIKE_PROBA
from skcalib.calibrators._looks import Survey, SurveyedRows, look_at_blocks
from skcalib.calibrators._masks import refuse_masks
from skcalib.inputs import (
    check_weight,
    columns_by_name,
    columns_of_classes,
    is_lazy,
    read_lazily,
)
from skcalib.messages import quote, warn

CAN = (
    "TemperatureScaling, VectorScaling, StructuredVectorScaling and the binary methods (such "
    "as PlattScaling, BetaCalibration, IsotonicCalibration, VennAbersCalibration and "
    "HistogramBinning)"
)


def _can_fit_blocks(calibrator):
    """Tell whether the method has a fit of its own to blocks; say which have."""
    kind = type(calibrator)
    of_fit, of_rows = (
        next(cls for cls in kind.__mro__ if name in vars(cls)) for name in ("_fit", "_fit_rows")
    )
    # A class that replaces the fit, and not that to blocks, has none.
    if kind._fit_rows is None or not issubclass(of_rows, of_fit):
        raise AttributeError(
            f"{kind.__name__} cannot be fitted to blocks, as it needs all rows at once; {CAN} "
            "can."
        )
    return True


class BlockwiseMixin:
    """Fits to rows in blocks.

    A method that has one sets ``_fit_rows(rows)``, which gets `SurveyedRows`.
    """

    _fit_rows = None

    @available_if(_can_fit_blocks)
    def fit_blocks(self, blocks):
        """Learn the calibration map from rows that come in blocks.

        The answer is that of :meth:`fit` on all rows, to 1e-6, and only sums are kept: so the
        rows may be more than the memory holds. Blocks are read twice, seldom three times; a
        few megabytes of rows are kept from the first time, and no more is read if these are
        all. Methods of scores (isotonic, Venn-Abers, bins) keep a table of the distinct
        log-odds, at most 2 million in all (64 MB, twice that for a moment); if there are more,
        they keep fewer binary digits, and a warning says how many. So 1e-6 holds for these
        methods up to there.

        Parameters
        ----------
        blocks : iterable or callable
            Blocks ``(logits, y)`` or ``(logits, y, sample_weight)``, each as :meth:`fit` takes
            them, of any length: a list, an object that can be iterated over again and again
            (a DataLoader of torch), or a function without arguments that returns a fresh
            iterator. A block may be empty and may lack classes, if all of them together do
            not.

        Returns
        -------
        self : object
            The fitted calibrator.

        Raises
        ------
        ValueError
            As `fit` does; the message names the block by its number, from 0. If `blocks` is
            an iterator, which can be read once only: it is not copied to a file behind your
            back, as that may be as large as a disk.

        AttributeError
            If the method cannot be fitted to blocks (``hasattr(calibrator, "fit_blocks")``).
        """
        return self.fit_by_looks(partial(look_at_blocks, blocks=blocks))

    def _blocks_of_lazy(self, X, y, sample_weight):
        """Return blocks to fit to if X is not in memory and need not be, else None."""
        if y is None or not is_lazy(X) or np.ndim(X) != 2 or not hasattr(self, "fit_blocks"):
            return None
        return read_lazily(X, y, sample_weight)

    @available_if(_can_fit_blocks)
    def fit_by_looks(self, look_at_all):
        """Learn from rows that somebody else reads; for engines.

        Parameters
        ----------
        look_at_all : callable
            It gets a look, an object that can be pickled, and returns its joined answer for
            all blocks: ``look(block)`` or ``look(block, number)`` for each, where a block is
            what :meth:`fit_blocks` takes; ``look.merge(first, second)`` for the answers to two
            runs of blocks, one behind the other, which it leaves as they are. None is the
            answer where there are no rows. ``look.of_share(share)`` asks the same of a block
            that has about this share of all rows, and its answer has no more of what is
            kept: for answers that are sent.

        Returns
        -------
        self : object
            The fitted calibrator.
        """
        self.check_params()
        self._floor = None
        survey = look_at_all(Survey())
        if survey is None:
            raise ValueError("blocks have no row of positive weight; at least one must count.")
        if len(survey.labels) > 1:
            check_weight(survey.weight, survey.weight)
        if survey.masked and not self.takes_masks:
            refuse_masks(type(self).__name__)
        n_columns, labels = max(survey.n_columns, 2), survey.labels
        each = np.arange(len(labels))
        classes, columns = columns_of_classes(labels, each, each >= 0, n_columns)
        self.classes_, self.n_features_in_ = classes, survey.n_columns
        order = self._learn_names(survey.names)
        if survey.like_proba and (survey.n_columns > 1 or 0 <= survey.low < survey.high <= 1):
            warn(LOOKS_LIKE_PROBA, UserWarning)
        rows = SurveyedRows(survey, columns, order, look_at_all)
        if survey.sample.is_all:
            return self._learn(rows.logits, rows.codes, rows.weight)
        self._fit_rows(rows)
        self._check_answers(rows.logits[:8])
        return self

    def _learn_names(self, names):
        """Return the column of each class, if names tell; store names as `fit` does."""
        order = self._columns_of_labels_by_name(names)
        if names is not None and all(type(name) is str for name in names):  # as scikit-learn
            stored = np.array(names, dtype=object)
            self.feature_names_in_ = stored if order is None else stored[order]
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return order

    def _columns_of_labels_by_name(self, names):
        """Return the column of each class if the names of columns are labels, else None."""
        if names is None or len(names) > 1:
            return columns_by_name(names, self.classes_, "X")
        if names[0] == self.classes_.tolist()[0]:
            raise ValueError(
                f"X has a single column, named {quote(names[0])}, but a single column is the "
                f"decision value of the second class, {quote(self.classes_.tolist()[1])}: "
                "larger values mean that class. Pass -X, or two columns."
            )
        return None
