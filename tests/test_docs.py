"""What is public is documented, and what the README says is true."""

import inspect
import re
from pathlib import Path

import pytest

import skcalib
from skcalib import calibrators

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def public():
    """Return every public class and function by its full name."""
    found = {}
    for module in (skcalib, calibrators):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found.setdefault(thing, f"{module.__name__}.{name}")
    return found


@pytest.mark.parametrize(
    ("thing", "name"), list(public().items()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_public_name_is_documented(thing, name):
    text = inspect.getdoc(thing)
    assert "Examples\n--------\n>>> " in text, f"{name} has no example"
    owner = thing.__init__ if inspect.isclass(thing) else thing
    parameters = [p for p in inspect.signature(owner).parameters if p not in ("self", "args")]
    for parameter in parameters:
        if parameter not in ("kwargs",):
            assert re.search(rf"^{parameter} : ", text, re.M), f"{name}: {parameter}"
    if not inspect.isclass(thing):
        assert "Returns\n-------" in text
        assert "Raises\n------" in text
    elif not inspect.isabstract(thing):
        assert "Attributes\n----------" in text
        assert "References\n----------" in text, f"{name} has no source"


@pytest.mark.parametrize(
    ("thing", "name"), list(public().items()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_public_method_is_documented(thing, name):
    if not inspect.isclass(thing):
        return
    for method, function in inspect.getmembers(thing, inspect.isfunction):
        if method.startswith("_") or not function.__module__.startswith("skcalib"):
            continue
        text = inspect.getdoc(function)
        assert text, f"{name}.{method}"
        for parameter in inspect.signature(function).parameters:
            if parameter not in ("self",):
                assert re.search(rf"^\**{parameter} : ", text, re.M), f"{name}.{method}"


def test_every_source_has_an_identifier():
    for thing, name in public().items():
        for reference in inspect.getdoc(thing).split("References\n----------")[1:]:
            assert re.search(r"doi:|arXiv:|ISBN", reference.split("Examples")[0]), name


def test_all_names_can_be_listed_and_loaded():
    assert set(skcalib.__all__) <= set(dir(skcalib))
    for module in (skcalib, calibrators):
        assert module.__all__ == sorted(module.__all__)
        for name in module.__all__:
            getattr(module, name)
    with pytest.raises(AttributeError, match="no attribute 'Calibrated'"):
        skcalib.Calibrated  # noqa: B018


def test_api_page_names_everything():
    page = (ROOT / "docs" / "api.md").read_text()
    for name in {*skcalib.__all__, *calibrators.__all__} - {"__version__", "calibrators"}:
        assert f"`{name}`" in page, name


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)
    return [text for kind, text in found if kind == language]


def test_readme_code_runs_as_written():
    snippet, quickstart = blocks("python")
    names = {}
    exec(compile(quickstart, "README.md", "exec"), names)
    assert names["model"].score(names["X_test"], names["y_test"]) > 0.8
    assert names["proba"].shape == (450, 10)
    assert names["search"].best_score_ > -0.5
    from sklearn.datasets import load_digits
    from sklearn.naive_bayes import GaussianNB

    X, y = load_digits(return_X_y=True)
    names = {"any_classifier": GaussianNB(), "X": X, "y": y, "X_new": X}
    exec(compile(snippet, "README.md", "exec"), names)
    assert names["model"].score(X, y) > 0.8


def test_readme_table_is_what_the_example_prints(capsys):
    source = (ROOT / "examples" / "quickstart.py").read_text()
    exec(compile(source, "quickstart.py", "exec"), {})
    printed = capsys.readouterr().out.strip().splitlines()
    shown = blocks("")[0].strip().splitlines()
    numbers = re.compile(r"-?\d+\.\d+")
    for ours, theirs in zip(printed, shown, strict=True):
        assert numbers.sub("#", ours) == numbers.sub("#", theirs)
        for a, b in zip(numbers.findall(ours), numbers.findall(theirs), strict=True):
            # Other versions of numpy and scikit-learn may move a row across a threshold.
            assert float(a) == pytest.approx(float(b), rel=0.01)


def test_readme_has_two_commands_and_ci_runs_them():
    commands = blocks("sh")
    assert len(commands) == 2
    assert "examples/quickstart.py" in commands[0]
    assert "pytest" in commands[1]
    script = (ROOT / ".ci" / "run").read_text()
    for heading in re.findall(r'readme_block "(.*?)"', script):
        assert f"## {heading}\n" in README


@pytest.mark.parametrize("page", [*ROOT.glob("docs/*.md"), ROOT / "README.md"], ids=str)
def test_links_resolve(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), link
