"""Products with many masks at once, for fewer multiplications than one product for each."""

import tensorflow as tf


def pays():
    """Tell whether `product_of_masked` is faster here than a product for each mask."""
    return not tf.config.list_logical_devices("GPU")  # many small products: for processors


def product_of_masked(rows, kernel, kept, size):
    """Return (rows * kept[t]) @ kernel for each mask t, in any number, as (n_masks, n, units).

    The method of four Russians: for `size` masks at a time, features fall into 2**size
    groups by which of these masks keep them. One product over all features, a group at a
    time, gives the parts of which each masked product is a sum.

    V. Arlazarov, E. Dinic, M. Kronrod, I. Faradzev. On economical construction of the
    transitive closure of a directed graph. Soviet Mathematics Doklady 11, 1970.

    Parameters
    ----------
    rows : tensor of shape (n, features)
    kernel : tensor of shape (features, units)
    kept : boolean tensor of shape (n_masks, features)
    size : int
    """
    features, units = kernel.shape
    n_masks, n_groups = tf.shape(kept)[0], 2**size
    n_passes = -(-n_masks // size)
    kept = tf.pad(kept, [[0, n_passes * size - n_masks], [0, 0]])
    kept = tf.reshape(tf.cast(kept, tf.int32), (-1, size, features))
    group_of = tf.reduce_sum(kept * 2 ** tf.range(size)[:, None], axis=1)
    in_group = tf.range(n_groups) // 2 ** tf.range(size)[:, None] % 2  # (size, n_groups)
    columns = tf.transpose(rows)  # so that a feature's values lie together

    def one_pass(group_of):
        order = tf.argsort(group_of)
        stops = tf.cumsum(tf.math.bincount(group_of, minlength=n_groups, maxlength=n_groups))

        def part(bounds):
            chosen = order[bounds[0] : bounds[1]]
            some_columns, some_kernel = tf.gather(columns, chosen), tf.gather(kernel, chosen)
            return tf.matmul(some_columns, some_kernel, transpose_a=True)

        starts = tf.concat([[0], stops[:-1]], 0)
        parts = _map(part, (starts, stops), (None, units), rows.dtype)
        sums = tf.matmul(tf.cast(in_group, rows.dtype), tf.reshape(parts, (n_groups, -1)))
        return tf.reshape(sums, (size, -1, units))

    out = _map(one_pass, group_of, (size, None, units), rows.dtype)
    return tf.reshape(out, (n_passes * size, -1, units))[:n_masks]


def _map(function, values, shape, dtype):
    """Apply a function to each value, one after the other: results are held, not copies."""
    spec = tf.TensorSpec(shape, dtype)
    return tf.map_fn(function, values, fn_output_signature=spec, parallel_iterations=1)
