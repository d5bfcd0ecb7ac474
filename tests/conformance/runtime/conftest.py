"""The same bundle for three runtimes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.runtimes import NAMES, Bundle, RuntimeProgram, make_rootfs, mount_points_below

MakeBundle = Callable[..., Bundle]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.root)
            if getattr(item, "callspec", None) and item.callspec.params.get("runtime") != "ours":
                item.add_marker(pytest.mark.peer)
            for lack in item.iter_markers("lacks"):
                _expect_failure(item, lack)


def _expect_failure(item: pytest.Item, lack: pytest.Mark) -> None:
    """``lacks(RUNTIME, WHY, PARAMETER=VALUES)``: it fails there, or we learn that it does not."""
    (name, why), parameters = lack.args, item.callspec.params
    concerned = all(parameters[key] in values for key, values in lack.kwargs.items())
    if parameters["runtime"] == name and concerned:
        item.add_marker(pytest.mark.xfail(reason=why, strict=True))


@contextlib.contextmanager
def _public_directory() -> Iterator[Path]:
    """A directory that users of a user namespace can reach.

    pytest's own are closed to them, again and again: by every pytest that starts meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="ocinb-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def rootfs() -> Iterator[Path]:
    with _public_directory() as directory:
        yield make_rootfs(directory)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with _public_directory() as directory:
        yield directory


@pytest.fixture
def bundle(tmp_path: Path, rootfs: Path) -> Bundle:
    return Bundle(tmp_path / "bundle", rootfs)


@pytest.fixture(params=NAMES)
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RuntimeProgram]:
    yield from _runtime(request.param, tmp_path)


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[RuntimeProgram]:
    """For what runc and crun do otherwise than the specification, or in words of their own."""
    yield from _runtime("ours", tmp_path)


def _runtime(name: str, tmp_path: Path) -> Iterator[RuntimeProgram]:
    program = RuntimeProgram(name, tmp_path / "state")
    yield program
    program.clean()
    assert not mount_points_below(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _remove_control_groups() -> Iterator[None]:
    """runc and crun leave the directory that all groups of these tests are in."""
    yield
    for tree in Path("/sys/fs/cgroup").glob("*/"):
        groups = tree / "ocinb-tests"
        ours = groups.glob(f"{os.getpid()}-*") if groups.exists() else ()
        for group in ours:
            for directory, _, _ in os.walk(group, topdown=False):
                os.rmdir(directory)
        # Tests of another process may be using theirs at this moment.
        with contextlib.suppress(OSError):
            groups.rmdir()
