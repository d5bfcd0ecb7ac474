"""Mounts, devices, masks. Spec: runtime-spec config.md#mounts, config-linux.md#devices"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ocinb.linux.mounts import MountInfo, parse
from tests.support.runtimes import Bundle, RuntimeProgram, make_rootfs, mount_points_below


def mounts(runtime: RuntimeProgram, bundle: Bundle) -> dict[str, MountInfo]:
    """What the container has mounted, by mount point."""
    bundle.process["args"] = ["/bin/cat", "/proc/self/mountinfo"]
    return {mount.target: mount for mount in parse(runtime.output(bundle))}


@pytest.mark.parametrize(
    ("options", "present", "absent"),
    [
        ((), {"rw"}, {"nosuid", "nodev", "noexec"}),
        (("ro",), {"ro"}, {"rw"}),
        (("ro", "rw"), {"rw"}, {"ro"}),
        (("nosuid", "nodev", "noexec"), {"nosuid", "nodev", "noexec"}, set()),
        (("nosuid", "suid"), set(), {"nosuid"}),
        (("noatime",), {"noatime"}, {"relatime"}),
        (("nodiratime",), {"nodiratime"}, set()),
        (("relatime",), {"relatime"}, {"noatime"}),
        (("strictatime",), set(), {"relatime", "noatime"}),
        (("defaults",), {"rw"}, set()),
    ],
)
@pytest.mark.lacks(
    "runc",
    "runc 1.1 gives tmpfs the word as data, and the kernel refuses it",
    options=[("defaults",)],
)
@pytest.mark.lacks(
    "crun", "crun 1.8 does not let the later word win", options=[("ro", "rw"), ("nosuid", "suid")]
)
def test_option_words_of_a_filesystem(
    runtime: RuntimeProgram, bundle: Bundle, options: tuple[str, ...], present: set[str],
    absent: set[str],
) -> None:  # fmt: skip
    bundle.mount("/mnt", "tmpfs", "tmpfs", *options)
    found = set(mounts(runtime, bundle)["/mnt"].options)
    assert present <= found
    assert not absent & found


@pytest.mark.parametrize("options", [("ro",), ("nosuid", "nodev"), ("noexec", "ro")])
def test_option_words_of_a_bind_mount(
    runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path, options: tuple[str, ...]
) -> None:
    bundle.mount("/mnt", "none", str(tmp_path), "rbind", *options)
    assert set(options) <= set(mounts(runtime, bundle)["/mnt"].options)


def test_options_that_only_the_filesystem_knows(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs", "size=128k", "mode=0711")
    mount = mounts(runtime, bundle)["/mnt"]
    assert "size=128k" in mount.super_options
    assert "mode=711" in mount.super_options


@pytest.mark.parametrize(
    ("word", "shown"),
    [("rprivate", ""), ("rslave", "master"), ("rshared", "shared"), ("unbindable", "unbindable")],
)
@pytest.mark.lacks(
    "crun",
    "with crun 1.8 such a mount has no propagation in the container",
    word=["rshared", "unbindable"],
)
def test_propagation_of_a_bind_mount(
    runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path, word: str, shown: str
) -> None:
    bundle.mount("/mnt", "none", str(tmp_path), "rbind", word)
    propagation = mounts(runtime, bundle)["/mnt"].propagation
    if word == "rslave":
        # On a host whose mounts are private there is no master to be the slave of.
        host = Path("/proc/self/mountinfo").read_text().splitlines()
        if not any("shared:" in line and line.split()[4] == "/" for line in host):
            assert propagation == ()
            return
    assert " ".join(propagation).startswith(shown)
    assert bool(propagation) == bool(shown)


def test_recursive_read_only(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs")
    bundle.mount("/mnt/inner", "tmpfs", "tmpfs")
    bundle.mount("/mnt", "none", "none", "remount", "bind", "rro")
    found = mounts(ours, bundle)
    assert "ro" in found["/mnt"].options
    assert "ro" in found["/mnt/inner"].options


def test_a_file_is_bound_onto_a_file_that_is_made(
    runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("bound\n")
    bundle.mount("/tmp", "tmpfs", "tmpfs")
    bundle.mount("/tmp/deep/er/file", "bind", str(tmp_path / "file"), "bind", "ro")
    bundle.process["args"] = ["/bin/cat", "/tmp/deep/er/file"]
    assert runtime.output(bundle) == "bound\n"


def test_a_bind_source_may_be_relative_to_the_bundle(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    (bundle.directory / "data").mkdir()
    (bundle.directory / "data/file").write_text("relative\n")
    bundle.mount("/mnt", "bind", "data", "bind")
    bundle.process["args"] = ["/bin/cat", "/mnt/file"]
    assert runtime.output(bundle) == "relative\n"


def test_mounts_are_made_in_their_order(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "first")
    bundle.mount("/mnt", "tmpfs", "second")
    assert mounts(runtime, bundle)["/mnt"].source == "second"


def test_tmpcopyup(runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path) -> None:
    rootfs = make_rootfs(tmp_path / "rootfs")
    (rootfs / "var/lib/file").write_text("copied\n")
    (rootfs / "var/lib/file").chmod(0o644)
    os.chown(rootfs / "var/lib/file", 7, 8)
    (rootfs / "var/lib/sub").mkdir(mode=0o700)
    (rootfs / "var/lib/link").symlink_to("file")
    bundle.config["root"]["path"] = str(rootfs)
    bundle.mount("/var/lib", "tmpfs", "tmpfs", "tmpcopyup")
    bundle.shell("cd /var/lib; cat link; stat -c '%a %u:%g' file; stat -c %a sub; echo x >new")
    assert runtime.output(bundle) == "copied\n644 7:8\n700\n"
    assert not (rootfs / "var/lib/new").exists()


@pytest.mark.parametrize("readonly", [True, False])
def test_read_only_root(
    runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path, readonly: bool
) -> None:
    rootfs = make_rootfs(tmp_path / "rootfs")
    bundle.config["root"] = {"path": str(rootfs), "readonly": readonly}
    bundle.shell("touch /made && echo writable")
    done = runtime.run(bundle)
    assert (done.returncode == 0) is not readonly
    assert (rootfs / "made").exists() is not readonly


def test_default_devices(runtime: RuntimeProgram, bundle: Bundle) -> None:
    names = "null zero full random urandom tty"
    bundle.shell(f"cd /dev; stat -c '%n %F %t:%T %a' {names}")
    kind = "character special file"
    assert runtime.output(bundle).splitlines() == [
        f"null {kind} 1:3 666",
        f"zero {kind} 1:5 666",
        f"full {kind} 1:7 666",
        f"random {kind} 1:8 666",
        f"urandom {kind} 1:9 666",
        f"tty {kind} 5:0 666",
    ]


def test_links_of_dev(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("cd /dev; for n in fd stdin stdout stderr; do readlink $n; done; test -c ptmx")
    assert runtime.output(bundle).splitlines() == [
        "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2",
    ]  # fmt: skip


def test_listed_devices(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["devices"] = [
        {"path": "/dev/spare/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640,
         "uid": 7, "gid": 8},
        {"path": "/dev/fifo", "type": "p", "fileMode": 0o600},
    ]  # fmt: skip
    bundle.shell("stat -c '%F %t:%T %a %u:%g' /dev/spare/null; stat -c '%F %a' /dev/fifo")
    assert runtime.output(bundle) == "character special file 1:3 640 7:8\nfifo 600\n"


def test_another_file_where_a_device_shall_be_is_an_error(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.linux["devices"] = [{"path": "/etc/passwd", "type": "c", "major": 1, "minor": 3}]
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "linux.devices[0]" in done.stderr or "/etc/passwd" in done.stderr


def test_masked_paths(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["maskedPaths"] = ["/etc/passwd", "/var", "/no/such/path"]
    bundle.shell("wc -c < /etc/passwd; ls -A /var | wc -l; touch /var/x 2>/dev/null || echo ro")
    assert runtime.output(bundle).split() == ["0", "0", "ro"]


def test_readonly_paths(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs")
    bundle.mount("/mnt/inner", "tmpfs", "tmpfs")
    bundle.linux["readonlyPaths"] = ["/mnt/inner", "/no/such/path"]
    bundle.shell("touch /mnt/x; touch /mnt/inner/x 2>/dev/null || echo ro")
    assert runtime.output(bundle) == "ro\n"


def test_nothing_is_mounted_on_the_host(runtime: RuntimeProgram, bundle: Bundle) -> None:
    rootfs = Path(bundle.config["root"]["path"])
    bundle.shell("sleep 60")
    runtime.create(bundle)
    assert not mount_points_below(rootfs)


@pytest.mark.parametrize("link", ["/etc", "../../../../../../../../etc", "/proc/1/root/etc"])
def test_a_mount_point_behind_a_link_stays_in_the_root_filesystem(
    runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path, link: str
) -> None:
    rootfs = make_rootfs(tmp_path / "rootfs")
    (rootfs / "link").symlink_to(link)
    bundle.config["root"] = {"path": str(rootfs)}
    bundle.mount("/link/ocinb-escape", "tmpfs", "tmpfs")
    runtime.run(bundle)
    assert not Path("/etc/ocinb-escape").exists()


def test_a_dangling_link_is_followed_inside(
    runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    # Images have /etc/resolv.conf → ../run/systemd/resolve/stub-resolv.conf.
    rootfs = make_rootfs(tmp_path / "rootfs")
    (rootfs / "etc/resolv.conf").symlink_to("../run/resolve/stub.conf")
    (tmp_path / "resolv").write_text("nameserver 127.0.0.1\n")
    bundle.config["root"] = {"path": str(rootfs)}
    bundle.mount("/etc/resolv.conf", "bind", str(tmp_path / "resolv"), "bind")
    bundle.process["args"] = ["/bin/cat", "/etc/resolv.conf"]
    assert runtime.output(bundle) == "nameserver 127.0.0.1\n"
    assert not Path("/run/resolve").exists()


def test_proc_on_a_link_is_refused(runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path) -> None:
    rootfs = make_rootfs(tmp_path / "rootfs")
    (rootfs / "proc").rmdir()
    (rootfs / "proc").symlink_to("/tmp")
    bundle.config["root"] = {"path": str(rootfs)}
    assert runtime.create(bundle).returncode != 0


def test_binding_over_the_files_of_proc_is_refused(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("fooled\n")
    bundle.mount("/proc/self/attr/current", "bind", str(tmp_path / "file"), "bind")
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "/proc" in done.stderr


def test_a_missing_bind_source_is_an_error_that_names_the_mount(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.mount("/mnt", "bind", "/no/such/source", "bind")
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "mounts[3] (/mnt)" in done.stderr
    assert "no such file" in done.stderr
    assert not ours.exists()


@pytest.mark.parametrize(("kind", "shown"), [("shared", "shared"), ("private", ""),
                                             ("unbindable", "unbindable")])  # fmt: skip
def test_propagation_of_the_root(
    ours: RuntimeProgram, bundle: Bundle, kind: str, shown: str
) -> None:
    bundle.linux["rootfsPropagation"] = kind
    propagation = mounts(ours, bundle)["/"].propagation
    assert bool(propagation) == bool(shown)
    assert " ".join(propagation).startswith(shown)


def test_no_pivot(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("ls /")
    done = runtime.call("run", "--no-pivot", "--bundle", bundle.write(), "c")
    assert done.returncode == 0, done.stderr
    assert "bin" in done.stdout.split()


def test_the_file_that_a_mount_point_needed_is_a_plain_file(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    rootfs = make_rootfs(tmp_path / "rootfs")
    (tmp_path / "file").write_text("x")
    bundle.config["root"] = {"path": str(rootfs)}
    bundle.mount("/etc/made", "bind", str(tmp_path / "file"), "bind")
    ours.output(bundle)
    assert stat.S_ISREG((rootfs / "etc/made").stat().st_mode)


@pytest.mark.parametrize("options", [["nodev"], ["ro"], ["size=1m", "tmpcopyup"]])
@pytest.mark.lacks("crun", "crun 1.8.1 leaves the kernel's own: 1777")
def test_a_tmpfs_has_the_permissions_of_what_it_covers(
    runtime: RuntimeProgram, bundle: Bundle, tmp_path: Path, options: list[str]
) -> None:
    image = make_rootfs(tmp_path / "image")
    (image / "covered").mkdir()
    (image / "covered").chmod(0o712)
    bundle.config["root"] = {"path": str(image), "readonly": False}
    for place in ("/covered", "/made"):
        bundle.mount(place, "tmpfs", "tmpfs", *options)
    bundle.mount("/explicit", "tmpfs", "tmpfs", "mode=700")
    bundle.shell("stat -c %a /covered /made /explicit")
    assert runtime.output(bundle).split() == ["712", "1777", "700"]
