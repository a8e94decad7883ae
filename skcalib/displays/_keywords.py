"""Keywords of displays: what is none of theirs goes to artists, if these know it."""

from difflib import get_close_matches
from inspect import signature

from skcalib.messages import quote

DRAWN_BY = {"plot": "Line2D", "bar": "Rectangle", "hist": "Rectangle", "imshow": "AxesImage"}
NOT_OURS = {"self", "cls", "ax", "kwargs", "params", "y_true", "y_proba", "draws"}


def check_keywords(function, given, *methods):
    """Raise TypeError if a keyword is neither the function's nor one of an artist.

    Parameters
    ----------
    function : callable
        The display's, whose own parameters the message lists.

    given : dict
        What is meant for the artists.

    *methods : str
        The methods of axes that draw them.
    """
    if not given:
        return
    known = set.union(*[_artist_keywords(method) for method in methods])
    strange = [name for name in given if name not in known]
    if not strange:
        return
    own = [name for name in signature(function).parameters if name not in NOT_OURS]
    near = get_close_matches(strange[0], [*own, *sorted(known)], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    artists = " or ".join(dict.fromkeys(DRAWN_BY[method] for method in methods))
    raise TypeError(
        f"{function.__qualname__} got an unexpected keyword argument {quote(strange[0])}."
        f"{hint} Known are {', '.join([*own, 'ax'])}, and the properties of matplotlib's "
        f"{artists}, such as alpha and color."
    )


def _artist_keywords(method):
    """Return what a drawing method of axes takes, in whatever spelling."""
    from matplotlib import image, lines, patches
    from matplotlib.artist import ArtistInspector
    from matplotlib.axes import Axes

    kinds = {"Line2D": lines.Line2D, "Rectangle": patches.Rectangle}
    kind = kinds.get(DRAWN_BY[method], image.AxesImage)
    inspector = ArtistInspector(kind)
    spellings = {name for several in inspector.aliasd.values() for name in several}
    return {*inspector.get_setters(), *spellings, *signature(getattr(Axes, method)).parameters}
