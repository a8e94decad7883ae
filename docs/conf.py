"""Build the documentation: python -m sphinx -W --keep-going -b html docs docs/_build."""

import inspect
import os
import sys
from pathlib import Path

# Examples that train networks run in this process: before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # their products are small: more threads only wait
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_sphinx"))

import display_pictures  # noqa: E402
import gallery_groups  # noqa: E402
import public_names  # noqa: E402
from numpydoc.docscrape_sphinx import SphinxDocString  # noqa: E402

import skcalib  # noqa: E402

public_names.write(HERE / "reference")
display_pictures.write(HERE / "reference" / "pictures")

project = "skcalib"
author = "the skcalib developers"
copyright = author
release = version = skcalib.__version__

extensions = [
    "linked_names",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "tables",
]
exclude_patterns = ["_build", "_sphinx", "**sg_execution_times.rst", "sg_execution_times.rst"]
myst_heading_anchors = 3
highlight_language = "none"  # a block that is not said to be code is output

math_renderer = html_math_renderer = "mathml"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
autodoc_typehints = "none"
add_module_names = False
nitpicky = True  # a name that leads nowhere is an error
OTHERS = (
    r"(functools|sklearn|scipy|numpy|pandas|matplotlib|keras|torch|skorch|scikeras|joblib)\..*"
)
nitpick_ignore_regex = [(r"py:.*", OTHERS)]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "backreferences_dir": "gallery/backreferences",  # "examples using this"
    "within_subsection_order": "gallery_groups.place_of",
    "doc_module": ("skcalib",),
    "ignore_repr_types": r"keras\.\S*History|skcalib\.displays",  # their repr says nothing
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1,
    "plot_gallery": "True",
}


def as_written(self, param, desc, fake_autosummary):
    """Describe a property as its class does, not by its own first sentence."""
    return _process_param(self, param, desc, fake_autosummary=False)


_process_param, SphinxDocString._process_param = SphinxDocString._process_param, as_written


def setup(app):
    """Follow links that GitHub shows, but that lead out of this folder."""
    app.connect(
        "source-read", lambda app, name, source: source.__setitem__(0, inside(source[0]))
    )
    app.connect("source-read", arrange_gallery)
    app.connect("autodoc-process-signature", sign_layer)


def arrange_gallery(app, name, source):
    """Divide the page of the gallery into groups."""
    if name == "gallery/index":
        source[0] = gallery_groups.group_thumbnails(source[0])


def sign_layer(app, what, name, thing, options, signature, returns):
    """Return the parameters of a class that is made, as Keras's layers are, from anything."""
    if what == "class" and signature == "(*args, **kwargs)":
        return str(inspect.signature(thing)), returns


def inside(text):
    """Return the text with links to the benchmarks led to their page here."""
    return text.replace("](../tests/benchmarks/README.md)", "](benchmarks.md)")


html_static_path = ["_css"]
html_css_files = ["tables.css"]
html_theme = "pydata_sphinx_theme"
html_title = "skcalib"
html_logo = html_favicon = "logo.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "skcalib"},
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
}
