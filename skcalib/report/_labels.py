"""Labels and names of groups as short pieces of text that can be shown anywhere."""

import unicodedata

import numpy as np

from skcalib.messages import shorten

LONGEST_LABEL = 40  # characters
# Signs that would turn the order of the text behind them round.
DIRECTIONS = {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
CONTROLS = ("Cc", "Cs")  # what terminals obey, and halves of signs, which no file can hold


def clean(text):
    """Return text with a replacement sign for each sign that would be obeyed, not shown."""
    return "".join("\ufffd" if is_obeyed(sign) else sign for sign in str(text))


def is_obeyed(sign):
    """Say whether a sign is a control sign; line breaks are not."""
    return sign in DIRECTIONS or (unicodedata.category(sign) in CONTROLS and sign != "\n")


def write_label(label):
    """Return a label, or the name of a group, as one short line of text."""
    if isinstance(label, np.generic):
        label = label.item()
    return shorten(clean(" ".join(str(label).split()) or repr(label)), LONGEST_LABEL)


def list_labels(labels, most=4):
    """Return "a", "a and b", "a, b and c", or "a, b, c, d and 8 more"."""
    names = [write_label(label) for label in labels]
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most:,} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
