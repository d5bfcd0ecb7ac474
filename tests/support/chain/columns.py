"""The columns of the comparison: every caller, with runc as the control and with ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.chain.caller import Caller
from tests.support.chain.cri import cri
from tests.support.chain.ctr import ctr
from tests.support.chain.docker import docker
from tests.support.chain.operations import OPERATIONS, Cell, observe
from tests.support.chain.podman import podman
from tests.support.chain.rootless import rootless
from tests.support.own_network import own_network
from tests.support.peers import require
from tests.support.pod_registry import IMAGE, pod_registry, root_archive
from tests.support.runtimes import launcher

CALLERS = ("podman", "rootless", "ctr", "CRI", "docker")
"""``rootless`` is podman of an ordinary user."""
Column = dict[str, Cell]


def columns(caller: str, place: Path) -> dict[str, Column]:
    """A caller's two columns by their heads, the control first.

    It all happens in a network of its own, and in a directory of the caller's.
    """
    with own_network(), _opened(caller, place) as callers:
        return {each.column: observe(each) for each in callers}


@contextmanager
def _opened(caller: str, place: Path) -> Iterator[Sequence[Caller]]:
    place.mkdir(parents=True, exist_ok=True)
    runtimes = {"runc": Path(require("runc")), "ocinb": launcher(place)}
    if caller == "CRI":
        with pod_registry(place) as registry:
            (place / "cri").mkdir()
            with cri(place / "cri", registry, f"{registry}/{IMAGE}") as kubelets:
                yield kubelets
        return
    archive = root_archive(place)
    if caller == "ctr":
        with ctr(place / "ctr", place / "rootfs", runtimes) as callers:
            yield callers
        return
    engine = {"podman": podman, "rootless": rootless, "docker": docker}[caller]
    with engine(place / caller, archive, runtimes) as engines:
        yield engines


def worse(control: Column, ours: Column) -> list[str]:
    """Rows in which runc is right and ours is not, and those in which nobody is."""
    found = []
    for operation in OPERATIONS:
        name = operation.name
        there, here = control[name], ours[name]
        if there.right is not here.right or there.right is False:
            found.append(f"{name}: runc shows {there.seen!r}, ocinb {here.seen!r}")
    return found


def markdown(found: dict[str, Column]) -> str:
    """The table; a line of notes for each thing that is not offered or not right."""
    heads = list(found)
    lines = ["| operation | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    notes: dict[str, None] = {}
    for operation in OPERATIONS:
        cells = []
        for head in heads:
            cell = found[head][operation.name]
            cells.append({True: "✓", False: "✗", None: "–"}[cell.right])
            if not cell.right:
                notes[f"{operation.name}, {head.partition('+')[0]}: {cell.seen}"] = None
            elif operation.name == "checkpoint":
                notes[f"{operation.name}, {head}: {cell.seen}"] = None
        lines.append(f"| {operation.name} | " + " | ".join(cells) + " |")
    seconds = [f"{sum(c.seconds for c in found[head].values()):.0f} s" for head in heads]
    lines.append("| all of it took | " + " | ".join(seconds) + " |")
    return "\n".join([*lines, "", "✓ as expected · ✗ not · – the caller has no such operation", ""]
                     + [f"- {note}" for note in notes])  # fmt: skip
