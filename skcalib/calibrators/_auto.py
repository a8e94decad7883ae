"""A pool of the best calibrators, or the input unchanged."""

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skcalib._blocks import row_blocks
from skcalib._logits import find_masked_entries, softmax
from skcalib._parameters import check_flag, is_number
from skcalib._progress import run_parallel
from skcalib._warnings import call_at_line, find_users_line
from skcalib.calibrators._auto_candidates import (
    candidates_for,
    fit_without_fold,
    names_of,
    pool_proba,
)
from skcalib.calibrators._auto_folds import assign_to_folds, merge_rows
from skcalib.calibrators._auto_pool import evidence
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._masks import refuse_masks
from skcalib.calibrators._mixture import mix

ALMOST_ZERO = 1e-12  # in place of zeros, so that no mistake costs an infinite log loss
FEWEST = 10  # samples; with less, nothing is chosen
MANY = 1000  # samples, for which three folds, once, are enough
FEW_PLAN, MANY_PLAN = (5, 3), (3, 1)  # folds, repetitions
# By how many standard errors the pool must gain, for two classes and for more.
CAUTION_BINARY, CAUTION_MULTICLASS = 0.75, 0.5


class AutoCalibration(Calibrator):
    r"""A pool of the best calibrators, or the input unchanged.

    .. math:: p = \sum_j w_j\, p_j

    where the :math:`p_j` are the input's own probabilities and those of several calibrators.
    The weights w maximise the log likelihood of rows that the calibrators were not fitted on
    (cross-validation), each candidate being given a few samples in advance. If that pool does
    not beat the input on held-out rows by enough standard errors, the evidence is too weak:
    the input is returned unchanged.

    **When to use it.** When you do not know which calibrator to use, and must not make things
    worse: it was better than any single one in most of our experiments, and rarely worse than
    no calibration. **When not.** If the map must be a formula, use that one method. It costs
    up to twenty fits of :class:`StructuredMatrixScaling`, fewer where these are long. The
    likeliest class may change: see `keep_argmax`.

    Parameters
    ----------
    caution : float, default=1.0
        At least 0. Multiplies the number of standard errors by which the pool must gain: 0.75
        with two classes, 0.5 with more. 0: the pool is always taken, if there are ten samples.

    keep_argmax : bool, default=False
        Whether the class that was likeliest stays so: in rows where it would not, as much
        of the tempered input is mixed in as that takes.

    lift_zeros : bool, default=False
        If True, an input that is returned unchanged is mixed with :math:`1 / (n + 1)` of the
        uniform distribution: safer if the classifier is never to be wholly sure.

    random_state : int, RandomState instance or None, default=0
        Deals the rows to folds. With an integer, the same data give the same answer.

    n_jobs : int or None, default=None
        Folds that are fitted at the same time; -1 for as many as there are processors.

    verbose : bool, default=False
        Whether to show on standard error how many folds are done.

    Attributes
    ----------
    candidates_ : tuple of str
        The names of the candidates, the input first: with two classes "identity",
        "temperature" (with the uniform mixture), "svs", "sms", "quadratic", "beta",
        "venn-abers"; with up to 300 classes "sms(0.1)" and "sms(0.01)", of lighter
        penalties, in place of the last three; with more, "svs(0.1)" and "svs(0.01)" in place
        of all matrices.

    weights_ : ndarray of shape (n_candidates,)
        What is used: the weights w; 1 for the input and 0 for all others if it is gated.

    gated_ : bool
        Whether the input is returned unchanged.

    gain_t_ : float
        The mean gain in log loss of the pool over the input on held-out rows, in standard
        errors. NaN if there are fewer than ten samples.

    required_t_ : float
        What it would have had to be at least.

    oof_log_loss_ : ndarray of shape (n_candidates,)
        Mean log loss of each candidate on rows that it was not fitted on.

    pool_oof_log_loss_ : float
        That of the pool, the weights also being those of other rows.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If a parameter is unusable (raised by `fit`).

    See Also
    --------
    StructuredMatrixScaling : The best single method for many classes.
    QuadraticScaling : Among the best for two classes.

    Notes
    -----
    There are three folds with a thousand samples or more; with fewer, five, three times over.
    Below ten samples, the input is returned unchanged. Weights are frequencies here, too:
    a row of weight two is dealt to two folds, as its repetition would be.

    "Unchanged" is the softmax of the logits. In
    :class:`~skcalib.CalibratedClassifierCV` around a classifier that answers with
    probabilities it is these probabilities themselves, before some were raised to the floor
    (:func:`~skcalib.probability_floor`), with 1e-12 in place of zeros.

    Where some row masks a class, matrices are not among the candidates; a pool with matrices,
    chosen without masks, refuses rows with masks.

    The pool is stacking by the log loss (Smyth and Wolpert; Yao et al.); the candidates, the
    counts in advance and the gate were chosen on real data sets, of which half were kept for
    a final look: see the guide.

    References
    ----------
    P. Smyth, D. Wolpert. Linearly Combining Density Estimators via Stacking. Machine
    Learning 36, 1999. doi:10.1023/A:1007511322260

    Y. Yao, A. Vehtari, D. Simpson, A. Gelman. Using Stacking to Average Bayesian Predictive
    Distributions. Bayesian Analysis 13, 2018. doi:10.1214/17-BA1091

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import AutoCalibration
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 500)
    >>> decision = (rng.normal(size=500) + y)[:, None] * 3  # too sure, and biased
    >>> calibrator = AutoCalibration().fit(decision, y)
    >>> calibrator.gated_
    False
    >>> AutoCalibration().fit(decision[:8], y[:8]).describe()
    'Input unchanged: fewer than 10 samples (8) say nothing.'
    """

    short_name = "auto"
    takes_masks = True
    joins_folds = True

    def __init__(
        self,
        *,
        caution=1.0,
        keep_argmax=False,
        lift_zeros=False,
        random_state=0,
        n_jobs=None,
        verbose=False,
    ):
        self.caution = caution
        self.keep_argmax = keep_argmax
        self.lift_zeros = lift_zeros
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def check_params(self):
        """Raise ValueError if a parameter is unusable."""
        if not (is_number(self.caution) and self.caution >= 0):
            raise ValueError(f"caution must be a number of at least 0, got {self.caution!r}.")
        check_flag("keep_argmax", self.keep_argmax)
        check_flag("lift_zeros", self.lift_zeros)

    def unchanged_proba(self, proba, floor):
        """Return a classifier's own probabilities if the input is gated, else None.

        Parameters
        ----------
        proba : ndarray of shape (n_samples, n_classes)
            What the classifier answered, before any probability was raised to the floor.

        floor : float
            That of the calibration rows (:func:`~skcalib.probability_floor`).

        Returns
        -------
        unchanged : ndarray of shape (n_samples, n_classes) or None
            The same, save that rows sum to one and zeros become 1e-12, shared by all of a
            row's that are below the floor, or the floor if that is less; with `lift_zeros`,
            mixed with the uniform distribution.
        """
        if not self.gated_:
            return None
        below = proba < floor
        # No more than the floor: a zero must not overtake what is merely small.
        least = np.minimum(ALMOST_ZERO / np.maximum(below.sum(axis=1, keepdims=True), 1), floor)
        unchanged = np.where(below, np.maximum(proba, least), proba)
        unchanged /= unchanged.sum(axis=1, keepdims=True, dtype=np.float64)
        return self._lift(unchanged.astype(proba.dtype, copy=False), proba)

    def describe(self):
        """Describe in one line what was chosen, and why.

        Returns
        -------
        text : str
            What is returned, with the log loss on held-out rows before and after.
        """
        check_is_fitted(self)
        if np.isnan(self.gain_t_):
            return (
                f"Input unchanged: fewer than {FEWEST} samples ({self._n_samples:.4g}) "
                "say nothing."
            )
        found = (
            f"held-out log loss {self.oof_log_loss_[0]:.4g} before, "
            f"{self.pool_oof_log_loss_:.4g} pooled: a gain of {self.gain_t_:.3g} standard "
            f"errors, {self.required_t_:.3g} required"
        )
        if self.gated_:
            return f"Input unchanged ({found})."
        order = np.argsort(-self.weights_, kind="stable")
        named = (f"{self.candidates_[j]} {100 * self.weights_[j]:.0f} %" for j in order)
        return f"Pool of {', '.join(named)} ({found})."

    def _fit(self, logits, codes, weight):
        self._n_samples = float(weight.sum())
        self._uniform_share = 1 / (self._n_samples + 1) if self.lift_zeros else 0.0
        self._masked = find_masked_entries(logits) is not None
        self._families = candidates_for(logits.shape[1], self._masked)
        self.candidates_ = names_of(self._families)
        self.required_t_ = self._required_t(logits.shape[1])
        merged = merge_rows(logits, codes, weight)
        self._weigh(*merged)
        if self.gated_:
            self.weights_ = np.eye(len(self.candidates_))[0]
            return
        for family in self._families:
            family.fit(*merged, closely=True)

    def _required_t(self, n_classes):
        if self.caution == 0:
            return -np.inf
        return self.caution * (CAUTION_BINARY if n_classes == 2 else CAUTION_MULTICLASS)

    def _weigh(self, logits, codes, weight):
        """Cross-validate; set the weights, the evidence for them, and whether it is enough."""
        if self._n_samples < FEWEST:
            self.gain_t_ = self.pool_oof_log_loss_ = np.nan
            self.oof_log_loss_ = np.full(len(self.candidates_), np.nan)
            self.gated_ = True
            return
        n_folds, n_repeats = MANY_PLAN if self._n_samples >= MANY else FEW_PLAN
        rng = check_random_state(self.random_state)
        plans = [assign_to_folds(codes, weight, n_folds, rng) for _ in range(n_repeats)]
        shares = np.hstack(plans).T
        line = find_users_line()
        found = run_parallel(
            call_at_line,
            [
                (line, fit_without_fold, logits, codes, weight, share, self._masked)
                for share in shares
            ],
            n_jobs=self.n_jobs,
            name="auto calibration",
            unit="folds",
            verbose=self.verbose,
        )
        truth = np.vstack(found)
        piece, rows = np.nonzero(shares)
        entry_weight = shares[piece, rows]
        pieces = np.column_stack(np.divmod(piece, n_folds))
        found = evidence(truth, rows, entry_weight, pieces, n_repeats)
        self.weights_, self.pool_oof_log_loss_, self.gain_t_ = found
        self.oof_log_loss_ = -(entry_weight @ np.log(truth)) / entry_weight.sum()
        self.gated_ = bool(self.gain_t_ < self.required_t_)

    def _proba(self, logits):
        if self.gated_:
            return self._lift(softmax(logits), logits)
        if not self._masked and logits.shape[1] > 2 and find_masked_entries(logits) is not None:
            refuse_masks("AutoCalibration, fitted to rows without masks,")
        proba = pool_proba(self._families, self.weights_, logits)
        if self.keep_argmax:
            for block in row_blocks(*logits.shape):
                proba[block] = self._keep_argmax(proba[block], logits[block])
        return proba

    def _lift(self, proba, logits):
        return mix(proba, self._uniform_share, logits) if self.lift_zeros else proba

    def _keep_argmax(self, proba, logits):
        """Mix in as much of the tempered input as the input's likeliest class needs."""
        rows = np.arange(len(logits))
        top = logits.argmax(axis=1)
        tempered = next(iter(self._families[1].probas(logits)))
        behind = proba - proba[rows, top][:, None]
        ahead = tempered[rows, top][:, None] - tempered
        with np.errstate(invalid="ignore"):
            share = np.where(behind > 0, behind / (behind + ahead), 0).max(axis=1)
        changed = share > 0
        share = share[:, None]
        mixed = np.where(changed[:, None], (1 - share) * proba + share * tempered, proba)
        # What ties by that must not be parted by rounding, nor go to the first class.
        best = np.nextafter(mixed.max(axis=1), 2, dtype=proba.dtype)
        mixed = mixed.astype(proba.dtype, copy=False)
        mixed[changed, top[changed]] = best[changed]
        return mixed
