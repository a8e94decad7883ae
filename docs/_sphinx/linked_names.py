"""Link the public names that the guide mentions to their pages of the reference."""

import re

import public_names
import sklearn.calibration
import sklearn.metrics
from docutils import nodes

# There a bare name may be that of the other package.
OTHERS_PAGES = ("coming_from_scikit_learn", "coming_from_others")
NAME = re.compile(r"(?:skcalib\.)?((?:[a-z]+\.)?\w+)(?:\(.*\))?", re.S)


def setup(app):
    """Link names on every page before it is written."""
    app.connect("doctree-resolved", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def targets():
    """Return the full name that each short name stands for: ``module.name``, and ``name``."""
    found = {}
    for thing, full in public_names.homes(with_keras=True).items():
        module, name = full.split(".")[-2:]
        found[name if module == "skcalib" else f"{module}.{name}"] = full
        shared = hasattr(sklearn.metrics, name)  # log_loss may be scikit-learn's
        if not shared or isinstance(thing, type):
            found[name] = full
    return found


def link_names(app, doctree, docname):
    """Wrap each literal that is a public name in a link."""
    if docname.startswith(("reference/", "gallery/")):
        return
    known = targets()
    if docname in OTHERS_PAGES:
        known = {name: full for name, full in known.items() if "." in name}
    for literal in list(doctree.findall(nodes.literal)):
        match = NAME.fullmatch(literal.astext())
        full = known.get(match[1]) if match else None
        if full is None or inside_of(literal, (nodes.reference, nodes.title)):
            continue
        address = app.builder.get_relative_uri(docname, f"reference/{full}")
        link = nodes.reference("", "", internal=True, refuri=address)
        literal.replace_self(link)
        link += literal


def inside_of(node, kinds):
    """Return whether a node is somewhere in a node of one of these kinds."""
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False
