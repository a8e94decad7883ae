"""--help: fast, complete, with examples that run."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from support.command_line import run, two_classes

import skcalib
from skcalib.cli import _names, _settings, main
from skcalib.report import confidence_report_from_predictions

ROOT = Path(__file__).parents[2]
COMMANDS = ("evaluate", "compare", "report", "fit", "apply", "calibrate")
HEAVY = {
    "numpy",
    "scipy",
    "sklearn",
    "pandas",
    "pyarrow",
    "yaml",
    "matplotlib",
    "keras",
    "torch",
}


@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["--version"]])
def test_help_imports_nothing_slow(arguments):
    code = (
        "import sys\nfrom skcalib.cli import main\n"
        f"code = main({arguments})\nprint(*sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert not HEAVY & {name.split(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_each_command(command, capsys):
    code, out, err = run(capsys, *([command] if command else []), "--help")
    assert (code, err) == (0, "")
    assert "examples:\n  skcalib " in out
    assert "exit codes: 0 fine" in out
    assert all(name in out for name in (COMMANDS if not command else ()))


def test_the_numbers_of_limits_are_listed(capsys):
    for command, names in (
        ("evaluate", _names.FIGURES),
        ("compare", _names.DIFFERENCES),
        ("report", _settings.REPORT_FIGURES),
    ):
        out = run(capsys, command, "--help")[1]
        assert all(re.search(rf"^  {name}\b", out, re.M) for name in names), command
    assert all(name in run(capsys, "fit", "--help")[1] for name in _settings.METHODS)


def test_the_figures_of_reports_are_those_that_there_are():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=100)
    report = confidence_report_from_predictions(rng.uniform(size=100) < p, p)
    assert set(report.figures) == set(_settings.REPORT_FIGURES)


def test_version(capsys):
    assert run(capsys, "--version")[:2] == (0, f"skcalib {skcalib.__version__}\n")


def examples(capsys, command):
    """Return the example lines of a command's help."""
    out = run(capsys, *([command] if command else []), "--help")[1]
    part = out.split("examples:\n")[1]
    return [line.strip() for line in re.findall(r"^  (?:cat|skcalib) .*$", part, re.M)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a directory with the files that examples name."""
    monkeypatch.chdir(tmp_path)
    frame = two_classes(120)
    frame.to_csv("predictions.csv", index=False)
    frame.to_csv("before.csv", index=False)
    frame.assign(spam=frame["spam"] ** 2, ham=1 - frame["spam"] ** 2).to_csv("after.csv")
    frame.drop(columns="y").to_csv("new.csv", index=False)
    judged = frame.rename(columns={"spam": "p"}).replace({"y": {"spam": "yes", "ham": "no"}})
    judged.to_csv("judged.csv", index=False)
    return tmp_path


@pytest.mark.slow
def test_examples_with_pipes_run_in_a_shell(folder, capsys):
    """Those with pipes in a real shell, with a command that is named skcalib."""
    command = folder / "bin" / "skcalib"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m skcalib.cli "$@"\n')
    command.chmod(0o755)
    paths = {"PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    count = 0
    for name in COMMANDS[:-1]:
        for line in examples(capsys, name):
            if not re.search("[|>] ", line):
                continue
            for written in re.findall(r"(?:--out|--html|>) (\S+\.\w+)", line):
                Path(written).unlink(missing_ok=True)
            if "apply map.json" in line and not Path("map.json").exists():
                main(["fit", "predictions.csv", "--method", "sigmoid", "--out", "map.json"])
            done = subprocess.run(
                line, shell=True, capture_output=True, text=True, env=os.environ | paths
            )
            expected = (0, 1) if "--fail-if" in line else (0,)
            assert done.returncode in expected, (line, done.stderr)
            count += 1
    assert count == 2


@pytest.mark.parametrize(
    "command",
    ["", "evaluate", "compare", "fit", "apply", pytest.param("report", marks=pytest.mark.slow)],
)
def test_examples_run_in_this_process(command, folder, capsys, monkeypatch):
    """In their order; those of calibrate have a test with a network."""
    lines = examples(capsys, command)
    assert lines
    if command == "apply":
        main(["fit", "predictions.csv", "--method", "sigmoid", "--out", "map.json"])
    for line in lines:
        if not re.search("[|>] ", line):
            line = line.replace("--method auto", "--method sigmoid")  # as well, and faster
            code, _, err = run(capsys, *shlex.split(line)[1:])
            assert code in ((0, 1) if "--fail-if" in line else (0,)), (line, err)


def test_the_entry_point_and_the_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"skcalib": "skcalib.cli:main"}
    extra = " ".join(project["optional-dependencies"]["cli"])
    assert all(name in extra for name in ("pandas", "pyarrow", "pyyaml"))


@pytest.mark.slow
def test_pipes_and_interrupts_of_real_processes(folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = f'"{sys.executable}" -m skcalib.cli'
    script = f"""set -o pipefail
    {command} evaluate predictions.csv | head -1 > /dev/null; echo $?
    {command} fit predictions.csv --method sigmoid --out map.json --quiet; echo $?
    cat new.csv | {command} apply map.json - | tail -n +2 | wc -l
    if {command} evaluate predictions.csv --fail-if 'ece_upper>0.001' > /dev/null 2>&1
    then echo passed; else echo "stopped with $?"; fi
    {command} evaluate predictions.csv --fail-if 'ece_upper>0.9' > /dev/null && echo passed
    {command} evaluate nothing.csv; echo $?
    """
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment
    )
    first, *rest = done.stdout.split("\n")
    assert first in ("0", "141")
    assert rest == ["0", "123", "stopped with 1", "passed", "2", ""]
    assert done.stderr.count("\n") == 1, done.stderr
    # As `python -m skcalib.cli`; but what runs in the background of a shell has interrupts
    # ignored, and so has its child.
    start = (
        "import runpy, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "runpy.run_module('skcalib.cli', run_name='__main__', alter_sys=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, "apply", "map.json", "-", "--out", "out.csv"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    rows = "".join(f"{k},0.25,0.75\n" for k in range(30_000))
    process.stdin.write("id,ham,spam\n" + rows)
    process.stdin.flush()
    while not list(folder.glob(".out.*")):  # it is writing
        assert process.poll() is None
    process.send_signal(2)
    _, said = process.communicate()
    assert process.returncode == 130
    assert said == "skcalib: interrupted; nothing was written\n"
    assert not list(folder.glob("*out.*"))
