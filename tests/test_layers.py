"""The house: imports only go down, no framework is loaded, few private names are used."""

import ast
import inspect
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import skcalib
from skcalib import calibrators

ROOT = Path(skcalib.__file__).parent

# A room may import from rooms on lower floors, and from itself.
FLOORS = {
    "skcalib": 10,
    "skcalib.cli": 9,
    "skcalib.deploy": 8,
    "skcalib.displays": 7,
    "skcalib.engines": 7,
    "skcalib.report": 7,
    "skcalib.calibration": 6,
    "skcalib.decision": 6,
    "skcalib.layers": 6,
    "skcalib.novelty": 6,
    "skcalib.uncertainty": 6,
    "skcalib.folds": 5,
    "skcalib.sampling": 4,
    "skcalib.calibrators": 3,
    "skcalib.metrics": 3,
    "skcalib.networks": 3,
    "skcalib.estimators": 2,
    "skcalib.inputs": 2,
    "skcalib.backends": 1,
    "skcalib.messages": 1,
}
# Rooms that put the others to work: each has its own number of arrows.
USERS = {
    "skcalib.cli",
    "skcalib.deploy",
    "skcalib.engines",
    "skcalib.layers",
    "skcalib.report",
}
HEAVY = {"keras", "tensorflow", "torch", "jax", "matplotlib", "scikeras", "skorch", "pandas"}
HEAVY |= {"dask", "distributed", "ray"}
# Private names of scikit-learn that have been stable for years. Keep this short.
PRIVATE = {
    "_check_method_params",
    "_check_sample_weight",
    "_param_validation.InvalidParameterError",
    "_safe_indexing",
}


@cache
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


@cache
def arrows():
    """Return (file, imported file) for every import inside the package."""
    names = {name for name, _ in modules()}
    found = []
    for module, tree in modules():
        for source, name in imports(tree):
            if source.split(".")[0] == "skcalib":
                inner = f"{source}.{name}"
                found.append((module, inner if inner in names else source))
    return found


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


def test_every_room_with_a_floor_is_there():
    assert {room(name) for name, _ in modules()} == set(FLOORS)


def test_the_map_in_contributing_is_these_floors():
    page = (ROOT.parent / "docs/contributing.md").read_text()
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|", page, re.M)
    found = {}
    for floor, rooms in rows:
        for name in re.findall(r"`([^`]*)`", rooms):
            found["skcalib." + name.removesuffix(".py").removesuffix("/")] = int(floor)
    assert found == {name: floor for name, floor in FLOORS.items() if name != "skcalib"}


def test_the_house_stays_small():
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]
    between = {(room(a), room(b)) for a, b in arrows() if room(a) != room(b)}
    inner = {pair for pair in between if pair[0] not in USERS}
    assert len(inner) <= 50, sorted(inner)
    for name in USERS:
        assert sum(pair[0] == name for pair in between) <= 10, name
    assert len(set(FLOORS.values()) - {FLOORS["skcalib"]}) <= 9


def test_no_room_uses_those_that_only_use():
    used = {room(b) for a, b in arrows() if room(a) not in {*USERS, "skcalib"}}
    assert not used & USERS


def test_no_room_imports_from_inside_another():
    for module, target in arrows():
        private = any(part.startswith("_") for part in target.split(".")[2:])
        assert room(module) == room(target) or not private, f"{module} imports {target}"
    for module, tree in modules():
        for source, name in imports(tree):
            if source.split(".")[0] == "skcalib" and room(source) != room(module):
                assert not name.startswith("_"), f"{module} imports {source}.{name}"


def test_no_circles_of_files():
    onward = {}
    for module, target in arrows():
        onward.setdefault(module, set()).add(target)
    done = set()

    def follow(module, path):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for target in sorted(onward.get(module, ())):
                follow(target, [*path, module])
            done.add(module)

    for module in onward:
        follow(module, [])


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


def test_every_warning_looks_for_the_users_line():
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and path.name != "_warnings.py":
                assert "stacklevel" not in {word.arg for word in node.keywords}, path
                assert not ast.unparse(node.func).startswith("warnings.warn"), path


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


def lines_of_code(function, lines):
    """Count the lines of a body that are neither its docstring, nor comments, nor empty."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if not body:
        return 0
    texts = [line.strip() for line in lines[body[0].lineno - 1 : body[-1].end_lineno]]
    return sum(bool(text) and not text.startswith("#") for text in texts)


def test_functions_are_short():
    for path in ROOT.rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert lines_of_code(node, text.splitlines()) <= 40, f"{path}: {node.name}"


def test_all_methods_are_named_where_one_chooses_them():
    names = {getattr(calibrators, name).short_name for name in short_named()}
    text = inspect.getdoc(skcalib.CalibratedClassifierCV)
    listed = text.split("method : ")[1].split("cv : ")[0]
    assert set(re.findall(r'"([^"]+)"', listed)) == names


def short_named():
    for name in calibrators.__all__:
        if getattr(getattr(calibrators, name), "short_name", None):
            yield name
