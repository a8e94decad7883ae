"""Labels and names of groups as short pieces of text that can be shown anywhere."""

import re

import numpy as np

from skcalib.messages import shorten

LONGEST_LABEL = 40  # characters
# What a terminal or a page would obey, not show: control signs, halves of signs, and those that
# turn the order of the text behind them round. Line breaks are not among them.
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def clean(text):
    """Return text with a replacement sign for each sign that would be obeyed, not shown."""
    return OBEYED.sub("\ufffd", str(text))


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
