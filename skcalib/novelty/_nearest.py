"""The distance to the nearest rows that are known."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

N_NEIGHBORS = 5


class NearestDistance:
    """Minus the mean distance to the five nearest of the rows that were given to `fit`."""

    def fit(self, features, codes, weight):
        """Keep the rows of positive weight."""
        known = features[weight > 0]
        self.neighbors_ = NearestNeighbors(n_neighbors=min(N_NEIGHBORS, len(known))).fit(known)
        return self

    def score_samples(self, features):
        """Return minus the mean distance of each row."""
        distances, _ = self.neighbors_.kneighbors(features)
        return -np.mean(distances, axis=1)
