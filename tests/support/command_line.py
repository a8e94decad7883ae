"""Running the command in this process, on small files."""

import json

import numpy as np
import pandas as pd

from skcalib.cli import main


def run(capsys, *arguments):
    """Return the exit code, standard output and standard error of a command."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def run_json(capsys, *arguments):
    """Return what a command says in JSON, which must be strict."""
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err

    def refuse(name):
        raise AssertionError(name)

    return json.loads(out, parse_constant=refuse)


def refused(capsys, *arguments):
    """Return the one line by which a command is refused; nothing else may have been said."""
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, ""), (code, out, err)
    assert err.count("\n") == 1, err
    assert err.startswith("skcalib"), err
    return err


def two_classes(n=300, seed=0, power=2.0):
    """Return a frame of labels, probabilities that are off, sites and texts."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.02, 0.98, size=n).round(6)
    y = np.where(rng.uniform(size=n) < p**power, "spam", "ham")
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "y": y,
            "ham": (1 - p).round(6),
            "spam": p,
            "site": np.array(["A", "B"])[np.arange(n) % 2],
            "text": [
                f'=cmd("{i}"), line\nbreak' if i % 50 == 0 else f"text {i}" for i in range(n)
            ],
        }
    )


def three_classes(n=300, seed=0):
    """Return a frame of three classes."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(3), size=n)
    y = (rng.uniform(size=(n, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    frame = pd.DataFrame(proba, columns=["cat", "dog", "emu"])
    return frame.assign(y=np.array(["cat", "dog", "emu"])[y])
