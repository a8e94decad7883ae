"""The pages of the guide that findings lead to; the one place that knows where the guide is."""

# The address of the guide, ending in a slash, once it is published somewhere; None until then.
PUBLISHED = None

TITLES = {
    "acting": "Acting on probabilities",
    "arrays": "Arrays",
    "auto": "The automatic choice",
    "confidence": "Is predict_proba a confidence?",
    "how_sure": "How sure is this figure?",
    "metrics": "Measuring confidence",
    "networks": "Networks",
    "novelty": "It has never seen anything like this",
    "report": "The confidence report",
    "resampled": "My training data was resampled",
    "uncertainty": "What the model does not know",
    "which_method": "Which method when",
}


def name_page(page):
    """Return where to read on, in words: '"Networks" in the guide (docs/networks.md)'."""
    return f'"{TITLES[page]}" in the guide (docs/{page}.md)'


def address_of(page, guide_url=None):
    """Return the address of a page, or None where nobody has said where the guide is."""
    base = PUBLISHED if guide_url is None else guide_url
    return None if base is None else f"{base.rstrip('/')}/{page}.html"
