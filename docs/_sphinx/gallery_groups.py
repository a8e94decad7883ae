"""The gallery in groups, each from the question that comes first to the one that comes last."""

from pathlib import Path

GROUPS = {
    "Begin here": ["quickstart", "plot_confidence_report", "plot_tour", "plot_drop_in"],
    "Why is it always so sure?": [
        "plot_transfer_head",
        "plot_binary_network",
        "plot_all_calibrators",
        "plot_multilabel",
    ],
    "See it": ["plot_displays"],
    "Act on it": ["plot_threshold", "plot_decision_curves"],
    "What the model does not know": [
        "plot_far_from_data",
        "plot_mc_dropout",
        "plot_dropout_injection",
        "plot_bayes_by_backprop",
    ],
}
OTHERS = "More"
TITLES = {stem: title for title, stems in GROUPS.items() for stem in stems}
ORDER = [*TITLES]
THUMBNAIL = '.. raw:: html\n\n    <div class="sphx-glr-thumbcontainer"'
OPEN = '.. raw:: html\n\n    <div class="sphx-glr-thumbnails">\n\n'
CLOSE = ".. raw:: html\n\n    </div>\n\n"


def place_of(path):
    """Return where an example stands in the gallery; one in no group is among the last."""
    stem = Path(path).stem
    return (ORDER.index(stem) if stem in TITLES else len(ORDER), stem)


def group_thumbnails(text):
    """Return the text of the gallery's page with a heading before each group."""
    top, *parts = text.split(THUMBNAIL)
    before = TITLES[ORDER[0]]
    pieces = [top.replace(OPEN, f"{heading(before)}{OPEN}")]
    for part in parts:
        stem = part.split(":doc:`/gallery/", 1)[1].split("`", 1)[0]
        title = TITLES.get(stem, OTHERS)
        if title != before:
            pieces.append(f"{CLOSE}{heading(title)}{OPEN}")
        pieces.append(THUMBNAIL + part)
        before = title
    return "".join(pieces)


def heading(title):
    """Return a heading."""
    return f"{title}\n{'-' * len(title)}\n\n"
