"""skcalib fit and apply: maps as JSON, and files with calibrated probabilities."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from support.command_line import refused, run, three_classes, two_classes

from skcalib import CalibratedClassifierCV, calibrators
from skcalib.cli import _settings, _tables
from skcalib.cli._fit import GivenProbabilities


def fitted_by_hand(frame, names, method):
    """Return the same without the command: a classifier that answers with its rows."""
    base = FrozenEstimator(GivenProbabilities(np.array(sorted(names))))
    model = CalibratedClassifierCV(base, method=method)
    return model.fit(frame[sorted(names)].to_numpy(), frame["y"])


def test_the_methods_are_those_of_the_package():
    names = {
        getattr(calibrators, name).short_name
        for name in calibrators.__all__
        if getattr(getattr(calibrators, name), "short_name", None)
    }
    assert set(_settings.METHODS) == names
    assert list(_settings.METHODS) == sorted(_settings.METHODS)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("make", [two_classes, three_classes])
def test_a_map_answers_as_the_estimator_does(make, method, tmp_path, capsys):
    cal, new, names = make(seed=0), make(seed=1), ["cat", "dog", "emu"]
    if make is two_classes:
        names = ["ham", "spam"]
    cal.to_csv(tmp_path / "cal.csv", index=False)
    new.drop(columns="y").to_csv(tmp_path / "new.csv", index=False)
    paths = [tmp_path / name for name in ("cal.csv", "map.json", "new.csv", "out.csv")]
    assert run(capsys, "fit", paths[0], "--method", method, "--out", paths[1])[0] == 0
    assert run(capsys, "apply", *paths[1:3], "--out", paths[3])[:2] == (0, "")
    found = pd.read_csv(paths[3])[names].to_numpy()
    expected = fitted_by_hand(cal, names, method).predict_proba(new[names].to_numpy())
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_auto_is_the_default_and_says_what_it_is(tmp_path, capsys):
    cal, path = two_classes(120), tmp_path / "cal.csv"
    cal.to_csv(path, index=False)
    code, out, err = run(capsys, "fit", path, "--out", tmp_path / "map.json")
    assert (code, out) == (0, "")
    assert "auto, which is: " in err
    assert err.count("\n") == 1
    assert "120 rows" in err
    described = json.loads((tmp_path / "map.json").read_text())
    assert described["classes"] == ["ham", "spam"]


@pytest.fixture
def judge(tmp_path, capsys):
    """Return paths of a map of one column and of new rows, and these rows."""
    cal, new = (two_classes(120, seed).drop(columns="ham") for seed in (0, 1))
    cal.to_csv(tmp_path / "cal.csv", index=False)
    new.to_csv(tmp_path / "new.csv", index=False)
    how = ["--column", "spam", "--method", "sigmoid", "--out", tmp_path / "map.json"]
    assert run(capsys, "fit", tmp_path / "cal.csv", *how)[0] == 0
    return tmp_path / "map.json", tmp_path / "new.csv", new


def test_all_other_cells_stay_what_they_are_as_text(judge, tmp_path, capsys):
    map_path, path, _ = judge
    rows = [
        "id,text,spam,n",
        '001,"=cmd(""x"")",0.2,1.50',
        '1e5,"a,b\nc",0.4,',
        "NA,+1-1,0.6,null",
        'x,"  spaces ",0.8,\u00e9',
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    out = tmp_path / "out.csv"
    assert run(capsys, "apply", map_path, path, "--column", "spam", "--out", out)[0] == 0
    before, after = (
        pd.read_csv(p, dtype=str, keep_default_na=False, na_filter=False) for p in (path, out)
    )
    pd.testing.assert_frame_equal(before.drop(columns="spam"), after.drop(columns="spam"))
    assert list(after.columns) == ["id", "text", "spam", "n"]
    assert (after["spam"].astype(float).diff().dropna() > 0).all()
    assert not (after["spam"] == before["spam"]).any()


def test_blocks_make_no_difference(judge, tmp_path, capsys, monkeypatch):
    map_path, path, _ = judge
    outs = []
    for size in (10_000, 7):
        monkeypatch.setattr(_tables, "FIRST_ROWS", size)
        monkeypatch.setattr(_tables, "MOST_ROWS", size)
        out = tmp_path / f"{size}.csv"
        assert run(capsys, "apply", map_path, path, "--column", "spam", "--out", out)[0] == 0
        outs.append(out.read_bytes())
    assert outs[0] == outs[1]


def test_the_negative_class_of_one_column_mirrors_it(judge, tmp_path, capsys):
    map_path, _, new = judge
    both = tmp_path / "both.csv"
    new.assign(ham=1 - new["spam"]).to_csv(both, index=False)
    found = []
    for name in ("spam", "ham"):
        out = tmp_path / f"{name}.csv"
        assert run(capsys, "apply", map_path, both, "--column", name, "--out", out)[0] == 0
        found.append(pd.read_csv(out)[name])
    np.testing.assert_allclose(found[0], 1 - found[1], atol=1e-9)


def test_standard_input_and_output(judge, tmp_path, capsys, monkeypatch):
    map_path, path, _ = judge
    out = tmp_path / "out.csv"
    run(capsys, "apply", map_path, path, "--column", "spam", "--out", out)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    code, text, err = run(capsys, "apply", map_path, "-", "--column", "spam")
    assert (code, err) == (0, "")
    assert text == out.read_text()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    how = ["--column", "spam", "--method", "sigmoid"]
    code, text, err = run(capsys, "fit", "-", *how)
    assert (code, err) == (0, "")
    assert json.loads(text)["format"] == "skcalib"


@pytest.mark.parametrize("ending", ["npz", "npy", "parquet"])
def test_other_formats_are_written_as_they_came(ending, judge, tmp_path, capsys):
    map_path, path, new = judge
    given, out = tmp_path / f"new.{ending}", tmp_path / f"out.{ending}"
    options = ["--positive", "spam"]
    if ending == "npz":
        np.savez(given, proba=new["spam"].to_numpy(), other=np.arange(3))
    elif ending == "npy":
        np.save(given, new["spam"].to_numpy())
    else:
        pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
        new.to_parquet(given)
        options = ["--column", "spam"]
    assert run(capsys, "apply", map_path, given, "--out", out, *options)[0] == 0
    csv = tmp_path / "out.csv"
    run(capsys, "apply", map_path, path, "--column", "spam", "--out", csv)
    if ending == "npz":
        saved = np.load(out)
        np.testing.assert_array_equal(saved["other"], np.arange(3))
        found = saved["proba"]
    else:
        found = np.load(out) if ending == "npy" else pd.read_parquet(out)["spam"].to_numpy()
    np.testing.assert_allclose(found, pd.read_csv(csv)["spam"], atol=1e-12)


def test_logits_need_maps_of_logits(tmp_path, capsys):
    frame, path = two_classes(), tmp_path / "logits.csv"
    frame["z"] = 3 * np.log(frame["spam"] / (1 - frame["spam"])) + 5
    frame[["y", "z"]].to_csv(path, index=False)
    how = ["--column", "z", "--positive", "spam", "--input", "logits"]
    map_path, out = tmp_path / "map.json", tmp_path / "out.csv"
    assert run(capsys, "fit", path, *how, "--method", "sigmoid", "--out", map_path)[0] == 0
    assert "--input logits" in refused(
        capsys, "apply", map_path, path, "--column", "z", "--positive", "spam"
    )
    assert run(capsys, "apply", map_path, path, *how, "--out", out)[0] == 0
    calibrator = calibrators.PlattScaling().fit(frame[["z"]].to_numpy(), frame["y"] == "spam")
    expected = calibrator.predict_proba(frame[["z"]].to_numpy())[:, 1]
    np.testing.assert_allclose(pd.read_csv(out)["z"], expected, atol=1e-6)


def test_nothing_is_overwritten_without_force(judge, tmp_path, capsys):
    map_path, path, _ = judge
    before = map_path.read_bytes()
    how = ["--column", "spam", "--method", "temperature", "--out", map_path]
    assert "--force" in refused(capsys, "fit", path, *how)
    assert map_path.read_bytes() == before
    assert run(capsys, "fit", path, *how, "--force")[0] == 0
    assert map_path.read_bytes() != before
    how[-1] = tmp_path / "no" / "map.json"
    assert "no directory" in refused(capsys, "fit", path, *how)
    same = ["--column", "spam", "--out", path, "--force"]
    assert run(capsys, "apply", map_path, path, *same)[0] == 0  # in place
    assert len(pd.read_csv(path)) == 120
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\x80\x04\x95",
        b"\xff\xfe{",
        b'{"format": "skcalib"}',
        b"[" * 100_000,
        b'{"format": "skcalib", "version": 1e999}',
    ],
)
def test_what_is_no_map_is_refused(content, judge, tmp_path, capsys):
    _, path, _ = judge
    bad = tmp_path / "bad.json"
    bad.write_bytes(content)
    assert "is no map" in refused(capsys, "apply", bad, path, "--column", "spam")


def test_a_bad_row_late_in_a_file_leaves_no_half_of_it(judge, tmp_path, capsys, monkeypatch):
    map_path, path, _ = judge
    monkeypatch.setattr(_tables, "FIRST_ROWS", 10)
    path.write_text(path.read_text() + "999,ham,high,A,text\n")
    out = tmp_path / "out.csv"
    line = refused(capsys, "apply", map_path, path, "--column", "spam", "--out", out)
    assert "'high' in row 121" in line
    assert not out.exists()
    assert not list(tmp_path.glob(".*"))


def test_a_short_row_is_refused_where_rows_are_passed_on(judge, tmp_path, capsys):
    map_path, path, _ = judge
    path.write_text("id,spam,text\n1,0.5,a\n2,0.5\n")
    assert "row 2 has fewer cells" in refused(
        capsys, "apply", map_path, path, "--column", "spam"
    )
    path.write_text("y,spam,text\nham,0.5,a\nspam,0.5\n")
    assert "row 2 has fewer cells" in refused(capsys, "evaluate", path, "--column", "spam")
    path.write_text("y,spam,text\nham,0.5,a\nspam,0.5,\n")
    assert run(capsys, "evaluate", path, "--column", "spam")[0] == 0


@pytest.mark.parametrize("method", ["Auto", "platt", "__class__"])
def test_unknown_methods(method, judge, capsys):
    assert "--method" in refused(capsys, "fit", judge[1], "--method", method)


def test_an_interrupt_leaves_nothing_half_written(judge, tmp_path, capsys, monkeypatch):
    map_path, path, _ = judge

    def interrupt(*_):
        raise KeyboardInterrupt

    out = tmp_path / "out.csv"
    monkeypatch.setattr("skcalib.cli._apply.answers_of", interrupt)
    code, _, err = run(capsys, "apply", map_path, path, "--column", "spam", "--out", out)
    assert (code, err) == (130, "skcalib: interrupted; nothing was written\n")
    assert not out.exists()
    assert not list(tmp_path.glob(".*"))


class Closed(io.StringIO):
    """Standard output whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError


def test_a_closed_pipe_is_no_fault(judge, capsys, monkeypatch):
    _, path, _ = judge
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Closed())
        from skcalib.cli import main

        code = main(["evaluate", str(path), "--column", "spam"])
    assert code == 141
    assert capsys.readouterr().err == ""
