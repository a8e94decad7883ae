"""Tables that can be read on a telephone: each cell knows the name of its column.

The style sheet shows the names, and each row as a list, where the page is narrower than the
table needs: a class of the table says how much that is, by its longest words.
"""

from docutils import nodes

STEPS = (24, 36, 48, 64)  # rem; the classes stack-24, ... of tables.css
FITS = 17  # rem: as much as a telephone has, less its margins
LETTER, PADDING = 0.5, 1.0  # rem; of a letter, and of a column
LONGEST_CODE = 14  # letters; longer names are broken


def setup(app):
    """Mark all tables before they are written."""
    app.connect("doctree-resolved", mark_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mark_tables(app, doctree, docname):
    """Name the cells of every table that has a header, and say how wide it must be."""
    for table in doctree.findall(nodes.table):
        heads = [row for part in table.findall(nodes.thead) for row in part.children]
        rows = [row for part in table.findall(nodes.tbody) for row in part.children]
        if len(heads) != 1 or any("morecols" in cell for row in rows for cell in row):
            continue
        need = sum(
            PADDING + LETTER * max(longest_word(cell) for cell in column)
            for column in zip(*heads, *rows, strict=True)
        )
        if need <= FITS:
            continue
        table["classes"].append(f"stack-{next((n for n in STEPS if need <= n), STEPS[-1])}")
        for row in rows:
            for head, cell in zip(heads[0], row, strict=True):
                name = head.astext()
                if name and cell.children and isinstance(cell[0], nodes.paragraph):
                    cell[0].insert(0, nodes.inline("", f"{name}: ", classes=["column-name"]))


def longest_word(cell):
    """Return the length of the longest word of a cell, which is how narrow it can be."""
    longest = 1
    for text in cell.findall(nodes.Text):
        limit = LONGEST_CODE if isinstance(text.parent, nodes.literal) else 100
        longest = max([longest, *(min(len(word), limit) for word in text.split())])
    return longest
