"""What users give: rows of whatever X is, in blocks; labels, weights; logits and back."""

from skcalib.backends import device_namespace, to_numpy
from skcalib.inputs._blocks import cut_long_array, row_blocks, run_in_threads
from skcalib.inputs._costs import (
    base_rates_by_class,
    check_cost_matrix,
    check_costs,
    numbers_by_class,
)
from skcalib.inputs._device import (
    DeviceRows,
    DeviceWeight,
    entry_of_each,
    to_host,
)
from skcalib.inputs._device_door import (
    check_rows_of_logits,
    extremes,
    find_labels,
    learn_labels,
    read_rows,
    stays_on_device,
    worst_sum,
)
from skcalib.inputs._lazy import is_lazy, map_rows_lazily, read_lazily, whole_array
from skcalib.inputs._logits import (
    ROUNDING,
    SMALLEST_FLOOR,
    SUM_TOLERANCE,
    check_finite,
    check_logits,
    check_proba,
    exponentials,
    find_masked_entries,
    find_wrong_sums,
    float_array,
    floor_of,
    log_of_floored,
    logits_from_proba,
    looks_like_proba,
    probability_floor,
    sigmoid,
    softmax,
)
from skcalib.inputs._rows import (
    check_feature_names,
    count_rows,
    is_dict_of_arrays,
    learn_feature_names,
    refuse_masked_array,
    refuse_streams,
    take_rows,
)
from skcalib.inputs._saved_arrays import open_saved_arrays, read_saved_array
from skcalib.inputs._score_table import ScoreTable
from skcalib.inputs._targets import (
    check_labels,
    check_some_labels,
    check_weight,
    column_names,
    columns_among,
    columns_by_name,
    columns_of_classes,
    take_columns,
)
