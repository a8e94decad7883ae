"""Progress without tqdm: a line at the start, one every two seconds, one at the end."""

import sys

import pytest

from skcalib.messages import _progress


@pytest.fixture
def clock(monkeypatch):
    """Set the time by hand, and be without tqdm."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(_progress.time, "monotonic", lambda: Clock.now)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    return Clock


def test_a_line_every_two_seconds(clock, capsys):
    for item in _progress.show_progress(range(10), 10, "forest", "trees", verbose=1):
        assert item < 10
        clock.now += 0.75
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "[forest] 0 of 10 trees, 0.0 s",
        "[forest] 3 of 10 trees, 2.2 s",
        "[forest] 6 of 10 trees, 4.5 s",
        "[forest] 9 of 10 trees, 6.8 s",
        "[forest] 10 of 10 trees, 7.5 s",
    ]


def test_silent_unless_asked(clock, capsys):
    work = iter([1, 2])
    assert _progress.show_progress(work, 2, "forest", "trees", verbose=False) is work
    assert list(_progress.show_progress([1, 2], 2, "forest", "trees", verbose=True)) == [1, 2]
    assert capsys.readouterr().err.count("forest") == 2
