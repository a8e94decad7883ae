"""Training the members of an ensemble, each by a seed of its own."""

from contextlib import nullcontext

import numpy as np
from sklearn.utils import check_consistent_length, indexable
from sklearn.utils.validation import _check_method_params

from skcalib.backends import CannotStack, seeded, wrapper_backend
from skcalib.estimators import EncodedClassifier, takes_codes_only
from skcalib.inputs import is_dict_of_arrays, take_rows
from skcalib.messages import iterate_parallel, warn
from skcalib.networks import (
    TrainableNetwork,
    clone_with_parameters,
    fit_network_labels,
    fit_together,
)
from skcalib.uncertainty._members import ask_proba, take_few

PROBED = 32  # rows that each member is asked about after its training
# All that is random in these reads `random_state`, never a state of the whole process.
SEEDED_BY_PARAMETER = {"sklearn", "skcalib", "xgboost", "lightgbm", "catboost", "ngboost"}


def prepare_estimator(estimator, X, y, classes):
    """Return the estimator as members are trained: one that takes these labels."""
    estimator = fit_network_labels(estimator, X, y, classes)
    numbered = np.array_equal(classes, np.arange(len(classes)))
    if takes_codes_only(estimator) and not numbered:
        return EncodedClassifier(estimator)
    return estimator


def make_indexable(X, y):
    """Return rows that can be drawn from, as many as there are targets, or raise."""
    if is_dict_of_arrays(X):
        check_consistent_length(*X.values(), y)
        return X, indexable(y)[0]
    return indexable(X, y)


def derive_seeds(seed, number):
    """Return the random numbers of a member, which depend on no other member."""
    return np.random.default_rng([seed, number])


def set_seeds(estimator, rng):
    """Give every parameter `random_state` of an estimator and of its parts a seed."""
    wanted = {}
    for name, value in sorted(estimator.get_params(deep=True).items()):
        owner, _, last = name.rpartition("__")
        if last in ("random_state", "random_seed"):
            part = estimator.get_params(deep=True)[owner] if owner else estimator
            # scikeras, once it is given a seed, makes TensorFlow slow for good.
            unset = value is None and wrapper_backend(part) is not None
            wanted |= {} if unset else {name: int(rng.integers(2**31 - 1))}
    names = {name.rpartition("__")[2] for name in wanted}
    if type(estimator).__module__.split(".")[0] == "catboost" and not names:
        wanted["random_seed"] = int(rng.integers(2**31 - 1))  # it lists only what was given
    return estimator.set_params(**wanted) if wanted else estimator


def reads_global_states(estimator):
    """Tell whether training may draw from the states of Python, NumPy, torch or Keras."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    homes = {type(part).__module__.split(".")[0] for part in parts if hasattr(part, "fit")}
    return bool(homes - SEEDED_BY_PARAMETER)


def draw_rows(codes, rng):
    """Return a bootstrap sample: rows of each class with replacement, as many as it has."""
    rows = [
        rng.choice(np.flatnonzero(codes == code), (codes == code).sum())
        for code in np.unique(codes)
    ]
    return rng.permutation(np.concatenate(rows))


def make_member(estimator, codes, bootstrap, seed, number):
    """Return a member that is to be trained, its rows (None for all), and a seed of its own."""
    rng = derive_seeds(seed, number)
    own_seed = int(rng.integers(2**31 - 1))
    member = set_seeds(clone_with_parameters(estimator), rng)
    return member, draw_rows(codes, rng) if bootstrap else None, own_seed


def train_member(estimator, X, y, codes, classes, bootstrap, params, seed, number):
    """Return the member's number, the member and its answers for some rows; or an error."""
    few = take_few(X, PROBED)
    try:
        member, rows, own_seed = make_member(estimator, codes, bootstrap, seed, number)
        if rows is not None:
            params = _check_method_params(X, params, indices=rows)
            X, y = take_rows(X, rows), take_rows(y, rows)
        with seeded(own_seed) if reads_global_states(member) else nullcontext():
            member = member.fit(X, y, **params)
        return number, member, probe(member, few, classes)
    except Exception as error:
        return number, None, error


def probe(member, few, classes):
    """Return a member's answers for some rows; raise if they are none."""
    with np.errstate(all="ignore"):
        regresses = classes is None
        answers = (
            np.asarray(member.predict(few)) if regresses else ask_proba(member, few, classes)
        )
    if not np.isfinite(answers).all():
        raise ValueError(
            "The trained member answers NaN or infinite values for rows that it was "
            "trained on: its training diverged. A smaller learning rate may help."
        )
    return answers


def train_stacked(ensemble, estimator, X, y, codes, numbers, params):
    """Return numbers, members and answers or errors, trained together, or raise CannotStack."""
    if not isinstance(estimator, TrainableNetwork):
        raise CannotStack(
            f"{type(estimator).__name__} is not a function that builds a Keras model (or "
            "TrainableNetwork)"
        )
    made = [
        make_member(estimator, codes, ensemble.bootstrap, ensemble.seed_, number)
        for number in numbers
    ]
    members, rows, _ = zip(*made, strict=True)
    fit_together(list(members), X, y, rows, {**params})
    found, few = [], take_few(X, PROBED)
    for number, member in zip(numbers, members, strict=True):
        try:
            found.append((number, member, probe(member, few, ensemble.classes_)))
        except ValueError as error:
            found.append((number, None, error))
    return found


def train_separately(ensemble, estimator, X, y, codes, numbers, params):
    """Yield the same for one member after the other."""
    classes = getattr(ensemble, "classes_", None)
    common = (estimator, X, y, codes, classes, ensemble.bootstrap, params)
    return iterate_parallel(
        train_member,
        [(*common, ensemble.seed_, number) for number in numbers],
        n_jobs=ensemble.n_jobs,
        name="deep ensemble",
        unit="members",
        verbose=ensemble.verbose,
    )


def choose_training(ensemble, *work):
    """Return how members are trained, and what comes of it."""
    if getattr(ensemble, "train", "separate") == "separate":
        return "separate", train_separately(ensemble, *work)
    try:
        return "stacked", train_stacked(ensemble, *work)
    except CannotStack as reason:
        if ensemble.train == "stacked":
            warn(
                f"The members cannot be stacked: {reason}. They are trained separately, which "
                "gives the same; train='separate' or 'auto' does so without a warning.",
                UserWarning,
            )
    except Exception:
        if ensemble.train == "stacked":
            raise
    return "separate", train_separately(ensemble, *work)


def train_members(ensemble, estimator, X, y, codes, numbers, params):
    """Yield number and member of those that are trained; raise at the end if any was not."""
    errors, answers = {}, []
    work = (estimator, X, y, codes, numbers, params)
    ensemble.train_, results = choose_training(ensemble, *work)
    for number, member, found in results:
        if member is None:
            errors[number] = found
            if len(errors) > 1 and not answers:
                break  # what fails every time need not fail for all
            continue
        answers.append(found)
        yield number, member
    if errors:
        raise _describe_failures(errors, ensemble)
    if not ensemble.bootstrap:
        _warn_of_copies(answers, estimator)


def _describe_failures(errors, ensemble):
    """Return the first error, with a note of what is lost and what is not."""
    first = min(errors)
    n_trained = len(getattr(ensemble, "members_", ()))
    kept = (
        f"The {n_trained} trained ones are kept in members_: "
        "set_params(warm_start=True).fit(X, y) trains only what is missing."
        if n_trained
        else "No member is trained."
    )
    failed = ", ".join(str(number) for number in sorted(errors))
    errors[first].add_note(
        f"Training failed for the members number {failed} of 0 to {ensemble.n_members - 1} of "
        f"{type(ensemble).__name__}. {kept}"
    )
    return errors[first]


def _warn_of_copies(answers, estimator):
    """Warn if all members answer alike, unless they are all sure, as trees may be."""
    alike = len(answers) > 1 and all(np.array_equal(answers[0], more) for more in answers[1:])
    if alike and (answers[0].ndim < 2 or ((answers[0] > 0) & (answers[0] < 1)).any()):
        warn(
            f"All {len(answers)} members give the same answers: nothing in the training of "
            f"{type(estimator).__name__} is random, so that an ensemble of it says no more "
            "than one. With bootstrap=True each member is trained on other rows.",
            UserWarning,
        )
