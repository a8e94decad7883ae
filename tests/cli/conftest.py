"""Commands of most tests leave slow figures out, and resample little."""

import pytest


@pytest.fixture(autouse=True)
def leave_slow_figures_out(request, monkeypatch):
    """Take few rows for many, unless a test asks for `all_figures`."""
    if "all_figures" not in request.fixturenames:
        monkeypatch.setattr("skcalib.cli._compare.FEW_ROWS", 10)  # before it is changed there
        monkeypatch.setattr("skcalib.cli._compare.RESAMPLES", (50, 50))
        monkeypatch.setattr("skcalib.cli._figures.MODERATE_ROWS", 10)
        monkeypatch.setattr("skcalib.cli._figures.FEW_ROWS", 10)
        monkeypatch.setattr("skcalib.cli._figures.RESAMPLES", (50, 50))


@pytest.fixture
def all_figures():
    """Have all figures computed, as the command does."""
