"""Files that belong to other ids, made the superuser's and given back."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ocinb.overlay.own_files import give, owners_of, record_beside, take

pytestmark = pytest.mark.root


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    """A tree with three owners, a setuid program, a link that leads nowhere."""
    upper = tmp_path / "upper"
    (upper / "data").mkdir(parents=True)
    (upper / "data/file").write_text("x")
    (upper / "data/tool").write_text("x")
    (upper / "mine").write_text("x")
    (upper / "link").symlink_to("/etc/passwd")
    for name, uid, gid in (("data", 33, 34), ("data/file", 33, 34), ("data/tool", 5, 0)):
        os.lchown(upper / name, uid, gid)
    os.lchown(upper / "link", 33, 33)
    (upper / "data/tool").chmod(0o4755)
    (upper / "data").chmod(0o700)
    return upper


def owners(upper: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in [upper, *upper.rglob("*")]:
        info = os.lstat(path)
        found[str(path.relative_to(upper))] = info.st_uid, info.st_gid
    return found


def test_all_belong_to_the_superuser_and_then_to_whom_they_belonged(upper: Path) -> None:
    before, record = owners(upper), record_beside(upper)
    take(str(upper), record)
    assert set(owners(upper).values()) == {(0, 0)}
    assert owners_of(record) == {path: who for path, who in before.items() if who != (0, 0)}
    assert stat.S_IMODE(os.lstat(upper / "data/tool").st_mode) == 0o4755
    assert os.stat("/etc/passwd").st_uid == 0  # links are not followed
    give(str(upper), record)
    assert owners(upper) == before
    assert stat.S_IMODE(os.lstat(upper / "data/tool").st_mode) == 0o4755
    assert owners_of(record) is None


def test_taken_twice_nothing_is_forgotten(upper: Path) -> None:
    record = record_beside(upper)
    take(str(upper), record)
    first = owners_of(record)
    take(str(upper), record)
    assert owners_of(record) == first


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["x", 1]}', "\x00"])
def test_a_damaged_record_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "owners.json").write_text(content)
    assert owners_of(str(tmp_path / "owners.json")) is None
