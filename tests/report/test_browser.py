"""The page in a real browser: nothing is asked for, nothing complains, nothing is cut off."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from support.browser import Browser, find_browser
from support.findings import make_report

from skcalib import confidence_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_browser() is None,
        reason="needs Chromium: apt-get install chromium",
    ),
]

WIDE = """
[...document.querySelectorAll('.skcalib-report *')].filter(
    one => !one.closest('svg') && one.getBoundingClientRect().right > innerWidth + 0.5
).map(one => one.outerHTML.slice(0, 200))
"""
# Text of pictures that ends beside its picture.
CUT = """
[...document.querySelectorAll('svg text')].filter(one => {
    const inner = one.getBoundingClientRect();
    const outer = one.ownerSVGElement.getBoundingClientRect();
    return inner.left < outer.left - 1 || inner.right > outer.right + 1
        || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
}).map(one => one.textContent)
"""
# The contrast of each text with the ground behind it (WCAG 2).
CONTRAST = """
(() => {
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(
        v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
    ).reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
    const parse = color => {
        const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
        return [r, g, b, a];
    };
    const over = (top, alpha, ground) => top.slice(0, 3).map(
        (v, k) => alpha * v + (1 - alpha) * ground[k]
    );
    let worst = 21;
    const all = 'p, b, span, h1, h2, h3, code, text, figcaption';
    for (const one of document.querySelectorAll(all)) {
        if (!one.textContent.trim()) continue;
        const line = [];
        for (let at = one; at; at = at.parentElement) line.unshift(at);
        let ground = [255, 255, 255], seen = 1;
        for (const at of line) {
            const style = getComputedStyle(at), own = parse(style.backgroundColor);
            ground = over(own, own[3], ground);
            seen *= Number(style.opacity);
        }
        const style = getComputedStyle(one);
        const ink = parse(one.matches('text') ? style.fill : style.color);
        const [a, b] = [light(over(ink, seen, ground)), light(ground)].sort((x, y) => y - x);
        worst = Math.min(worst, (a + 0.05) / (b + 0.05));
    }
    return worst;
})()
"""


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


def trained_report():
    """Return the report of a network that is far too sure, with groups named by markup."""
    X, y = load_digits(return_X_y=True)
    labels = np.array([f"<b>{k}</b> & a long name that goes on" for k in range(10)])[y]
    X_train, X, y_train, y = train_test_split(X / 16, labels, train_size=200, random_state=0)
    network = MLPClassifier((64,), alpha=0, max_iter=300, tol=0, random_state=0)
    network.n_iter_no_change = 300
    with pytest.warns(ConvergenceWarning):
        network.fit(X_train, y_train)
    return confidence_report(network, X, y, X_train=X_train, y_train=y_train, groups=y)


PAGES = {
    "everything": make_report,
    "healthy": lambda: make_report(["none_needed"], labels=["no", "yes"]),
    "few": lambda: make_report(["too_few_rows"], labels=["no", "yes"], n_rows=40),
    "many": lambda: make_report(labels=[f"number {k} {'x' * 60}" for k in range(300)]),
    "network": trained_report,
}


@pytest.fixture(scope="module", params=PAGES)
def page(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    report = PAGES[request.param]()
    report.to_html(path)
    return report, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_in_a_browser(browser, page, width, scheme):
    report, path = page
    browser.open(path, width, scheme)
    assert browser.complaints() == []
    assert browser.requests() == [path.resolve().as_uri()]
    sections = browser.evaluate("[...document.querySelectorAll('section')].map(one => one.id)")
    severities = [f"skcalib-{one.severity}s" for one in report.findings]
    assert set(sections) == {"skcalib-figures", "skcalib-pictures", *severities}
    cards = browser.evaluate("document.querySelectorAll('article').length")
    assert cards == len(report.findings)
    assert browser.evaluate("document.scripts.length") == 0
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(WIDE) == []
    assert browser.evaluate(CUT) == []
    assert browser.evaluate(CONTRAST) >= 4.5
    dark = browser.evaluate("getComputedStyle(document.body).backgroundColor") != (
        "rgb(255, 255, 255)"
    )
    assert dark == (scheme == "dark")


def test_the_page_can_be_printed(browser, page):
    browser.open(page[1], 1280, "dark")
    assert browser.print_pdf().startswith(b"%PDF")
    browser.ask("Emulation.setEmulatedMedia", media="print")
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = browser.evaluate("getComputedStyle(document.body).color")
    assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")


def test_the_tests_of_the_page_can_fail(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<!DOCTYPE html><meta name=viewport content='width=device-width'>"
        "<body style='background:#fff'><div class=skcalib-report>"
        "<p style='width:2000px;color:#aaa'>wide and pale</p>"
        "<svg viewBox='0 0 10 10' width=10><text x=5 y=5>beside</text></svg>"
        "<script>console.error('x')</script><img src='http://localhost:9999/x.png'></div>"
    )
    browser.open(path, 390, "light")
    assert len(browser.complaints()) >= 1
    assert len(browser.requests()) == 2
    assert browser.evaluate(WIDE)
    assert browser.evaluate(CUT) == ["beside"]
    assert browser.evaluate(CONTRAST) < 4.5
