"""The report as text: short, for a terminal of 80 characters."""

from textwrap import indent, wrap

from skcalib.report._guide import name_page
from skcalib.report._labels import write_label
from skcalib.report._words import MOST_LINES

WIDTH = 79


def show_text(story):
    """Return the report as text."""
    lines = [f"Confidence report: {story.subject}", story.rows, "", *fill(story.verdict), ""]
    width = max((len(figure.title) for figure in story.figures), default=0)
    for figure in story.figures:
        lines.append(f"  {figure.title:{width}}  {figure.number} {figure.interval}".rstrip())
    for one in story.told:
        lines += ["", *show_finding(one)]
    return "\n".join(lines)


def show_finding(one):
    """Return the lines of one finding."""
    sign = "!" if one.severity == "cause" else "-"
    lines = [f"{sign} {one.title}"]
    body = fill(one.text, WIDTH - 4)
    if one.number:
        body += fill(one.number, WIDTH - 4)
    if one.rows:
        body += show_rows(one.rows)
    if one.remedy and one.remedy.again:
        body += fill(one.remedy.again, WIDTH - 4)
    elif one.remedy:
        body += fill(one.remedy.words, WIDTH - 4)
        body += indent(one.remedy.code, "    ").splitlines()
        body += fill(one.remedy.gain or "", WIDTH - 4)
    if one.guide:
        body += fill(f"Read on: {name_page(one.guide)}", WIDTH - 4)
    return lines + ["    " + line for line in body]


def show_rows(rows):
    """Return a line for each of the first labels."""
    shown = rows.rows[:MOST_LINES]
    names = [write_label(label) for label, _ in shown]
    width = max(map(len, names))
    lines = []
    for k, (_, interval) in enumerate(shown):
        said = "" if rows.marks is None else f", {rows.said} {rows.write(rows.marks[k])}"
        lines.append(f"  {names[k]:{width}}  {rows.show(interval)}{said}")
    if len(rows.rows) > MOST_LINES:
        lines.append(f"  and {len(rows.rows) - MOST_LINES:,} more")
    return lines


def fill(text, width=WIDTH):
    """Return the lines of a paragraph, in which numbers stay beside their unit."""
    whole = text.replace(" %", "\0%")
    lines = wrap(whole, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]
