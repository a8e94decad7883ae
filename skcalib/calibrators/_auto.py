"""A pool of the best calibrators, or the input unchanged."""

from functools import partial

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skcalib.calibrators._affine import CLOSELY
from skcalib.calibrators._auto_argmax import keep_argmax
from skcalib.calibrators._auto_candidates import (
    Parts,
    candidates_for,
    names_of,
    pool_proba,
    weights_by_family,
)
from skcalib.calibrators._auto_held_out import (
    MANY,
    deal_rows,
    hold_out_candidates,
    is_expensive,
)
from skcalib.calibrators._auto_large import (
    find_factors,
    find_shift,
    multiply_classes,
    shift_odds,
)
from skcalib.calibrators._auto_pool import (
    evidence,
    exponential_weights,
    leave_out_light,
    pool_weights,
)
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._masks import refuse_masks
from skcalib.calibrators._mixture import mix
from skcalib.inputs import find_masked_entries, row_blocks
from skcalib.messages import check_flag, is_number

FEWEST = 10  # samples; with less, nothing is chosen
THRIFTY = 1e-6  # nats that may be left of a long fit
PRIOR_COUNT = 3000  # divided by the samples: how much more the learned prior is trusted


class AutoCalibration(Calibrator):
    r"""A pool of the best calibrators, or the input unchanged.

    .. math:: p = \sum_j w_j\, p_j

    where the :math:`p_j` are the input's own probabilities and those of several calibrators.
    The weights w follow from the log likelihoods of rows that the calibrators were not fitted
    on (cross-validation): :math:`w_j \propto \pi_j \exp(0.3\, \ell_j)`; with more than
    two classes and a thousand samples they maximise the pool's likelihood. If the held-out
    labels are not likelier under the pool than under the input, the input is returned
    unchanged. With two classes, the pool is right in the large: over the calibration samples,
    what it says sums to what happens, to one sample in all and a twentieth of the rarer
    class. With more, no class is more than two standard errors from that.

    **When to use it.** When you do not know which calibrator to use, and must not make things
    worse: it was better than any single one in most of our experiments, and rarely worse than
    no calibration. **When not.** If the map must be a formula, use that one method. It costs
    up to twenty fits of :class:`StructuredMatrixScaling`, fewer where these are long. The
    likeliest class may change: see `keep_argmax`.

    Parameters
    ----------
    caution : float, default=1.0
        At least 0: how many times likelier the labels must be under the pool than under the
        input, for the pool to be taken. 0: it is always taken, if there are ten samples.
        See Notes for what counts as evidence.

    keep_argmax : bool, default=False
        Whether the class that was likeliest stays so: in rows where it would not, as much
        of the tempered input is mixed in as that takes. Sums over the calibration samples
        may then be off.

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
        "temperature" (with the uniform mixture), "svs", "sms", "sigmoid", "quadratic", "beta",
        "venn-abers", "hierarchical", and "spline" from a thousand samples on; with up to 300
        classes "identity", "temperature", "svs" (below 200,000 logits), "sms", and "sms(0.1)"
        and "sms(0.01)", of lighter penalties; with more, or if classes are masked, "svs(0.1)"
        and so on in place of all matrices.

    weights_ : ndarray of shape (n_candidates,)
        What is used: the weights w; 1 for the input and 0 for all others if it is gated.

    gated_ : bool
        Whether the input is returned unchanged.

    gain_ : float
        The evidence for the pool in nats: the log of how many times likelier the labels are
        under it. NaN if there are fewer than ten samples.

    required_gain_ : float
        What it would have had to be at least: the logarithm of `caution`.

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
    HierarchicalCalibration : The best single method for two classes and few rows.

    Notes
    -----
    There are three folds with a thousand samples or more; with fewer, five, three times over.
    Below ten samples, the input is returned unchanged. Weights are frequencies here, too:
    a row of weight two is dealt to two folds, as its repetition would be. More than 20,000 rows
    of two classes are pooled in about 4,000 bins of their log-odds after they are dealt.

    Evidence is the sum over samples of the gain in log loss, each predicted by candidates
    and weights from other folds (the mean over repetitions); with two classes, plus the log
    Bayes factor of :class:`HierarchicalCalibration` against the input. :math:`\pi_j` is 1, and
    for that calibrator 3000 / n if that is more. Weights below 0.001 are left out.

    "Unchanged" is the softmax of the logits. In :class:`~skcalib.CalibratedClassifierCV`
    around a classifier that answers with probabilities it is these, with 1e-12 in place of
    zeros; but if w > 0 of m zeros among the calibration samples were those of the true class,
    zeros are lifted by the rule of succession, to (w + 1/2) / (m + 1), and no more than the
    floor (:func:`~skcalib.probability_floor`). That is what the pool was compared with.

    Where some row masks a class, matrices are not among the candidates; a pool with matrices,
    chosen without masks, refuses rows with masks. The pool is stacking by the log loss (Smyth
    and Wolpert; Yao et al.), or with exponential weights (Dalalyan and Tsybakov); candidates
    and constants were chosen on half of many real data sets: see the guide.

    References
    ----------
    P. Smyth, D. Wolpert. Linearly Combining Density Estimators via Stacking. Machine
    Learning 36, 1999. doi:10.1023/A:1007511322260

    A. Dalalyan, A. B. Tsybakov. Aggregation by exponential weighting, sharp PAC-Bayesian
    bounds and sparsity. Machine Learning 72, 2008. doi:10.1007/s10994-008-5051-0

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
            The same, save that rows sum to one and for zeros (see Notes); with `lift_zeros`,
            mixed with the uniform distribution.
        """
        if not self.gated_:
            return None
        return self._lift(self._families[0].lift(proba, floor), proba)

    def describe(self):
        """Describe in one line what was chosen, and why.

        Returns
        -------
        text : str
            What is returned, with the log loss on held-out rows before and after.
        """
        check_is_fitted(self)
        if np.isnan(self.gain_):
            return (
                f"Input unchanged: fewer than {FEWEST} samples ({self._n_samples:.4g}) "
                "say nothing."
            )
        found = (
            f"held-out log loss {self.oof_log_loss_[0]:.4g} before, "
            f"{self.pool_oof_log_loss_:.4g} pooled; evidence of {self.gain_:.3g} nats, "
            f"{self.required_gain_:.3g} required"
        )
        if self.gated_:
            return f"Input unchanged ({found})."
        order = np.argsort(-self.weights_, kind="stable")
        named = (
            f"{self.candidates_[j]} {100 * self.weights_[j]:.0f} %"
            for j in order
            if self.weights_[j] >= 0.005
        )
        return f"Pool of {', '.join(named)} ({found})."

    def parts(self):
        """Return what `predict_proba` is made of.

        Returns
        -------
        parts : Parts
        """
        of_pool = self._families, self.weights_, self._shift, self._factors
        return Parts(*of_pool, self._uniform_share, self._masked)

    def _fit(self, logits, codes, weight):
        self._n_samples = float(weight.sum())
        self._uniform_share = 1 / (self._n_samples + 1) if self.lift_zeros else 0.0
        self._masked = find_masked_entries(logits) is not None
        self._thrifty = is_expensive(logits)
        self._families = self._new_families(logits.shape[1])
        self.candidates_ = names_of(self._families)
        self.required_gain_ = np.log(self.caution) if self.caution > 0 else -np.inf
        rng = check_random_state(self.random_state)
        rows, plan = deal_rows(logits, codes, weight, rng)
        self._weigh(*rows, plan)
        if self.gated_:
            self.weights_ = np.eye(len(self.candidates_))[0]
        used = [family for family, _ in weights_by_family(self._families, self.weights_)]
        if self.keep_argmax and not self.gated_ and self._families[1] not in used:
            used.append(self._families[1])
        for family in used:
            if not family.is_fitted:
                family.fit(*rows, tolerance=THRIFTY if self._thrifty else CLOSELY)
        self._shift, self._factors = 0.0, np.ones(logits.shape[1])
        if not self.gated_:
            proba = pool_proba(self._families, self.weights_, logits)
            if logits.shape[1] == 2:
                self._shift = find_shift(proba, codes, weight)
            else:
                self._factors = find_factors(proba, codes, weight)

    def _new_families(self, n_classes):
        rows = {"many": self._n_samples >= MANY, "thrifty": self._thrifty}
        return candidates_for(n_classes, self._masked, self._floor, **rows)

    def _weigh(self, logits, codes, weight, plan):
        """Cross-validate; set the weights, the evidence for them, and whether it is enough."""
        if self._n_samples < FEWEST:
            self.gain_ = self.pool_oof_log_loss_ = np.nan
            self.oof_log_loss_ = np.full(len(self.candidates_), np.nan)
            self.gated_ = True
            return
        families = self._families if self._thrifty else self._new_families(logits.shape[1])
        progress = {"n_jobs": self.n_jobs, "verbose": self.verbose}
        truth = hold_out_candidates(families, logits, codes, weight, plan, **progress)
        piece, rows = np.nonzero(plan.shares)
        entry_weight = plan.shares[piece, rows]
        pieces = np.column_stack([plan.repetitions[piece], piece])
        prior = np.ones(truth.shape[1])
        if logits.shape[1] == 2:
            prior[-1] = max(1.0, PRIOR_COUNT / self._n_samples)
        find_weights = partial(exponential_weights, prior=prior)
        if logits.shape[1] > 2 and self._n_samples >= MANY:
            find_weights = pool_weights
        found = evidence(truth, entry_weight, pieces, plan.n_repeats, find_weights)
        self.weights_ = leave_out_light(found.weights)
        self.pool_oof_log_loss_, self.gain_ = found.log_loss, found.gain
        if logits.shape[1] == 2:
            learned = self._families[-1].fit(logits, codes, weight, tolerance=CLOSELY)
            self.gain_ += float(learned.calibrator.log_bayes_factors_[0])
        self.oof_log_loss_ = -(entry_weight @ np.log(truth)) / entry_weight.sum()
        self.gated_ = bool(self.gain_ < self.required_gain_)

    def _proba(self, logits):
        if self.gated_:
            return self._lift(next(self._families[0].probas(logits)), logits)
        if not self._masked and logits.shape[1] > 2 and find_masked_entries(logits) is not None:
            refuse_masks("AutoCalibration, fitted to rows without masks,")
        proba = pool_proba(self._families, self.weights_, logits)
        if logits.shape[1] == 2:
            proba = shift_odds(proba, self._shift)
        else:
            proba = multiply_classes(proba, self._factors)
        if self.keep_argmax:
            for block in row_blocks(*logits.shape):
                tempered = next(iter(self._families[1].probas(logits[block])))
                proba[block] = keep_argmax(proba[block], logits[block], tempered)
        return proba

    def _lift(self, proba, logits):
        return mix(proba, self._uniform_share, logits) if self.lift_zeros else proba
