"""Write the API pages from ``__all__``: one for each module, and one for each name."""

import inspect
from importlib import import_module
from pathlib import Path
from re import escape, search

from topics import topics_of

EXAMPLES = Path(__file__).parents[2] / "examples"
OF_KERAS = {"skcalib.layers"}  # their classes are Keras's, which is loaded with the first one


def modules(with_keras=False):
    """Return skcalib and its public modules, by their full names."""
    top = import_module("skcalib")
    below = [getattr(top, name) for name in top.__all__ if name != "__version__"]
    found = {module.__name__: module for module in (top, *filter(inspect.ismodule, below))}
    return {
        name: module for name, module in found.items() if with_keras or name not in OF_KERAS
    }


def homes(with_keras=False):
    """Return the full name of each public class and function; the first module wins."""
    found = {}
    for name, module in modules(with_keras).items():
        for member in module.__all__:
            thing = getattr(module, member)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found.setdefault(thing, f"{name}.{member}")
    return found


def methods(cls):
    """Return the names of the methods that this package documents, not scikit-learn."""
    return [
        name
        for name, function in inspect.getmembers(cls, inspect.isroutine)
        if not name.startswith("_")
        and (getattr(function, "__module__", None) or "").startswith("skcalib")
        and function.__doc__  # else it says no more than Keras, which calls it
    ]


def pages(with_keras=False):
    """Return the text of every page by its file name, without writing a file."""
    home = homes(with_keras)
    found = {f"{full}.rst": _page_of_name(thing, full) for thing, full in home.items()}
    for name, module in modules(with_keras).items():
        found[f"modules/{name}.rst"] = _page_of_module(name, module, home)
    return found


def write(folder):
    """Write the pages that changed, and remove those of names that are gone."""
    folder = Path(folder)
    wanted = {folder / name: text for name, text in pages(with_keras=True).items()}
    for old in folder.rglob("*.rst"):
        if old not in wanted:
            old.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _page_of_name(thing, full):
    module, _, name = full.rpartition(".")
    lines = [name, "=" * len(name), ""]
    if module == "skcalib.displays":
        lines += [f".. image:: pictures/{name}.png", f"   :alt: What {name} draws", ""]
    if inspect.isclass(thing):
        lines += [f".. autoclass:: {full}", ""]
        lines += [f"   .. automethod:: {method}" for method in methods(thing)]
    else:
        lines += [f".. autofunction:: {full}"]
    if used := examples_with(name):
        lines += ["", ".. rubric:: Examples using this", ""]
        lines += [f".. minigallery:: {' '.join(used)}"]
    return "\n".join([*lines, "", f"In :doc:`{module} <modules/{module}>`.", ""])


def examples_with(name):
    """Return the examples whose code has this name, as the gallery's directive takes them."""
    return [
        f"../examples/{path.name}"
        for path in sorted(EXAMPLES.glob("*.py"))
        if search(rf"\b{escape(name)}\b", path.read_text())
    ]


def _page_of_module(name, module, home):
    summary, *more = inspect.getdoc(module).split("\n\n")
    lines = [name, "=" * len(name), "", f".. module:: {name}", "", summary, ""]
    for paragraph in more:
        lines += [paragraph, ""]
    named = any(
        getattr(getattr(module, member), "short_name", None) for member in module.__all__
    )
    members = [member for member in module.__all__ if member != "__version__"]
    for topic, listed in topics_of(name, members):
        lines += [topic, "-" * len(topic), ""] if topic else []
        lines += _table(module, listed, named, home)
    lines += ["", ".. toctree::", "   :hidden:", ""]
    lines += [f"   ../{full}" for full in home.values() if full.rpartition(".")[0] == name]
    return "\n".join([*lines, ""])


def _table(module, members, named, home):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    lines += _row("name", *(["short name"] if named else []), "what it is")
    for member in members:
        thing = getattr(module, member)
        short = getattr(thing, "short_name", None)
        cells = [f'``"{short}"``' if short else ""] if named else []
        page = f"../{home[thing]}" if thing in home else thing.__name__
        lines += _row(f":doc:`{member} <{page}>`", *cells, _summary(thing))
    return [*lines, ""]


def _row(*cells):
    first, *rest = cells
    return [f"   * - {first}", *(f"     - {cell}" for cell in rest)]


def _summary(thing):
    return " ".join(inspect.getdoc(thing).split("\n\n")[0].split())
