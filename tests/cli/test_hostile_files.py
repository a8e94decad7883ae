"""Files that are broken or mean ill: exit code 2, and one line that says what is wrong."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from support.command_line import refused, run, run_json, two_classes

GOOD = "y,ham,spam\nham,0.6,0.4\nspam,0.3,0.7\nham,0.8,0.2\n"


@pytest.fixture
def evaluate(tmp_path, capsys):
    """Return a function that evaluates a file of some bytes and returns the one line."""

    def call(content, *options, name="bad.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return refused(capsys, "evaluate", path, *options)

    return call


BAD = {
    "empty": ("", "no header"),
    "only a header": ("y,ham,spam\n", "no row|all rows have|no column|--column"),
    "no y": (GOOD.replace("y,", "label,"), "no column 'y' .*it has 'label'"),
    "a typing error": (GOOD.replace("y,", "Y,"), "did you mean|no column 'y'"),
    "a row too long": (GOOD + "ham,0.1,0.9,7\n", "row 4 .*has 4 cells, not 3"),
    "the first row too long": ("y,ham,spam\nham,0.6,0.4,1\n", "more cells than the header"),
    "a row too short": (GOOD + "ham,0.5\n", "row 4 has fewer cells"),
    "an empty label": (GOOD + ",0.5,0.5\n", "'y' is empty in row 4"),
    "a label alone": (GOOD + "ham\n", "row 4 has fewer cells|is empty in row 4"),
    "a column twice": (GOOD.replace("spam\nham", "ham\nham", 1), "'ham' twice"),
    "text": (GOOD + "ham,high,0.5\n", "'ham' holds 'high' in row 4"),
    "a formula": (GOOD + 'ham,"=cmd(1)",0.5\n', r"holds '=cmd\(1\)' in row 4"),
    "nan": (GOOD + "ham,nan,0.5\n", "'ham' .*row 4"),
    "infinite": (GOOD + "ham,inf,0.5\n", "'ham' .*row 4"),
    "too large": (GOOD + "ham,1.2,-0.2\n", "row 4.*--input logits"),
    "no sum of one": (GOOD + "ham,0.2,0.2\n", "row 4 sum to 0.4"),
    "a class without a column": (GOOD + "eggs,0.5,0.5\n", "label 'eggs'"),
    "booleans": ("y,ham,spam\nham,True,False\nspam,False,True\n", "'ham' holds 'True'"),
    "semicolons": (GOOD.replace(",", ";"), "separator"),
    "tabs": (GOOD.replace(",", "\t"), "separator"),
    "an open quotation mark": (GOOD + '"ham,0.5,0.5\n', "quotation mark"),
    "an open one in the header": ('"y,ham,spam\nham,0.5,0.5\n', "no column 'y'|header"),
    "control characters": ("y,h\x1b[31mam\nham,0.5\n", r"\\x1b\[31m"),
    "latin-1": (GOOD.replace("ham", "h\xe4m").encode("latin-1"), "byte 0xe4.*--encoding"),
    "utf-16": (GOOD.encode("utf-16"), "--encoding"),
    "no csv at all": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "--encoding|no column"),
    "underscores in numbers": (GOOD + "ham,1_0,0.5\n", "'1_0' in row 4"),
    "a huge header": ("y," + "x" * 200_000 + "\n", "header"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_csv_is_refused_in_one_line(case, evaluate):
    import re

    content, expected = BAD[case]
    line = evaluate(content)
    assert re.search(expected, line), line
    assert len(line) < 700
    assert "\x1b" not in line


def test_decimal_commas_are_named_and_can_be_read(tmp_path, capsys, evaluate):
    text = GOOD.replace(",", ";").replace(".", ",")
    line = evaluate(text, "--separator", ";")
    assert "--decimal ," in line
    path = tmp_path / "comma.csv"
    path.write_text(text)
    found = run_json(capsys, "evaluate", path, "--separator", ";", "--decimal", ",")
    assert found["n_rows"] == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("\n", "\n\n").encode(),
        lambda text: text.replace("ham", '"ham"').encode(),
    ],
    ids=["CRLF", "BOM", "no last line break", "empty lines", "quotes"],
)
def test_harmless_varieties_of_csv_are_read(change, tmp_path, capsys):
    path = tmp_path / "fine.csv"
    path.write_bytes(change(GOOD))
    found = run_json(capsys, "evaluate", path)
    assert (found["n_rows"], found["classes"]) == (3, ["ham", "spam"])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "UTF-8", "utf_8"])
def test_other_encodings_are_read_if_they_are_named(encoding, tmp_path, capsys):
    path = tmp_path / "other.csv"
    path.write_bytes(GOOD.replace("ham", "Öl").encode(encoding))
    found = run_json(capsys, "evaluate", path, "--encoding", encoding)
    assert found["classes"] == ["spam", "Öl"]


def test_quoted_line_breaks_huge_cells_and_formulas_are_text(tmp_path, capsys):
    frame = two_classes()
    frame.loc[3, "text"] = "x" * 2_000_000
    path = tmp_path / "texts.csv"
    frame.replace({"y": {"ham": "=1+1"}}).rename(columns={"ham": "=1+1"}).to_csv(
        path, index=False
    )
    found = run_json(capsys, "evaluate", path)
    assert found["n_rows"] == len(frame)
    assert found["classes"] == ["=1+1", "spam"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--column", "spam"], "--positive|label"),
        (["--column", "p"], "no column 'p'"),
        (["--prefix", "q_"], "--prefix 'q_'"),
        (["--positive", "eggs"], "none of the classes"),
        (["--weight", "y"], "no number"),
        (["--groups", "site"], "no column 'site'"),
        (["--separator", "ab"], "one character"),
        (["--encoding", "klingon"], "unknown"),
        (["--column", "ham", "--prefix", "h"], "give one"),
        (["--confidence", "1.5"], "between 0 and 1"),
        (["--random-state", "-1"], "whole number|expected one argument"),
        (["--postive", "spam"], "did you mean '--positive'"),
        (["--format", "xml"], "invalid choice"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, expected, evaluate):
    import re

    text = GOOD.replace("ham,spam", "ham,p_spam") if "--positive|" in expected else GOOD
    if "--positive|" in expected:
        text, options = "y,spam\na,0.4\nb,0.5\n", options
    assert re.search(expected, evaluate(text, *options))


def test_files_that_are_not_there(tmp_path, capsys):
    assert "No such file" in refused(capsys, "evaluate", tmp_path / "missing.csv")
    assert "directory" in refused(capsys, "evaluate", tmp_path, "--format", "csv")
    assert "--format" in refused(capsys, "evaluate", tmp_path / "predictions")
    assert "required" in refused(capsys, "evaluate")
    assert "invalid choice" in refused(capsys, "evalute", "x.csv")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def npz_of(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return out.getvalue()


def header(shape, dtype="<f8"):
    text = (
        f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    )
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def saved(array, **keywords):
    out = io.BytesIO()
    np.save(out, array, **keywords)
    return out.getvalue()


LABELS, PROBA = saved(np.array(["a", "b"])), saved(np.array([[0.6, 0.4], [0.3, 0.7]]))
BAD_NPZ = {
    "objects": (
        npz_of(y=saved(np.array(["a", Bomb()], dtype=object), allow_pickle=True), proba=PROBA),
        "Python objects",
    ),
    "objects of probabilities": (
        npz_of(y=LABELS, proba=saved(np.array([Bomb()], dtype=object), allow_pickle=True)),
        "Python objects",
    ),
    "a pickle": (npz_of(y=pickle.dumps(np.zeros(3)), proba=PROBA), "no array of NumPy"),
    "a huge shape": (npz_of(y=LABELS, proba=header((10**12, 2)) + bytes(16)), "cut off"),
    "a shape beyond integers": (npz_of(y=LABELS, proba=header((2**62, 2**62))), "cut off"),
    "a negative shape": (npz_of(y=LABELS, proba=header((-1, 2)) + bytes(16)), ""),
    "a broken header": (
        npz_of(y=LABELS, proba=b"\x93NUMPY\x01\x00\x10\x00{'descr': "),
        "NumPy",
    ),
    "code in the header": (
        npz_of(y=LABELS, proba=header("__import__('os').getcwd()")),
        "no array of NumPy",
    ),
    "different lengths": (npz_of(y=saved(np.arange(3)), proba=PROBA), "3.*2 rows"),
    "no labels": (npz_of(proba=PROBA), "no array 'y'"),
    "no probabilities": (npz_of(y=LABELS, probs=PROBA), "no array 'proba'.*'probs'"),
    "three dimensions": (npz_of(y=LABELS, proba=saved(np.zeros((2, 2, 2)))), "shape"),
    "text": (npz_of(y=LABELS, proba=saved(np.array([["0.6", "0.4"]] * 2))), "numbers"),
    "complex": (npz_of(y=LABELS, proba=saved(np.zeros((2, 2), complex))), "numbers"),
    "NaN": (npz_of(y=LABELS, proba=saved(np.array([[np.nan, 1], [1, 0]]))), "row 1"),
    "fractions": (npz_of(y=saved(np.array([0.5, 1])), proba=PROBA), "fractions"),
    "a class too many": (npz_of(y=LABELS, proba=saved(np.full((2, 3), 1 / 3))), "classes"),
    "no archive": (b"PK\x03\x04 nothing", "npz"),
    "cut off": (npz_of(y=LABELS, proba=PROBA)[:-200], "npz"),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_a_bad_npz_is_refused_in_one_line(case, evaluate):
    import re

    content, expected = BAD_NPZ[case]
    assert re.search(expected, evaluate(content, name="bad.npz"))


def test_a_bad_parquet_is_refused_in_one_line(evaluate):
    pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    assert "parquet" in evaluate(b"PAR1 nothing PAR1", name="bad.parquet")
    assert "parquet" in evaluate(b"", name="empty.parquet")


@pytest.mark.parametrize(("package", "name"), [("pandas", "x.csv"), ("pyarrow", "x.parquet")])
def test_missing_packages_are_named_with_what_installs_them(
    package, name, evaluate, monkeypatch
):
    for module in (package, f"{package}.parquet"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    line = evaluate(GOOD, name=name)
    assert "pip install 'skcalib[cli]'" in line
    assert package in line


def test_a_fault_of_our_own_is_neither_bad_input_nor_a_broken_limit(
    tmp_path, capsys, monkeypatch
):
    path = tmp_path / "fine.csv"
    path.write_text(GOOD)

    def fail(*_):
        raise RuntimeError("inside")

    monkeypatch.setattr("skcalib.cli._evaluate.compute_figures", fail)
    code, out, err = run(capsys, "evaluate", path)
    assert (code, out) == (3, "")
    assert err.endswith("please report it\n")
