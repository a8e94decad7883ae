"""What is public is documented, and what the README says is true."""

import ast
import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import skcalib
from skcalib import (
    calibrators,
    decision,
    deploy,
    displays,
    engines,
    metrics,
    novelty,
    report,
    uncertainty,
)

ROOT = Path(__file__).parents[1]
MODULES = (
    skcalib,
    calibrators,
    decision,
    deploy,
    displays,
    engines,
    metrics,
    novelty,
    report,
    uncertainty,
)
README = (ROOT / "README.md").read_text()


def public():
    """Return every public class and function by its full name."""
    found = {}
    for module in MODULES:
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
            assert re.search(rf"^\**{parameter} : ", text, re.M), f"{name}: {parameter}"
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
            assert re.search(r"doi:|arXiv:|ISBN", reference.split("\n\nExamples\n")[0]), name


def test_all_names_can_be_listed_and_loaded():
    assert set(skcalib.__all__) <= set(dir(skcalib))
    for module in MODULES:
        assert module.__all__ == sorted(module.__all__)
        for name in module.__all__:
            getattr(module, name)
    with pytest.raises(AttributeError, match="no attribute 'Calibrated'"):
        skcalib.Calibrated  # noqa: B018


def test_api_pages_name_everything():
    pages = import_pages()
    assert list(pages.modules()) == [module.__name__ for module in MODULES]
    found = pages.pages()
    for module in MODULES:
        page = found[f"modules/{module.__name__}.rst"]
        for name in set(module.__all__) - {"__version__"}:
            assert f":doc:`{name} <" in page, name
    for thing, name in pages.homes().items():
        assert f":: {name}\n" in found[f"{name}.rst"]
        if inspect.isclass(thing):
            assert set(pages.methods(thing)) <= set(dir(thing))


def test_api_pages_name_the_layers_where_keras_is():
    pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    pages = import_pages()
    assert set(pages.modules(with_keras=True)) == {*pages.modules(), "skcalib.layers"}
    found = pages.pages(with_keras=True)
    for name in skcalib.layers.__all__:
        full = f"skcalib.layers.{name}"
        assert f":doc:`{name} <../{full}>`" in found["modules/skcalib.layers.rst"]
        assert f".. autoclass:: {full}\n" in found[f"{full}.rst"]
        layer = getattr(skcalib.layers, name)
        listed = pages.methods(layer)
        assert {"call", "divergence", "posteriors"} <= set(listed)
        for method in listed:
            text = inspect.getdoc(getattr(layer, method))
            for parameter in inspect.signature(getattr(layer, method)).parameters:
                assert parameter == "self" or re.search(rf"^{parameter} : ", text, re.M)
            assert f"   .. automethod:: {method}\n" in found[f"{full}.rst"]


def test_names_and_examples_that_are_placed_exist():
    import_pages()
    topics, groups = import_module("topics"), import_module("gallery_groups")
    for module, placed in topics.TOPICS.items():
        names = [name for listed in placed.values() for name in listed]
        assert len(names) == len(set(names)), module
        assert set(names) <= set(import_module(module).__all__), module
    assert set(groups.ORDER) <= {path.stem for path in ROOT.glob("examples/*.py")}


def import_pages():
    """Import what the documentation is built with; its modules are known from then on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs" / "_sphinx")
        for name in ("topics", "gallery_groups"):
            import_module(name)
        return import_module("public_names")


def blocks(language, page=README):
    found = re.findall(r"^```(\w*)\n(.*?)^```", page, re.M | re.S)
    return [text for kind, text in found if kind == language]


def run(code, **names):
    exec(compile(code, "documentation", "exec"), names)
    return names


def test_readme_code_runs_as_written(tmp_path, monkeypatch):
    promise, asked, quickstart, classic, export = blocks("python")
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    keras.utils.set_random_seed(0)
    names = run(quickstart)
    assert names["calibrated"].score(names["X_test"], names["y_test"]) > 0.85
    before = log_loss(names["y_test"], names["model"].predict(names["X_test"], verbose=0))
    assert log_loss(names["y_test"], names["proba"]) < before + 0.01
    held_out = {"X_held_out": names["X_calib"], "y_held_out": names["y_calib"]}
    run(promise, trained_network=names["model"], X_new=names["X_test"], **held_out)
    run(asked, trained_network=names["model"], **held_out)
    monkeypatch.chdir(tmp_path)
    run(export, calibrated=names["calibrated"])
    again = keras.saving.load_model("calibrated.keras").predict(names["X_test"], verbose=0)
    np.testing.assert_allclose(again, names["proba"], atol=1e-6)
    names = run(classic)
    assert names["model"].score(names["X"], names["y"]) > 0.8
    assert names["search"].best_score_ > -0.5


def test_code_of_the_page_on_arrays():
    arrays, soft, streams = blocks("python", (ROOT / "docs" / "arrays.md").read_text())
    names = run(f"{arrays}\n{soft}")
    assert names["softened"].temperature_ > names["scaling"].temperature_
    found = names["around_it"].calibrated_classifiers_[0].calibrators[0].temperature_
    np.testing.assert_allclose(found, names["softened"].temperature_)
    assert names["proba"].shape == (450, 10)
    assert names["scaling"].score(names["proba"], names["y_test"]) > 0.8
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    X, y = names["X"], names["y"]
    model.fit(X, y, epochs=5, verbose=0)
    data = [(X[start : start + 100], y[start : start + 100]) for start in range(0, 500, 100)]
    names = run(streams, model=model, data=data, x_new=X[500:])
    direct = skcalib.TemperatureCalibratedClassifier(model, smoothing="none").fit(
        X[:500], y[:500]
    )
    np.testing.assert_allclose(names["proba"], direct.predict_proba(X[500:]), atol=1e-5)


def test_code_of_the_page_on_more_rows_than_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    in_file, of_arrow, *_ = blocks("python", (ROOT / "docs" / "large.md").read_text())
    names, compared = run_with_figures(in_file)
    assert compared == 3
    pytest.importorskip("pyarrow", reason="tables of Arrow")
    _, compared = run_with_figures(f"{in_file}\n{of_arrow}")
    assert compared == 4
    assert names["scaling"].temperature_ == pytest.approx(1.5, rel=0.02)


def test_code_of_the_page_on_the_automatic_choice():
    (code,) = blocks("python", (ROOT / "docs" / "auto.md").read_text())
    names = run(code)
    bare = names["GaussianNB"]().fit(names["X"], names["y"]).predict_proba(names["X_test"])
    after = log_loss(names["y_test"], names["proba"])
    assert after < 0.5 * log_loss(names["y_test"], bare)
    assert names["choice"].startswith("Pool of ")


def run_with_figures(code):
    """Run the code of a page; return its names, and how many figures in it were compared.

    A figure is a number in the comment behind an expression: ``loss(y, p)  # 0.43``.
    """
    lines, names, compared = code.splitlines(), {}, 0
    for node in ast.parse(code).body:
        shown = re.search(
            r"  # (-?[\d.]+(?:, -?[\d.]+)*)(?=[ :]|$)", lines[node.end_lineno - 1]
        )
        if not (isinstance(node, ast.Expr) and shown):
            exec(compile(ast.Module([node], []), "page", "exec"), names)
            continue
        figures = shown[1].split(", ")
        found = np.ravel(eval(ast.unparse(node), names))
        np.testing.assert_allclose(
            found,
            [float(figure) for figure in figures],
            atol=0.6 * 10.0 ** -len(figures[0].split(".")[1]),
        )
        compared += 1
    return names, compared


def code_of(page):
    """Return the Python blocks of a page, without those of packages that may be missing."""
    found = blocks("python", (ROOT / "docs" / page).read_text())
    return "\n".join(code for code in found if not re.search(r"from (mapie|crepes)", code))


def test_code_of_the_page_on_metrics_gives_the_figures_it_shows():
    names, compared = run_with_figures(code_of("metrics.md"))
    assert compared == 10
    assert names["metrics"].log_loss(names["y_test"], names["raw"]) == np.inf
    assert names["found"]["test_log loss"].mean() < 0


@pytest.mark.parametrize(
    ("page", "figures"),
    [
        ("confidence.md", 10),
        ("acting.md", 10),
        ("coming_from_others.md", 5),
        ("resampled.md", 3),
        ("few_rows.md", 2),
        ("grouped_rows.md", 5),
        ("many_labels.md", 2),
        ("next_month.md", 9),
        ("svc.md", 2),
    ],
)
def test_code_of_guide_pages_gives_the_figures_they_show(page, figures):
    names, compared = run_with_figures(code_of(page))
    assert compared == figures
    if page == "acting.md":
        assert 0.01 < names["tuned"].best_threshold_ < 0.2
        assert names["large"].groups_.tolist() == [False, True]
        assert names["search"].best_params_ == {"estimator__method": "sigmoid"}


def test_code_of_the_page_on_networks_that_always_say_0_or_1(capsys):
    first, _ = blocks("python", (ROOT / "docs" / "always_sure.md").read_text())
    X, y = load_digits(return_X_y=True)
    X, X_new, y, y_new = train_test_split(X / 16, y % 2, test_size=800, random_state=0)
    parts = {"X_train": X[:200], "y_train": y[:200], "X_held_out": X[200:], "X_new": X_new}
    network = MLPClassifier((64,), solver="lbfgs", alpha=0, max_iter=2000, random_state=0)
    network.fit(parts["X_train"], parts["y_train"])
    parts |= {"y_held_out": y[200:]}
    names = run(first, network=FrozenEstimator(network), **parts)
    assert "training rows" in capsys.readouterr().out
    before, after = (
        log_loss(y_new, model.predict_proba(X_new)) for model in (network, names["calibrated"])
    )
    assert after < 0.7 * before


def test_remedies_on_the_page_on_networks_that_always_say_0_or_1_exist():
    _, remedies = blocks("python", (ROOT / "docs" / "always_sure.md").read_text())
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    run(remedies, keras=keras)


@pytest.mark.parametrize("package", ["lightgbm", "xgboost", "catboost"])
@pytest.mark.filterwarnings("default")  # theirs
def test_code_of_the_page_on_boosters(package):
    pytest.importorskip(package, reason=f"needs {package}")
    others = {"lightgbm", "xgboost", "catboost"} - {package}
    code = blocks("python", (ROOT / "docs" / "boosters.md").read_text())
    own = [part for part in code if not re.search("|".join(others), part)]
    assert len(own) == {"lightgbm": 4, "xgboost": 2, "catboost": 2}[package]
    names = run("\n".join(own))
    proba = names["model"].predict_proba(names["X_new"])
    assert log_loss(names["y_new"], proba) < 0.62  # 0.69 is that of a coin
    if package == "lightgbm":
        native = names["scaling"].predict_proba(names["scores"](names["X_new"]))
        assert log_loss(names["y_new"], native) < 0.62


def test_code_of_the_page_on_tests_gives_the_figures_it_shows():
    names, compared = run_with_figures(code_of("how_sure.md"))
    assert compared == 7
    test = names["test"]
    assert test.classes[test.class_p_values <= 0.01].tolist() == [2, 7, 9]
    assert names["by"].worst == "top"


@pytest.mark.slow
def test_code_of_the_page_on_the_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names, compared = run_with_figures(code_of("report.md"))
    assert compared == 3
    names["test_probabilities_can_be_believed"]()
    first = names["report"].findings[0]
    assert (first.code, first.severity) == ("overfitted", "cause")
    assert "! It does much better on its training rows" in capsys.readouterr().out
    assert (tmp_path / "report.html").stat().st_size < 1_000_000
    page = (ROOT / "docs" / "report.md").read_text()
    for code in report_codes():
        assert f"`{code}`" in page, code


def report_codes():
    return import_module("skcalib.report._codes").CODES


@pytest.mark.slow
def test_the_example_of_the_report(tmp_path, monkeypatch, capsys):
    plt.switch_backend("Agg")
    monkeypatch.chdir(tmp_path)
    names = run((ROOT / "examples" / "plot_confidence_report.py").read_text())
    plt.close("all")
    assert {one.severity for one in names["report"].findings} == {"cause"}
    assert [one.code for one in names["healthy"].findings] == ["none_needed"]
    losses = [names[k].figures["log_loss"].value for k in ("before", "mended", "healthy")]
    assert losses[0] > 1.5 * losses[1] > 1.5 * losses[2]
    assert (tmp_path / "confidence_report.html").stat().st_size < 1_000_000


def test_code_of_the_page_on_methods_finds_a_method():
    names = run(code_of("which_method.md"))
    assert names["search"].best_params_["method"] in {"sigmoid", "isotonic", "temperature"}


@pytest.mark.parametrize("package", ["mapie", "crepes"])
@pytest.mark.filterwarnings("default")  # theirs
def test_prediction_sets_on_our_estimators_hold_the_truth(package):
    pytest.importorskip(package)
    names = run(code_of("acting.md"))
    page = blocks("python", (ROOT / "docs" / "acting.md").read_text())
    exec(next(code for code in page if f"from {package}" in code), names)
    if package == "mapie":
        hit = names["inside"][np.arange(400), names["y_test"], 0]
    else:
        hit = [y in row for y, row in zip(names["y_test"], names["sets"], strict=True)]
    assert np.mean(hit) > 0.85


def test_code_of_the_page_on_novelty():
    (code,) = blocks("python", (ROOT / "docs" / "novelty.md").read_text())
    names = run(code)
    model, usual, strange = names["model"], names["X_test"], 1 - names["X_test"]
    assert model.predict_proba(strange).max(axis=1).mean() < 0.6
    assert model.predict_proba(usual).max(axis=1).mean() > 0.9
    assert (names["novelty"].predict(strange) == -1).mean() > 0.99
    plt.close("all")


def test_code_of_the_page_on_networks_about_many_labels():
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    page = (ROOT / "docs" / "networks.md").read_text().split("## Many labels at once")[1]
    names, compared = run_with_figures(blocks("python", page)[0])
    assert compared == 2
    for k in range(4):
        after, before = (names[when][k] for when in ("after", "before"))
        truth = names["Y"][1000:, k]
        assert log_loss(truth, after) < log_loss(truth, before) - 0.05
    keras.utils.clear_session()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_keras_code_of_the_page_on_production_of_networks(tmp_path, monkeypatch):
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "production_networks.md").read_text().split("## PyTorch")[0]
    first, again, exports = blocks("python", page)
    names = run(first)
    run(again, keras=keras)
    right = names["calibrated"].predict_proba(names["X"][1200:])
    found = names["model"].predict(names["X"][1200:], verbose=0)
    assert np.abs(found - right).max() <= 1e-6
    lines = exports.splitlines()
    if find_spec("tf2onnx") is None:
        lines = [line for line in lines if "onnx" not in line]
    names.update(run("\n".join(lines), model=names["model"]))
    loaded = names["tf"].saved_model.load("digits")
    assert np.abs(loaded.serve(names["X"][1200:]).numpy() - right).max() <= 1e-6
    assert len(names["content"]) < 50_000
    keras.utils.clear_session()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_torch_code_of_the_page_on_production_of_networks(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="needs torch")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "production_networks.md").read_text().split("## PyTorch")[1]
    names = run(blocks("python", page)[0])
    right = names["calibrated"].predict_proba(names["X"][1200:])
    assert np.abs(names["proba"].detach().numpy() - right).max() <= 1e-6
    loaded = torch.export.load("digits.pt2").module()
    assert torch.equal(loaded(torch.tensor(names["X"][1200:])), names["proba"])


def test_code_of_the_page_on_displays(tmp_path, monkeypatch, capsys):
    plt.switch_backend("Agg")
    names = run("\n".join(blocks("python", (ROOT / "docs" / "displays.md").read_text())))
    (_, low, _), (after, _, _) = names["display"].error
    assert 0 <= after < low
    assert round(names["shown"].threshold_, 4) == 0.0476
    assert len(names["panels"].ax_) == 10
    assert names["sums"].p_value[0] < 0.05
    plt.close("all")
    monkeypatch.chdir(tmp_path)
    run((ROOT / "examples" / "plot_displays.py").read_text(), __name__="__main__")
    plt.close("all")
    assert "calibration error" in capsys.readouterr().out
    for name in ("displays_digits.png", "displays_tumours.png"):
        assert (tmp_path / name).stat().st_size > 20_000


@pytest.mark.slow
def test_code_of_the_page_on_uncertainty():
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    code = blocks("python", (ROOT / "docs" / "uncertainty.md").read_text())
    names = run("\n".join(part for part in code if "import torch" not in part))
    assert (
        abs(names["both"].mean - names["calibrated"].predict_proba(names["X_test"][700:])).max()
        < 1e-6
    )
    assert names["result"].mean.shape == names["proba"].shape == (1397, 10)
    assert names["levels"].low.shape == (3, 1397, 10)
    assert 0.85 < names["covered"] < 0.99  # of 142
    keras.utils.clear_session()
    page = (ROOT / "docs" / "uncertainty.md").read_text()
    for measure in (names["result"].keys() | names["forecast"].keys()) - {"classes"}:
        assert f"`{measure}`" in page, measure


def test_code_about_torch_modules_on_the_page_on_uncertainty():
    pytest.importorskip("torch", reason="needs torch")
    rng = np.random.default_rng(0)
    names = {"X_test": rng.normal(size=(20, 64)), "y_test": np.arange(20) % 10}
    exec("from skcalib import MCDropoutClassifier", names)
    code = blocks("python", (ROOT / "docs" / "uncertainty.md").read_text())
    exec(next(part for part in code if "import torch" in part), names)
    assert names["sampled"].predict_uncertainty(names["X_test"]).epistemic.min() > 0


@pytest.mark.slow
def test_readme_shows_what_the_example_prints(capsys, tmp_path, monkeypatch):
    pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    monkeypatch.chdir(tmp_path)
    source = (ROOT / "examples" / "quickstart.py").read_text()
    run(source, __name__="__main__")
    printed = capsys.readouterr().out.strip().splitlines()
    shown = blocks("")[0].strip().splitlines()
    numbers = re.compile(r"\d+\.?\d*")
    plain = [numbers.sub("#", re.sub(" +", " ", line)) for line in printed]
    assert plain == [numbers.sub("#", re.sub(" +", " ", line)) for line in shown]
    assert (tmp_path / "quickstart.png").stat().st_size > 20_000
    for lines in (printed, shown):  # here and where the README was written
        before, after = ([float(n) for n in numbers.findall(line)] for line in lines[1:3])
        assert before[0] == after[0]  # the same decisions
        assert before[1] > before[0] + 5  # percent: surer than right
        assert abs(after[1] - after[0]) < 4
        assert after[2] < 0.7 * before[2]
        assert after[3] < 0.6 * before[3]
    ours, theirs = ([float(n) for n in numbers.findall(lines[1])] for lines in (printed, shown))
    # Training on another processor ends at another network, of the same kind.
    assert ours == pytest.approx(theirs, rel=0.25)


@pytest.mark.slow
def test_the_example_prints_nothing_of_the_framework():
    if find_spec("keras") is None:
        pytest.skip("needs Keras: pip install 'skcalib[keras]'")
    source = (ROOT / "examples" / "quickstart.py").read_text()
    head, rest = source.split("\nimport matplotlib\n")
    assert "import keras" in head
    assert "keras.Sequential" in rest
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [sys.executable, "-c", head], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_readme_has_two_commands_and_ci_runs_them():
    commands = blocks("sh")
    assert len(commands) == 2
    assert "examples/quickstart.py" in commands[0]
    assert "pytest" in commands[1]
    script = (ROOT / ".ci" / "run").read_text()
    for heading in re.findall(r'readme_block "(.*?)"', script):
        assert f"## {heading}\n" in README


PAGES = [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page):
    for link, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        if "://" in link:
            continue
        target = page.parent / link if link else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.M)
            slugs = [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]
            assert anchor in slugs, f"{link}#{anchor}"


def test_every_page_is_in_a_table_of_contents():
    found = set()
    for page in ("index.md", "guide.md", "contributing.md"):
        for tree in re.findall(
            r"^```{toctree}\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.M | re.S
        ):
            found |= {line for line in tree.split() if not line.startswith(":")}
    assert {page.stem for page in ROOT.glob("docs/*.md")} <= found | {"index"}


def test_every_example_is_in_the_gallery_and_says_what_it_asks():
    for path in ROOT.glob("examples/*.py"):
        title, line = ast.get_docstring(ast.parse(path.read_text())).splitlines()[:2]
        assert len(title) <= len(line), path.name
        assert set(line) == {"="}, path.name


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^version: (.*)$", text, re.M) == [skcalib.__version__]


def test_an_address_that_is_a_placeholder_stands_in_one_place():
    files = [*ROOT.glob("docs/*.md"), *ROOT.rglob("skcalib/**/*.py"), ROOT / "README.md"]
    assert not [path for path in files if "example.org" in path.read_text()]
    assert (ROOT / "pyproject.toml").read_text().count("example.org") == 1
