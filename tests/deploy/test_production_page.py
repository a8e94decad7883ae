"""The code of the page on production runs as it is written."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/production.md").read_text()


@pytest.mark.filterwarnings("ignore")  # of packages for export
def test_code_of_the_page_on_production():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    assert len(blocks) >= 4
    names = {}
    for block in blocks:
        exec(compile(block, "production.md", "exec"), names)
    assert names["proba"].shape == (797, 10)
    assert abs(names["proba"] - names["expected"]).max() < 1e-9
