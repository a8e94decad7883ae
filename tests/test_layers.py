"""The house: imports only go down, no framework is loaded, few private names are used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skcalib

ROOT = Path(skcalib.__file__).parent

# A room may import from rooms on lower floors, and from itself.
FLOORS = {
    "skcalib": 11,
    "skcalib.report": 10,
    "skcalib.displays": 9,
    "skcalib.decision": 9,
    "skcalib.calibration": 8,
    "skcalib.uncertainty": 8,
    "skcalib._cross_fitting": 7,
    "skcalib._pairs": 6,
    "skcalib._responses": 5,
    "skcalib._wrapping": 5,
    "skcalib._wrapped_networks": 4,
    "skcalib.calibrators": 3,
    "skcalib.metrics": 3,
    "skcalib.networks": 3,
    "skcalib._outputs": 2,
    "skcalib._fitting": 1,
    "skcalib._columns": 1,
    "skcalib._labels": 1,
    "skcalib._log_odds": 2,
    "skcalib._logits": 1,
    "skcalib._predictions": 1,
    "skcalib._progress": 1,
    "skcalib._sharing": 1,
    "skcalib._streams": 1,
    "skcalib._messages": 0,
    "skcalib._threads": 0,
    "skcalib.backends": 0,
}
HEAVY = {"keras", "tensorflow", "torch", "jax", "matplotlib", "scikeras", "skorch", "pandas"}
# Private names of scikit-learn that have been stable for years. Keep this short.
PRIVATE = {
    "_check_method_params",
    "_check_sample_weight",
    "_param_validation.InvalidParameterError",
    "_safe_indexing",
}


def modules():
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = ["skcalib", *path.relative_to(ROOT).with_suffix("").parts]
        name = ".".join(part for part in parts if part != "__init__")
        found.append((name, ast.parse(path.read_text())))
    return found


def imports(tree):
    """Yield (module, name) of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                yield node.module, alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""


def room(module):
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize(
    ("module", "tree"), modules(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_imports_only_go_down(module, tree):
    own = room(module)
    assert own in FLOORS, f"{own} has no floor"
    for source, name in imports(tree):
        if source.split(".")[0] != "skcalib":
            continue
        target = room(source) if "." in source else room(f"skcalib.{name}")
        assert target == own or FLOORS[target] < FLOORS[own], f"{module} imports {target}"


def test_no_heavy_module_is_imported_at_module_level():
    for module, tree in modules():
        if room(module) == "skcalib.backends":
            continue
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        for source, _ in imports(ast.Module(top, [])):
            assert source.split(".")[0] not in HEAVY, f"{module} imports {source}"


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_no_heavy_module_is_loaded_by_any_core_module():
    names = [name for name, _ in modules() if room(name) != "skcalib.backends"]
    code = f"import sys, {', '.join(names)}; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in run(code).split()}
    # scikit-learn may load pandas by itself where it is installed; we must not.
    also = {
        name.split(".")[0]
        for name in run(
            "import sys, sklearn.calibration, sklearn.model_selection; print(*sys.modules)"
        ).split()
    }
    assert not (loaded - also) & HEAVY
    assert not loaded & (HEAVY - {"pandas"})


def test_importing_the_package_loads_nothing():
    loaded = run("import sys, skcalib; print(*sys.modules)").split()
    assert not {"sklearn", "numpy", "scipy"} & {name.split(".")[0] for name in loaded}


def test_private_names_of_scikit_learn():
    used = set()
    for _, tree in modules():
        for source, name in imports(tree):
            path = f"{source}.{name}".split(".")
            private = [i for i, part in enumerate(path) if part.startswith("_")]
            if path[0] == "sklearn" and private:
                used.add(".".join(path[private[0] :]))
    assert used == PRIVATE


def test_rooms_are_small():
    for path in ROOT.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 350, path
        assert not {"utils", "helpers", "common"} & {path.stem.strip("_")}
        assert len(path.relative_to(ROOT).parts) <= 2, path
