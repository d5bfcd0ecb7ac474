"""``python -m ocinb``: the program ``ocinb``."""

from __future__ import annotations

import sys

from ocinb.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
