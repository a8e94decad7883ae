"""The command line: files in, figures, pages and maps out."""

from skcalib.cli._main import main

__all__ = ["main"]
