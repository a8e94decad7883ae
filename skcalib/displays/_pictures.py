"""One uncertain row: its image, or the distribution of its two likeliest classes."""

import numpy as np

from skcalib.displays._figure import COLORS, DASHES, add_legend
from skcalib.messages import name_in_legend, name_in_picture

EDGES = np.linspace(0, 1, 26)
HATCHES = (None, "////")
LONGEST_TICK = 12  # characters beside an axis


def images_in(X, rows):
    """Return these rows if they are images, else None."""
    shape = getattr(X, "shape", ())
    if len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4)):
        return np.asarray(X[rows])
    return None


def words_of(labels, summary, i):
    """Return "8 at 51 %" and "6 at 44 %"."""
    means = summary.mean[i, summary.likeliest[i]]
    return [
        f"{name_in_picture(label)} at {100 * p:.0f} %"
        for label, p in zip(labels, means, strict=True)
    ]


def draw_image(ax, image, words, given):
    """Draw an image and what it is taken for."""
    image = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    if image.ndim == 3 and image.dtype.kind == "f" and (image.min() < 0 or image.max() > 1):
        image = (image - image.min()) / (image.max() - image.min())
    ax.set(xticks=[], yticks=[])
    ax.set_title("\n".join(words), fontsize="small")
    return ax.imshow(image, **({"cmap": "gray_r"} | given))


def draw_probabilities(ax, proba, labels, given):
    """Draw the two probabilities of a single draw as bars."""
    style = {"color": list(COLORS[:2]), "edgecolor": "white", "hatch": ["", HATCHES[1]]}
    bars = ax.barh([1, 0], proba, **(style | given))
    ax.set(xlim=(0, 1), ylim=(-0.6, 1.6), ylabel="Class")
    ax.set_yticks([1, 0], [name_in_picture(label, LONGEST_TICK) for label in labels])
    return [bars[:1], bars[1:]]


def draw_distribution(ax, draws, labels, summary, i, given):
    """Draw how often which probability was drawn, of the first class upwards."""
    artists = []
    columns = summary.likeliest[i]
    for place, (column, label) in enumerate(zip(columns, labels, strict=True)):
        color, sign = COLORS[place], 1 - 2 * place
        low, high = 100 * summary.low[i, column], 100 * summary.high[i, column]
        words = f"{name_in_legend(label)} [{low:.0f}, {high:.0f}] %"
        style = {"color": color, "edgecolor": "white", "lw": 0.4, "hatch": HATCHES[place]}
        weights = np.full(len(draws), sign)
        style |= {"label": words, "weights": weights}
        artists.append(ax.hist(draws[:, place], EDGES, **(style | given))[2])
        half = (0.5, 1) if sign > 0 else (0, 0.5)
        ax.axvline(summary.mean[i, column], *half, color="black", lw=1.5, ls=DASHES[place])
    reach = 1.35 * max(abs(bar.get_height()) for bars in artists for bar in bars)
    ax.axhline(0, color="black", lw=0.8)
    ax.set(xlim=(0, 1), ylim=(-reach, reach), ylabel="Draws")
    ax.yaxis.set_major_formatter(lambda count, _: f"{abs(count):g}")
    add_legend(ax, loc="upper right", fontsize="x-small")
    return artists
