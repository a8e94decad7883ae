"""Tags of HTML and SVG, in which every string that is not Markup is text."""

import html

from skcalib.report._labels import clean

VOID = {"br", "link", "meta", "wbr"}


class Markup(str):
    """Text that is markup already; only functions of this file make it."""

    __slots__ = ()


def escape(value):
    """Return a value as text of a page."""
    return value if isinstance(value, Markup) else Markup(html.escape(clean(value), quote=True))


def tag(name, /, *children, **attributes):
    """Return an element; ``class_`` gives class, ``stroke_width`` gives stroke-width."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(children):
    """Return one piece of markup from several; None is left out."""
    return Markup("".join(escape(child) for child in children if child is not None))


def sheet(css):
    """Return a style sheet of ours as an element; it is not escaped."""
    return Markup(f"<style>{css}</style>")
