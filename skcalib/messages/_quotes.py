"""Values in messages, and names in pictures: short, whatever they are."""

import numpy as np

LONGEST = 200  # characters of a value that a message quotes
MOST_LABELS = 6
LONGEST_NAME = 40  # characters of a label or a name in a picture


def quote(value, longest=LONGEST):
    """Return the repr of a value for a message, cut if it is long."""
    return shorten(repr(value), longest)


def quote_labels(labels):
    """Return the first of some labels for a message, as "'a', 'b', ...", cut if it is long."""
    labels = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    shown = labels[:MOST_LABELS]
    longest = (LONGEST - len(", ...") - 2 * len(shown)) // max(1, len(shown))
    words = ", ".join(quote(label, longest) for label in shown)
    return words + (", ..." if len(labels) > len(shown) else "")


def name_in_picture(name, longest=LONGEST_NAME):
    """Return a name as matplotlib shows it literally: no formula, and not too long.

    Between two dollar signs matplotlib reads formulas.
    """
    text = str(name).replace("\n", " ")
    return shorten(text, longest).replace("$", r"\$")


def name_in_legend(name):
    """Return a name as a legend shows it, which leaves out what begins with an underscore."""
    text = name_in_picture(name)
    return f" {text}" if text.startswith("_") else text


def shorten(text, longest=LONGEST):
    """Return the beginning of a text that is too long."""
    if len(text) <= longest:
        return text
    return text[: longest - len("...")] + "..."
