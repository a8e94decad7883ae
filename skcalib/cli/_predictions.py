"""What a file says: labels, probabilities or logits, groups, weights."""

import re
from typing import NamedTuple

import numpy as np

from skcalib.cli._arrays import open_arrays, take_array
from skcalib.cli._collecting import ROUNDING, Labels, Numbers
from skcalib.cli._errors import CommandError, list_names, quote_name
from skcalib.cli._progress import show_rows
from skcalib.cli._tables import check_asked, hint_of_separator, open_table

INTEGER = re.compile(r"[+-]?\d{1,15}(\.0*)?", re.ASCII)


class Columns(NamedTuple):
    """Which columns of a file hold what: as they were given, nothing is guessed."""

    y: str | None = "y"
    scores: tuple = ()  # names; none: the labels themselves
    prefix: str | None = None
    positive: str | None = None
    groups: str | None = None
    cluster: str | None = None
    weight: str | None = None
    id: str | None = None
    input: str = "proba"


class Given(NamedTuple):
    """What a file says, fit for arithmetic."""

    classes: np.ndarray  # sorted labels: integers if all of them spell integers, else texts
    codes: np.ndarray | None  # the class of each row
    scores: np.ndarray  # (n_rows, n_classes), or (n_rows,): those of the positive class
    pos: int  # the positive one of two classes
    groups: np.ndarray | None
    cluster: np.ndarray | None
    id: np.ndarray | None
    weight: np.ndarray | None


def spell(text):
    """Return the text of a label; whole numbers are spelled like integers."""
    return str(int(float(text))) if INTEGER.fullmatch(text) else text


def order_labels(texts):
    """Return labels in order: integers if all spell integers, else texts."""
    texts = list(dict.fromkeys(texts))
    if texts and all(INTEGER.fullmatch(text) for text in texts):
        return np.array(sorted({int(float(text)) for text in texts}))
    return np.array(sorted(texts), dtype=np.str_)


def read_predictions(source, columns, *, show=False):
    """Return what a file of predictions says, as Given."""
    if source.format in ("npz", "npy"):
        return _read_arrays(source, columns)
    special = {
        "--y": columns.y,
        "--groups": columns.groups,
        "--cluster": columns.cluster,
        "--id": columns.id,
        "--weight": columns.weight,
    }
    special = {option: name for option, name in special.items() if name is not None}
    texts = {name: None for option, name in special.items() if option != "--weight"}
    with open_table(source, tuple(texts)) as (names, blocks):
        check_asked([(name, option) for option, name in special.items()], names, source)
        check_asked([(name, "--column") for name in columns.scores], names, source)
        labels = {name: Labels(name, source) for name in texts}
        numbers = _collect(source, columns, names, special, labels, show_rows(blocks, show))
    y = labels.get(columns.y)
    weight = numbers.pop(columns.weight, None)
    found = place_classes(columns, list(numbers), y.texts if y else [], source)
    scores = _matrix([numbers[name] for name in found.names])
    if len(scores) == 0:
        raise CommandError(f"{source.name} has no row")
    return Given(
        found.classes,
        None if y is None else found.places(y.texts)[y.join()],
        scores,
        found.pos,
        *(
            None if name is None else np.array(labels[name].texts)[labels[name].join()]
            for name in (columns.groups, columns.cluster, columns.id)
        ),
        None if weight is None else weight.join(),
    )


def _collect(source, columns, names, special, labels, blocks):
    """Read all blocks; return the columns of numbers by name."""
    within = (-ROUNDING, 1 + ROUNDING) if columns.input == "proba" else None
    wanted = columns.scores or [name for name in names if name not in special.values()]
    if columns.prefix is not None:
        wanted = [name for name in wanted if name.startswith(columns.prefix)]
    numbers = {name: Numbers(name, source, within) for name in wanted}
    if columns.weight is not None:
        numbers[columns.weight] = Numbers(columns.weight, source)
    for block in blocks:
        for name, texts in labels.items():
            texts.add(block[name])
        for name, values in numbers.items():
            values.add(block[name])
    return numbers


def _matrix(columns):
    """Return columns of numbers side by side; a single one stays a vector."""
    if len(columns) == 1:
        return columns[0].join()
    # Few columns lie one behind the other, for what goes along them.
    order = "F" if len(columns) <= 16 else "C"
    out = np.empty((columns[0].n_rows, len(columns)), order=order)
    for k, column in enumerate(columns):
        column.join(out[:, k])
    return out


class PlacedClasses(NamedTuple):
    """The classes, and the column of each; a single column is of the positive class."""

    classes: np.ndarray
    names: list
    pos: int

    def places(self, texts):
        """Return the number of the class of each text."""
        place = {spell(str(label)): k for k, label in enumerate(self.classes.tolist())}
        strange = [text for text in texts if spell(text) not in place]
        if strange:
            raise CommandError(
                f"labels {list_names(strange)} have no column; the classes are "
                f"{list_names(self.classes.tolist())}"
            )
        return np.array([place[spell(text)] for text in texts], dtype=np.intp)


def place_classes(columns, names, labels, source):
    """Return which column is of which class, or say what to add."""
    labels = list(dict.fromkeys(spell(text) for text in labels))
    if columns.prefix is not None:
        by_class = {spell(name[len(columns.prefix) :]): name for name in names}
        if len(by_class) < 2:
            raise CommandError(
                f"{source.name}: --prefix {quote_name(columns.prefix)} begins the names of "
                f"{len(by_class)} columns; it must begin those of two classes or more"
            )
    elif len(columns.scores) == 1:
        return _place_single(columns, columns.scores[0], labels, source)
    elif columns.scores:
        by_class = {spell(name): name for name in columns.scores}
    else:
        by_class = {spell(name): name for name in names if spell(name) in set(labels)}
        _check_named(by_class, labels, names, columns, source)
        if len(labels) == 2 and len(by_class) == 1:
            return _place_single(columns, next(iter(by_class.values())), labels, source)
    classes = order_labels(by_class)
    ordered = [by_class[spell(str(label))] for label in classes.tolist()]
    return PlacedClasses(classes, ordered, _positive_of(classes, columns.positive))


def _check_named(by_class, labels, names, columns, source):
    if not labels:
        raise CommandError(
            f"{source.name}: say which columns hold the {_scores(columns)}: --column NAME "
            "(once for each class), or --prefix TEXT"
        )
    if len(by_class) == len(labels) or (len(labels) == 2 and len(by_class) == 1):
        if len(labels) > 1:
            return
        raise CommandError(
            f"{source.name}: all rows have the label {list_names(labels)}; say --column NAME "
            "for each class"
        )
    missing = [label for label in labels if label not in by_class]
    raise CommandError(
        f"{source.name}: no column is named by the label {quote_name(missing[0])}; the other "
        f"columns are {list_names(names)}. Say --column NAME once for each class, --prefix "
        "TEXT if their names are the labels behind a text, or one --column with --positive "
        f"LABEL{hint_of_separator(names, source)}"
    )


def _scores(columns):
    return "probabilities" if columns.input == "proba" else "logits"


def _place_single(columns, name, labels, source):
    """Return the classes where a single column is that of the positive one."""
    positive = None if columns.positive is None else spell(columns.positive)
    if positive is None:
        pairs = ({"0", "1"}, "1"), ({"False", "True"}, "True")
        known = [yes for pair, yes in pairs if labels and set(labels) <= pair]
        if spell(name) in labels:
            positive = spell(name)
        elif known:
            positive = known[0]
        else:
            raise CommandError(
                f"{source.name}: which label is column {quote_name(name)} the "
                f"{'probability' if columns.input == 'proba' else 'logit'} of? Say --positive "
                f"LABEL; the labels are {list_names(labels)}"
            )
    others = [label for label in labels if label != positive]
    if len(others) > 1 or (labels and others == labels and len(labels) > 1):
        raise CommandError(
            f"{source.name}: one column ({quote_name(name)}) is for two classes, but there are "
            f"the labels {list_names(labels)} and --positive {quote_name(positive)}"
        )
    other = others[0] if others else {"1": "0", "True": "False"}.get(positive)
    classes = order_labels([positive, f"not {positive}" if other is None else other])
    return PlacedClasses(classes, [name], _positive_of(classes, positive))


def _positive_of(classes, positive):
    texts = [spell(str(label)) for label in classes.tolist()]
    if positive is None:
        return 1
    if len(texts) != 2:
        raise CommandError(f"--positive is for two classes; here are {len(texts)}")
    if spell(positive) not in texts:
        raise CommandError(
            f"--positive {quote_name(positive)} is none of the classes {list_names(texts)}"
        )
    return texts.index(spell(positive))


def _read_arrays(source, columns):
    with open_arrays(source) as arrays:
        name = columns.scores[0] if columns.scores else columns.input
        name = "" if source.format == "npy" else name
        scores = take_array(arrays, name, "--column", source)
        found = {
            option: take_array(arrays, own, f"--{option}", source)
            for option in ("y", "groups", "cluster", "id", "weight")
            if (own := getattr(columns, option)) is not None
        }
        classes = arrays["classes"]() if "classes" in arrays else None
    return _given(source, columns, scores, found, classes)


def _given(source, columns, scores, found, classes):
    if scores.dtype.kind not in "fiu" or scores.ndim not in (1, 2) or len(scores) == 0:
        raise CommandError(
            f"{source.name}: the array of {_scores(columns)} must be numbers of shape "
            f"(rows, classes) or (rows,), it is {scores.dtype} of shape {scores.shape}"
        )
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    for option, values in found.items():
        if values.shape not in ((len(scores),), (len(scores), 1)):
            raise CommandError(
                f"{source.name}: --{option} has shape {values.shape}, but there are "
                f"{len(scores)} rows of {_scores(columns)}"
            )
    found = {option: values.reshape(-1) for option, values in found.items()}
    labels, codes, pos = _labels_of(source, columns, found.get("y"), classes, scores)
    if classes is not None and scores.ndim == 2:  # in any order
        place = {spell(str(label)): k for k, label in enumerate(classes.reshape(-1).tolist())}
        scores = scores[:, [place[spell(str(label))] for label in labels.tolist()]]
    return Given(
        labels,
        codes,
        scores.astype(np.float64, copy=False),
        pos,
        found.get("groups"),
        found.get("cluster"),
        found.get("id"),
        found.get("weight"),
    )


def _labels_of(source, columns, y, classes, scores):
    """Return sorted labels, the place of each row's, and the positive one's."""
    n_columns = 2 if scores.ndim == 1 else scores.shape[1]
    given = [] if classes is None else [str(label) for label in classes.reshape(-1).tolist()]
    texts, codes = [], None
    if y is not None:
        if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == np.floor(y)).all()):
            raise CommandError(f"{source.name}: y holds fractions or NaN, which are no labels")
        own, codes = np.unique(y, return_inverse=True)
        texts = [str(label) for label in own.tolist()]
    if scores.ndim == 1:
        placed = _place_single(columns, "proba", [spell(t) for t in given or texts], source)
    else:
        order = order_labels(given or texts)
        if len(order) != n_columns:
            raise CommandError(
                f"{source.name}: {n_columns} columns, but {len(order)} labels "
                f"({list_names(order.tolist())}); add an array 'classes', the label of each "
                "column in order"
            )
        placed = PlacedClasses(order, [], _positive_of(order, columns.positive))
    return placed.classes, None if y is None else placed.places(texts)[codes], placed.pos
