"""What users are told: values in messages, parameters that are refused, warnings, progress."""

from skcalib.messages._parameters import (
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    is_count,
    is_number,
    is_word,
)
from skcalib.messages._progress import iterate_parallel, run_parallel, show_progress
from skcalib.messages._quotes import (
    name_in_legend,
    name_in_picture,
    quote,
    quote_labels,
    shorten,
)
from skcalib.messages._warnings import call_at_line, find_users_line, warn
