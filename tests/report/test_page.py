"""The page: labels are text, nothing is loaded, and it is well-formed."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.findings import MARKUP, details, make_report

from skcalib.report import ConfidenceReport, Interval
from skcalib.report._codes import ACTIONS, CODES
from skcalib.report._pictures import draw_histogram, draw_intervals, draw_reliability
from skcalib.report._words import FIGURES

ALLOWED = {"html", "head", "meta", "title", "link", "style", "body", "main", "header", "footer"}
ALLOWED |= {"section", "article", "p", "h1", "h2", "h3", "ul", "li", "b", "br", "span", "div"}
ALLOWED |= {"figure", "figcaption", "svg", "text", "line", "circle", "rect", "pre", "code"}
ALLOWED |= {"cite", "a", "wbr"}

SECTIONS = ("verdict", "figures", "causes", "notes", "pictures")


class Reader(HTMLParser):
    """All tags, attributes and text of a page; complains about tags that are not closed."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "link", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_labels_are_text_on_the_page():
    page = make_report().to_html()
    read = Reader(page)
    assert set(read.tags) <= ALLOWED
    assert not any(name.startswith("on") for name, _ in read.attributes)
    assert "<script" not in page
    assert "alert" in page  # it is shown
    assert sum(MARKUP in text for text in read.text) >= 3
    assert not set("\u202e\u0007\ud800") & set(page)


@pytest.mark.parametrize(
    "label", ["</style><img src=x onerror=alert(1)>", "]]>", "&lt;b>", '" x="']
)
def test_any_label_is_shown_as_it_is(label):
    report = make_report(labels=[label, "other"])
    for page in (report.to_html(), report._repr_html_()):
        read = Reader(page)
        assert set(read.tags) <= ALLOWED
        assert any(label in text for text in read.text)


def test_nothing_on_the_page_leads_out():
    page = make_report().to_html()
    read = Reader(page)
    links = [value for name, value in read.attributes if name in ("href", "src", "srcset")]
    assert links == ["data:,"]
    assert not re.search(r"https?:|//|url\(|@import|@font-face", page.replace(MARKUP, ""))
    assert len(page.encode()) < 100_000


def test_links_lead_to_the_guide_that_is_given():
    page = make_report(["overconfident"]).to_html(guide_url="https://example.org/a&b/")
    assert '<a href="https://example.org/a&amp;b/confidence.html">' in page
    assert "confidence.html" not in make_report(["overconfident"]).to_html()


@settings(max_examples=10)
@given(st.lists(st.text(max_size=9), min_size=2, max_size=3, unique=True))
def test_whatever_labels_hold_the_tags_are_the_same(labels):
    plain = Reader(make_report(labels=[f"label {k}" for k in range(len(labels))]).to_html())
    page = make_report(labels=labels).to_html()
    assert Reader(page).tags == plain.tags
    page.encode()  # halves of signs are replaced


def test_a_healthy_model_has_a_short_calm_page():
    report = make_report(["none_needed"], labels=["no", "yes"])
    page = report.to_html()
    assert "verdict calm" in page
    assert 'id="skcalib-causes"' not in page
    assert len("".join(Reader(page).text).split()) - len(sheet_words(page)) < 300
    assert len(str(report).splitlines()) < 25


def sheet_words(page):
    return " ".join(re.findall(r"<style>(.*?)</style>", page, re.S)).split()


def test_long_names_of_classes_break_between_their_words():
    page = make_report([], estimator="TemperatureCalibratedClassifier").to_html()
    assert "<h1>Temperature<wbr>Calibrated<wbr>Classifier</h1>" in page


def test_what_is_wrong_is_a_section_before_the_notes():
    page = make_report().to_html()
    places = [page.index(f'id="skcalib-{name}"') for name in SECTIONS]
    assert places == sorted(places)
    assert page.count('<article class="cause"') == sum(
        d[0] == "cause" for d in details().values()
    )


def test_too_few_rows_are_neither_good_nor_bad():
    report = make_report(["too_few_rows"], n_rows=40)
    assert "verdict unsure" in report.to_html()
    assert "40 rows are too few to tell" in str(report)


def test_many_classes_and_groups_keep_the_page_small():
    labels = [f"class number {k} of a thousand" for k in range(1000)]
    page = make_report(labels=labels).to_html()
    assert len(page.encode()) < 200_000
    assert "And 975 more" in page


def test_the_notebooks_view_carries_its_looks_and_nothing_else():
    part = make_report(["overconfident"])._repr_html_()
    assert part.startswith('<div class="skcalib-report">')
    assert type(part) is str
    sheet = re.search(r"<style>(.*?)</style>", part, re.S)[1]
    rules = re.sub(r"@media[^{]*\{", "", sheet)
    for selectors in re.findall(r"([^{}]+)\{", rules):
        for selector in selectors.split(","):
            assert selector.strip().startswith(".skcalib-report")


def test_files_are_written_and_replaced(tmp_path):
    report = make_report()
    path = tmp_path / "page.html"
    path.write_text("before")
    assert report.to_html(path) is None
    assert path.read_bytes().decode() == report.to_html()
    report.to_json(str(tmp_path / "report.json"))
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == report.to_json()
    with pytest.raises(FileNotFoundError):
        report.to_html(tmp_path / "nowhere" / "page.html")


def test_the_same_report_is_the_same_page():
    assert make_report().to_html() == make_report().to_html()


# Pictures


def numbers_of(svg, tag, key):
    root = ElementTree.fromstring(svg)
    return [float(one.get(key)) for one in root.iter(tag)]


def test_dots_of_the_reliability_curve_are_where_they_belong():
    svg = draw_reliability(
        [[0.0, 0.5, 1.0], [0.0, 0.25, 1.0], [0.0, 0.2, 0.9], [0.1, 0.3, 1.0]]
    )
    x, y = numbers_of(svg, "circle", "cx"), numbers_of(svg, "circle", "cy")
    assert x[1] == pytest.approx((x[0] + x[2]) / 2, abs=0.1)
    assert y[1] == pytest.approx(y[0] + 0.25 * (y[2] - y[0]), abs=0.1)
    assert x[2] - x[0] == pytest.approx(y[0] - y[2], abs=0.1)  # a square


def test_bars_are_as_tall_as_the_counts():
    tall = numbers_of(draw_histogram([0, 10, 5, 0, 20]), "rect", "height")
    np.testing.assert_allclose(np.array(tall) / max(tall), [0.5, 0.25, 1])


def test_intervals_are_drawn_to_one_scale():
    rows = [("a", Interval(0.2, 0.1, 0.3)), ("b", Interval(0.4, 0.3, 0.5))]
    svg = draw_intervals(rows, "words", [0.3, 0.3])
    x = numbers_of(svg, "circle", "cx")
    assert x[1] == x[3]  # rings at the same value
    assert x[2] - x[1] == pytest.approx(x[1] - x[0], abs=0.11)


@pytest.mark.parametrize(
    "interval", [(0.2, np.nan, np.nan), (np.nan,) * 3, (np.inf, 0.1, np.inf)]
)
def test_unknown_and_infinite_numbers_can_be_drawn(interval):
    svg = draw_intervals([("a", Interval(*interval))], "words")
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    assert "inf" not in svg.replace("infinite", "")


def test_every_known_figure_has_a_place():
    report = make_report()
    assert set(report.figures) == set(FIGURES)


def test_made_up_findings_are_of_every_code_and_cure():
    assert list(details()) == list(CODES)
    actions = {one[3].action for one in details().values() if one[3]}
    assert actions == set(ACTIONS)


def test_a_report_without_anything_can_be_shown():
    report = ConfidenceReport([], {}, {}, {"source": "logits", "n_rows": 1, "classes": [0, 1]})
    Reader(report.to_html())
    assert "1 row, 2 classes (0 and 1)" in str(report)
    assert repr(report) == "<ConfidenceReport: nothing found>"
