"""Boosters in their libraries' own interface, which are no scikit-learn classifiers."""

from sklearn.utils._param_validation import InvalidParameterError

from skcalib.networks import find_final_estimator

# Each library's class for scikit-learn, and how its own models give their raw scores.
LIBRARIES = {
    "lightgbm": ("LGBMClassifier", "booster.predict(X, raw_score=True)"),
    "xgboost": ("XGBClassifier", "booster.predict(xgboost.DMatrix(X), output_margin=True)"),
    "catboost": ("CatBoostClassifier", 'booster.predict(X, prediction_type="RawFormulaVal")'),
}
WAY_OUT = """\
The 'estimator' parameter holds a {name}, which is not a scikit-learn classifier, unlike \
{classifier}. Compute its scores, and calibrate on arrays of scores and labels:

    def scores(X):
        return {call}.reshape(len(X), -1)

    scaling = skcalib.calibrators.PlattScaling().fit(scores(X_calib), y_calib)
    scaling.predict_proba(scores(X_new))"""


def refuse_boosters(estimator):
    """Raise, and show the way by arrays, for a model of a library's own interface."""
    last = find_final_estimator(estimator)
    if hasattr(last, "predict_proba") or hasattr(last, "classes_"):
        return
    packages = [cls.__module__.split(".")[0] for cls in type(last).__mro__]
    library = next((package for package in packages if package in LIBRARIES), None)
    if library is not None:
        classifier, call = LIBRARIES[library]
        name = f"{library}.{type(last).__name__}"
        raise InvalidParameterError(
            WAY_OUT.format(name=name, classifier=f"{library}.{classifier}", call=call)
        )
