"""What every calibrator shares: the door."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from skcalib.backends import is_table, to_numpy
from skcalib.calibrators._blockwise import BlockwiseMixin
from skcalib.calibrators._device_fitting import (
    LOOKS_LIKE_PROBA,
    copy_to_host,
    learn_there,
    move_to_device_of,
    predict_there,
    runs_there,
)
from skcalib.calibrators._masks import refuse_masked_truth, refuse_masks, rows_to_learn_from
from skcalib.calibrators._predictions import PredictsAlongAxis
from skcalib.estimators import VersionedMixin
from skcalib.inputs import (
    check_labels,
    check_logits,
    check_proba,
    check_weight,
    column_names,
    columns_of_classes,
    find_masked_entries,
    float_array,
    looks_like_proba,
    map_rows_lazily,
    refuse_masked_array,
    stays_on_device,
    take_columns,
)
from skcalib.messages import warn


class Calibrator(
    VersionedMixin, BlockwiseMixin, PredictsAlongAxis, BaseEstimator, metaclass=ABCMeta
):
    """Base class of all calibrators.

    Derive from it to write a method of your own, and give an instance of it as the
    `method` of :class:`~skcalib.CalibratedClassifierCV`. (``short_name``, by which some
    are known there, serves the calibrators of this package.)

    Notes
    -----
    Subclasses implement

    - ``_fit(logits, codes, weight)``: `logits` is a finite matrix with at least two
      columns, `codes` the column of each row's label, `weight` a vector of positive
      numbers; a class may be without rows;
    - ``_proba(logits)``: rows that lie in [0, 1] and sum to one, of the type of `logits`;
    - ``check_params()``, if there are parameters to check: raises ValueError. It is called
      before anything is trained.

    A class attribute ``takes_masks = True`` says that a method knows what to do with classes
    that a row cannot be: their logits are then -inf, their probability must be 0, and `codes`
    never names one. Each row that `_fit` gets has two classes or more. Without it, masked
    logits are an error.

    Examples
    --------
    >>> from scipy.special import softmax
    >>> from skcalib.calibrators import Calibrator
    >>> class Halved(Calibrator):
    ...     def _fit(self, logits, codes, weight):
    ...         pass
    ...
    ...     def _proba(self, logits):
    ...         return softmax(logits / 2, axis=1)
    >>> Halved().fit([[0.0, 2.0], [1.0, 0.0]], ["no", "yes"]).predict_proba([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """

    short_name = None
    takes_masks = False
    takes_masks_on_device = False
    pools_by_geometric_mean = False  # how the meta-estimators average over folds
    joins_folds = False  # whether they learn one map from all folds where ensemble="auto"
    _skips_weight_zero = False  # whether _fit leaves such rows out itself, without a copy

    @abstractmethod
    def _fit(self, logits, codes, weight):
        """Learn from checked logits."""

    @abstractmethod
    def _proba(self, logits):
        """Return calibrated probabilities of checked logits."""

    def check_params(self):
        """Raise ValueError if a parameter is unusable; here there are none."""

    def unchanged_proba(self, proba, floor):
        """Return a classifier's own probabilities if they are left unchanged, else None.

        The meta-estimators ask before :meth:`predict_proba` where the classifier answers with
        probabilities: the softmax of their logits would return the floor in place of what
        was raised to it. Most calibrators always change their input.

        Parameters
        ----------
        proba : ndarray of shape (n_samples, n_classes)
            What the classifier answered, before any probability was raised to the floor.

        floor : float
            That of the calibration rows (:func:`~skcalib.probability_floor`).

        Returns
        -------
        unchanged : ndarray of shape (n_samples, n_classes) or None
            Rows in [0, 1] that sum to one; None to use :meth:`predict_proba`.
        """
        return None

    def _computes_there(self):
        """Tell whether this method needs nothing but blocks of rows, in any namespace.

        One that was derived from such a method, and does something else, does not say so.
        """
        for cls in type(self).__mro__:
            if "_block_proba" in vars(cls):
                return True
            if vars(cls).keys() & {"_fit", "_proba", "_fit_map", "_apply_map"}:
                break
        return False

    def fit(self, X, y, sample_weight=None, *, axis=None, ignore_index=None):
        """Learn the calibration map.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes) or (n_samples, 1)
            Logits, a column for each class in sorted order of the labels: real numbers
            of at most 1e30 whose softmax makes sense. A single column is a binary
            decision value f, the same as the logits ``(-f/2, f/2)``. For probabilities
            see :func:`~skcalib.logits_from_proba`. A class that a row cannot be is *masked*
            by -inf, or by the lowest finite number of the array's floating type; methods
            that mix columns refuse that. Frames, tables of Arrow and tensors on the CPU are
            taken in their own precision, bfloat16 and float16 as float32. Arrays that are
            not in memory (of h5py, zarr, dask) are read block by block, as by `fit_blocks`,
            where the method has that, else as a whole. The columns of a
            frame may be in any order if their names are the labels ("0" is the label 0);
            other text names are those of features, as everywhere in scikit-learn, and
            numbers say nothing.

        y : array-like of shape (n_samples,)
            Class labels: strings, integers, integer-valued floats, booleans,
            categoricals. If a class has no row, the labels must be the integers 0 to
            n_classes - 1 (the columns); that warns.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. They are frequencies: an integer weight counts as that
            many equal rows, and their sum as the number of samples.

        axis : int, default=None
            Where X has more than two axes, that of the classes: 1 for logits of shape
            (n_samples, n_classes, height, width), -1 for (n_samples, n_tokens, n_classes).
            Each position is a sample then; `y` and `sample_weight` have the shape of X
            without this axis. X is read in blocks, and not copied. For the methods that
            compute where arrays are: temperature, vector, matrix, structured and ensemble
            temperature scaling, Platt's one-vs-rest.

        ignore_index : label, default=None
            Samples with this label do not count, as in torch's `cross_entropy` (-100 there,
            255 in many segmentation masks).

        Returns
        -------
        self : object
            The fitted calibrator.

        Raises
        ------
        ValueError
            If X holds NaN or infinite values or has the wrong number of columns, if some of
            its columns are named by labels and others are not, if values are masked, if y
            has one class only, or if weights are negative, NaN or all zero, or if a
            parameter is unusable. If X masks a row's own class, all classes of a row, or
            any class where the method cannot leave classes out.

        Warns
        -----
        UserWarning
            If a class has no row, if X looks like probabilities, or if the weights sum to
            less than two samples.
        """
        self.check_params()
        self._floor = None
        if stays_on_device(X, axis, ignore_index):
            if runs_there(self, X):
                return learn_there(self, X, y, sample_weight, axis, ignore_index)
            given = X, y, sample_weight, axis, ignore_index
            X, y, sample_weight = copy_to_host(*given)
        elif (blocks := self._blocks_of_lazy(X, y, sample_weight)) is not None:
            return self.fit_blocks(blocks)
        logits = self._check_logits(X, reset=True)
        y, classes, codes = check_labels(y)
        check_consistent_length(logits, y)
        weight = check_weight(sample_weight, logits)
        used = weight > 0
        self.classes_, codes = columns_of_classes(classes, codes, used, logits.shape[1])
        logits = self._order_by_classes(logits, X)
        if looks_like_proba(logits if self.n_features_in_ > 1 else logits[:, 1:] * 2, used):
            warn(LOOKS_LIKE_PROBA, UserWarning)
        refuse_masked_truth(logits, codes, used)
        if not (self._skips_weight_zero or used.all()):
            logits, codes, weight = logits[used], codes[used], weight[used]
        return self._learn(logits, codes, weight)

    def fit_columns(self, logits, codes, weight, floor=None):
        """Learn from arrays that were checked before; for meta-estimators.

        Parameters
        ----------
        logits : ndarray of shape (n_samples, n_classes)
            Finite, or -inf where a class is masked; float32 or float64.

        codes : ndarray of shape (n_samples,)
            The column of each row's label; a class may be missing, not all but one.

        weight : ndarray of shape (n_samples,)
            Positive.

        floor : float, default=None
            If the logits are logarithms of probabilities: what smaller ones were raised to.

        Returns
        -------
        self : object
            The fitted calibrator, its ``classes_`` the numbers of the columns.
        """
        self._floor = floor
        self.n_features_in_ = logits.shape[1]
        self.classes_ = np.arange(logits.shape[1])
        refuse_masked_truth(logits, codes, weight > 0)
        return self._learn(logits, codes, weight)

    def predict_proba(self, X, *, axis=None):
        """Calibrated probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes) or (n_samples, 1)
            Logits, as in `fit`; a frame with the names of the labels in any order. For an
            array of dask nothing is computed yet: the answer is one, too.

        axis : int, default=None
            That of the classes where X has more than two, as in `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; float32 for float32 logits. Exactly 0 for
            masked classes. Of the shape of X where `axis` is given; of the library and on
            the device of X where scikit-learn's `array_api_dispatch` is set.
        """
        check_is_fitted(self)
        if axis is None and (later := map_rows_lazily(self.predict_proba, X)) is not None:
            return later
        if stays_on_device(X, axis, None):
            if runs_there(self, X):
                return predict_there(self, X, axis)
            given, (X, *_) = X, copy_to_host(X, None, None, axis, None)
            proba = self._proba(self._check_logits(X, reset=False))
            return move_to_device_of(given, proba.T if axis in (0, -2) else proba)
        return self._proba(self._check_logits(X, reset=False))

    def _learn(self, logits, codes, weight):
        """Fit, and let a few answers show whether the method keeps its promise."""
        logits, codes, weight = rows_to_learn_from(logits, codes, weight)
        self._refuse_masks(logits)
        self._fit(logits, codes, weight)
        self._check_answers(logits[:8])
        return self

    def _check_answers(self, few):
        proba = np.asarray(self._proba(few))
        source = f"{type(self).__name__}._proba"
        if proba.shape != few.shape:
            raise ValueError(f"{source} returned shape {proba.shape}, not {few.shape}.")
        check_proba(proba, source)

    def _refuse_masks(self, logits):
        if not self.takes_masks and find_masked_entries(logits) is not None:
            refuse_masks(type(self).__name__)

    def _order_by_classes(self, logits, X):
        """Return the logits that `fit` was given in sorted order of the labels."""
        columns = self._columns_of_labels(X)
        if columns is None:
            return logits
        if hasattr(self, "feature_names_in_"):  # as predict_proba will order them
            self.feature_names_in_ = self.feature_names_in_[columns]
        return logits[:, columns]

    def _columns_of_labels(self, X):
        """Return the column of each class in a frame whose columns are named by them."""
        return self._columns_of_labels_by_name(column_names(X))

    def _check_logits(self, X, *, reset):
        refuse_masked_array(X, "X")
        columns = None if reset else self._columns_of_labels(X)
        if columns is not None:
            X = take_columns(X, columns)
            X = X if hasattr(self, "feature_names_in_") else np.asarray(X)
        given, X = X, to_numpy(X)
        if getattr(X, "dtype", None) == np.float16:
            X = float_array(X, "X")
        if np.asarray(X).ndim == 1:
            raise ValueError(
                "Expected 2D array, got 1D array instead: X holds logits, a column for each "
                "class. Reshape your data with X.reshape(-1, 1) if they are binary decision "
                "values."
            )
        choices = {"dtype": [np.float64, np.float32], "ensure_all_finite": False}
        if is_table(given):  # its names
            validate_data(self, given, reset=reset, skip_check_array=True)
            X = check_array(X, **choices, input_name="X", estimator=self)
        else:
            X = validate_data(self, X, **choices, reset=reset)
        X = check_logits(X, "X")
        self._refuse_masks(X)
        if X.shape[1] > 1:
            return X
        half = X / 2  # of a subnormal number rounded; the difference is X all the same
        return np.hstack([-half, X - half])
