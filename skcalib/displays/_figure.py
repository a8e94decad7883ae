"""Axes to draw on, colours that everyone can tell apart, and names in legends."""

import numpy as np

from skcalib.messages import name_in_legend

# Okabe and Ito's colours, which the colour-blind tell apart; markers and dashes for print.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
MODEL = "model"  # marks the lines of models, so that the next one has another colour
GREY = "0.45"
WIDEST = 45  # characters of an entry of a legend that may have two columns
LEGEND = {
    "frameon": False,
    "fontsize": "small",
    "title_fontsize": "small",
    "alignment": "left",
}


def pyplot():
    """Return matplotlib.pyplot, or say how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Displays draw with matplotlib, which is not installed: pip install 'skcalib[plot]'"
        ) from error
    return plt


def axes_for(ax, size):
    """Return these axes, or those of a new figure."""
    if ax is not None:
        return ax
    return pyplot().subplots(figsize=size, layout="constrained")[1]


def panels_for(ax, n_panels, size, **share):
    """Return a list of axes for small multiples, the further ones of the grid left out.

    `ax` is None (a new figure), a figure, axes whose place is divided, or enough axes.
    """
    n_columns = int(np.ceil(np.sqrt(n_panels)))
    n_rows = -(-n_panels // n_columns)
    if ax is None:
        width, height = n_columns * size[0], n_rows * size[1]
        ax = pyplot().figure(figsize=(width, height + 0.5), layout="constrained")
    if hasattr(ax, "subplots"):
        grid = ax.subplots(n_rows, n_columns, squeeze=False, **share)
    elif hasattr(ax, "get_subplotspec"):
        place = ax.get_subplotspec()
        if place is None:
            raise ValueError(
                "ax has no place in a grid that could be divided; give axes of "
                f"plt.subplots(), a figure, or {n_panels} axes."
            )
        ax.set_axis_off()
        grid = place.subgridspec(n_rows, n_columns).subplots(squeeze=False, **share)
    else:
        given = np.ravel(np.asarray(ax, dtype=object)).tolist()
        if len(given) < n_panels:
            raise ValueError(f"{n_panels} axes are needed, but ax holds {len(given)}.")
        return given[:n_panels]
    panels = grid.ravel().tolist()
    for extra in panels[n_panels:]:
        extra.remove()
    for panel in panels[max(0, n_panels - n_columns) : n_panels]:
        panel.xaxis.set_tick_params(labelbottom=True)  # what hung below is gone
    return panels[:n_panels]


def drawn_models(ax):
    """Count the models that are drawn on these axes."""
    return sum(line.get_gid() == MODEL for line in (*ax.lines, *ax.collections))


def next_color(ax):
    """Return the first colour that nothing on these axes has; any of them if all are used."""
    from matplotlib.colors import to_hex

    used = {to_hex(line.get_color()) for line in ax.lines}
    for patch in ax.patches:
        used |= {to_hex(patch.get_facecolor()), to_hex(patch.get_edgecolor())}
    free = [color for color in COLORS if color.lower() not in used]
    return free[0] if free else COLORS[drawn_models(ax) % len(COLORS)]


def name_first_model(ax, words):
    """Give the model that was alone on these axes, and whose name is the title, its name.

    Its entries of the legend begin with one of `words`; return all names in the legend.
    """
    name = ax.get_title() or "model 1"
    name = f" {name}" if name.startswith("_") else name
    for artist in (*ax.lines, *ax.containers):
        label = str(artist.get_label())
        if label.startswith(words):
            artist.set_label(f"{name}: {label}")
    ax.set_title("")
    labels = [str(artist.get_label()) for artist in (*ax.lines, *ax.containers)]
    ends = [(label, label.find(f": {word}")) for label in labels for word in words]
    return {label[:end] for label, end in ends if end >= 0}


def different_name(name, taken, number):
    """Return a name for the legend that no model there has, and add it to them."""
    name = f"model {number + 1}" if name is None else name_in_legend(name)
    tries = [name, *(f"{name} ({k})" for k in range(2, len(taken) + 3))]
    name = next(own for own in tries if own not in taken)
    taken.add(name)
    return name


def line_style(number, given, **own):
    """Return keywords of a model's line: those given, in whatever spelling, come first."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    own = {"color": COLORS[number % len(COLORS)], "gid": MODEL, **own}
    return {**normalize_kwargs(own, Line2D), **normalize_kwargs(given, Line2D)}


def listed(value):
    """Return a list of what is given for one model or for each of several."""
    return value if isinstance(value, list) else [value]


def names_for(name, own, n_models):
    """Return a name, or None, for each model."""
    names = listed(own if name is None else name)
    names = names * n_models if len(names) == 1 and n_models > 1 else names
    if len(names) != n_models:
        raise ValueError(f"name holds {len(names)} names for {n_models} models.")
    return names


def describe_error(error):
    """Return "0.031 [0.020, 0.042]"."""
    if error is None:
        return None
    estimate, low, high = error
    if np.isnan([low, high]).any():
        return f"{estimate:.3f}"
    return f"{estimate:.3f} [{low:.3f}, {high:.3f}]"


def label_of(name, error, what=""):
    """Return an entry of the legend, or None."""
    words = describe_error(error)
    named = None if name is None else name_in_legend(name)
    parts = [part for part in (named, words and f"{what}{words}") if part]
    return ": ".join(parts) if parts else None


def add_legend(ax, **keywords):
    """Draw a legend if there is something to name."""
    labels = ax.get_legend_handles_labels()[1]
    if max(map(len, labels), default=0) > WIDEST:  # columns side by side would leave no axes
        keywords["ncols"] = 1
    if labels:
        ax.legend(**{**LEGEND, **keywords})
