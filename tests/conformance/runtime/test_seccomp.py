"""Filters of system calls. Spec: runtime-spec config-linux.md#seccomp"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram

ALLOW = {"defaultAction": "SCMP_ACT_ALLOW"}
DIRECTORIES = ["mkdir", "mkdirat"]


def seccomp(bundle: Bundle, *rules: dict[str, Any], **fields: Any) -> Bundle:
    bundle.linux["seccomp"] = {**ALLOW, **fields, "syscalls": list(rules)}
    return bundle


def errno(number: int, **fields: Any) -> dict[str, Any]:
    return {"names": DIRECTORIES, "action": "SCMP_ACT_ERRNO", "errnoRet": number, **fields}


@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("uid", [0, 7])
def test_a_call_is_refused_with_the_errno_that_was_asked_for(
    runtime: RuntimeProgram, bundle: Bundle, no_new_privileges: bool, uid: int
) -> None:
    seccomp(bundle, errno(28)).shell("mkdir /tmp/x; grep Seccomp: /proc/self/status; id -u")
    bundle.process["noNewPrivileges"] = no_new_privileges
    bundle.process["user"] = {"uid": uid, "gid": uid}
    done = runtime.run(bundle)
    assert "No space left" in done.stderr
    assert done.stdout.split() == ["Seccomp:", "2", str(uid)]


def test_capabilities_are_what_they_are_without_a_filter(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    script = "grep ^Cap /proc/self/status"
    for user in ({"uid": 0, "gid": 0}, {"uid": 7, "gid": 7}):
        bundle.shell(script).process["user"] = user
        bundle.process["capabilities"].update(inheritable=["CAP_KILL"], ambient=["CAP_KILL"])
        bundle.linux.pop("seccomp", None)
        without = runtime.output(bundle)
        assert runtime.output(seccomp(bundle, errno(1))) == without


def test_errno_is_eperm_where_none_is_given(runtime: RuntimeProgram, bundle: Bundle) -> None:
    rule = {"names": DIRECTORIES, "action": "SCMP_ACT_ERRNO"}
    assert "not permitted" in runtime.run(seccomp(bundle, rule).shell("mkdir /tmp/x")).stderr


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("SCMP_ACT_KILL", 128 + 31),
        ("SCMP_ACT_KILL_THREAD", 128 + 31),
        ("SCMP_ACT_KILL_PROCESS", 128 + 31),
        ("SCMP_ACT_TRAP", 128 + 31),
        ("SCMP_ACT_LOG", 1),
        ("SCMP_ACT_ALLOW", 1),
        ("SCMP_ACT_TRACE", 1),
    ],
)
def test_every_action(runtime: RuntimeProgram, bundle: Bundle, action: str, status: int) -> None:
    # The root is read-only: mkdir itself exits with 1 where it is let through or not implemented.
    seccomp(bundle, {"names": DIRECTORIES, "action": action}).shell("mkdir /x; exit $?")
    assert runtime.run(bundle).returncode == status


@pytest.mark.parametrize(
    ("operator", "value", "second", "refused"),
    [
        ("SCMP_CMP_EQ", 0o700, 0, ["700"]),
        ("SCMP_CMP_NE", 0o700, 0, ["710", "720"]),
        ("SCMP_CMP_LT", 0o710, 0, ["700"]),
        ("SCMP_CMP_LE", 0o710, 0, ["700", "710"]),
        ("SCMP_CMP_GE", 0o710, 0, ["710", "720"]),
        ("SCMP_CMP_GT", 0o710, 0, ["720"]),
        ("SCMP_CMP_MASKED_EQ", 0o020, 0o020, ["720"]),
    ],
)
def test_every_operator(
    runtime: RuntimeProgram,
    bundle: Bundle,
    operator: str,
    value: int,
    second: int,
    refused: list[str],
) -> None:
    # busybox's mkdir asks for 0777 and changes the mode afterwards.
    argument = {"index": 1, "value": value, "valueTwo": second, "op": operator}
    rule = {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "args": [argument]}
    bundle.mount("/mnt", "tmpfs", "tmpfs")
    tries = "for m in 700 710 720; do mkdir -m $m /mnt/$m 2>/dev/null || echo $m; done"
    seccomp(bundle, rule).shell(tries)
    assert runtime.output(bundle).split() == refused


def test_two_conditions_on_one_argument_are_alternatives(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    arguments = [{"index": 1, "value": mode, "op": "SCMP_CMP_EQ"} for mode in (0o700, 0o720)]
    rule = {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "args": arguments}
    bundle.mount("/mnt", "tmpfs", "tmpfs")
    tries = "for m in 700 710 720; do mkdir -m $m /mnt/$m 2>/dev/null || echo $m; done"
    seccomp(bundle, rule).shell(tries)
    assert runtime.output(bundle).split() == ["700", "720"]


def test_unknown_calls_are_passed_over(runtime: RuntimeProgram, bundle: Bundle) -> None:
    rule = {"names": ["call_from_the_future", *DIRECTORIES], "action": "SCMP_ACT_ERRNO"}
    done = runtime.run(seccomp(bundle, rule).shell("mkdir /tmp/x"))
    assert "not permitted" in done.stderr


def test_several_architectures(runtime: RuntimeProgram, bundle: Bundle) -> None:
    architectures = ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_X86_64"]
    seccomp(bundle, errno(28), architectures=architectures).shell("mkdir /tmp/x")
    assert "No space left" in runtime.run(bundle).stderr


@pytest.mark.parametrize(
    "flags", [[], ["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]]
)
@pytest.mark.lacks(
    "runc",
    "runc 1.1.5 has no seccomp flags",
    flags=[["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]],
)
def test_flags(runtime: RuntimeProgram, bundle: Bundle, flags: list[str]) -> None:
    seccomp(bundle, errno(28), flags=flags).shell("mkdir /tmp/x")
    assert "No space left" in runtime.run(bundle).stderr


def test_a_filter_that_allows_hardly_more_than_the_program_itself_needs(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    # The runtime makes no call between loading the filter and executing the program.
    names = ["execve", "brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq"]
    names += ["prlimit64", "getrandom", "mprotect", "readlink", "getuid", "setuid", "setgid"]
    names += ["write", "exit", "exit_group", "uname", "prctl", "mmap", "newfstatat", "fstat"]
    bundle.process["args"] = ["/bin/echo", "hardly"]
    bundle.process["noNewPrivileges"] = True
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_KILL_PROCESS",
        "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
    }
    assert ours.output(bundle) == "hardly\n"


def test_exec_gets_the_filter_too(runtime: RuntimeProgram, bundle: Bundle) -> None:
    assert runtime.create(seccomp(bundle, errno(28)).shell("sleep 100")).returncode == 0
    assert runtime.call("start", "c").returncode == 0
    done = runtime.call("exec", "c", "/bin/mkdir", "/tmp/x")
    assert "No space left" in done.stderr


def test_a_program_that_is_missing_is_told_with_a_filter_too(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    seccomp(bundle, errno(28)).mount("/mnt", "bind", str(tmp_path), "bind", "ro")
    bundle.process["args"] = ["/mnt/script"]
    done = ours.run(bundle)
    assert done.returncode == 1
    assert "no such file" in done.stderr


class Agent:
    """Whoever is notified: takes one listener, and answers nothing.

    Attributes:
        messages: the container process states that came.
    """

    def __init__(self, path: Path) -> None:
        self.messages: list[dict[str, Any]] = []
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(path))
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            data, descriptors, _, _ = socket.recv_fds(connection, 65536, 4)
            while piece := connection.recv(65536):
                data += piece
        self.messages.append({**json.loads(data), "descriptors": len(descriptors)})
        # Without a listener, the call that waits for an answer fails with ENOSYS.
        for fd in descriptors:
            os.close(fd)

    def close(self) -> None:
        self._thread.join(10)
        self._server.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path / "agent")
    yield agent
    agent.close()


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_the_listener_goes_to_whoever_is_to_be_notified(
    ours: RuntimeProgram, bundle: Bundle, agent: Agent, tmp_path: Path, no_new_privileges: bool
) -> None:
    rule = {"names": DIRECTORIES, "action": "SCMP_ACT_NOTIFY"}
    listener = {"listenerPath": str(tmp_path / "agent"), "listenerMetadata": "what it is"}
    seccomp(bundle, rule, **listener).shell("mkdir /tmp/x; ls /proc/self/fd")
    bundle.process["noNewPrivileges"] = no_new_privileges
    bundle.config["annotations"] = {"a": "b"}
    done = ours.run(bundle)
    assert "Function not implemented" in done.stderr
    assert done.stdout.split() == ["0", "1", "2", "3"], "neither the listener nor the socket"
    (message,) = agent.messages
    assert message["descriptors"] == len(message["fds"]) == 1
    assert message["fds"] == ["seccompFd"]
    assert message["metadata"] == "what it is"
    assert message["state"]["id"] == "c"
    assert message["state"]["annotations"] == {"a": "b"}
    assert message["pid"] == message["state"]["pid"] > 1


def test_nobody_to_notify_is_an_error_of_create(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    rule = {"names": DIRECTORIES, "action": "SCMP_ACT_NOTIFY"}
    done = ours.create(seccomp(bundle, rule, listenerPath=str(tmp_path / "nobody")))
    assert done.returncode == 1
    assert "listenerPath" in done.stderr
    assert not ours.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"defaultAction": "SCMP_ACT_NONSENSE"}, "linux.seccomp.defaultAction"),
        ({"defaultErrnoRet": 1}, "linux.seccomp.defaultErrnoRet"),
        ({"architectures": ["SCMP_ARCH_Z80"]}, "linux.seccomp.architectures[0]"),
        ({"flags": ["SECCOMP_FILTER_FLAG_NONE"]}, "linux.seccomp.flags[0]"),
        ({"listenerMetadata": "for whom?"}, "linux.seccomp.listenerMetadata"),
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "linux.seccomp.listenerPath"),
        ({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/s"}, "linux.seccomp.defaultAction"),
        ({"syscalls": [{"names": [], "action": "SCMP_ACT_LOG"}]}, "syscalls[0].names"),
        ({"syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG", "errnoRet": 1}]}, "errnoRet"),
    ],
)
def test_what_cannot_be_is_refused(
    ours: RuntimeProgram, bundle: Bundle, changes: dict[str, Any], field: str
) -> None:
    bundle.linux["seccomp"] = {**ALLOW, **changes}
    done = ours.create(bundle)
    assert done.returncode == 1
    assert field in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not ours.exists()
