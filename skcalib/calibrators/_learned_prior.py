"""How maps of classifiers' log-odds are distributed, as numbers.

Learned by ``tests/benchmarks/learn_prior.py`` from 170 classifiers on 17 real data sets with
two classes, those of the benchmark's half for development. The last two components are not
learned: a wide one, and one at the identity. Parameters are u, c, e, g of `_posterior`.
"""

import numpy as np

WEIGHTS = np.array([0.4704, 0.2261, 0.1035, 0.1, 0.1])
MEANS = np.array(
    [
        [-0.1232, 0.0, 0.0, -0.1307],
        [-0.1875, 0.0, 0.0, 0.09],
        [-0.8686, 0.0, 0.0, -1.0208],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
)
COVARIANCES = np.array(
    [
        [
            [0.2505, 0.0, 0.0, -0.1963],
            [0.0, 0.1053, -0.1105, 0.0],
            [0.0, -0.1105, 0.3425, 0.0],
            [-0.1963, 0.0, 0.0, 0.4611],
        ],
        [
            [1.6162, 0.0, 0.0, -0.1788],
            [0.0, 1.4961, -0.2466, 0.0],
            [0.0, -0.2466, 0.9106, 0.0],
            [-0.1788, 0.0, 0.0, 0.1838],
        ],
        [
            [1.9498, 0.0, 0.0, 0.5318],
            [0.0, 14.7793, -2.4283, 0.0],
            [0.0, -2.4283, 1.9381, 0.0],
            [0.5318, 0.0, 0.0, 1.4202],
        ],
        [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 6.25, 0.0, 0.0],
            [0.0, 0.0, 0.49, 0.0],
            [0.0, 0.0, 0.0, 0.49],
        ],
        [
            [0.0049, 0.0, 0.0, 0.0],
            [0.0, 0.0049, 0.0, 0.0],
            [0.0, 0.0, 0.0049, 0.0],
            [0.0, 0.0, 0.0, 0.0049],
        ],
    ]
)
