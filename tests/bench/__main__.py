"""``make bench``: everything beside its peers, in one run.

    python -m tests.bench [--only NAME]… [--rounds N] [--json FILE]

Every figure is of this machine, in this run, the competitors in turn. A module for each subject;
``unpack`` stands alone: ``python -m tests.bench.unpack``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from pathlib import Path

SUBJECTS = {
    "containers": "start and exec in an open notebook: ours, crun, runc, podman; monitors' memory",
    "image": "one real image: pull and unpack, mount, run",
    "large": "pull and unpack of 392 MB, 1 GB, 57,000 entries: ours, podman, skopeo + umoci, ctr",
    "transfer": "pull and push of 315 MB: ours, skopeo",
    "registry": "push and get: ours, docker-registry",
    "requests": "small requests: our client, http.client",
    "notebook": "%load_ext, %oci images, what a pull and a diagram send to the page",
    "interrupts": "from Ctrl-C to the end of the cell: pull, push, build, run, exec, logs",
}
"""Modules of this package: ``comparisons()`` of each yields what is to be run."""


def main() -> None:
    """Run the comparisons, print their tables, and write the figures where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog="; ".join(f"{name}: {what}" for name, what in SUBJECTS.items()),
    )
    parser.add_argument("--only", action="append", choices=SUBJECTS, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures, in seconds, to this file")
    chosen = parser.parse_args()
    figures = []
    for name in chosen.only or SUBJECTS:
        print(f"## {SUBJECTS[name]} (load {os.getloadavg()[0]:.1f})\n", flush=True)
        for comparison in importlib.import_module(f"tests.bench.{name}").comparisons():
            comparison.run(chosen.rounds)
            print(comparison.table(), end="\n\n", flush=True)
            figures.append(comparison.figures())
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
