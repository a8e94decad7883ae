"""What skops may load of skcalib: classes that hold numbers, and run nothing of the file."""

TYPES = (
    "skcalib.backends._sampling.Cost",
    "skcalib.calibration._calibrated_classifier_cv.CalibratedClassifierCV",
    "skcalib.calibration._temperature_calibrated_classifier.TemperatureCalibratedClassifier",
    "skcalib.calibrators._auto.AutoCalibration",
    "skcalib.calibrators._auto_candidates.Single",
    "skcalib.calibrators._auto_candidates.Tempered",
    "skcalib.calibrators._auto_input.Identity",
    "skcalib.calibrators._bayesian_binning.BayesianBinning",
    "skcalib.calibrators._beta.BetaCalibration",
    "skcalib.calibrators._bins.Steps",
    "skcalib.calibrators._bulk.Bulk",
    "skcalib.calibrators._cubics.PiecewiseCubic",
    "skcalib.calibrators._dirichlet.DirichletCalibration",
    "skcalib.calibrators._ensemble_temperature.EnsembleTemperatureScaling",
    "skcalib.calibrators._hierarchical.HierarchicalCalibration",
    "skcalib.calibrators._hierarchical.PosteriorMap",
    "skcalib.calibrators._histogram.HistogramBinning",
    "skcalib.calibrators._isotonic.IsotonicCalibration",
    "skcalib.calibrators._isotonic.MonotoneCurve",
    "skcalib.calibrators._matrix.MatrixScaling",
    "skcalib.calibrators._platt.PlattScaling",
    "skcalib.calibrators._posterior.Posterior",
    "skcalib.calibrators._quadratic.Parabola",
    "skcalib.calibrators._quadratic.QuadraticScaling",
    "skcalib.calibrators._scaling_binning.ScalingBinning",
    "skcalib.calibrators._spline.NaturalSpline",
    "skcalib.calibrators._spline.SplineCalibration",
    "skcalib.calibrators._structured_matrix.StructuredMatrixScaling",
    "skcalib.calibrators._structured_vector.StructuredVectorScaling",
    "skcalib.calibrators._temperature.TemperatureScaling",
    "skcalib.calibrators._vector.VectorScaling",
    "skcalib.calibrators._venn_abers.VennAbersCalibration",
    "skcalib.calibrators._venn_abers.VennAbersSteps",
    "skcalib.decision._cost_sensitive.CostSensitiveClassifier",
    "skcalib.decision._prior_shift.PriorShiftClassifier",
    "skcalib.decision._selective.SelectiveClassifier",
    "skcalib.deploy._described.DescribedCalibrator",
    "skcalib.folds._pairs.CalibratedPair",
    "skcalib.folds._pairs.SharedMap",
    "skcalib.novelty._densities._Detector",
    "skcalib.novelty._distance.Distance",
    "skcalib.novelty._distance_aware_pair.DistanceAwarePair",
    "skcalib.novelty._distance_aware_temperature.DistanceAwareTemperatureClassifier",
    "skcalib.novelty._feature_novelty.FeatureNovelty",
    "skcalib.novelty._features.FeatureReader",
    "skcalib.novelty._gaussian.GaussianDensity",
    "skcalib.novelty._gaussian.MahalanobisDistance",
    "skcalib.novelty._gaussian.Whitener",
    "skcalib.novelty._leaves.LeafCoordinates",
    "skcalib.novelty._nearest.NearestDistance",
    "skcalib.sampling._last_layer_posterior.DiagonalPosterior",
    "skcalib.sampling._last_layer_posterior.FullPosterior",
    "skcalib.sampling._last_layer_posterior.KroneckerPosterior",
    "skcalib.sampling._room.Room",
    "skcalib.uncertainty._deep_ensemble.DeepEnsembleClassifier",
    "skcalib.uncertainty._deep_ensemble_regressor.DeepEnsembleRegressor",
    "skcalib.uncertainty._ensemble_members.EnsembleMembersClassifier",
    "skcalib.uncertainty._laplace.LaplaceClassifier",
    "skcalib.uncertainty._mc_dropout.MCDropoutClassifier",
    "skcalib.uncertainty._mc_dropout_regressor.MCDropoutRegressor",
)
# Of scikit-learn: what some of these hold whatever they are fitted around.
HELD = (
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.utils._bunch.Bunch",
)


def trusted_types():
    """Return the types that skops must be told to trust for skcalib's estimators.

    skops loads models without pickle, and refuses classes that it does not know. These are
    skcalib's own, and three of scikit-learn's that they hold; when one is loaded, its numbers
    are set and nothing in the file is run. mlflow takes the same list, as
    ``skops_trusted_types``.

    Returns
    -------
    types : list of str
        Full names of classes. What a classifier of yours needs besides (trees, say) is in
        ``skops.io.get_untrusted_types``: look at it, and add it.

    Raises
    ------
    Nothing.

    Examples
    --------
    >>> from skcalib.deploy import trusted_types
    >>> "skcalib.calibrators._temperature.TemperatureScaling" in trusted_types()
    True

    With skops: ``skops.io.load("model.skops", trusted=trusted_types())``.
    """
    return [*TYPES, *HELD]
