"""What fails leaves nothing: no state, mount, control group, or process.

Spec: runtime-spec runtime.md#errors
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram, mount_points_below

Change = Callable[[Bundle], Any]

WRONG: dict[str, tuple[Change, str]] = {
    "no process.cwd": (lambda b: b.process.pop("cwd"), "process.cwd"),
    "relative cwd": (lambda b: b.process.update(cwd="tmp"), "process.cwd"),
    "no such program": (lambda b: b.process.update(args=["nosuch"]), "not found in $PATH"),
    "no such rootfs": (lambda b: b.config["root"].update(path="/no/such"), "/no/such"),
    "unknown namespace": (lambda b: b.linux["namespaces"].append({"type": "x"}), "namespaces[5]"),
    "bad mount": (lambda b: b.mount("/mnt", "nosuchfs", "x"), "mounts[3] (/mnt)"),
    "bad option": (lambda b: b.mount("/mnt", "tmpfs", "x", "size=none"), "mounts[3] (/mnt)"),
    "missing source": (lambda b: b.mount("/mnt", "bind", "/no/such", "bind"), "mounts[3]"),
    "bad sysctl": (lambda b: b.linux.update(sysctl={"net.nosuch": "1"}), "net.nosuch"),
    "bad sysctl value": (lambda b: b.linux.update(sysctl={"net.core.somaxconn": "x"}), "somaxconn"),
    "bad limit": (lambda b: b.linux["resources"].update(cpu={"quota": 1}), "cpu.quota"),
    "bad cpus": (lambda b: b.linux["resources"].update(cpu={"cpus": "99999"}), "cpu.cpus"),
    "bad device": (
        lambda b: b.linux.update(devices=[{"path": "/etc", "type": "c", "major": 1, "minor": 1}]),
        "/etc",
    ),
    "seccomp": (
        lambda b: b.linux.update(seccomp={"defaultAction": "SCMP_ACT_NOSUCH"}),
        "linux.seccomp",
    ),
    "apparmor": (lambda b: b.process.update(apparmorProfile="x"), "apparmorProfile"),
    "future version": (lambda b: b.config.update(ociVersion="9.0.0"), "ociVersion"),
    "hook that fails": (
        lambda b: b.config.update(hooks={"createContainer": [{"path": "/bin/false"}]}),
        "hooks.createContainer[0]",
    ),
}  # fmt: skip


@pytest.fixture
def nothing_left(bundle: Bundle, ours: RuntimeProgram) -> Callable[[], None]:
    group = bundle.linux["cgroupsPath"]

    def check() -> None:
        assert not ours.root.exists() or list(ours.root.iterdir()) == []
        assert mount_points_below(bundle.directory) == []
        assert list(Path("/sys/fs/cgroup").glob(f"*{group}")) == []
        commands = (Path(f"/proc/{pid}/cmdline") for pid in os.listdir("/proc") if pid.isdigit())
        for command in commands:
            try:
                assert os.fsencode(ours.root) not in command.read_bytes()
            except OSError:
                continue

    return check


@pytest.mark.parametrize("name", WRONG)
def test_a_create_that_fails_says_why_and_leaves_nothing(
    ours: RuntimeProgram, bundle: Bundle, nothing_left: Callable[[], None], name: str
) -> None:
    change, said = WRONG[name]
    change(bundle)
    done = ours.create(bundle)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    nothing_left()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "must be an object"),
        (b'{"ociVersion": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (17 * 2**20), "larger than 16 MiB"),
    ],
)
def test_a_config_that_cannot_even_be_read(
    ours: RuntimeProgram, bundle: Bundle, content: bytes, said: str
) -> None:
    (bundle.directory / "config.json").write_bytes(content)
    done = ours.call("create", "--bundle", bundle.directory, "c")
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_config_at_all(ours: RuntimeProgram, tmp_path: Path) -> None:
    done = ours.call("create", "--bundle", tmp_path, "c")
    assert done.returncode == 1
    assert f"{tmp_path}/config.json cannot be read" in done.stderr


def test_errors_go_to_the_log_as_json_too(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    # podman, containerd and docker read them there.
    bundle.process["args"] = ["nosuch"]
    log = tmp_path / "log.json"
    options = ("--log", log, "--log-format", "json")
    done = ours.call(*options, "create", "--bundle", bundle.write(), "c")
    (entry,) = map(json.loads, log.read_text().splitlines())
    assert entry["level"] == "error"
    assert "executable file not found in $PATH" in entry["msg"]
    assert entry["time"].endswith("Z")
    assert "executable file not found in $PATH" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("nosuch",),
        ("create",),
        ("create", "--nosuch", "c"),
        ("create", "a", "b"),
        ("--nosuch", "list"),
        ("--log-format", "xml", "list"),
        ("--systemd-cgroup", "list"),
        ("list", "--format", "xml"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(ours: RuntimeProgram, words: tuple[str, ...]) -> None:
    done = ours.call(*words)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_failing_create_leaves_the_mounts_of_the_host_alone(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    # The mounts of a host of its own, where nobody else mounts anything.
    look = (
        'mount --make-rshared / && cat /proc/self/mountinfo > "$0/before"; "$@"; ended=$?; '
        'cat /proc/self/mountinfo > "$0/after"; exit $ended'
    )
    ours.argv = ["unshare", "--mount", "sh", "-c", look, str(tmp_path), *ours.argv]
    bundle.mount("/mnt", "bind", "/no/such", "bind")
    assert ours.create(bundle).returncode == 1
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text() != ""


def test_a_frozen_control_group_is_refused(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    # Spec: runtime-spec config-linux.md#control-groups
    bundle.shell("sleep 60")
    ours.create(bundle, "one")
    ours.pause("one")
    other = Bundle(tmp_path / "other", Path(bundle.config["root"]["path"]))
    other.linux["cgroupsPath"] = bundle.linux["cgroupsPath"]
    done = ours.create(other, "two")
    assert done.returncode == 1
    assert "frozen" in done.stderr
