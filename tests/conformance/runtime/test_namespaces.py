"""Namespaces, ids, names, parameters. Spec: runtime-spec config-linux.md#namespaces"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.peers import require
from tests.support.runtimes import Bundle, RuntimeProgram, make_rootfs, mount_points_below

FILES = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts",
         "cgroup": "cgroup", "time": "time"}  # fmt: skip


@pytest.mark.lacks("runc", "runc 1.1 has no time namespaces", kind=["time"])
@pytest.mark.lacks("crun", "crun 1.8 fails here (sync socket reset)", kind=["time"])
@pytest.mark.parametrize("kind", FILES)
def test_a_new_namespace(runtime: RuntimeProgram, bundle: Bundle, kind: str) -> None:
    if kind not in [entry["type"] for entry in bundle.linux["namespaces"]]:
        bundle.linux["namespaces"].append({"type": kind})
    bundle.process["args"] = ["/bin/readlink", f"/proc/self/ns/{FILES[kind]}"]
    assert runtime.output(bundle).strip() != os.readlink(f"/proc/self/ns/{FILES[kind]}")


@pytest.mark.parametrize("kind", ["network", "ipc", "uts"])
def test_a_namespace_that_is_not_listed_is_the_runtimes(
    runtime: RuntimeProgram, bundle: Bundle, kind: str
) -> None:
    bundle.linux["namespaces"] = [e for e in bundle.linux["namespaces"] if e["type"] != kind]
    if kind == "uts":
        del bundle.config["hostname"]
    bundle.process["args"] = ["/bin/readlink", f"/proc/self/ns/{FILES[kind]}"]
    assert runtime.output(bundle).strip() == os.readlink(f"/proc/self/ns/{FILES[kind]}")


@contextmanager
def holder(*options: str) -> Iterator[int]:
    """A process in namespaces of its own."""
    require("unshare")
    argv = ["unshare", *options, "sh", "-c", "echo; exec sleep 60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.mark.parametrize(
    ("kind", "option"), [("network", "--net"), ("ipc", "--ipc"), ("uts", "--uts")]
)
def test_a_namespace_is_joined_by_its_path(
    runtime: RuntimeProgram, bundle: Bundle, kind: str, option: str
) -> None:
    if kind == "uts":
        del bundle.config["hostname"]
    with holder(option) as pid:
        path = f"/proc/{pid}/ns/{FILES[kind]}"
        for entry in bundle.linux["namespaces"]:
            if entry["type"] == kind:
                entry["path"] = path
        bundle.process["args"] = ["/bin/readlink", f"/proc/self/ns/{FILES[kind]}"]
        assert runtime.output(bundle).strip() == os.readlink(path)


def test_a_pid_namespace_is_joined_by_its_path(runtime: RuntimeProgram, bundle: Bundle) -> None:
    with holder("--pid", "--fork", "--mount-proc") as pid:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        path = f"/proc/{children[0]}/ns/pid"
        bundle.linux["namespaces"][0] = {"type": "pid", "path": path}
        bundle.process["args"] = ["/bin/readlink", "/proc/self/ns/pid"]
        assert runtime.output(bundle).strip() == os.readlink(path)


def test_a_path_to_another_kind_of_namespace_is_an_error(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.linux["namespaces"][1] = {"type": "network", "path": "/proc/self/ns/uts"}
    assert runtime.create(bundle).returncode != 0
    assert not runtime.exists()


def test_a_path_to_no_namespace_is_an_error(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["namespaces"][1] = {"type": "network", "path": "/etc/passwd"}
    assert runtime.create(bundle).returncode != 0
    assert not runtime.exists()


@pytest.mark.lacks("crun", "crun 1.8 creates the container")
def test_a_second_namespace_of_a_kind_is_an_error(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["namespaces"].append({"type": "uts"})
    assert runtime.create(bundle).returncode != 0


def test_hostname(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.config["hostname"] = "a-name.of-ours"
    bundle.process["args"] = ["/bin/hostname"]
    assert runtime.output(bundle) == "a-name.of-ours\n"


def test_domainname(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.config["domainname"] = "example.test"
    bundle.process["args"] = ["/bin/cat", "/proc/sys/kernel/domainname"]
    assert ours.output(bundle) == "example.test\n"


def test_the_hosts_name_is_safe(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["namespaces"] = [e for e in bundle.linux["namespaces"] if e["type"] != "uts"]
    before = os.uname().nodename
    assert ours.create(bundle).returncode == 1
    assert os.uname().nodename == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("net.ipv4.ip_forward", "1"), ("kernel.shm_rmid_forced", "1"), ("net/ipv4/ip_forward", "1")],
)
def test_sysctl(runtime: RuntimeProgram, bundle: Bundle, name: str, value: str) -> None:
    path = name if "/" in name else name.replace(".", "/")
    before = Path(f"/proc/sys/{path}").read_text()
    bundle.linux["sysctl"] = {name: value}
    bundle.process["args"] = ["/bin/cat", f"/proc/sys/{path}"]
    assert runtime.output(bundle).strip() == value
    assert Path(f"/proc/sys/{path}").read_text() == before


def test_a_parameter_of_the_host_is_refused(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["sysctl"] = {"vm.swappiness": "1"}
    assert runtime.create(bundle).returncode != 0


def test_time_offsets(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"boottime": {"secs": 1_000_000}}
    bundle.process["args"] = ["/bin/cat", "/proc/uptime"]
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert float(ours.output(bundle).split()[0]) >= uptime + 999_990


@pytest.fixture
def mapped(bundle: Bundle, tmp_path: Path) -> Bundle:
    """A bundle with a user namespace, and a root filesystem that belongs to its ids."""
    rootfs = make_rootfs(tmp_path / "rootfs")
    for path in (rootfs, *rootfs.rglob("*")):
        os.chown(path, 100000, 200000, follow_symlinks=False)
    bundle.config["root"]["path"] = str(rootfs)
    bundle.linux["namespaces"].append({"type": "user"})
    bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    bundle.linux["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 2000}]
    return bundle


def test_id_mappings(runtime: RuntimeProgram, mapped: Bundle) -> None:
    mapped.shell("cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u:%g /etc/passwd")
    words = runtime.output(mapped).split()
    assert words == ["0", "100000", "1000", "0", "200000", "2000", "0", "0:0"]


def test_the_user_of_a_user_namespace(runtime: RuntimeProgram, mapped: Bundle) -> None:
    mapped.process["user"] = {"uid": 7, "gid": 8, "additionalGids": [9]}
    mapped.shell("sleep 60")
    assert runtime.create(mapped).returncode == 0
    status = Path(f"/proc/{runtime.state()['pid']}/status").read_text()
    runtime.call("start", "c")
    status = Path(f"/proc/{runtime.state()['pid']}/status").read_text()
    lines = {line.split()[0]: line.split()[1:] for line in status.splitlines() if line.split()}
    assert lines["Uid:"] == ["100007"] * 4
    assert lines["Gid:"] == ["200008"] * 4
    assert lines["Groups:"] == ["200009"]


def test_devices_of_a_user_namespace_work(runtime: RuntimeProgram, mapped: Bundle) -> None:
    mapped.shell("echo x > /dev/null && head -c 4 /dev/zero | wc -c && test -c /dev/tty")
    assert runtime.output(mapped) == "4\n"


def test_a_bind_source_that_only_the_hosts_superuser_can_reach(
    runtime: RuntimeProgram, mapped: Bundle, tmp_path: Path
) -> None:
    secret = tmp_path / "private" / "secret"
    secret.parent.mkdir(mode=0o700)
    secret.write_text("reached\n")
    mapped.mount("/tmp/file", "bind", str(secret), "bind", "ro")
    mapped.process["args"] = ["/bin/cat", "/tmp/file"]
    assert runtime.output(mapped) == "reached\n"


def test_a_user_that_is_not_mapped_is_an_error(ours: RuntimeProgram, mapped: Bundle) -> None:
    mapped.process["user"] = {"uid": 5000, "gid": 0}
    done = ours.create(mapped)
    assert done.returncode == 1
    assert "process.user.uid 5000" in done.stderr


def test_without_a_mount_namespace_its_mounts_end_with_the_container(
    ours: RuntimeProgram, bundle: Bundle, rootfs: Path
) -> None:
    bundle.linux["namespaces"] = [{"type": "pid"}]
    del bundle.config["hostname"]
    bundle.shell("ls / | sort | head -1; readlink /proc/self/ns/mnt")
    own = os.readlink("/proc/self/ns/mnt")
    assert ours.output(bundle).split() == ["bin", own]
    assert not mount_points_below(rootfs)
    bundle.process["args"] = ["nosuch"]
    assert ours.create(bundle).returncode == 1
    assert not mount_points_below(rootfs)


@pytest.mark.parametrize(
    ("kind", "wish"),
    [
        ("network", {"linux": {"sysctl": {"net.ipv4.ip_default_ttl": "77"}}}),
        ("uts", {"linux": {"sysctl": {"kernel.domainname": "changed"}}}),
        ("ipc", {"linux": {"sysctl": {"kernel.msgmax": "4444"}}}),
        ("uts", {"hostname": "changed"}),
        ("uts", {"domainname": "changed"}),
    ],
)
def test_the_runtimes_own_namespaces_are_not_changed_by_way_of_their_paths(
    ours: RuntimeProgram, bundle: Bundle, kind: str, wish: dict[str, Any]
) -> None:
    # A namespace is listed, so the parameter seems to be the container's; it is the host's.
    bundle.config.pop("hostname")
    bundle.linux["namespaces"] = [
        {**entry, "path": f"/proc/self/ns/{FILES[kind]}"} if entry["type"] == kind else entry
        for entry in bundle.linux["namespaces"]
    ]
    bundle.linux.update(wish.pop("linux", {}))
    bundle.config.update(wish)
    parameters = Path("/proc/sys").joinpath
    names = ("net/ipv4/ip_default_ttl", "kernel/domainname", "kernel/msgmax", "kernel/hostname")
    before = [parameters(name).read_text() for name in names]
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "would change the host" in done.stderr
    assert [parameters(name).read_text() for name in names] == before


def test_a_device_that_can_neither_be_made_nor_bound(ours: RuntimeProgram, mapped: Bundle) -> None:
    mapped.linux["devices"] = [{"path": "/dev/not-here", "type": "c", "major": 10, "minor": 229}]
    done = ours.create(mapped)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        "/dev/not-here cannot be made in a user namespace, and on the host it is not c 10:229"
    )


def test_devices_that_are_bound_are_neither_executed_nor_set_user_id(
    ours: RuntimeProgram, mapped: Bundle
) -> None:
    mapped.shell("grep ' /dev/zero ' /proc/self/mountinfo")
    assert {"nosuid", "noexec"} <= set(ours.output(mapped).split()[5].split(","))
