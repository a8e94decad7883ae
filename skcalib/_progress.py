"""A progress bar for long work: tqdm's if it is installed, else a line every two seconds."""

import sys
import time


def shown(work, total, name, unit, verbose):
    """Pass work on, and say on standard error how much is done if `verbose`."""
    if not verbose:
        return work
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _lines(work, total, name, unit)
    return tqdm(work, total=total, desc=name, unit=f" {unit}", file=sys.stderr)


def _lines(work, total, name, unit):
    start = last = time.monotonic()
    for done, item in enumerate(work):
        if time.monotonic() - last > 2 or done == 0:
            last = time.monotonic()
            _print(name, done, total, unit, last - start)
        yield item
    _print(name, total, total, unit, time.monotonic() - start)


def _print(name, done, total, unit, seconds):
    print(f"[{name}] {done} of {total} {unit}, {seconds:.1f} s", file=sys.stderr)
