"""Names of the larger modules by what one looks for; others are listed under "More"."""

TOPICS = {
    "skcalib": {
        "Calibrate": ["TemperatureCalibratedClassifier", "CalibratedClassifierCV"],
        "Why is it so sure?": [
            "confidence_report",
            "confidence_report_from_predictions",
            "confidence_report_from_logits",
        ],
        "Networks": ["FrozenNetwork", "TrainableNetwork"],
        "What the model does not know": [
            "MCDropoutClassifier",
            "MCDropoutRegressor",
            "DeepEnsembleClassifier",
            "DeepEnsembleRegressor",
        ],
        "Arrays": ["logits_from_proba", "probability_floor", "expand_soft_labels"],
        "Modules": [
            "calibrators",
            "metrics",
            "displays",
            "report",
            "uncertainty",
            "layers",
            "novelty",
            "decision",
            "deploy",
        ],
    },
    "skcalib.calibrators": {
        "Any number of classes, few parameters": [
            "TemperatureScaling",
            "EnsembleTemperatureScaling",
        ],
        "The choice is made for you": ["AutoCalibration"],
        "Two classes, or one against the rest": [
            "PlattScaling",
            "BetaCalibration",
            "QuadraticScaling",
            "SplineCalibration",
            "HierarchicalCalibration",
            "IsotonicCalibration",
            "VennAbersCalibration",
            "HistogramBinning",
            "ScalingBinning",
            "BayesianBinning",
        ],
        "Many classes": [
            "StructuredVectorScaling",
            "StructuredMatrixScaling",
            "VectorScaling",
            "MatrixScaling",
            "DirichletCalibration",
        ],
        "Arrays": ["logits_from_proba", "probability_floor", "expand_soft_labels"],
        "To write your own": ["Calibrator", "BinaryCalibrator"],
    },
    "skcalib.metrics": {
        "Proper losses, and their parts": [
            "log_loss",
            "brier_score_loss",
            "calibration_loss",
            "refinement_loss",
            "corp_decomposition",
            "murphy_decomposition",
        ],
        "How far confidence is from accuracy": [
            "expected_calibration_error",
            "calibration_error",
            "calibration_error_interval",
            "smooth_calibration_error",
            "maximum_calibration_error",
            "top_k_calibration_error",
            "kernel_calibration_error",
            "cumulative_calibration_error",
            "integrated_calibration_error",
            "truthful_calibration_error",
            "multicalibration_error",
            "calibration_slope_intercept",
        ],
        "Could it be luck?": [
            "calibration_test",
            "bootstrap_interval",
            "bootstrap_difference",
            "by_group",
        ],
        "Curves": [
            "reliability_curve",
            "corp_curve",
            "smooth_curve",
            "cumulative_curve",
            "histogram_curve",
        ],
        "Abstaining": [
            "risk_coverage_curve",
            "aurc_loss",
            "augrc_loss",
            "excess_aurc_loss",
            "error_detection_auc_score",
            "value_of_abstaining",
        ],
        "Thresholds and costs": ["threshold_curve", "net_benefit_curve", "cost_curve"],
        "In searches and cross-validation": ["make_proba_scorer"],
    },
    "skcalib.uncertainty": {
        "One trained network": [
            "MCDropoutClassifier",
            "MCDropoutRegressor",
            "LaplaceClassifier",
        ],
        "Several trained models": [
            "DeepEnsembleClassifier",
            "DeepEnsembleRegressor",
            "EnsembleMembersClassifier",
        ],
        "Trained with a spread of each weight": [
            "BayesByBackpropClassifier",
            "BayesByBackpropRegressor",
        ],
        "Measures of draws": [
            "summarize_draws",
            "uncertainty_frame",
            "predictive_entropy",
            "expected_entropy",
            "mutual_information",
            "variation_ratio",
        ],
        "To write your own": ["SamplingClassifier", "Draws"],
    },
    "skcalib.deploy": {
        "JSON": [
            "describe",
            "from_description",
            "write_description",
            "read_description",
            "DescribedCalibrator",
            "operations_of",
        ],
        "Formats": [
            "to_onnx",
            "register_onnx_converters",
            "to_keras",
            "load_keras",
            "to_torch",
        ],
        "Before it is trusted": ["verify", "trusted_types"],
        "In files of settings": ["calibrate_from_config"],
    },
}


def topics_of(module, names):
    """Return [(topic, names)]; one pair without a topic where there is nothing to divide."""
    divided = {
        topic: [name for name in listed if name in names]
        for topic, listed in TOPICS.get(module, {}).items()
    }
    known = {name for listed in divided.values() for name in listed}
    divided["More" if divided else ""] = [name for name in names if name not in known]
    return [(topic, listed) for topic, listed in divided.items() if listed]
