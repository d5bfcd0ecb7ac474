"""config.json's mounts where nothing can be mounted."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ocinb.engine.emulated.places import Binding, Places, bindings, normal
from ocinb.engine.emulated.programs import find
from ocinb.errors import InvalidConfig, StepFailed, SyscallError


def mount(destination: str, kind: str, *options: str, source: str = "") -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def test_filesystems_of_the_kernel_are_those_of_this_machine(tmp_path: Path) -> None:
    config = {"mounts": [mount("/proc", "proc"), mount("/sys", "sysfs")]}
    assert bindings(config, "/b", str(tmp_path)) == [
        Binding(source="/proc", destination="/proc"),
        Binding(source="/sys", destination="/sys"),
    ]


def test_a_tmpfs_is_a_directory_with_its_mode(tmp_path: Path) -> None:
    config = {"mounts": [mount("/tmp", "tmpfs", "mode=1777"), mount("/run", "tmpfs", "mode=50")]}
    first, second = bindings(config, "/b", str(tmp_path))
    assert stat.S_IMODE(os.stat(first.source).st_mode) == 0o1777
    assert stat.S_IMODE(os.stat(second.source).st_mode) == 0o750  # the owner keeps all rights


def test_dev_has_devices_and_links(tmp_path: Path) -> None:
    config = {
        "mounts": [mount("/dev", "tmpfs"), mount("/dev/shm", "tmpfs"), mount("/dev/pts", "x")]
    }
    dev, *devices = bindings(config, "/b", str(tmp_path))
    assert dev.destination == "/dev"
    assert Binding(source="/dev/null", destination="/dev/null") in devices
    assert os.readlink(f"{dev.source}/stdin") == "/proc/self/fd/0"
    assert os.path.exists(f"{dev.source}/null")


def test_sources_of_bind_mounts_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    config = {"mounts": [mount("/d", "bind", "rbind", source="data")]}
    assert bindings(config, str(tmp_path), "/p")[0].source == f"{tmp_path}/data"
    config = {"mounts": [mount("/d", "none", "bind", source="missing")]}
    with pytest.raises(StepFailed, match=r"mounts\[0\]: .*missing does not exist"):
        bindings(config, str(tmp_path), "/p")


def test_what_would_have_to_be_mounted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"mounts\[0\] in config.json is a overlay"):
        bindings({"mounts": [mount("/d", "overlay")]}, "/b", str(tmp_path))


@pytest.mark.parametrize(
    ("path", "clean"), [("a", "/a"), ("//a/../b/", "/b"), ("/../..", "/"), ("", "/")]
)
def test_paths_are_made_normal(path: str, clean: str) -> None:
    assert normal(path) == clean


def test_no_link_of_the_image_leads_out(tmp_path: Path) -> None:
    root = tmp_path / "rootfs"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text("of the image")
    (root / "out").symlink_to("/etc")
    (root / "up").symlink_to("../../../../etc/passwd")
    places = Places(str(root), [])
    for path in ("/out/passwd", "/up", "/../../etc/passwd"):
        with open(places.open(path, os.O_RDONLY)) as file:
            assert file.read() == "of the image"
    with pytest.raises(SyscallError):
        places.open("/out/shadow")


def test_what_is_bound_decides(tmp_path: Path) -> None:
    (tmp_path / "rootfs/srv/data").mkdir(parents=True)
    (tmp_path / "rootfs/srv/data/file").write_text("below")
    (tmp_path / "given").mkdir()
    (tmp_path / "given/file").write_text("bound")
    bound = [Binding(source=str(tmp_path / "given"), destination="/srv/data")]
    places = Places(str(tmp_path / "rootfs"), bound)
    assert places.host_path("/srv/data/file") == f"{tmp_path}/given/file"
    assert places.host_path("/srv/data") == f"{tmp_path}/given"
    assert places.host_path("/srv") == f"{tmp_path}/rootfs/srv"


def test_mount_points_are_made_beneath_the_root(tmp_path: Path) -> None:
    root = tmp_path / "rootfs"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "a-file").touch()
    bound = [
        Binding(source=str(tmp_path), destination="/link/made"),
        Binding(source=str(tmp_path / "a-file"), destination="/etc/resolv.conf"),
    ]
    Places(str(root), bound).make_mount_points()
    assert not (tmp_path / "outside").exists()
    assert (root / "etc/resolv.conf").is_file()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "executable file not found in \\$PATH"),
        ("./missing", "no such file or directory"),
        ("/bin", "is a directory"),
        ("text", "permission denied"),
    ],
)
def test_a_program_that_is_not_there_is_named(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/text").write_text("")
    (tmp_path / "bin/program").touch(0o755)
    places = Places(str(tmp_path), [])
    process = {"args": ["program"], "cwd": "/", "env": ["PATH=/sbin::/bin"]}
    assert find(places, process) == "/bin/program"
    with pytest.raises(StepFailed, match=said):
        find(places, process | {"args": [name]})
