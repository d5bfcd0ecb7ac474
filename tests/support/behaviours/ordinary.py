"""Runs commands of ours for a test that is somebody else: ``ordinary PLACE RUNTIME``.

A JSON array of words is a line of standard input, what came of it a JSON object a line of output.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from ocinb.settings import Settings
from tests.support.behaviours.engines import call


def main(place: Path, runtime: str) -> None:
    """Serve until standard input ends."""
    # What a command prints by mistake must not be taken for an answer.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        settings = Settings(root=place / "root", run_root=place / "run", runtime=runtime or "ocinb")
        for line in sys.stdin:
            seen = call(settings, json.loads(line))
            answers.write(json.dumps(vars(seen)) + "\n")
            answers.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
