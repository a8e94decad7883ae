"""Binary maps where rows come in blocks: tables of distinct log-odds, which merge."""

import numpy as np

from skcalib.calibrators._lifting import blurred_problems
from skcalib.calibrators._log_odds import merge_near_ties
from skcalib.inputs import ScoreTable
from skcalib.messages import warn

MOST_LINES = 2**21  # in all tables together
FEWEST_LINES = 2**10  # in each


def problems_by_looks(rows, multiclass):
    """Yield (z, target, weight) of each map, as `binary_problems` does for rows at hand.

    Rows that agree in their log-odds and in whether they are of the class are one.
    """
    ones = multiclass == "ovr" or rows.n_classes == 2
    n_maps = rows.n_classes if ones else rows.n_classes * (rows.n_classes - 1) // 2
    limit = max(MOST_LINES // (1 if rows.n_classes == 2 else n_maps), FEWEST_LINES)
    tables = rows.look(make_tables, multiclass, limit)
    lines = [table.lines() for table in tables]
    fewest = min(tables, key=lambda table: table.digits)
    if fewest.is_cut:
        warn(
            f"There are more than {limit:,} distinct log-odds, so those were taken for equal "
            f"that agree in their first {fewest.digits + 1} binary digits: they are off by "
            f"{2.0 ** -(fewest.digits + 1):.1g} of themselves at most.",
            UserWarning,
        )
    for table, (z, hits, misses, precision) in zip(tables, lines, strict=True):
        if len(z):
            z = z if table.is_cut else merge_near_ties(z, precision)
        hit, miss = hits > 0, misses > 0
        target = np.repeat([True, False], [hit.sum(), miss.sum()])
        yield np.append(z[hit], z[miss]), target, np.append(hits[hit], misses[miss])


def make_tables(logits, codes, weight, multiclass, limit):
    """Return the table of each map, of one block."""
    problems = blurred_problems(logits, codes, weight, multiclass)
    return [
        ScoreTable(limit).add(z, target, of_rows, blur) for z, target, of_rows, blur in problems
    ]
