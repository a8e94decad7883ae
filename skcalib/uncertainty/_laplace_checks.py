"""Parameters of LaplaceClassifier."""

from sklearn.utils._param_validation import InvalidParameterError

from skcalib.messages import check_choice, check_count, is_number
from skcalib.sampling import STRUCTURES

CHOICES = ("held_out", "marginal_likelihood")


def check_parameters(classifier):
    """Raise InvalidParameterError if a parameter of LaplaceClassifier is unusable."""
    check_choice("structure", classifier.structure, sorted(STRUCTURES))
    check_choice("predictive", classifier.predictive, ["sampled", "probit"])
    check_count("n_draws", classifier.n_draws)
    if classifier.n_draws < 4 or classifier.n_draws & (classifier.n_draws - 1):
        raise InvalidParameterError(
            f"n_draws must be a power of two of at least 4, got {classifier.n_draws!r}."
        )
    precision = classifier.prior_precision
    known = isinstance(precision, str) and precision in CHOICES
    if not known and not (is_number(precision) and precision > 0):
        raise InvalidParameterError(
            "prior_precision must be 'held_out', 'marginal_likelihood' or a positive "
            f"number, got {precision!r}."
        )
