"""The leaves of a forest: their coordinates, and the probabilities in them."""

import numpy as np
from scipy.sparse import csr_array
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

FORESTS = (RandomForestClassifier, ExtraTreesClassifier)
N_COORDINATES = 64
SHORTEST = 1e-3  # of rows, which are about as long as the root of the number of trees


class LeafCoordinates:
    """Coordinates of rows by the leaves that they reach, in the space that most rows span.

    These are the direction of a row's 0s and 1s for all leaves, projected to that space, and
    the logarithm of its length: short where leaves come together that never did in `fit`.
    """

    def __init__(self, forest):
        self.forest = forest
        counts = [tree.tree_.node_count for tree in forest.estimators_]
        self.starts_ = np.r_[0, np.cumsum(counts)]  # of each tree's nodes among all

    def fit(self, X):
        """Learn the coordinates of the leaves that these rows reach."""
        nodes = self._find_nodes(self.forest.apply(X))
        reached, columns = np.unique(nodes, return_inverse=True)
        one_hot = self._to_one_hot(columns.reshape(nodes.shape), len(reached))
        n_coordinates = min(N_COORDINATES, *(size - 1 for size in one_hot.shape))
        svd = TruncatedSVD(max(1, n_coordinates), random_state=0).fit(one_hot)
        self.column_of_node_ = np.full(self.starts_[-1], len(reached))
        self.column_of_node_[reached] = np.arange(len(reached))
        zero = np.zeros((1, len(svd.components_)))
        self.table_ = np.vstack([svd.components_.T, zero])
        return self

    def read(self, X):
        """Return the coordinates of rows."""
        return self._read(self.forest.apply(X))

    def has_own_pass(self):
        """Tell whether the forest predicts as scikit-learn wrote it."""
        return type(self.forest).predict_proba is RandomForestClassifier.predict_proba

    def answer(self, X):
        """Return the forest's probabilities and the coordinates, from one search for leaves."""
        leaves = self.forest.apply(X)
        forest = self.forest
        proba = np.zeros((len(leaves), forest.n_classes_))
        for tree, own in zip(forest.estimators_, leaves.T, strict=True):
            proba += tree.tree_.value[own, 0, : forest.n_classes_]
        proba /= len(forest.estimators_)
        return proba, self._read(leaves)

    def _read(self, leaves):
        columns = self.column_of_node_[self._find_nodes(leaves)]
        rows = self._to_one_hot(columns, len(self.table_)) @ self.table_
        # How far leaves go together as those of known rows do tells more than where they are.
        length = np.maximum(np.linalg.norm(rows, axis=1), SHORTEST)[:, None]
        return np.hstack([rows / length, np.log(length)])

    def _find_nodes(self, leaves):
        return leaves + self.starts_[:-1]

    def _to_one_hot(self, columns, n_columns):
        n_rows, n_trees = columns.shape
        ends = np.arange(n_rows + 1) * n_trees
        ones = np.ones(columns.size)
        return csr_array((ones, columns.ravel(), ends), shape=(n_rows, n_columns))
