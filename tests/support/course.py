"""Runs a lesson to its end as a reader would, trying wrong and right answers on the way.

Run as ``python -m tests.support.course NOTEBOOK PLACE OUT`` by whoever is the reader: the executed
notebook goes to OUT. ``run`` does that in one of the three situations.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from ocinb.course.exercise import Exercise
from ocinb.course.exercises import find
from ocinb.course.needs import PROGRAM
from ocinb.course.shelf import LiveCell

ROOT = Path(__file__).parents[2]
USER = 4711
SITUATIONS = {
    "root": [],
    "user": ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"],
    "pod": [sys.executable, str(ROOT / "tests/support/pod.py"), str(USER)],
}
"""Who reads → how to become that."""
MET = {
    "root": frozenset({"root", "namespaces", "overlay", "proc", "limits", "network", "tun"}),
    "user": frozenset({"namespaces", "overlay", "proc", "tun"}),
    "pod": frozenset[str](),
}
"""Who reads → which needs of ``ocinb.course.needs`` are met, where the kernel gives an ordinary
user what Debian's and Ubuntu's give. That a program is installed is nobody's right."""
CHECK = re.compile(r"%?%oci check (\d\d-[\w-]+)")
EXPECTED = "ocinb_expected"
"""Metadata of a cell with an exercise: ``shipped``, ``wrong`` or ``right``."""


def with_answers(notebook: Any) -> Any:
    """The notebook with further cells behind each exercise: every wrong answer, then the right."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        found = CHECK.search(cell.source) if cell.cell_type == "code" else None
        if found is None:
            continue
        exercise = find(found[1])
        cell.metadata[EXPECTED] = "shipped"
        cells += [_answer(exercise, text, "wrong") for text in exercise.wrong]
        cells.append(_answer(exercise, exercise.solution, "right"))
    notebook.cells = cells
    return notebook


def _answer(exercise: Exercise, text: str, expected: str) -> Any:
    # Where it cannot be done, the commands of an answer may be refused.
    tags = ["raises-exception"] if exercise.needs else []
    metadata = {EXPECTED: expected, "tags": tags}
    return nbformat.v4.new_code_cell(exercise.cell(text), metadata=metadata)


def run(notebook: Path, situation: str) -> Any:
    """The executed notebook; nothing of it is left.

    Raises:
        AssertionError: a cell failed that was not meant to.
    """
    place = Path(tempfile.mkdtemp(prefix="ocinb-course-"))
    try:
        reader = place / ("zh" if notebook.parent.name == "zh" else "work")
        for directory in (reader, place / "tmp", place / "home"):
            directory.mkdir()
        place.chmod(0o755)
        if SITUATIONS[situation]:
            for directory in (place, *place.iterdir()):
                os.chown(directory, USER, USER)
        done = subprocess.run(
            [
                *(*SITUATIONS[situation], sys.executable, "-m", "tests.support.course"),
                *(notebook, reader, place / "executed.ipynb"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(place / "home"),
                "TMPDIR": str(place / "tmp"),
                "PYTHONPATH": str(ROOT),
                "PYTHONDONTWRITEBYTECODE": "1",
                "OCINB_PROGRESS": str(place / "home/progress.json"),
            },
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        left = sorted(path.name for path in (place / "tmp").iterdir())
        assert left == [], left
        return nbformat.read(place / "executed.ipynb", as_version=4)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def live(cell: LiveCell, situation: str) -> bool:
    """Whether a cell runs there, if the programs that it needs are installed."""
    rights = {need for need in cell.needs if not need.startswith(PROGRAM)}
    return rights <= MET[situation]


def shown(cell: Any) -> str:
    """All the text that a cell shows."""
    texts = []
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            texts.append(f"{output.ename}: {output.evalue}")
        texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


def recorded(notebook: Any) -> list[str]:
    """Names of the cells that were shown as recorded."""
    return [
        cell.source.split()[2]
        for cell in notebook.cells
        if cell.cell_type == "code"
        and cell.source.startswith("%%oci live ")
        and re.match(r"\[(Recorded|录制) · ", shown(cell))
    ]


if __name__ == "__main__":
    read = with_answers(nbformat.read(sys.argv[1], as_version=4))
    NotebookClient(
        read, timeout=100, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}
    ).execute()
    Path(sys.argv[3]).write_text(json.dumps(read), encoding="utf-8")
