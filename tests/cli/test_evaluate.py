"""skcalib evaluate: figures, columns, formats and gates."""

import numpy as np
import pytest
from sklearn import metrics as theirs
from support.command_line import refused, run, run_json, three_classes, two_classes

from skcalib import metrics
from skcalib.cli import _figures, _names


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "predictions.csv"
    two_classes().to_csv(path, index=False)
    return path


def values(answer):
    return {name: figure["value"] for name, figure in answer["figures"].items()}


def test_figures_are_those_of_the_metrics(csv, capsys, all_figures):
    frame = two_classes()
    answer = run_json(capsys, "evaluate", csv)
    y, p = (frame["y"] == "spam").to_numpy(), frame["spam"].to_numpy()
    found = values(answer)
    assert found["accuracy"] == pytest.approx((y == (p > 0.5)).mean())
    assert found["confidence"] == pytest.approx(np.maximum(p, 1 - p).mean())
    assert found["log_loss"] == pytest.approx(theirs.log_loss(y, p))
    assert found["brier"] == pytest.approx(theirs.brier_score_loss(y, p))
    error = metrics.calibration_error_interval(y, p, random_state=0)
    assert tuple(answer["figures"]["ece"].values()) == pytest.approx(tuple(error))
    slope = metrics.calibration_slope_intercept(y, p)
    assert found["slope"] == pytest.approx(slope.slope)
    test = metrics.calibration_test(y, p, kind="smooth", random_state=0)
    assert found["smooth_pvalue"] == test.p_value
    assert answer["classes"] == ["ham", "spam"]
    assert answer["positive"] == "spam"
    assert set(found) == set(_names.FIGURES)
    for name, figure in answer["figures"].items():
        if not name.endswith("_pvalue"):
            assert figure["lower"] <= figure["value"] <= figure["upper"], name


def test_figures_of_three_classes(tmp_path, capsys):
    frame, path = three_classes(), tmp_path / "three.csv"
    frame.to_csv(path, index=False)
    found = values(run_json(capsys, "evaluate", path))
    proba = frame[["cat", "dog", "emu"]].to_numpy()
    assert found["log_loss"] == pytest.approx(theirs.log_loss(frame["y"], proba))
    error = metrics.calibration_error_interval(
        frame["y"], proba, n_resamples=50, random_state=0
    )
    assert found["ece"] == error.estimate
    test = metrics.calibration_test(frame["y"], proba, kind="cox", random_state=0)
    assert found["cox_pvalue"] == test.p_value
    brier = metrics.brier_score_loss(frame["y"], proba, scale_by_half=True)
    assert found["brier"] == pytest.approx(brier)
    assert found["accuracy"] == pytest.approx(
        (frame["y"] == np.array(["cat", "dog", "emu"])[proba.argmax(axis=1)]).mean()
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_means_of_many_rows_are_added_up_in_blocks(n_classes, monkeypatch):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(n_classes), size=1000)
    y = rng.integers(n_classes, size=1000)
    weight = rng.integers(1, 4, size=1000)
    asked = _figures.Asked()
    monkeypatch.setattr(_figures, "FEW_ROWS", 10)
    monkeypatch.setattr(_figures, "BLOCK", 300)
    for given in (proba, proba[:, 1]) if n_classes == 2 else (proba,):
        whole = metrics.check_predictions(
            np.repeat(y, weight), np.repeat(given, weight, axis=0)
        )
        weighted = metrics.check_predictions(y, given, sample_weight=weight)
        found = [
            _figures.compute_means(predictions, asked) for predictions in (whole, weighted)
        ]
        loss = metrics.log_loss(whole.codes, whole.proba)
        assert found[0]["log_loss"].value == pytest.approx(loss)
        rows = -np.log(whole.proba[np.arange(len(whole.codes)), whole.codes])
        half = 1.959964 * rows.std(ddof=1) / np.sqrt(len(rows))
        assert found[0]["log_loss"].upper - loss == pytest.approx(half, rel=1e-5)
        for name in ("confidence", "confidence_gap", "log_loss", "brier"):
            assert found[1][name] == pytest.approx(found[0][name], rel=1e-9), name


def test_rows_that_belong_together_make_intervals_wider(tmp_path, capsys):
    frame = two_classes()
    frame = frame.loc[np.repeat(np.arange(60), 5)].assign(who=np.repeat(np.arange(60), 5))
    path = tmp_path / "who.csv"
    frame.to_csv(path, index=False)
    alone, together = (
        run_json(capsys, "evaluate", path, *more)["figures"]["log_loss"]
        for more in ((), ("--cluster", "who"))
    )
    assert together["value"] == pytest.approx(alone["value"], rel=1e-12)
    assert together["upper"] - together["lower"] > 1.5 * (alone["upper"] - alone["lower"])


@pytest.mark.parametrize(
    ("names", "options"),
    [
        ({}, ["--column", "ham", "--column", "spam"]),
        ({}, ["--column", "spam"]),
        ({}, ["--column", "spam", "--positive", "spam"]),
        ({"spam": "p"}, ["--column", "p", "--positive", "spam"]),
        ({"spam": "p_spam", "ham": "p_ham"}, ["--prefix", "p_"]),
        ({"y": "label"}, ["--y", "label"]),
        ({"spam": "ham", "ham": "spam"}, ["--positive", "spam"]),  # order does not matter
    ],
)
def test_columns_are_found_by_name(names, options, tmp_path, capsys):
    frame = two_classes()
    if names == {"spam": "ham", "ham": "spam"}:
        frame = frame[frame.columns[::-1]]
        names = {}
    path, plain = tmp_path / "named.csv", tmp_path / "plain.csv"
    frame.rename(columns=names).to_csv(path, index=False)
    two_classes().to_csv(plain, index=False)
    found, expected = (
        run_json(capsys, "evaluate", *arguments)["figures"]
        for arguments in ((path, *options), (plain,))
    )
    for name, figure in expected.items():
        assert found[name]["value"] == pytest.approx(figure["value"], rel=1e-5), name


def test_the_first_class_may_be_the_positive_one(csv, capsys):
    answer = run_json(capsys, "evaluate", csv, "--column", "ham", "--positive", "ham")
    assert answer["positive"] == "ham"
    expected = values(run_json(capsys, "evaluate", csv))
    assert values(answer)["log_loss"] == pytest.approx(expected["log_loss"], rel=1e-5)
    assert values(answer)["accuracy"] == expected["accuracy"]
    assert values(answer)["cox_pvalue"] == pytest.approx(expected["cox_pvalue"], abs=1e-4)


@pytest.mark.parametrize("labels", [["0", "1"], ["0.0", "1.0"], ["-1", "1"], ["2", "10"]])
def test_labels_that_spell_integers_are_integers(labels, tmp_path, capsys):
    frame = two_classes().drop(columns="text")
    frame["y"] = np.where(frame["y"] == "spam", labels[1], labels[0])
    whole = [str(int(float(label))) for label in labels]
    frame = frame.rename(columns=dict(zip(["ham", "spam"], whole, strict=True)))
    path = tmp_path / "numbers.csv"
    frame.to_csv(path, index=False)
    answer = run_json(capsys, "evaluate", path)
    assert answer["classes"] == [int(label) for label in whole]
    assert answer["positive"] == int(whole[1])


@pytest.mark.parametrize("labels", [["NA", "null"], ["None", "nan"], ["True", "False"]])
def test_labels_may_look_like_missing_values(labels, tmp_path, capsys):
    frame = two_classes().drop(columns="text")
    frame["y"] = np.where(frame["y"] == "spam", labels[1], labels[0])
    frame = frame.rename(columns={"ham": labels[0], "spam": labels[1]})
    path = tmp_path / "odd.csv"
    frame.to_csv(path, index=False)
    assert run_json(capsys, "evaluate", path)["classes"] == sorted(labels)


def test_weights_are_repeated_rows(tmp_path, capsys):
    frame, path, repeated = two_classes(), tmp_path / "w.csv", tmp_path / "r.csv"
    frame["n"] = np.arange(len(frame)) % 4
    frame.to_csv(path, index=False)
    frame.loc[frame.index.repeat(frame["n"])].to_csv(repeated, index=False)
    found, expected = (
        run_json(capsys, "evaluate", *arguments)
        for arguments in ((path, "--weight", "n"), (repeated,))
    )
    assert found["n_rows"] == expected["n_rows"]
    for name in ("accuracy", "log_loss", "brier", "ece", "cox_pvalue"):
        assert values(found)[name] == pytest.approx(values(expected)[name], rel=1e-8), name


def test_groups_have_figures_of_their_own(csv, capsys):
    frame = two_classes()
    answer = run_json(capsys, "evaluate", csv, "--groups", "site")
    assert list(answer["groups"]) == ["A", "B"]
    for name, own in answer["groups"].items():
        part = frame[frame["site"] == name]
        loss = theirs.log_loss(part["y"], part[["ham", "spam"]])
        assert own["log_loss"]["value"] == pytest.approx(loss)
        assert own["n_rows"] == len(part)
    code, out, _ = run(capsys, "evaluate", csv, "--groups", "site")
    assert code == 0
    assert "all groups at once" in out


def test_logits_are_told_and_checked(csv, tmp_path, capsys):
    frame = two_classes()
    expected = values(run_json(capsys, "evaluate", csv))
    logits = frame.assign(ham=np.log(frame["ham"]) + 3, spam=np.log(frame["spam"]) + 3)
    odds = frame.assign(z=np.log(frame["spam"] / frame["ham"])).drop(columns=["ham", "spam"])
    for k, (table, more) in enumerate(
        [(logits, []), (odds, ["--column", "z", "--positive", "spam"])]
    ):
        path = tmp_path / f"logits{k}.csv"
        table.to_csv(path, index=False)
        found = values(run_json(capsys, "evaluate", path, "--input", "logits", *more))
        assert found["log_loss"] == pytest.approx(expected["log_loss"], rel=1e-6)
        line = refused(capsys, "evaluate", path, *more)
        assert "--input logits" in line
    assert "look like probabilities" in refused(capsys, "evaluate", csv, "--input", "logits")


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz", "npy"])
def test_formats_say_the_same(ending, tmp_path, capsys):
    frame = three_classes().assign(n=1.0)
    path = tmp_path / f"three.{ending}"
    proba, more = frame[["cat", "dog", "emu"]].to_numpy(), ["--weight", "n"]
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "parquet":
        pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
        frame.to_parquet(path)
    elif ending == "npz":
        np.savez(path, y=frame["y"].to_numpy(str), proba=proba, n=np.ones(len(frame)))
    else:
        np.save(path, proba)
        np.save(tmp_path / "y.npy", frame["y"].to_numpy(str))
        more = ["--y", tmp_path / "y.npy"]
    found = run_json(capsys, "evaluate", path, *more)
    assert found["classes"] == ["cat", "dog", "emu"]
    expected = theirs.log_loss(frame["y"], proba)
    assert values(found)["log_loss"] == pytest.approx(expected, rel=1e-12)


def test_classes_of_an_npz_may_stand_in_any_order(tmp_path, capsys):
    frame, path = three_classes(), tmp_path / "three.npz"
    order = ["emu", "cat", "dog"]
    arrays = {"y": frame["y"].to_numpy(str), "proba": frame[order].to_numpy()}
    np.savez(path, **arrays, classes=order)
    expected = theirs.log_loss(frame["y"], frame[["cat", "dog", "emu"]])
    found = values(run_json(capsys, "evaluate", path))
    assert found["log_loss"] == pytest.approx(expected)


def test_an_infinite_loss_is_strict_json_and_a_gate(tmp_path, capsys):
    frame = two_classes().drop(columns="text")
    frame.loc[0, ["ham", "spam"]] = [0.0, 1.0] if frame["y"][0] == "ham" else [1.0, 0.0]
    path = tmp_path / "inf.csv"
    frame.to_csv(path, index=False)
    answer = run_json(capsys, "evaluate", path)
    assert answer["figures"]["log_loss"] == {
        "value": "Infinity",
        "lower": None,
        "upper": "Infinity",
    }
    assert run(capsys, "evaluate", path, "--fail-if", "log_loss>3")[0] == 1


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("ece_upper>0.01", 1),
        (" ece_upper >= 1e-2 ", 1),
        ("ece_upper>0.9", 0),
        ("accuracy<.1", 0),
        ("accuracy_lower<0.999", 1),
        ("n_rows<300", 0),
        ("n_rows<=300", 1),
        ("cox_pvalue<0.05", 1),
    ],
)
def test_a_limit_decides_the_exit_code(limit, code, csv, capsys):
    found, out, err = run(capsys, "evaluate", csv, "--fail-if", limit)
    assert found == code
    assert "accuracy" in out
    assert err.startswith("failed: " + limit.split(">")[0].split("<")[0].strip()) == bool(code)


def test_one_broken_limit_of_several_is_enough(csv, capsys):
    both = ["--fail-if", "ece_upper>0.01", "--fail-if", "accuracy<0.01"]
    code, _, err = run(capsys, "evaluate", csv, *both)
    assert (code, err.count("failed")) == (1, 1)


def test_what_could_not_be_computed_breaks_its_limit(tmp_path, capsys):
    path = tmp_path / "one.csv"
    path.write_text("y,0,1\n1,0.4,0.6\n")
    code, _, err = run(
        capsys, "evaluate", path, "--column", "1", "--positive", "1", "--fail-if", "ece_upper>2"
    )
    assert code == 1
    assert "could not be computed" in err


@pytest.mark.parametrize(
    "limit",
    [
        "__import__('os').system('false')>0",
        "ece_upper",
        "ece_upper>",
        "ece_upper>nan",
        "ece_upper>1e999",
        "ece_upper==0.1",
        "ece_upper>0.1;1",
        "ece_upper>0.1 or 1",
        "",
        "ece_uper>0.1",
        "ece_upper>0,1",
        "ece_upper>٠",
    ],
)
def test_a_limit_that_is_none_is_refused_before_the_file_is_read(limit, tmp_path, capsys):
    line = refused(capsys, "evaluate", tmp_path / "missing.csv", "--fail-if", limit)
    assert "--fail-if" in line
    if limit == "ece_uper>0.1":
        assert "did you mean 'ece_upper'?" in line


def test_slow_figures_of_many_rows_are_computed_where_a_limit_names_them(
    csv, capsys, monkeypatch
):
    monkeypatch.setattr(_figures, "MODERATE_ROWS", 100)
    assert "slope" not in run_json(capsys, "evaluate", csv)["figures"]
    found = run_json(capsys, "evaluate", csv, "--fail-if", "slope_upper<0.01")
    assert "slope" in found["figures"]
    assert "smooth_pvalue" in run_json(capsys, "evaluate", csv, "--all")["figures"]
    code, *_ = run(capsys, "evaluate", csv, "--fail-if", "smooth_pvalue<0.05")
    assert code == 1
