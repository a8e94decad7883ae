"""What the pages on the command line show is what its commands print."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def blocks(language, page):
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


def run_shell(script, folder):
    """Run a script of the page in a folder, with a command that is named skcalib."""
    (folder / "bin").mkdir(exist_ok=True)
    for name, arguments in (("skcalib", "-m skcalib.cli"), ("python", "")):
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        command.chmod(0o755)
    paths = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-ec", script],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | paths,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_prints(text, printed):
    """Compare words, and numbers to 0.002: the last digits vary with versions."""
    number = re.compile(r"-?\+?\d+\.\d+")
    words = re.sub(r"\s+", " ", number.sub("#", text)).strip()
    assert words in re.sub(r"\s+", " ", number.sub("#", printed))
    start = re.sub(r"\s+", " ", printed).find(re.sub(r"\s+", " ", text)[:12])
    found = number.findall(re.sub(r"\s+", " ", printed)[start:])
    shown = number.findall(text)
    np.testing.assert_allclose(
        np.array(found[: len(shown)], float), np.array(shown, float), atol=0.002
    )


@pytest.mark.slow
def test_from_zero_to_a_page(tmp_path):
    page = (ROOT / "docs" / "command_line.md").read_text()
    _, script, _ = blocks("sh", page)
    printed = run_shell(script, tmp_path)
    for text in blocks("text", page):
        assert_prints(text, printed)
    readme = (ROOT / "README.md").read_text()
    (picture,) = (text for text in blocks("text", readme) if text.startswith("$ skcalib"))
    assert_prints(picture.split("\n", 1)[1], printed)
    assert "<html" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_the_page_on_judges(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "judges.md").read_text()
    script, gate = blocks("sh", page)
    printed = run_shell(script, tmp_path)
    before, after = blocks("text", page)
    assert_prints(before, printed)
    assert_prints(after, printed)
    run_shell(gate, tmp_path)
    assert (tmp_path / "today.json").stat().st_size > 300
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python", page)
    names = {}
    exec(code, names)
    compared = 0
    for line in code.splitlines():
        shown = re.match(r"(use\(.*\))  # ([\d., ]+)", line)
        if shown:
            expected = [float(part) for part in shown[2].split(",")]
            np.testing.assert_allclose(eval(shown[1], names), expected, atol=0.006)
            compared += 1
    assert compared == 2
