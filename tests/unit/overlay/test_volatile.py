"""Trees that need not reach the disk: mounted again they may be, if the machine has not stopped."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ocinb.errors import StorageError, SyscallError
from ocinb.overlay import execute
from ocinb.overlay.manager import MountManager
from ocinb.overlay.plan import OVERLAY, Plan
from ocinb.overlay.probe import HARDENED
from ocinb.overlay.volatile import VOLATILE

pytestmark = pytest.mark.root


class Place:
    """A tree of one layer.

    Args:
        directory: for all of it.
    """

    def __init__(self, directory: Path) -> None:
        self.manager = MountManager(directory / "state")
        self.layer, self.target, self.writable = (
            directory / name for name in ("layer", "tree", "rw")
        )
        self.layer.mkdir()

    def write(self, name: str) -> str:
        """Mount it, write a file, and unmount it; the options that it had."""
        mount = self.manager.mount(
            [self.layer],
            self.target,
            writable=self.writable,
            kind=OVERLAY,
            flags=(*HARDENED, *VOLATILE),
        )
        try:
            (self.target / name).touch()
        finally:
            self.manager.unmount(self.target)
        return mount.options


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_was_written_is_there_when_it_is_mounted_again(place: Place) -> None:
    for name in ("first", "second"):
        assert place.write(name).endswith(",volatile")
    assert {path.name for path in (place.writable / "upper").iterdir()} == {"first", "second"}


def test_it_is_lost_with_the_machine(place: Place) -> None:
    place.write("first")
    mark = place.writable / "work/work/incompat"
    os.utime(mark, (1, 1))  # long before this one was started
    for _ in range(2):
        with pytest.raises(StorageError, match="the machine has stopped since"):
            place.write("second")
    assert mark.exists()
    assert place.manager.list() == []


def refuse_volatile(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a kernel that answers with an error where the option is given."""
    mount = execute.mount

    def refuse(plan: Plan, source: str) -> None:
        if set(VOLATILE) & set(plan.flags):
            raise SyscallError("mount", (source,), number)
        mount(plan, source)

    monkeypatch.setattr(execute, "mount", refuse)


# An older kernel; a disk with an error that nobody has seen yet.
@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_where_it_is_refused_the_tree_is_mounted_without(
    number: int, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_volatile(number, monkeypatch)
    assert "volatile" not in place.write("first")
    best = place.manager.probe().best
    assert (best.kind, best.flags, best.volatile) == (OVERLAY, HARDENED, False)
    assert best.options(volatile=True) == HARDENED
