"""The documentation as it was built: every page in a browser, at the widths of screens."""

import re
from pathlib import Path

import pytest
from support.browser import Browser, find_browser

SITE = Path(__file__).parents[1] / "docs" / "_build"
NO_PAGES = {"_static", "_modules"}  # the second are listings of source: code from top to bottom
PAGES = [path for path in sorted(SITE.rglob("*.html")) if not NO_PAGES & set(path.parts)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PAGES, reason="needs the documentation, as .ci/run builds it"),
    pytest.mark.skipif(
        find_browser() is None, reason="needs Chromium: apt-get install chromium"
    ),
]

WIDTHS = (1280, 768, 390)
# What would have to be scrolled sideways, apart from code, its output, and formulas.
SIDEWAYS = """
[...document.querySelectorAll('html, body, body *')].filter(one => {
    const alone = 'pre, .output_subarea, svg, math, .formula, p:has(> math), dd:has(> math)';
    if (one.closest(alone) || one.clientWidth < 2) return false;
    const most = one.tagName == 'HTML' ? innerWidth : one.clientWidth + 1;
    return one.scrollWidth > most && (
        one.tagName == 'HTML' || ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)
    );
}).map(one => `${one.tagName}.${one.className}: ${one.textContent.trim().slice(0, 80)}`)
"""


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


def test_nothing_but_code_scrolls_sideways(browser):
    found = []
    for page in PAGES:
        browser.open(page, WIDTHS[0], "light")
        for width in WIDTHS:
            browser.ask(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=900,
                deviceScaleFactor=1,
                mobile=False,
            )
            assert browser.evaluate("innerWidth") == width
            wide = browser.evaluate(SIDEWAYS)
            found += [f"{page.relative_to(SITE)} at {width}: {one}" for one in wide]
    assert not found, "\n".join(found)


def test_this_test_can_fail(browser, tmp_path):
    page = tmp_path / "page.html"
    table = "<table><tr>" + "<td>unbroken</td>" * 40 + "</tr></table>"
    page.write_text(
        "<!DOCTYPE html><meta name=viewport content='width=device-width'>"
        f"<div style='overflow-x: auto'>{table}</div>"
        f"<pre style='overflow-x: auto'>{'x' * 900}</pre>"
    )
    browser.open(page, 390, "light")
    assert len(browser.evaluate(SIDEWAYS)) == 1
    page.write_text(page.read_text().replace("<div style='overflow-x: auto'>", "<div>"))
    browser.open(page, 390, "light")
    assert [one[:5] for one in browser.evaluate(SIDEWAYS)] == ["HTML."]


GALLERY = [page for page in PAGES if page.parent.name == "gallery" and page.stem != "index"]


def test_every_example_is_a_notebook_to_download():
    for page in GALLERY:
        (link,) = re.findall(r'href="([^"]*\.ipynb)"', page.read_text())
        assert (page.parent / link).exists()
    assert len(GALLERY) == len(list((SITE.parents[1] / "examples").glob("*.py")))


def test_no_output_is_the_address_of_an_object():
    assert not [page for page in GALLERY if " object at 0x" in page.read_text()]


def test_every_picture_is_there_and_none_is_a_placeholder(tmp_path):
    utils = pytest.importorskip("sphinx_gallery.utils", reason="needs sphinx-gallery")
    utils.scale_image(SITE / "_static" / "no_image.png", tmp_path / "nothing.png", 400, 280)
    nothing = (tmp_path / "nothing.png").read_bytes()
    sources = {
        (page.parent / source).resolve()
        for page in PAGES
        for source in re.findall(r'<img [^>]*src="([^":]*)"', page.read_text())
    }
    assert not [source for source in sources if not source.exists()]
    thumbnails = {source for source in sources if source.name.endswith("_thumb.png")}
    assert len(thumbnails) == len(GALLERY)
    have_run = [page.stem for page in GALLERY if "sphx-glr-script-out" in page.read_text()]
    if not have_run:
        pytest.skip("needs the examples' pictures: this site was built with plot_gallery=0")
    bytes_of = {source.name: source.read_bytes() for source in thumbnails}
    assert not [stem for stem in have_run if bytes_of[f"sphx_glr_{stem}_thumb.png"] == nothing]
