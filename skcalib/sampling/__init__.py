"""Drawing the random part of a network, and what an array of draws says."""

from skcalib.sampling._answers import gather_draws, summarize_blocks
from skcalib.sampling._beforehand import refuse_beforehand
from skcalib.sampling._draws import Draws
from skcalib.sampling._forecast import forecast_ratio
from skcalib.sampling._gaussian_logits import N_POINTS, count_multiplications, normal_points
from skcalib.sampling._last_layer_posterior import (
    STRUCTURES,
    count_logits,
    draw_proba,
    log_evidence,
    mean_proba,
    predict_mean,
    proba_of_reduced,
    reduce_logits,
)
from skcalib.sampling._measures import (
    expected_entropy,
    mutual_information,
    predictive_entropy,
    summarize_draws,
    variation_ratio,
)
from skcalib.sampling._moved_draws import move_draws
from skcalib.sampling._passes import Passes
from skcalib.sampling._regression_sources import find_regression_source
from skcalib.sampling._sources import (
    find_source,
    keep_network_seeds,
    refuse_other_answers,
    refuse_rows_together,
)
from skcalib.sampling._summary import (
    check_interval,
    check_measures,
    join_blocks,
    quantiles,
    stack_levels,
    standard_deviation,
    summary,
)

__all__ = [
    "Draws",
    "expected_entropy",
    "mutual_information",
    "predictive_entropy",
    "summarize_draws",
    "variation_ratio",
]
