"""What the notebook costs: loading, the first answers, a pull's messages, a diagram's forms."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ocinb.commands.values import Picture
from ocinb.notebook.diagrams.draw import KINDS, draw
from tests.bench.measure import Case, Comparison
from tests.support.interruptions import SLOW, kitchen
from tests.support.kernel import Kernel, kernel
from tests.support.pictures import tables
from tests.support.shell import ipython_shell

_UPDATES = frozenset({"comm_msg", "update_display_data"})

_LOAD = """
import sys, time
import pandas
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell(config=config)
start = time.perf_counter()
shell.run_line_magic("load_ext", "ocinb")
print(time.perf_counter() - start)
"""


def comparisons() -> Iterator[Comparison]:
    """Loading; ``%oci images``; pulls; diagrams."""
    with ExitStack() as held:
        place = Path(held.enter_context(tempfile.TemporaryDirectory()))
        yield _loading(place)
        prepared = held.enter_context(kitchen(place))
        shell = held.enter_context(ipython_shell(place))
        yield Comparison(
            "after the first call, with one image in the store",
            [
                Case(line, lambda line=line: _run(shell, line))
                for line in ("%oci images", "%oci layers demo", "%oci ps")
            ],
        )
        yield _pulls(place, prepared, held)
    yield _diagrams()


def _run(shell: Any, line: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell(line)


def _loading(place: Path) -> Comparison:
    environment = {**os.environ, "IPYTHONDIR": str(place / "ipython")}
    seconds = 0.0

    def load() -> None:
        nonlocal seconds
        argv = [sys.executable, "-c", _LOAD]
        seconds += float(
            subprocess.run(argv, env=environment, capture_output=True, check=True).stdout
        )

    cases = [Case("%load_ext ocinb", load, clock=lambda: seconds)]
    return Comparison("beyond IPython and pandas, in a new process", cases)


def _pulls(place: Path, prepared: Any, held: ExitStack) -> Comparison:
    variables = {"OCINB_ROOT": str(place / "root"), "OCINB_RUN_ROOT": str(place / "run")}
    running = held.enter_context(kernel(place, **variables))
    address = prepared.registry.address
    running.run(f"push demo {address}/demo")
    notes = []

    def pull() -> None:
        words, _ = prepared.words("pull")
        sent = _messages(running, " ".join(words))
        seconds = max(sent[-1][0] - sent[0][0], 1.0)
        updates = [when for when, _, kind in sent if kind in _UPDATES]
        busiest = max((sum(0 <= w - first < 1 for w in updates) for first in updates), default=0)
        notes.append(
            f"{len(updates)} updates in {seconds:.1f} s, at most {busiest} in any second; "
            f"{len(sent)} messages, {sum(length for _, length, _ in sent) / 1000:.0f} kB in all"
        )

    def slowly() -> None:
        prepared.slowly()

    cases = [
        Case("a pull of 3.7 MB", pull, before=prepared.quickly),
        Case(f"at {SLOW / 1000:.0f} kB a second", pull, before=slowly),
    ]
    return Comparison(
        "a pull in a kernel, with the messages that a page gets", cases, lambda: notes
    )


def _messages(running: Kernel, code: str) -> list[tuple[float, int, str]]:
    """When each message to the page came, its bytes and its type."""
    sent: list[tuple[float, int, str]] = []

    def take(message: dict[str, Any]) -> None:
        if message["msg_type"] != "status":
            length = len(json.dumps(message["content"]))
            length += sum(map(len, message["buffers"]))
            sent.append((time.perf_counter(), length, message["msg_type"]))

    running.client.execute_interactive(code, allow_stdin=False, output_hook=take, timeout=120)
    return sent


def _diagrams() -> Comparison:
    listings = tables("localhost:5000/demo")
    cases, notes = [], []
    for kind in KINDS:
        picture = Picture(kind, listings[kind])
        cases.append(
            Case(
                kind,
                lambda picture=picture: draw(picture).bundle(png=True),
                clock=time.process_time,  # so that it is told under load too
            )
        )
        forms = draw(picture).bundle(png=True)
        png = len(base64.b64decode(forms["image/png"])) / 1000
        saved = len(json.dumps(forms)) / 1000
        notes.append(f"{kind}: PNG {png:.1f} kB, all forms {saved:.0f} kB")
    return Comparison(
        "a diagram in all its forms, drawn anew: processor time", cases, lambda: notes
    )
