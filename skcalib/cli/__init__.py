"""The command line: files in, figures, pages and maps out."""

__all__ = []
