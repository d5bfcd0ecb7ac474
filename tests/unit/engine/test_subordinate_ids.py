"""The ids that /etc/subuid and /etc/subgid give to a user."""

from __future__ import annotations

import itertools
import os
import pwd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.engine import subordinate_ids as module
from ocinb.engine.subordinate_ids import Ids, maps_of, one_id, own_ids, subordinate_ids
from ocinb.linux.id_maps import IdMap

NAME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with ``subuid``, ``subgid`` and the two programs."""
    names = {"uid": tmp_path / "subuid", "gid": tmp_path / "subgid"}
    monkeypatch.setattr(module, "FILES", {kind: str(path) for kind, path in names.items()})
    for program in ("newuidmap", "newgidmap"):
        (tmp_path / program).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for path in names.values():
        path.write_text(f"{NAME}:100000:65536\n")
    return tmp_path


def test_the_own_id_is_the_superuser_and_the_range_follows(files: Path) -> None:
    ids = subordinate_ids()
    assert ids.uids == (
        IdMap(inside=0, outside=os.geteuid(), size=1),
        IdMap(inside=1, outside=100000, size=65536),
    )
    assert ids.count == 65537
    assert not ids.single


def test_several_ranges_by_name_and_number_follow_each_other(files: Path) -> None:
    (files / "subuid").write_text(
        f"# a comment\n\nsomebody:1:2\n{NAME}:200000:10\n{os.geteuid()}:300000:5\n"
    )
    assert subordinate_ids().uids[1:] == (
        IdMap(inside=1, outside=200000, size=10),
        IdMap(inside=11, outside=300000, size=5),
    )
    assert subordinate_ids().count == 16  # of uids and gids the fewer


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "{}:",
        "{}:100000",
        "{}:a:b",
        "{}:-5:10",
        "{}:1000:0",
        "{}:100000:99999999999",
        "{}:0:5",
    ],
)
def test_a_malformed_line_is_named(files: Path, line: str) -> None:
    (files / "subuid").write_text("other:1:1\n" + line.format(NAME) + "\n")
    ids = subordinate_ids()
    assert ids.single
    assert ids.why == f"one id: line 2 of {files}/subuid is malformed (USER:FIRST:COUNT)"


def test_a_malformed_line_does_not_spoil_the_next(files: Path) -> None:
    (files / "subuid").write_text(f"{NAME}:x:y\n{NAME}:100000:65536\n{NAME}:100100:5\n")
    assert subordinate_ids().count == 65537  # the third overlaps the second


def test_no_line_no_file_no_program_are_one_id_with_the_reason(files: Path) -> None:
    (files / "subgid").write_text("somebody:1:2\n")
    assert subordinate_ids().why == f"one id: {files}/subgid has no line for this user"
    (files / "subuid").unlink()
    assert subordinate_ids().why == f"one id: {files}/subuid: no such file or directory"
    (files / "newgidmap").unlink()
    assert subordinate_ids().why == "one id: newgidmap not installed (Debian: uidmap)"
    assert subordinate_ids().uids == one_id("").uids


def test_bytes_that_are_no_text_are_passed_over(files: Path) -> None:
    (files / "subuid").write_bytes(b"\xff\xfe:1:1\n" + f"{NAME}:100000:65536\n".encode())
    assert subordinate_ids().count == 65537


@given(st.lists(st.tuples(st.integers(-5, 2**33), st.integers(-5, 2**33)), max_size=8))
def test_maps_never_overlap_whatever_the_file_says(ranges: list[tuple[int, int]]) -> None:
    lines = [f"{NAME}:{start}:{count}" for start, count in ranges]
    with pytest.MonkeyPatch.context() as patch:
        path = Path(os.environ.get("TMPDIR", "/tmp")) / f"ocinb-subuid-{os.getpid()}"
        path.write_text("\n".join(lines))
        patch.setattr(module, "FILES", {"uid": str(path), "gid": str(path)})
        patch.setattr(module, "_on_path", lambda _: True)
        ids = subordinate_ids()
        path.unlink()
    outside = sorted((m.outside, m.size) for m in ids.uids[1:])
    assert all(a + size <= b for (a, size), (b, _) in itertools.pairwise(outside))
    inside = [(m.inside, m.size) for m in ids.uids]
    assert all(a + size == b for (a, size), (b, _) in itertools.pairwise(inside))


def test_ids_survive_json(files: Path) -> None:
    ids = subordinate_ids()
    assert Ids.from_document({**ids.document(), "why": ids.why}) == ids
    assert maps_of(ids.document(), "gids") == list(ids.gids)


def test_the_superuser_has_what_there_is() -> None:
    with open("/proc/self/uid_map", encoding="ascii") as file:
        sizes = [int(line.split()[2]) for line in file]
    assert sum(m.size for m in own_ids().uids) == sum(sizes)
