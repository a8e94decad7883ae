"""What is given to `fit` beside X and y: what goes to the classifier, and what to splits."""

from inspect import signature

from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import process_routing

from skcalib.estimators import accepts_weight
from skcalib.messages import warn

GROUPS = (
    "groups are not passed to the splitter without metadata routing. Enable it, "
    "sklearn.set_config(enable_metadata_routing=True), and pass a splitter that requests them "
    "(cv=GroupKFold()); or pass the splits themselves: "
    "cv=list(GroupKFold().split(X, y, groups))."
)


def route_fit(owner, estimator, sample_weight, fit_params):
    """Return what goes to the fit of the estimator, and to the splits.

    With metadata routing that is what they have requested. Without, the estimator gets all
    parameters, and the weights if it takes them; if not, a warning says so.

    Parameters
    ----------
    owner : estimator
        Whose `fit` it is; its router names an `estimator`, and a `splitter` if it splits.

    estimator : estimator
        What is trained, a network adapted.

    sample_weight : array-like or None
        As given.

    fit_params : dict
        What else was given.

    Returns
    -------
    params : Bunch
        ``estimator.fit`` and ``splitter.split`` are dictionaries.
    """
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(owner, "fit", sample_weight=sample_weight, **fit_params)
        return Bunch(**{"splitter": Bunch(split={}), **routed})
    _refuse_groups(estimator, fit_params)
    if sample_weight is not None:
        if accepts_weight(estimator):
            fit_params = {**fit_params, "sample_weight": sample_weight}
        elif not isinstance(estimator, FrozenEstimator):
            warn(
                f"{type(estimator).__name__} does not appear to accept sample_weight: it is "
                f"trained without, only {type(owner).__name__} itself uses the weights, and "
                "the result is likely to be incorrect. If a classifier inside it takes weights "
                "(the last step of a Pipeline, say), enable metadata routing and let that "
                "classifier request them.",
                UserWarning,
            )
    return Bunch(splitter=Bunch(split={}), estimator=Bunch(fit=fit_params))


def _refuse_groups(estimator, fit_params):
    """Raise if groups were to go to a classifier that has no use for them."""
    known = signature(estimator.fit).parameters.values()
    splits_itself = hasattr(estimator, "cv") and any(p.kind is p.VAR_KEYWORD for p in known)
    takes = "groups" in {p.name for p in known} or splits_itself
    if "groups" in fit_params and (isinstance(estimator, FrozenEstimator) or not takes):
        raise ValueError(GROUPS)
