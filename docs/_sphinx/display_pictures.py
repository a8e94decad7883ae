"""Draw what each display's example draws, for its page."""

import inspect
from doctest import DocTestParser

import matplotlib.pyplot as plt

from skcalib import displays


def write(folder):
    """Write a picture for each display whose example has changed since the last time."""
    folder.mkdir(parents=True, exist_ok=True)
    plt.switch_backend("Agg")
    for name in displays.__all__:
        parts = DocTestParser().get_examples(inspect.getdoc(getattr(displays, name)))
        code = "".join(part.source for part in parts if "plt.close" not in part.source)
        drawn = folder / f"{name}.py"
        if drawn.exists() and drawn.read_text() == code:
            continue
        plt.close("all")
        exec(compile(code, name, "exec"), {})
        plt.gcf().savefig(folder / f"{name}.png", dpi=80, bbox_inches="tight")
        plt.close("all")
        drawn.write_text(code)
