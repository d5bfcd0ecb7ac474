"""``make bench``: everything beside its peers, in one run.

    python -m tests.bench [--only NAME]… [--rounds N] [--json FILE] [--html FILE] [--markdown FILE]

Every figure is of this machine, in this run, the competitors in turn. A module for each subject;
``unpack`` and ``questions`` stand alone: ``python -m tests.bench.unpack``. The reports can be made
again from the figures: ``python -m tests.bench.report``. With ``--only``, what FILE has of other
subjects is kept.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from pathlib import Path

from tests.bench import report

SUBJECTS = {
    "containers": "start and exec in an open notebook: ours, crun, runc, podman; monitors' memory",
    "throughput": "a hundred containers at once, five hundred in sequence, and what is left",
    "image": "one real image: pull and unpack, mount, run",
    "large": "pull and unpack, large, of many layers, of many files: ours, podman, umoci, ctr",
    "transfer": "pull and push of 315 MB: ours, skopeo",
    "registry": "push and get: ours, docker-registry",
    "requests": "small requests: our client, http.client",
    "tables": "tables of images of 50,000 and 500,000 files: time and memory",
    "overlay": "one tree of 1 to 400 layers, beside a flat one",
    "scaling": "time against size: files, layers, tags, blobs",
    "starting": "importing and starting, with budgets",
    "notebook": "%load_ext, %oci images, what a pull and a diagram send to the page",
    "interrupts": "from Ctrl-C to the end of the cell: pull, push, build, run, exec, logs",
}
"""Modules of this package: ``comparisons()`` of each yields what is to be run."""

QUIET = 3.0
"""Load above which figures are not published: something else is running."""


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
    parser.add_argument("--html", type=Path, help="a report with plots")
    parser.add_argument("--markdown", type=Path, help="the tables")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    if chosen.markdown and load > QUIET:
        parser.error(f"the load is {load:.1f}: figures are published of a quiet machine only")
    figures = report.begun(load, chosen.rounds)
    if chosen.only and chosen.json:
        figures = report.again(figures, chosen.json)
    for name in chosen.only or SUBJECTS:
        print(f"## {SUBJECTS[name]} (load {os.getloadavg()[0]:.1f})\n", flush=True)
        subject = report.subject(figures, name, SUBJECTS[name], chosen.rounds)
        for comparison in importlib.import_module(f"tests.bench.{name}").comparisons():
            comparison.run(chosen.rounds)
            print(comparison.table(), end="\n\n", flush=True)
            subject.append(comparison.figures())
            if chosen.json:  # after each, so that nothing is lost
                chosen.json.write_text(json.dumps(figures, indent=1) + "\n")
    report.write(figures, html=chosen.html, markdown=chosen.markdown)


if __name__ == "__main__":
    main()
