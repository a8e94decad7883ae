"""Files of settings: YAML, JSON and TOML, flat, read as from strangers."""

import json
import tomllib
from difflib import get_close_matches
from pathlib import Path

from skcalib.messages import quote, quote_labels

LARGEST = 2**20  # bytes
ENDINGS = (".yaml", ".yml", ".json", ".toml")
DEEPEST = 3
INSTALL = "reading YAML needs PyYAML: pip install 'skcalib[cli]' (JSON and TOML need nothing)"


def read_settings(path, known):
    """Return a dict of settings; a name that is not among the known ones is an error."""
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"{quote(str(path))} must end in one of {', '.join(ENDINGS)}.")
    data = path.read_bytes()
    if len(data) > LARGEST:
        raise ValueError(f"{quote(str(path))} has {len(data)} bytes: too many for settings.")
    try:
        text = data.decode("utf-8-sig")
        read = {".json": _read_json, ".toml": tomllib.loads}.get(ending, _read_yaml)
        settings = read(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"{quote(str(path))} is not text in utf-8: {error}") from error
    except RecursionError:
        raise ValueError(f"{quote(str(path))} is nested too deep.") from None
    except ValueError as error:
        raise ValueError(f"{quote(str(path))}: {error}") from error
    _check_names(settings, known, path)
    return settings


def _check_names(settings, known, path):
    name = quote(str(path))
    if not isinstance(settings, dict):
        raise ValueError(f"{name} must hold settings, a name and a value each.")
    for key, value in settings.items():
        if key not in known:
            close = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
            raise ValueError(f"{name}: there is no setting {quote(key)}; {hint}")
        if not isinstance(value, str | int | float | bool | None):
            raise ValueError(f"{name}: {key} must be one value, got {quote(value)}.")


def _read_json(text):
    return json.loads(text, object_pairs_hook=_refuse_twice)


def _refuse_twice(pairs):
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{quote_labels(sorted(twice))} stands twice.")
    return dict(pairs)


def _read_yaml(text):
    """Return what YAML says, by its safe loader; no anchors, tags, depth or name twice."""
    try:
        import yaml
    except ImportError as error:
        raise ImportError(INSTALL) from error
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise ValueError("anchors and aliases (& and *) are refused.")
            if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
                raise ValueError(f"tags are refused, got {quote(event.tag)}.")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise ValueError("it is nested too deep; settings are names and values.")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if isinstance(node, yaml.MappingNode):
            _refuse_twice([(str(key.value), None) for key, _ in node.value])
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"this is no YAML: {' '.join(str(error).split())}") from error
