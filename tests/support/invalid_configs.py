"""A table of config.json documents that break the specification: what is wrong, and where."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.runtimes import default_config

DEEP = 200
BIG = 50 * 2**20


@dataclass(frozen=True)
class Invalid:
    """One document.

    Attributes:
        name: unique.
        said: what the one sentence must contain: the field's path, or the trouble with the file.
        path: of the field to change; empty where ``content`` is the whole file.
        value: for the field; ``REMOVED`` takes it out.
        content: the file's bytes.
    """

    name: str
    said: str
    path: str = ""
    value: Any = None
    content: bytes = b""

    def document(self, rootfs: Path) -> bytes:
        """The bytes of config.json."""
        if not self.path:
            return self.content
        config = copy.deepcopy(default_config(rootfs))
        names = self.path.split(".")
        inner: Any = config
        for name in names[:-1]:
            inner = inner[int(name)] if isinstance(inner, list) else inner.setdefault(name, {})
        last: Any = int(names[-1]) if isinstance(inner, list) else names[-1]
        if self.value is REMOVED:
            del inner[last]
        else:
            inner[last] = self.value
        return json.dumps(config).encode()


REMOVED = object()


def _field(path: str, *values: Any, said: str = "") -> list[Invalid]:
    """The same field with several wrong values."""
    return [Invalid(f"{path} = {_short(value)}", said or path, path, value) for value in values]


def _short(value: Any) -> str:
    text = "removed" if value is REMOVED else repr(value)
    return text if len(text) < 50 else text[:47] + "…"


def _namespace(*entries: Any) -> list[Any]:
    return [{"type": "mount"}, *entries]


def _hook(**more: Any) -> list[dict[str, Any]]:
    return [{"path": "/bin/true", **more}]


def _seccomp(**more: Any) -> dict[str, Any]:
    return {"defaultAction": "SCMP_ACT_ALLOW", **more}


def _rlimit(kind: Any = "RLIMIT_CORE", soft: Any = 1, hard: Any = 1) -> dict[str, Any]:
    return {"type": kind, "soft": soft, "hard": hard}


def _device(**more: Any) -> list[dict[str, Any]]:
    return [{"path": "/dev/a", "type": "c", "major": 1, "minor": 3, **more}]


def _map(inside: Any = 0, outside: Any = 0, size: Any = 1) -> list[dict[str, Any]]:
    return [{"containerID": inside, "hostID": outside, "size": size}]


FILES = [
    Invalid("empty file", "not JSON", content=b""),
    Invalid("white space", "not JSON", content=b" \n"),
    Invalid("half an object", "not JSON", content=b'{"ociVersion": '),
    Invalid("two objects", "not JSON", content=b"{}{}"),
    Invalid("a comment", "not JSON", content=b"{} // so"),
    Invalid("single quotes", "not JSON", content=b"{'ociVersion': '1.0.2'}"),
    Invalid("an array", "must be an object", content=b"[]"),
    Invalid("a string", "must be an object", content=b'"x"'),
    Invalid("null", "must be an object", content=b"null"),
    Invalid("a number", "must be an object", content=b"3"),
    Invalid("an empty object", "ociVersion", content=b"{}"),
    Invalid("Latin-1", "not UTF-8", content=b'{"ociVersion": "\xe4"}'),
    Invalid("UTF-16", "not UTF-8", content="{}".encode("utf-16")),
    Invalid("binary", "not ", content=bytes(range(256))),
    Invalid("50 MB of spaces", "larger than", content=b" " * BIG),
    Invalid("50 MB in one string", "larger than", content=b'{"a": "' + b"x" * BIG + b'"}'),
    Invalid("deep arrays", "nested", content=b"[" * 100_000),
    Invalid("deep objects", "nested", content=b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    Invalid(
        "deeper than anything means",
        "nested",
        content=json.dumps({"ociVersion": "1.0.2", "annotations": "x"}).encode()[:-1]
        + b', "a": '
        + b"[" * DEEP
        + b"]" * DEEP
        + b"}",
    ),
    Invalid(
        "a number of 5,000 digits", "not JSON", content=b'{"ociVersion": ' + b"9" * 5000 + b"}"
    ),
]

TOP = [
    *_field(
        "ociVersion",
        REMOVED,
        1,
        None,
        "",
        "1",
        "1.0",
        "a.b.c",
        "2.0.0",
        "0.1.0",
        "1.0.0\0",
        "1.-1.0",
    ),
    *_field("root", REMOVED, None, "rootfs", [], 3, False),
    *_field("root.path", REMOVED, None, "", 3, ["/"], "/no/such", "a\0b"),
    *_field("root.readonly", "true", 1, {}),
    *_field("hostname", 3, ["a"], "x" * 65, "a\0b", {}),
    *_field("domainname", 3, "x" * 65),
    *_field("annotations", [], "a", 3),
    *_field("annotations.a", 3, {}, [], True),
    *_field("mounts", {}, "x", 3, ["x"], [None]),
    *_field("linux", [], "x", 3),
    *_field("process", [], "x", 3),
    *_field("hooks", [], "x", 3),
]

PROCESS = [
    *_field("process.args", REMOVED, [], "sh", [3], [None], {}, [""], ["a\0b"]),
    *_field("process.cwd", REMOVED, "", "tmp", "./", 3, None, [], "/a\0b"),
    *_field("process.env", "A=1", {}, [3], ["A"], ["=x"], ["A=\0"], [""]),
    *_field("process.terminal", "yes", 1, []),
    *_field(
        "process.consoleSize",
        [],
        {"height": 1},
        {"height": -1, "width": 1},
        {"height": 70000, "width": 1},
    ),
    *_field("process.user", [], "root", 0, {"gid": 0}, {"uid": 0}),
    *_field("process.user.uid", -1, "0", 2**32, 2**32 - 1, 1.5, True),
    *_field("process.user.gid", -1, "0", 2**32),
    *_field("process.user.umask", -1, 0o1000, "022"),
    *_field("process.user.additionalGids", 3, ["wheel"], [-1], [2**32]),
    *_field(
        "process.rlimits",
        {},
        [_rlimit("RLIMIT_X")],
        [_rlimit(3)],
        [_rlimit(soft=2)],
        [_rlimit(soft=-1)],
        [_rlimit(hard=2**64)],
        [_rlimit(soft="1")],
        [_rlimit(), _rlimit()],
        [{"type": "RLIMIT_CORE"}],
        ["RLIMIT_CORE"],
        said="process.rlimits",
    ),
    *_field("process.capabilities", [], ["CAP_KILL"], "ALL"),
    *_field("process.capabilities.bounding", "CAP_KILL", {}, [3]),
    *_field("process.noNewPrivileges", "true", 0),
    *_field("process.oomScoreAdj", -1001, 1001, "0", 1.5, 10**30),
    *_field(
        "process.ioPriority",
        {"class": "IOPRIO_CLASS_X", "priority": 1},
        {"priority": 1},
        {"class": "IOPRIO_CLASS_BE", "priority": 8},
        3,
    ),
    *_field("process.scheduler", {"policy": "SCHED_X"}, {}, "SCHED_BATCH"),
    *_field("process.apparmorProfile", 3, ["x"]),
    *_field("process.selinuxLabel", 3, {}),
]

MOUNTS = [
    *_field("mounts.0", [], "x", 3, {}, said="mounts[0]"),
    *_field(
        "mounts.0.destination",
        REMOVED,
        "",
        3,
        None,
        "/",
        "//",
        "/..",
        "a\0b",
        said="mounts[0].destination",
    ),
    *_field("mounts.0.type", 3, [], "pr\0c", said="mounts[0].type"),
    *_field("mounts.0.source", 3, {}, said="mounts[0].source"),
    *_field("mounts.0.options", "ro", {}, [3], ["ro\0"], said="mounts[0].options"),
    *_field("mounts.0.uidMappings", {}, _map(), said="mounts[0]"),
]

LINUX = [
    *_field(
        "linux.namespaces",
        {},
        "pid",
        ["pid"],
        [{}],
        [{"type": 3}],
        [{"type": "x"}],
        _namespace({"type": "pid"}, {"type": "pid"}),
        _namespace({"type": "pid", "path": "x"}),
        _namespace({"type": "pid", "path": 3}),
        _namespace({"type": "uts", "path": "/a\0"}),
    ),
    *_field("linux.uidMappings", {}, _map(), _map(size=0), _map(-1), [{}], ["x"]),
    *_field("linux.gidMappings", _map(), _map(0, 2**32)),
    *_field(
        "linux.devices",
        {},
        ["x"],
        [{}],
        _device(path="dev/a"),
        _device(path=3),
        _device(type="x"),
        _device(major="1"),
        _device(minor=None),
        _device(fileMode=-1),
        _device(uid=-1),
        _device(gid=2**32),
        _device(path="/dev/a\0"),
    ),
    *_field("linux.cgroupsPath", 3, [], "a\0b"),
    *_field("linux.resources", [], "x", 3),
    *_field(
        "linux.resources.memory",
        [],
        {"limit": "64M"},
        {"limit": 2**63},
        {"limit": 1.5},
        {"swappiness": -1},
        {"disableOOMKiller": 1},
    ),
    *_field(
        "linux.resources.cpu",
        [],
        {"shares": -1},
        {"shares": 2**64},
        {"quota": "max"},
        {"cpus": 0},
        {"period": -1},
        {"idle": "1"},
    ),
    *_field("linux.resources.pids", [], 3, {"limit": "max"}, {"limit": 2**63}),
    *_field(
        "linux.resources.blockIO",
        [],
        {"weight": 65536},
        {"weight": "1"},
        {"weightDevice": {}},
        {"throttleReadBpsDevice": [{"major": 1, "minor": 2}]},
    ),
    *_field(
        "linux.resources.devices",
        {},
        [{}],
        [{"allow": "yes"}],
        [{"allow": True, "type": "x"}],
        [{"allow": True, "access": 7}],
        [{"allow": True, "major": "1"}],
    ),
    *_field("linux.resources.hugepageLimits", {}, [{}], [{"pageSize": "2MB", "limit": -1}]),
    *_field(
        "linux.resources.network", [], {"classID": -1}, {"priorities": {}}, {"priorities": [{}]}
    ),
    *_field("linux.resources.rdma", [], {"x": 3}, {"x": {"hcaHandles": -1}}),
    *_field("linux.resources.unified", [], {"memory.max": 3}),
    *_field(
        "linux.sysctl",
        [],
        "x",
        {"net.x": 3},
        {"": "1"},
        {"vm.swappiness": "1"},
        {"kernel..x": "1"},
        {"net.ipv4.x\0": "1"},
    ),
    *_field(
        "linux.seccomp",
        [],
        "x",
        {},
        {"defaultAction": 3},
        {"defaultAction": "SCMP_ACT_X"},
        _seccomp(syscalls={}),
        _seccomp(syscalls=[{}]),
        _seccomp(syscalls=[{"names": [], "action": "SCMP_ACT_KILL"}]),
        _seccomp(syscalls=[{"names": ["a"]}]),
        _seccomp(architectures="SCMP_ARCH_X86_64"),
        _seccomp(
            syscalls=[
                {
                    "names": ["kill"],
                    "action": "SCMP_ACT_ERRNO",
                    "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_X"}],
                }
            ]
        ),
        _seccomp(
            syscalls=[{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0}]}]
        ),
    ),
    *_field("linux.rootfsPropagation", "x", 3, []),
    *_field("linux.maskedPaths", "x", ["x"], [3], {}, ["/a\0"]),
    *_field("linux.readonlyPaths", "x", ["x"], [""], [None]),
    *_field("linux.personality", [], {}, {"domain": "X"}),
    *_field("linux.intelRdt", [], {"closID": 3}),
    *_field("linux.timeOffsets", [], {"boottime": 3}, {"boottime": {"secs": "1"}}),
    *_field("linux.mountLabel", 3, []),
]

HOOKS = [
    *_field(
        "hooks.createRuntime",
        {},
        "x",
        ["x"],
        [{}],
        [{"path": ""}],
        [{"path": "true"}],
        [{"path": 3}],
        _hook(args="x"),
        _hook(args=[3]),
        _hook(env={}),
        _hook(env=[3]),
        _hook(timeout=0),
        _hook(timeout=-1),
        _hook(timeout="1"),
        _hook(timeout=1.5),
        _hook(timeout=2**40),
        [{"path": "/bin/\0"}],
    ),
    *_field("hooks.poststop", _hook(timeout=-1), [{"path": "true"}]),
    *_field("hooks.prestart", [{"args": ["x"]}]),
]

INVALID = {row.name: row for table in (FILES, TOP, PROCESS, MOUNTS, LINUX, HOOKS) for row in table}
