"""A disk that is full, and a limit of open files, met by whole commands."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ordeal import REFUSED, Operation, Ordeal, Said

pytestmark = [pytest.mark.root, pytest.mark.slow]

ROUNDS = int(os.environ.get("OCINB_FAULT_ROUNDS", "1"))


@pytest.fixture
def disk(ordeal: Ordeal) -> Iterator[Path]:
    """A file system of 128 MB that the ordeal's root is on."""
    before = ordeal.root.rename(ordeal.place / "before")
    ordeal.root.mkdir()
    options = "size=128m,mode=755"
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", ordeal.root]
    subprocess.run(words, check=True)
    shutil.copytree(before, ordeal.root, dirs_exist_ok=True)
    ordeal.mounts.add(f"mount {ordeal.root}")
    yield ordeal.root
    subprocess.run(["umount", ordeal.root], check=True)


@pytest.mark.timeout(120 + 60 * ROUNDS)
@pytest.mark.parametrize("operation", ["pull", "unpack", "build", "create"], indirect=True)
def test_a_disk_that_is_full(
    ordeal: Ordeal, disk: Path, operation: Operation, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(f"{request.node.name} {os.environ.get('OCINB_SEED', '')}")
    ballast = disk / "ballast"
    operation.before()
    free = _free(disk)
    ordeal.run(*operation.words)
    needed = free - _free(disk)
    operation.after()
    for _ in range(ROUNDS):
        operation.before()
        room = chance.randrange(needed + 1)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(_free(disk) - room, 4096))
        said = _end(ordeal, operation)
        assert said.status in (0, REFUSED), (room, said)
        assert said.status == 0 or "no space left on device" in said.error[1], (room, said)
        assert not said.trouble
        ordeal.check(changing=operation.changing)
        ballast.unlink()
        ordeal.go_on(operation)
    ordeal.repair()


@pytest.mark.timeout(120 + 60 * ROUNDS)
@pytest.mark.parametrize("operation", ["pull", "unpack", "build", "push", "run"], indirect=True)
def test_a_limit_of_open_files(
    ordeal: Ordeal, operation: Operation, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(f"{request.node.name} {os.environ.get('OCINB_SEED', '')}")
    for _ in range(ROUNDS):
        operation.before()
        process = ordeal.begin(*operation.words)
        limit = len(os.listdir(f"/proc/{process.pid}/fd")) + chance.randrange(1, 20)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        ordeal.go(process)
        said = ordeal.end(process)
        assert said.status in (0, REFUSED), (limit, said)
        assert "\n" not in said.error[1]
        ordeal.check(changing=operation.changing)
        ordeal.go_on(operation)
    ordeal.repair()


def _end(ordeal: Ordeal, operation: Operation) -> Said:
    process = ordeal.begin(*operation.words)
    ordeal.go(process)
    return ordeal.end(process)


def _free(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_bsize
