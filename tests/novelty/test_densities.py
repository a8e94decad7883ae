"""Densities against SciPy, scikit-learn and closed forms; degenerate features."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf

from skcalib.novelty._densities import DENSITIES, make_density
from skcalib.novelty._gaussian import GaussianDensity, MahalanobisDistance, shrunk_covariance


def rows(n=300, n_features=6, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_classes, n)
    mixing = rng.normal(size=(n_classes, n_features, n_features))
    features = np.einsum("ij,ijk->ik", rng.normal(size=(n, n_features)), mixing[codes])
    return features + 3 * rng.normal(size=(n_classes, n_features))[codes], codes


def test_the_covariance_is_that_of_ledoit_and_wolf():
    for n, n_features in [(20, 50), (300, 6), (40, 40)]:
        features, _ = rows(n, n_features)
        features = features - features.mean(0)
        expected, _ = ledoit_wolf(features, assume_centered=True)
        found = shrunk_covariance(features, np.ones(n))
        assert np.abs(found - expected).max() < 1e-10 * np.abs(expected).max()


def test_a_weight_is_so_many_rows():
    features, codes = rows()
    weight = np.random.default_rng(1).integers(1, 4, len(codes))
    repeated = np.repeat(np.arange(len(codes)), weight)
    for score in ("gaussian", "mahalanobis", "relative_mahalanobis"):
        a = make_density(score).fit(features, codes, weight.astype(float))
        b = make_density(score).fit(features[repeated], codes[repeated], np.ones(len(repeated)))
        assert np.allclose(a.score_samples(features), b.score_samples(features), rtol=1e-9)


def test_the_gaussian_score_is_the_log_density_of_the_mixture():
    features, codes = rows()
    density = GaussianDensity().fit(features, codes, np.ones(len(codes)))
    new, _ = rows(seed=5)
    total = 0
    means = np.stack([features[codes == code].mean(0) for code in range(3)])
    pooled = shrunk_covariance(features - means[codes], np.ones(len(codes)))
    for code, mean in enumerate(means):
        own = features[codes == code]
        covariance = 0.75 * shrunk_covariance(own - mean, np.ones(len(own))) + 0.25 * pooled
        level = np.trace(covariance) / len(covariance)
        covariance = covariance + 1e-6 * level * np.eye(len(covariance))
        law = multivariate_normal(mean, covariance)
        total = total + len(own) / len(features) * law.pdf(new)
    assert np.abs(density.score_samples(new) - np.log(total)).max() < 1e-9


def test_one_class_is_one_gaussian():
    features, _ = rows(n_classes=1)
    density = GaussianDensity().fit(features, np.zeros(300, int), np.ones(300))
    law = multivariate_normal(features.mean(0), ledoit_wolf(features)[0])
    new, _ = rows(seed=5, n_classes=1)
    assert np.abs(density.score_samples(new) / law.logpdf(new) - 1).max() < 1e-4


def test_a_rotation_and_a_scale_of_the_features_change_no_distance():
    features, codes = rows(2000)
    rng = np.random.default_rng(2)
    rotation, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    moved = 50 * features @ rotation + rng.normal(size=6)
    for relative in (False, True):
        a = MahalanobisDistance(relative=relative).fit(features, codes, np.ones(2000))
        b = MahalanobisDistance(relative=relative).fit(moved, codes, np.ones(2000))
        assert np.allclose(a.score_samples(features), b.score_samples(moved), rtol=1e-8)


def test_any_affine_map_leaves_distances_as_they_are_where_rows_are_many():
    features, codes = rows(200_000)
    rng = np.random.default_rng(3)
    moved = features @ (np.eye(6) + 0.3 * rng.normal(size=(6, 6))) + rng.normal(size=6)
    a = MahalanobisDistance().fit(features, codes, np.ones(len(codes)))
    b = MahalanobisDistance().fit(moved, codes, np.ones(len(codes)))
    assert np.allclose(a.score_samples(features), b.score_samples(moved), rtol=2e-3)


def test_many_features_share_one_covariance(monkeypatch):
    features, codes = rows()
    assert not GaussianDensity().fit(features, codes, np.ones(300)).pooled_.any()
    monkeypatch.setattr("skcalib.novelty._gaussian.MOST_NUMBERS", 100)
    assert GaussianDensity().fit(features, codes, np.ones(300)).pooled_.all()


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_degenerate_features(density, dtype):
    rng = np.random.default_rng(0)
    usual = rng.normal(size=(60, 4)).astype(dtype)
    cases = {
        "constant feature": np.c_[usual, np.ones(60, dtype)],
        "dead unit": np.c_[usual, np.zeros(60, dtype)],
        "twice the same": np.c_[usual, usual],
        "all the same": np.ones((60, 4), dtype),
        "more features than rows": rng.normal(size=(60, 200)).astype(dtype),
        "huge": usual * dtype(1e15),
        "tiny": usual * dtype(1e-15),
        "far from zero": usual + dtype(1e4),
    }
    if density == "relative_mahalanobis":
        del cases["all the same"]  # both distances grow alike
    for name, features in cases.items():
        codes = np.r_[0, 1, 1, np.full(57, 2)]  # classes of one row and of two
        fitted = make_density(density).fit(features, codes, np.ones(60))
        scores = fitted.score_samples(features)
        assert np.isfinite(scores).all(), name
        far = features + dtype(100) * max(np.abs(features).max(), dtype(1))
        assert (fitted.score_samples(far) < scores.min()).all(), name
