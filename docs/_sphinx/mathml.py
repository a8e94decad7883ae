"""Formulas as MathML, written by docutils: no script, no font, nothing to fetch."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def setup(app):
    """Register the renderer that conf.py chooses."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _visit_inline(writer, node):
    writer.body.append(tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def _visit_block(writer, node):
    math = tex2mathml(node.astext(), as_block=True)
    writer.body.append(f'<div class="formula">{math}</div>\n')
    raise nodes.SkipNode
