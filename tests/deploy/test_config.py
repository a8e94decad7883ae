"""One call from a file of settings: settings as from strangers, files whole or not at all."""

import json
import os
import re

import numpy as np
import pytest
from support.command_line import refused, run

from skcalib import metrics
from skcalib.deploy import calibrate_from_config, from_description, write_beside

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nmodel: *c\n"
THREE = "model: a.keras\ndata: a.npz\nout: b.keras\n"
HOSTILE = {
    "an object": ("model: !!python/object/apply:os.system ['false']\n", "tags are refused"),
    "a name": ("model: !!python/name:os.system\n", "tags are refused"),
    "a tag of one's own": ("model: !mine x\n", "tags are refused"),
    "a bomb": (BOMB, "anchors and aliases"),
    "a merge": ("x: &x {model: a}\n<<: *x\n", "anchors and aliases"),
    "depth": ("model: " + "[" * 5000 + "\n", "nested too deep"),
    "twice": ("model: a.keras\nmodel: b.keras\n", "'model' stands twice"),
    "a list": ("- model\n", "a name and a value"),
    "a text": ("model", "a name and a value"),
    "nothing": ("", "a name and a value"),
    "a wrong name": ("modle: a.keras\n", "did you mean 'model'?"),
    "no name at all": ("xyz: 1\n", "known are model, data"),
    "a list as a value": ("model: [a.keras]\n", "must be one value"),
    "a flag as a method": (THREE + "method: no\n", "method must be a text"),
    "a number as a path": ("model: 3\n", "model must be a text"),
    "no model": ("data: calib.npz\nout: c.keras\n", "model is missing"),
    "nothing to write": ("model: a.keras\ndata: calib.npz\n", "Nothing would be written"),
    "another format": (THREE.replace("a.keras", "a.h5"), "file of Keras 3"),
    "no such file": (THREE, "no file"),
    "text for a flag": (THREE + "force: maybe\n", "force must be"),
    "a bad seed": (THREE + "random_state: -1\n", "random_state must be"),
    "broken": ("model: 'a\n", "no YAML"),
    "tabs": ("model:\n\t- x\n", "no YAML"),
    "another encoding": ("model: \xe4\n".encode("latin-1"), "utf-8"),
    "two documents": ("model: a\n---\nmodel: b\n", "no YAML"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_yaml_is_refused(case, tmp_path, capsys):
    pytest.importorskip("yaml", reason="needs PyYAML: pip install 'skcalib[cli]'")
    content, expected = HOSTILE[case]
    path = tmp_path / "config.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=re.escape(expected)):
        calibrate_from_config(path)
    assert refused(capsys, "calibrate", path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("c.json", '{"model": "a", "model": "b"}', "stands twice"),
        ("c.json", '{"model": ', "Expecting value"),
        ("c.json", '{"modell": "a"}', "did you mean 'model'"),
        ("c.json", "[" * 100_000, "nested too deep"),
        ("c.toml", "model = \n", "Invalid value"),
        ("c.toml", "[model]\nx = 1\n", "must be one value"),
        ("c.ini", "model = a", "must end in one of"),
    ],
)
def test_other_formats_are_held_to_the_same(name, content, expected, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=expected):
        calibrate_from_config(path)


def test_yaml_says_what_installs_it(tmp_path, capsys, monkeypatch):
    path = tmp_path / "config.yaml"
    path.write_text("model: a.keras\n")
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    assert "pip install 'skcalib[cli]'" in refused(capsys, "calibrate", path)


def test_options_beside_a_file_of_settings_are_refused(tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text("{}")
    assert "--data" in refused(capsys, "calibrate", path, "--data", "x.npz")
    assert "no file" in refused(capsys, "calibrate", tmp_path / "model.keras")


@pytest.fixture
def model_path(tmp_path):
    """Return the path of something that is named like a model, beside data."""
    np.savez(tmp_path / "calib.npz", X=np.zeros((4, 2)), y=np.arange(4) % 2)
    path = tmp_path / "model.keras"
    path.write_bytes(b"no model")
    return path


def test_what_would_be_overwritten_is_said_before_anything_is_done(model_path, capsys):
    folder = model_path.parent
    (folder / "out.keras").write_text("precious")
    how = ["--data", folder / "calib.npz", "--out", folder / "out.keras"]
    assert "--force" in refused(capsys, "calibrate", model_path, *how)
    assert (folder / "out.keras").read_text() == "precious"
    how[-1] = model_path
    assert "same file" in refused(capsys, "calibrate", model_path, *how, "--force")
    how[-1] = folder / "no" / "out.keras"
    assert "no directory" in refused(capsys, "calibrate", model_path, *how)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"X": np.zeros((4, 2))}, "no array 'y'"),
        ({"X": np.zeros((4, 2)), "y": np.zeros(3, int)}, "different numbers of rows"),
        ({"X": np.array([{}] * 4), "y": np.zeros(4, int)}, "Python objects"),
    ],
)
def test_bad_arrays_are_refused_before_keras_is_loaded(arrays, expected, model_path, capsys):
    data = model_path.parent / "calib.npz"
    np.savez(data, **arrays)
    how = ["--data", data, "--out", model_path.parent / "out.keras"]
    assert expected in refused(capsys, "calibrate", model_path, *how)


class TestWriting:
    """What is written beside takes its place when it is complete."""

    def test_complete_or_not_at_all(self, tmp_path):
        path = tmp_path / "page.html"
        with pytest.raises(TypeError), write_beside(path, False) as beside:
            beside.write_text("half" if not beside.exists() else "") + "fails"
        assert not list(tmp_path.iterdir())
        with write_beside(path, False) as beside:
            assert beside.suffix == ".html"
            beside.write_text("whole")
            assert not path.exists()
        assert path.read_text() == "whole"
        assert list(tmp_path.iterdir()) == [path]

    def test_what_somebody_else_wrote_meanwhile_stays(self, tmp_path):
        path = tmp_path / "page.html"
        writing = write_beside(path, False)
        writing.__enter__().write_text("ours")
        path.write_text("theirs")
        with pytest.raises(ValueError, match="exists"):
            writing.__exit__(None, None, None)
        assert path.read_text() == "theirs"
        assert list(tmp_path.iterdir()) == [path]

    def test_links_and_devices(self, tmp_path):
        path, link = tmp_path / "page.html", tmp_path / "link.html"
        path.write_text("old")
        link.symlink_to(path)
        with write_beside(link, True) as beside:
            beside.write_text("new")
        assert link.is_symlink()
        assert path.read_text() == "new"
        with write_beside(os.devnull, False) as beside:
            assert str(beside) == os.devnull


@pytest.mark.slow
def test_a_network_is_calibrated_from_files(tmp_path, capsys):
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype("float32")
    keras.utils.set_random_seed(0)
    layers = [keras.Input((64,)), keras.layers.Dense(64, "relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X[:200], y[:200], epochs=150, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "calib.npz", X=X[200:700], y=y[200:700])
    settings = {"model": "model.keras", "data": "calib.npz", "method": "temperature"}
    outs = {"out": "calibrated.keras", "map": "map.json", "report": "report.html"}
    (tmp_path / "config.json").write_text(json.dumps(settings | outs))
    done = calibrate_from_config(tmp_path / "config.json")
    assert set(done.files) == set(outs)
    expected = done.calibrated.predict_proba(X[700:])
    saved = keras.saving.load_model(tmp_path / "calibrated.keras")
    np.testing.assert_allclose(saved.predict(X[700:], verbose=0), expected, atol=1e-5)
    before = metrics.log_loss(y[700:], model.predict(X[700:], verbose=0))
    assert metrics.log_loss(y[700:], expected) < before
    described = from_description((tmp_path / "map.json").read_text())
    assert described.classes_.tolist() == list(range(10))
    assert "<html" in (tmp_path / "report.html").read_text()
    code, out, err = run(
        capsys,
        *("calibrate", tmp_path / "model.keras", "--data", tmp_path / "calib.npz"),
        *("--method", "temperature", "--out", tmp_path / "second.keras"),
    )
    assert (code, out) == (0, f"{tmp_path / 'second.keras'}\n"), err
    second = keras.saving.load_model(tmp_path / "second.keras")
    np.testing.assert_array_equal(
        second.predict(X[700:], verbose=0), saved.predict(X[700:], verbose=0)
    )
    hostile = keras.Sequential([keras.Input((64,)), keras.layers.Lambda(lambda x: x[:, :10])])
    hostile.save(tmp_path / "hostile.keras")
    line = refused(
        capsys,
        *("calibrate", tmp_path / "hostile.keras", "--data", tmp_path / "calib.npz"),
        *("--out", tmp_path / "third.keras"),
    )
    assert "cannot be loaded" in line
    assert not (tmp_path / "third.keras").exists()
