"""Tags of HTML and SVG, in which every string that is not Markup is text."""

import html
import unicodedata

# Signs that would turn the order of the text behind them round.
DIRECTIONS = {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
VOID = {"br", "link", "meta"}


class Markup(str):
    """Text that is markup already; only functions of this file make it."""

    __slots__ = ()


def escape(value):
    """Return a value as text of a page; what cannot be shown becomes a replacement sign."""
    if isinstance(value, Markup):
        return value
    signs = (
        "\ufffd" if sign in DIRECTIONS or is_unprintable(sign) else sign for sign in str(value)
    )
    return Markup(html.escape("".join(signs), quote=True))


def is_unprintable(sign):
    """Say whether a sign is a control sign or half of one; spaces are not."""
    return unicodedata.category(sign) in ("Cc", "Cs") and not sign.isspace()


def tag(name, *children, **attributes):
    """Return an element; ``class_`` is the attribute class, and ``stroke_width`` stroke-width."""
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
