"""``python -m skcalib.cli``: the same as the command ``skcalib``."""

import sys

from skcalib.cli._main import main

if __name__ == "__main__":
    sys.exit(main())
