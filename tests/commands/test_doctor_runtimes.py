"""``doctor`` tells of a runtime what came of asking it for a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.door import Door
from tests.support.peers import require

pytestmark = pytest.mark.root

REFUSING = """#!/bin/sh
echo "$*" >> {calls}
case " $* " in *" create "*) echo "no containers on Sundays" >&2; exit 1;; esac
"""


def row(door: Door, name: str) -> tuple[str, str]:
    found = {one["subject"]: one for one in door("doctor").records()}
    return found[f"runtime {name}"]["works"], found[f"runtime {name}"]["finding"]


@pytest.mark.peer
def test_one_that_makes_containers_does_so_once_and_leaves_nothing(tmp_path: Path) -> None:
    require("runc")
    door = Door(tmp_path)
    works, finding = row(door, "runc")
    assert works == "yes", finding
    assert finding.endswith("/runc: a container was made by it, and removed")
    kept = (tmp_path / "run/runtimes.json").stat().st_mtime_ns
    assert row(door, "runc") == (works, finding)
    assert (tmp_path / "run/runtimes.json").stat().st_mtime_ns == kept
    assert list(tmp_path.glob("run/probe-*")) == []


def test_one_that_refuses_is_quoted_until_another_program_is_in_its_place(tmp_path: Path) -> None:
    calls, program = tmp_path / "calls", tmp_path / "sunday"
    program.write_text(REFUSING.format(calls=calls))
    program.chmod(0o755)
    door = Door(tmp_path, runtime=str(program))
    for _ in range(2):
        assert row(door, str(program)) == (
            "no",
            f"{program}: refuses: no containers on Sundays (this is the one that is used)",
        )
    asked = calls.read_text().splitlines()
    assert [line.split(" --bundle")[0].split()[-1] for line in asked[:1]] == ["create"]
    assert len(asked) == 2, "created and deleted once"
    program.write_text("#!/bin/sh\nexit 0\n")
    assert row(door, str(program))[0] == "yes"


def test_one_that_is_not_there_says_so(tmp_path: Path) -> None:
    door = Door(tmp_path, runtime="no-such-runtime")
    assert row(door, "no-such-runtime") == ("no", "not installed (this is the one that is used)")
