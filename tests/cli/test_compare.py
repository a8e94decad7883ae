"""skcalib compare: paired differences against closed forms."""

import numpy as np
import pandas as pd
import pytest
from support.command_line import refused, run, run_json, two_classes

from skcalib import metrics


@pytest.fixture
def files(tmp_path):
    """Return paths of two files about the same rows, the second better, and their frames."""
    first = two_classes(400)
    second = first.assign(spam=first["spam"] ** 2, ham=1 - first["spam"] ** 2)
    paths = tmp_path / "first.csv", tmp_path / "second.csv"
    for frame, path in zip((first, second), paths, strict=True):
        frame.to_csv(path, index=False)
    return paths, (first, second)


def losses(frame):
    y = (frame["y"] == "spam").to_numpy()
    return -np.log(np.where(y, frame["spam"], frame["ham"]))


def test_differences_are_the_second_minus_the_first(files, capsys):
    paths, frames = files
    answer = run_json(capsys, "compare", *paths)
    found = answer["differences"]["log_loss"]
    own = losses(frames[1]) - losses(frames[0])
    assert found["difference"] == pytest.approx(own.mean())
    half = 1.959964 * own.std(ddof=1) / 20
    assert found["lower"] == pytest.approx(own.mean() - half, rel=1e-6)
    assert found["upper"] == pytest.approx(own.mean() + half, rel=1e-6)
    from scipy.stats import norm

    z = own.mean() / (own.std(ddof=1) / 20)
    assert found["pvalue"] == pytest.approx(2 * norm.sf(abs(z)), rel=1e-6)
    swapped = run_json(capsys, "compare", *paths[::-1])["differences"]["log_loss"]
    assert swapped["difference"] == pytest.approx(-found["difference"])
    assert "The second has the better" in run(capsys, "compare", *paths)[1]


@pytest.mark.slow
def test_few_rows_are_resampled(files, capsys, all_figures):
    paths, frames = files
    found = run_json(capsys, "compare", *paths)["differences"]
    y = frames[0]["y"] == "spam"
    parts = (y, frames[1]["spam"], frames[0]["spam"])
    for name, metric in (
        ("log_loss", metrics.log_loss),
        ("brier", metrics.brier_score_loss),
    ):
        expected = metrics.bootstrap_difference(metric, *parts, random_state=0)
        assert found[name]["difference"] == pytest.approx(expected.difference, rel=1e-5)
        assert found[name]["lower"] == pytest.approx(expected.low, rel=1e-4)
        assert found[name]["pvalue"] == expected.p_value


def test_equal_files_do_not_differ(files, capsys):
    paths, _ = files
    for found in run_json(capsys, "compare", paths[0], paths[0])["differences"].values():
        assert found["difference"] == 0
        assert found["pvalue"] == 1
    assert "do not tell" in run(capsys, "compare", paths[0], paths[0])[1]


def test_rows_are_matched_by_id(files, capsys, tmp_path):
    paths, frames = files
    mixed = tmp_path / "mixed.csv"
    frames[1].sample(frac=1, random_state=0).to_csv(mixed, index=False)
    assert "--id" in refused(capsys, "compare", paths[0], mixed)
    expected = run_json(capsys, "compare", *paths)["differences"]
    found = run_json(capsys, "compare", paths[0], mixed, "--id", "id")["differences"]
    assert found == expected
    pd.concat([frames[1], frames[1][:1]]).to_csv(mixed, index=False)
    assert "has '0' twice" in refused(capsys, "compare", paths[0], mixed, "--id", "id")
    frames[1][1:].to_csv(mixed, index=False)
    assert "only one has --id '0'" in refused(capsys, "compare", paths[0], mixed, "--id", "id")
    assert "only one has" in refused(capsys, "compare", mixed, paths[0], "--id", "id")


def test_files_about_different_things_are_refused(files, capsys, tmp_path):
    paths, frames = files
    other = tmp_path / "other.csv"
    frames[1][:100].to_csv(other, index=False)
    assert "400 and 100 rows" in refused(capsys, "compare", paths[0], other)
    renamed = frames[1].rename(columns={"ham": "egg"}).replace({"y": {"ham": "egg"}})
    renamed.to_csv(other, index=False)
    assert "different classes" in refused(capsys, "compare", paths[0], other)
    assert "standard input" in refused(capsys, "compare", "-", "-")


def test_gates_of_differences(files, capsys):
    paths, _ = files
    assert run(capsys, "compare", *paths, "--fail-if", "log_loss_lower>0")[0] == 0
    assert run(capsys, "compare", *paths[::-1], "--fail-if", "log_loss_lower>0")[0] == 1
    assert run(capsys, "compare", *paths, "--fail-if", "brier_pvalue<0.05")[0] == 1
    assert "did you mean" in refused(capsys, "compare", *paths, "--fail-if", "log_los>0")


def test_an_infinite_loss_is_no_difference(files, capsys, tmp_path):
    paths, frames = files
    frame = frames[1].copy()
    impossible = [1.0, 0.0] if frame["y"][0] == "spam" else [0.0, 1.0]
    frame.loc[0, ["ham", "spam"]] = impossible
    path = tmp_path / "inf.csv"
    frame.to_csv(path, index=False)
    found = run_json(capsys, "compare", paths[0], path)["differences"]["log_loss"]
    assert found == {"difference": "Infinity", "lower": None, "upper": None, "pvalue": None}
    assert run(capsys, "compare", paths[0], path, "--fail-if", "log_loss>0")[0] == 1
    assert run(capsys, "compare", paths[0], path, "--fail-if", "log_loss_lower>0")[0] == 1
    assert "not comparable" in run(capsys, "compare", paths[0], path)[1]
