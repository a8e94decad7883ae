"""The confidence report: how sure a classifier is, why, and what mends it."""

__all__ = []
