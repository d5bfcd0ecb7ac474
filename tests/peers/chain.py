"""``python -m tests.peers.chain [CALLER…]``: the comparison of callers and runtimes, as a table."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.chain.columns import CALLERS, columns, markdown, worse


def main(callers: tuple[str, ...]) -> int:
    """Print the table; 1 where ours shows anything else than runc."""
    found = {}
    differences = []
    for caller in callers:
        with tempfile.TemporaryDirectory(prefix="ocinb-chain-") as directory:
            pair = columns(caller, Path(directory))
        control, ours = pair.values()
        differences += [f"{caller}, {line}" for line in worse(control, ours)]
        found |= pair
    sys.stdout.write(markdown(found) + "\n")
    sys.stdout.writelines(f"DIFFERENT: {line}\n" for line in differences)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or CALLERS))
