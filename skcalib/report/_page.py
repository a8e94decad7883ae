"""The report as HTML: one part for notebooks, and one page around it."""

import re

from skcalib.report._guide import TITLES, address_of
from skcalib.report._markup import join, sheet, tag
from skcalib.report._pictures import draw_histogram, draw_intervals, draw_reliability
from skcalib.report._style import BODY, PART
from skcalib.report._words import MOST_ROWS

RELIABILITY = (
    "Of {notion}: what it says (across), and how often that comes true (up). On the dashed "
    "line it says what comes true. Dots with 95 % intervals: as it is."
)
AFTER = " Rings: after the best calibrator, tried on rows that it was not fitted to."
HISTOGRAM = "How many rows it answers how surely, by the largest probability."


def show_part(story, guide_url=None):
    """Return the report as a piece of HTML that carries its looks."""
    return tag("div", sheet(PART), *sections(story, guide_url), class_="skcalib-report")


def show_page(story, guide_url=None):
    """Return one self-contained page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"Confidence report: {story.subject}"),
        tag("link", rel="icon", href="data:,"),
        sheet(BODY + PART),
    )
    body = tag("body", tag("main", *sections(story, guide_url), class_="skcalib-report"))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def sections(story, guide_url):
    """Yield the sections of the page; those that have nothing to say are left out."""
    yield tag(
        "header",
        tag("p", "Confidence report", class_="quiet"),
        tag("h1", breakable(story.subject)),
        tag("p", story.rows, class_="quiet"),
        tag("p", story.verdict, class_=f"verdict {story.mood}"),
        id="skcalib-verdict",
    )
    yield section(
        "figures", "The figures", tag("ul", *map(tile, story.figures), class_="tiles")
    )
    for severity, title in (("cause", "What is wrong, and what mends it"), ("note", "Notes")):
        told = [card(one, guide_url) for one in story.told if one.severity == severity]
        if told:
            yield section(f"{severity}s", title, *told)
    pictures = [*curves(story)]
    if pictures:
        yield section("pictures", "The pictures", tag("div", *pictures, class_="pictures"))
    yield tag("footer", tag("p", story.foot, class_="quiet"))


def breakable(name):
    """Return the name of a class that may break between its words."""
    first, *others = re.split("(?<=[a-z])(?=[A-Z])", name)
    return join([first, *(part for word in others for part in (tag("wbr"), word))])


def section(name, title, *children):
    """Return a section with a heading."""
    return tag("section", tag("h2", title), *children, id=f"skcalib-{name}")


def tile(figure):
    """Return one of the figures."""
    number = tag("b", figure.number)
    return tag(
        "li",
        tag("span", figure.title),
        number,
        tag("span", figure.interval, class_="quiet"),
        tag("br") if figure.interval else None,
        tag("span", figure.words, class_="quiet"),
    )


def unbroken(text):
    """Return text whose numbers stay beside their unit."""
    return text.replace(" %", "\u00a0%").replace(" points", "\u00a0points")


def card(one, guide_url):
    """Return one finding: its words, its number, what mends it, and where to read on."""
    parts = [tag("h3", one.title), tag("p", unbroken(one.text))]
    if one.number:
        parts.append(tag("p", tag("span", unbroken(one.number), class_="number")))
    if one.rows:
        parts += show_rows(one.rows)
    parts += show_remedy(one.remedy)
    if one.guide:
        parts.append(tag("p", "Read on: ", link(one.guide, guide_url), class_="quiet"))
    return tag("article", *parts, class_=one.severity, id=f"skcalib-{one.code}")


def show_remedy(remedy):
    """Yield what mends a finding; what was shown already is not shown again."""
    if remedy is None:
        return
    if remedy.again:
        yield tag("p", remedy.again)
        return
    yield tag("p", remedy.words)
    if remedy.code:
        yield tag("pre", tag("code", remedy.code))
    if remedy.gain:
        yield tag("p", unbroken(remedy.gain))


def link(page, guide_url):
    """Return the name of a page of the guide, as a link where the guide has an address."""
    address = address_of(page, guide_url)
    name = TITLES[page]
    if address is None:
        return join([tag("cite", name), f" (docs/{page}.md)"])
    return tag("a", name, href=address)


def show_rows(rows):
    """Yield a picture of some labels' intervals, and what its signs mean."""
    shown = rows.rows[:MOST_ROWS]
    marks = None if rows.marks is None else rows.marks[:MOST_ROWS]
    picture = draw_intervals(shown, rows.words, marks, rows.reference, rows.write)
    yield tag("figure", picture, tag("figcaption", rows.words))
    if len(rows.rows) > MOST_ROWS:
        more = len(rows.rows) - MOST_ROWS
        yield tag("p", f"And {more:,} more: see report.to_dict().", class_="quiet")


def curves(story):
    """Yield the pictures of the whole model."""
    found = story.curves
    if "reliability" in found:
        after = found.get("reliability_after")
        picture = draw_reliability(found["reliability"], after)
        words = RELIABILITY.format(notion=story.notion) + (AFTER if after else "")
        yield tag("figure", picture, tag("figcaption", words))
    if "histogram" in found:
        picture = draw_histogram(found["histogram"])
        yield tag("figure", picture, tag("figcaption", HISTOGRAM))
    if story.groups:
        yield join(show_rows(story.groups))
