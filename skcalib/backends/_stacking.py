"""What is said where networks cannot be trained in one graph."""


class CannotStack(Exception):
    """The reason why networks are trained one after the other."""
