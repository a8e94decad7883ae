"""What draws cost, forecast from counts of multiplications and of values written."""

from math import ceil

# In multiplications of a large product, measured on one core (75 thousand million a second).
WRITTEN = 40  # to write a value, in a pass of the network
WRITTEN_BY_DRAW = 80  # the same in draws, which do not stay in the cache
ANSWER = 500  # to turn an output into an answer, in a pass
ANSWER_OF_DRAW = 1500  # the same in draws: softmax, copies, means
MASK = 600  # to draw a random number


def forecast_ratio(room, batch):
    """Return what draws cost, in passes of the plain network through batches of so many rows.

    Parameters
    ----------
    room : Room
    batch : int
        Rows in a batch.

    Returns
    -------
    ratio : float
    """
    cost = room.cost
    n_rows = room.rows_at_once(max(1, min(batch, room.rows_in_block())))
    n_chunks = ceil(room.n_draws / room.draws_at_once(n_rows)) if room.path == "vmap" else 1
    n_draws = room.n_draws * room.n_levels
    before = cost.before + WRITTEN * cost.written
    plain = before + cost.after + WRITTEN * cost.written_after
    plain += sum(p.places * p.features * p.units for p in cost.products)
    plain += cost.call / batch + ANSWER * cost.outputs
    by_draw = WRITTEN if room.path in ("whole", "loop") else WRITTEN_BY_DRAW
    draw = cost.work_of_draw(n_rows) + by_draw * cost.written_by_draw(n_rows)
    draw += ANSWER_OF_DRAW * cost.outputs + (0 if room.shared else MASK * room.masks)
    if room.path == "loop":
        draw += cost.call / n_rows
    called = cost.call / n_rows * room.n_levels * n_chunks
    return (before * n_chunks * room.n_levels + called + n_draws * draw) / plain
