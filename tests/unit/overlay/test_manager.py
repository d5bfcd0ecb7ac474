"""Mounts of ours: made, listed, known again, undone; nobody else's is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Thread

import pytest

from ocinb.errors import BundleError, SyscallError
from ocinb.events import Mounted, Recorder, Unmounted
from ocinb.linux.mounts import mounts
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.manager import MountManager
from ocinb.overlay.plan import COPY, FUSE, KINDS, OVERLAY
from tests.support.peers import require

Layers = list[Path]


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    """A lower layer with two files, and one above it that deletes one of them."""
    low, high = tmp_path / "low", tmp_path / "high"
    (low / "d").mkdir(parents=True)
    (low / "d/kept").write_text("low")
    (low / "d/gone").touch()
    (high / "d").mkdir(parents=True)
    os.mknod(high / "d/gone", 0o020000, 0)
    (high / "d/added").touch()
    return [low, high]


def here(directory: Path) -> list[str]:
    return [info.target for info in mounts() if info.target.startswith(str(directory))]


def test_a_copy_is_a_mount_like_the_others(layers: Layers, tmp_path: Path) -> None:
    recorder = Recorder()
    manager = MountManager(tmp_path / "state", recorder)
    mount = manager.mount(layers, tmp_path / "target", kind=COPY)
    assert {path.name for path in (tmp_path / "target/d").iterdir()} == {"kept", "added"}
    assert manager.list() == [mount]
    manager.unmount(tmp_path / "target")
    assert manager.list() == []
    assert not (tmp_path / "target").exists()
    assert [type(event) for event in recorder.events] == [Mounted, Unmounted]


def test_a_copy_never_goes_into_a_directory_with_something_in_it(
    layers: Layers, tmp_path: Path
) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target/mine").touch()
    manager = MountManager(tmp_path / "state")
    with pytest.raises(BundleError, match="target is not empty"):
        manager.mount(layers, tmp_path / "target", kind=COPY)
    assert (tmp_path / "target/mine").exists()
    assert manager.list() == []


def test_what_is_not_ours_is_not_unmounted(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a mount of ours"):
        MountManager(tmp_path / "state").unmount("/proc")
    assert Path("/proc/self").exists()


@pytest.mark.root
def test_the_probe_tries_every_kind_and_leaves_nothing(tmp_path: Path) -> None:
    tried = MountManager(tmp_path / "state").probe()
    assert [attempt.kind for attempt in tried.attempts] == list(KINDS)
    assert tried.best.kind == OVERLAY
    assert "stacked without copying" in tried.why
    assert list((tmp_path / "state").iterdir()) == []
    assert here(tmp_path) == []


@pytest.mark.root
@pytest.mark.parametrize("kind", [OVERLAY, FUSE])
def test_a_stack_is_written_to_above_its_layers(kind: str, layers: Layers, tmp_path: Path) -> None:
    if kind == FUSE:
        require("fuse-overlayfs")
    manager = MountManager(tmp_path / "state")
    target = tmp_path / "target"
    mount = manager.mount(layers, target, writable=tmp_path / "rw", kind=kind)
    try:
        assert {path.name for path in (target / "d").iterdir()} == {"kept", "added"}
        (target / "d/kept").write_text("written")
        (target / "d/added").unlink()
        assert (layers[0] / "d/kept").read_text() == "low"
        assert (tmp_path / "rw/upper/d/kept").read_text() == "written"
        assert manager.list() == [mount]
        assert mount.why
    finally:
        manager.unmount(target)
    assert here(tmp_path) == []
    assert list((tmp_path / "state").glob("*.json")) == []


@pytest.mark.root
def test_one_layer_alone_is_mounted_read_only(layers: Layers, tmp_path: Path) -> None:
    manager = MountManager(tmp_path / "state")
    manager.mount(layers[:1], tmp_path / "target")
    try:
        assert (tmp_path / "target/d/gone").exists()
        with pytest.raises(OSError, match="Read-only file system"):
            (tmp_path / "target/new").touch()
    finally:
        manager.unmount(tmp_path / "target")


@pytest.mark.root
@pytest.mark.parametrize("kind", [OVERLAY, FUSE, COPY])
@pytest.mark.parametrize("writable", [False, True])
def test_an_image_without_layers(kind: str, writable: bool, tmp_path: Path) -> None:
    if kind == FUSE:
        require("fuse-overlayfs")
    manager = MountManager(tmp_path / "state")
    target = tmp_path / "target"
    manager.mount([], target, kind=kind, writable=tmp_path / "rw" if writable else None)
    try:
        assert list(target.iterdir()) == []
        if writable:
            (target / "new").touch()
    finally:
        manager.unmount(target)
    assert here(tmp_path) == []


@pytest.mark.root
@pytest.mark.parametrize("odd", ["a:b", "a,b", "a\\b", "a b\nc", "a\udcffb"])
def test_no_name_can_escape_into_the_options(odd: str, tmp_path: Path) -> None:
    layers = [tmp_path / odd / "low", tmp_path / "x,upperdir=x"]
    for layer in layers:
        layer.mkdir(parents=True)
        (layer / layer.name).touch()
    manager = MountManager(tmp_path / "state")
    target = tmp_path / odd / "target"
    manager.mount(layers, target, writable=tmp_path / odd / "rw")
    try:
        assert {path.name for path in target.iterdir()} == {"low", "x,upperdir=x"}
        (target / "new").touch()
        assert (tmp_path / odd / "rw/upper/new").exists()
    finally:
        manager.unmount(target)
    assert len(here(tmp_path)) == 0


@pytest.mark.root
@pytest.mark.parametrize("count", [150, 200, 450])
def test_hundreds_of_layers_with_long_names(count: int, tmp_path: Path) -> None:
    layers = [tmp_path / f"{n:064x}" for n in range(count)]
    for number, layer in enumerate(layers):
        layer.mkdir()
        (layer / "top").write_text(str(number))
        (layer / f"file-{number}").touch()
    manager = MountManager(tmp_path / "state")
    manager.mount(layers, tmp_path / "target", writable=tmp_path / "rw")
    try:
        assert (tmp_path / "target/top").read_text() == str(count - 1)
        assert len(list((tmp_path / "target").iterdir())) == count + 1
        (tmp_path / "target/top").write_text("written")
        assert (layers[-1] / "top").read_text() == str(count - 1)
    finally:
        manager.unmount(tmp_path / "target")


@pytest.mark.root
def test_hundreds_of_layers_that_are_only_read(tmp_path: Path) -> None:
    layers = [tmp_path / f"{n:064x}" for n in range(300)]
    for layer in layers:
        layer.mkdir()
    manager = MountManager(tmp_path / "state")
    manager.mount(layers, tmp_path / "target")
    try:
        with pytest.raises(OSError, match="Read-only"):
            (tmp_path / "target/new").touch()
    finally:
        manager.unmount(tmp_path / "target")


@pytest.mark.root
def test_more_layers_than_the_kernel_takes_are_told_of(tmp_path: Path) -> None:
    layers = [tmp_path / f"{n:064x}" for n in range(501)]
    for layer in layers:
        layer.mkdir()
    with pytest.raises(SyscallError, match="argument list too long") as raised:
        MountManager(tmp_path / "state").mount(layers, tmp_path / "target", kind="overlay")
    assert "500" in str(raised.value.hint)


@pytest.mark.root
def test_a_mount_over_ours_belongs_to_somebody_else(layers: Layers, tmp_path: Path) -> None:
    manager = MountManager(tmp_path / "state")
    target = tmp_path / "target"
    manager.mount(layers, target)
    Kernel().mount("none", str(target), "tmpfs")
    try:
        with pytest.raises(BundleError, match="something else is mounted over"):
            manager.unmount(target)
        assert len(here(target)) == 2
    finally:
        Kernel().umount(str(target))
        manager.unmount(target)
    assert here(tmp_path) == []


@pytest.mark.root
@pytest.mark.parametrize("kind", KINDS)
def test_of_several_who_mount_there_at_once_one_does(
    kind: str, layers: Layers, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    manager = MountManager(tmp_path / "state")
    manager.probe()
    beginning, failures = Barrier(4), []

    def mount() -> None:
        beginning.wait()
        try:
            MountManager(tmp_path / "state").mount(layers, target, kind=kind)
        except BundleError as error:
            failures.append(error)

    threads = [Thread(target=mount) for _ in range(4)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    assert len(failures) == 3
    assert len(manager.list()) == 1
    manager.unmount(target)
    assert here(tmp_path) == []


@pytest.mark.root
def test_a_busy_mount_stays_and_says_so(layers: Layers, tmp_path: Path) -> None:
    manager = MountManager(tmp_path / "state")
    manager.mount(layers, tmp_path / "target")
    with (tmp_path / "target/d/kept").open():
        with pytest.raises(SyscallError, match="busy") as caught:
            manager.unmount(tmp_path / "target")
        assert caught.value.hint
        assert len(manager.list()) == 1
    manager.unmount(tmp_path / "target")


@pytest.mark.root
def test_what_a_killed_process_left_is_repaired_and_nothing_else(
    layers: Layers, tmp_path: Path
) -> None:
    program = f"""
import os, signal
from ocinb.overlay.manager import MountManager
manager = MountManager({str(tmp_path / "state")!r})
layers = {[str(layer) for layer in layers]!r}
manager.mount(layers, {str(tmp_path / "crashed")!r})
manager.mount(layers, {str(tmp_path / "kept")!r}, keep=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -9
    manager = MountManager(tmp_path / "state")
    mine = manager.mount(layers, tmp_path / "mine")
    try:
        assert len(here(tmp_path)) == 3
        assert [Path(mount.target).name for mount in manager.repair()] == ["crashed"]
        assert [Path(mount.target).name for mount in manager.list()] == ["kept", "mine"]
        assert manager.repair() == []
    finally:
        for mount in manager.list():
            manager.unmount(mount.target)
    assert mine.target not in here(tmp_path)
    assert here(tmp_path) == []


@pytest.mark.root
def test_a_record_of_a_mount_that_somebody_unmounted_is_dropped(
    layers: Layers, tmp_path: Path
) -> None:
    manager = MountManager(tmp_path / "state")
    mount = manager.mount(layers, tmp_path / "target", keep=True)
    Kernel().umount(mount.target)
    assert manager.list() == []
    assert manager.repair() == [mount]
    assert list((tmp_path / "state").glob("*.json")) == []


@pytest.mark.root
@pytest.mark.parametrize("kind", [OVERLAY, FUSE])
def test_a_mount_that_is_kept_gives_power_to_nobody(
    layers: Layers, tmp_path: Path, kind: str
) -> None:
    """It lies in the sight of every process; a container's does not, and needs its ``su``."""
    if kind == FUSE:
        require("fuse-overlayfs")
    os.mknod(layers[1] / "d/null", 0o020666, os.makedev(1, 3))
    manager = MountManager(tmp_path / "state")
    for keep in (True, False):
        mount = manager.mount(layers, tmp_path / "target", kind=kind, keep=keep)
        try:
            flags = os.statvfs(mount.target).f_flag & (os.ST_NOSUID | os.ST_NODEV)
            if keep:
                assert flags == os.ST_NOSUID | os.ST_NODEV
                with pytest.raises(PermissionError):
                    Path(mount.target, "d/null").read_bytes()
            elif kind == OVERLAY:
                assert flags == 0
        finally:
            manager.unmount(mount.target)
