"""How many rows have been read, on standard error, where a person is waiting."""

import sys
import time

FIRST, EVERY = 1.0, 0.2  # seconds


def show_rows(blocks, show, count=len):
    """Pass blocks on; say how many rows they hold once that takes longer than a second."""
    if not show:
        yield from blocks
        return
    begin = time.monotonic()
    rows, due, said = 0, begin + FIRST, False
    try:
        for block in blocks:
            rows += count(block)
            if time.monotonic() >= due:
                seconds = time.monotonic() - begin
                sys.stderr.write(f"\rread {rows:,} rows, {seconds:.0f} s ")
                sys.stderr.flush()
                due, said = time.monotonic() + EVERY, True
            yield block
    finally:
        if said:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def wanted(quiet):
    """Tell whether progress is shown: only to a terminal."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty()
