"""Fields that runc 1.1 and crun 1.8 do not know yet, and those that this machine cannot apply."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram


@pytest.mark.parametrize(
    ("scheduler", "policy", "nice", "priority"),
    [
        ({"policy": "SCHED_BATCH", "nice": 7}, 3, 7, 0),
        ({"policy": "SCHED_OTHER", "nice": -5}, 0, -5, 0),
        ({"policy": "SCHED_IDLE"}, 5, 0, 0),
        ({"policy": "SCHED_FIFO", "priority": 3}, 1, 0, 3),
        ({"policy": "SCHED_RR", "priority": 9, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}, 2, 0, 9),
    ],
)
def test_scheduler(
    ours: RuntimeProgram,
    bundle: Bundle,
    scheduler: dict[str, Any],
    policy: int,
    nice: int,
    priority: int,
) -> None:
    bundle.process["scheduler"] = scheduler
    bundle.process["args"] = ["/bin/cat", "/proc/self/stat"]
    if policy in (1, 2):
        # A realtime policy needs realtime for its control group; the host's own group has it.
        bundle.linux["cgroupsPath"] = ""
    done = ours.run(bundle)
    if done.returncode and "operation not permitted" in done.stderr:
        pytest.skip("the control groups of this machine have no realtime to give")
    fields = done.stdout.rpartition(")")[2].split()
    assert (int(fields[38]), int(fields[16]), int(fields[37])) == (policy, nice, priority)


def test_a_scheduler_that_the_kernel_lacks_is_an_error(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.process["scheduler"] = {"policy": "SCHED_ISO"}
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "process.scheduler" in done.stderr
    assert not ours.exists()


def test_memory_policy(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["args"] = ["/bin/cat", "/proc/self/numa_maps"]
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    done = ours.run(bundle)
    if "No such file" in done.stderr or "function not implemented" in done.stderr:
        pytest.skip("this kernel has no memory policies")
    assert " bind:0 " in done.stdout


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"mode": "MPOL_NOSUCH"}, "linux.memoryPolicy.mode"),
        ({"mode": "MPOL_BIND", "nodes": "one"}, "linux.memoryPolicy.nodes"),
        ({"mode": "MPOL_BIND", "flags": ["MPOL_F_NONE"]}, "linux.memoryPolicy.flags[0]"),
        ({"mode": "MPOL_BIND"}, "linux.memoryPolicy"),
    ],
)
def test_memory_policies_that_cannot_be(
    ours: RuntimeProgram, bundle: Bundle, policy: dict[str, Any], field: str
) -> None:
    bundle.linux["memoryPolicy"] = policy
    done = ours.create(bundle)
    assert done.returncode == 1
    assert field in done.stderr
    assert not ours.exists()


def test_exec_on_some_processors_only(ours: RuntimeProgram, bundle: Bundle, tmp_path: Path) -> None:
    assert ours.create(bundle.shell("sleep 100")).returncode == 0
    assert ours.call("start", "c").returncode == 0
    process = {**bundle.process, "args": ["/bin/grep", "Cpus_allowed_list", "/proc/self/status"]}
    last = max(os.sched_getaffinity(0))
    document = tmp_path / "process.json"
    document.write_text(json.dumps({**process, "execCPUAffinity": {"final": str(last)}}))
    done = ours.call("exec", "--process", document, "c")
    assert done.stdout.split() == ["Cpus_allowed_list:", str(last)]
    document.write_text(json.dumps({**process, "execCPUAffinity": {"initial": "few"}}))
    refused = ours.call("exec", "--process", document, "c")
    assert "process.execCPUAffinity.initial" in refused.stderr


def _id_mapped(bundle: Bundle, source: Path, *options: str, size: int = 10) -> Bundle:
    bundle.mount("/mnt", "bind", str(source), "bind", *options)
    mappings = [{"containerID": 0, "hostID": 5000, "size": size}]
    bundle.config["mounts"][-1].update(uidMappings=mappings, gidMappings=mappings)
    return bundle


@pytest.mark.parametrize("options", [(), ("idmap",), ("ridmap",), ("idmap", "ro")])
def test_files_belong_to_other_ids_in_an_id_mapped_mount(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path, options: tuple[str, ...]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for uid in (0, 3):
        (source / str(uid)).touch()
        os.chown(source / str(uid), uid, uid)
    _id_mapped(bundle, source, *options).shell("stat -c %u:%g /mnt/0 /mnt/3; : > /mnt/new")
    bundle.process["user"] = {"uid": 5000, "gid": 5000}
    os.chmod(source, 0o777)
    done = ours.run(bundle)
    assert done.stdout.split() == ["5000:5000", "5003:5003"], done.stderr
    if "ro" in options:
        assert "Read-only" in done.stderr
    else:
        assert (source / "new").stat().st_uid == 0


def test_an_id_mapped_mount_takes_the_map_of_a_new_user_namespace(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    mappings = [{"containerID": 0, "hostID": 5000, "size": 1000}]
    bundle.linux["namespaces"].append({"type": "user"})
    bundle.linux.update(uidMappings=mappings, gidMappings=mappings)
    bundle.mount("/mnt", "bind", str(source), "bind", "idmap")
    bundle.shell(": > /mnt/new; stat -c %u /mnt/new")
    assert ours.output(bundle) == "0\n"
    assert (source / "new").stat().st_uid == 0


def test_an_id_mapped_mount_without_a_map_is_an_error(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.mount("/mnt", "bind", str(tmp_path), "bind", "idmap")
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "mounts[3] (/mnt)" in done.stderr
    assert "uidMappings" in done.stderr


def test_only_bind_mounts_can_be_id_mapped(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs", "idmap")
    assert "bind mounts" in ours.create(bundle).stderr


def test_without_pivot_root(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("ls -d /bin /usr; grep -c . /proc/self/mountinfo; cat /proc/1/comm")
    done = runtime.call("run", "--no-pivot", "--bundle", bundle.write(), runtime.note("c"))
    assert done.stdout.split() == ["/bin", "4", "cat"], done.stderr


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("process.apparmorProfile", lambda b: b.process.update(apparmorProfile="strict")),
        ("process.selinuxLabel", lambda b: b.process.update(selinuxLabel="u:r:t:s0")),
        ("linux.mountLabel", lambda b: b.linux.update(mountLabel="u:o:t:s0")),
        ("linux.intelRdt", lambda b: b.linux.update(intelRdt={"closID": "x"})),
    ],
)
def test_what_the_kernel_lacks_is_an_error_and_not_left_out(
    ours: RuntimeProgram, bundle: Bundle, field: str, change: Any
) -> None:
    if "selinux" in field.lower() or "mountLabel" in field:
        assert not Path("/sys/fs/selinux/enforce").exists()
    change(bundle)
    done = ours.create(bundle)
    assert done.returncode == 1
    assert field in done.stderr
    assert not ours.exists()


def test_unconfined_asks_nothing_of_apparmor(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["apparmorProfile"] = "unconfined"
    assert ours.run(bundle).returncode == 0


@pytest.mark.parametrize("keep", [True, False])
def test_the_session_keyring(runtime: RuntimeProgram, bundle: Bundle, keep: bool) -> None:
    bundle.process["args"] = ["/bin/cat", "/proc/keys"]
    options = ["--no-new-keyring"] if keep else []
    # The kernel shows every keyring of this user's, those of other containers too.
    container = runtime.note(uuid.uuid4().hex)
    done = runtime.call("run", *options, "--bundle", bundle.write(), container)
    if "No such file" in done.stderr:
        pytest.skip("this kernel has no keyrings")
    assert (container in done.stdout) is (not keep)
