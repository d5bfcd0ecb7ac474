"""What is wrong with a config.json, one sentence each."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import InvalidConfig
from ocinb.spec.runtime_config import check, check_process, findings, namespaces

GOOD: dict[str, Any] = {
    "ociVersion": "1.3.0",
    "root": {"path": "rootfs"},
    "hostname": "name",
    "process": {
        "cwd": "/",
        "args": ["sh"],
        "env": ["A=b"],
        "user": {"uid": 0, "gid": 0},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}],
    },
    "mounts": [{"destination": "/proc", "type": "proc"}],
    "hooks": {"poststop": [{"path": "/bin/true", "timeout": 1}]},
    "linux": {
        "namespaces": [{"type": "uts"}, {"type": "mount"}, {"type": "network", "path": "/n"}],
        "devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}],
        "resources": {"memory": {"limit": 1}, "pids": {"limit": -1}},
        "sysctl": {"net.ipv4.ip_forward": "1"},
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    """A good config with one thing wrong; ``...`` takes the field out."""
    config = copy.deepcopy(GOOD)
    target: Any = config
    *parents, last = [int(p) if p.isdigit() else p for p in path.split("/")]
    for name in parents:
        target = target[name] if isinstance(name, int) else target.setdefault(name, {})
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return config


def test_a_good_config_has_no_findings() -> None:
    assert findings(GOOD) == []
    check(GOOD)


LONG = "x" * 65
MAP = {"containerID": 0, "hostID": 1, "size": 1}

BAD = [
    ("ociVersion", ..., "ociVersion", "is missing"),
    ("ociVersion", 1, "ociVersion", "must be a string, not an integer"),
    ("ociVersion", "one", "ociVersion", "must be a semantic version"),
    ("ociVersion", "0.9.0", "ociVersion", "the oldest that is understood is 1.0.0"),
    ("ociVersion", "2.0.0", "ociVersion", "the newest that is understood is 1.3.0"),
    ("root", ..., "root", "is missing"),
    ("root", [], "root", "must be an object, not an array"),
    ("root/path", ..., "root.path", "is missing"),
    ("root/path", "", "root.path", "must not be empty"),
    ("root/path", "a\0b", "root.path", "must not contain a NUL"),
    ("root/readonly", "yes", "root.readonly", "must be true or false, not a string"),
    ("hostname", 5, "hostname", "must be a string"),
    ("hostname", LONG, "hostname", "must be at most 64 bytes"),
    ("process", "sh", "process", "must be an object, not a string"),
    ("process/cwd", ..., "process.cwd", "is missing"),
    ("process/cwd", "tmp", "process.cwd", "must be an absolute path, not 'tmp'"),
    ("process/args", ..., "process.args", "is missing"),
    ("process/args", [], "process.args", "must have at least 1 member"),
    ("process/args", [""], "process.args[0]", "must not be empty"),
    ("process/args", ["sh", 1], "process.args[1]", "must be a string"),
    ("process/args", "sh", "process.args", "must be an array, not a string"),
    ("process/env", ["A"], "process.env[0]", "must look like NAME=value"),
    ("process/env", ["=A"], "process.env[0]", "must look like NAME=value"),
    ("process/env/0", None, "process.env[0]", "must be a string, not null"),
    ("process/user/uid", -1, "process.user.uid", "must be from 0 to 4294967294"),
    ("process/user/uid", 2**32 - 1, "process.user.uid", "must be from 0"),
    ("process/user/uid", "0", "process.user.uid", "must be an integer, not a string"),
    ("process/user/uid", True, "process.user.uid", "must be an integer, not a boolean"),
    ("process/user/uid", 1.5, "process.user.uid", "must be an integer, not a number"),
    ("process/user/gid", ..., "process.user.gid", "is missing"),
    ("process/user/umask", 0o1777, "process.user.umask", "must be from 0 to 511"),
    ("process/user/additionalGids", [1, -1], "process.user.additionalGids[1]", "must be from"),
    ("process/rlimits/0/type", "RLIMIT_FUN", "process.rlimits[0].type", "must be one of"),
    ("process/rlimits/0/hard", ..., "process.rlimits[0].hard", "is missing"),
    ("process/rlimits/0/soft", 3, "process.rlimits[0]", "soft limit 3 above its hard limit 2"),
    ("process/rlimits", [GOOD["process"]["rlimits"][0]] * 2, "process.rlimits[1]", "second"),
    ("process/capabilities", {"bounding": "all"}, "process.capabilities.bounding", "array"),
    ("process/oomScoreAdj", 1001, "process.oomScoreAdj", "must be from -1000 to 1000"),
    ("process/ioPriority", {"class": "X", "priority": 9}, "process.ioPriority.class", "one of"),
    ("process/consoleSize", {"height": 1}, "process.consoleSize.width", "is missing"),
    ("process/terminal", 1, "process.terminal", "must be true or false"),
    ("mounts", {}, "mounts", "must be an array, not an object"),
    ("mounts/0", "proc", "mounts[0]", "must be an object, not a string"),
    ("mounts/0/destination", ..., "mounts[0].destination", "is missing"),
    ("mounts/0/destination", "", "mounts[0].destination", "must not be empty"),
    ("mounts/0/options", "ro", "mounts[0].options", "must be an array"),
    ("mounts/0/options", [None], "mounts[0].options[0]", "must be a string, not null"),
    ("mounts/0/uidMappings", [MAP], "mounts[0]", "uidMappings and gidMappings together"),
    ("hooks", [], "hooks", "must be an object"),
    ("hooks/prestart", [{}], "hooks.prestart[0].path", "is missing"),
    ("hooks/poststop/0/path", "true", "hooks.poststop[0].path", "must be an absolute path"),
    ("hooks/poststop/0/timeout", 0, "hooks.poststop[0].timeout", "must be from 1"),
    ("annotations", {"a": 1}, "annotations.a", "must be a string"),
    ("linux/namespaces/0/type", "utz", "linux.namespaces[0].type", "must be one of pid"),
    ("linux/namespaces/0/type", ..., "linux.namespaces[0].type", "is missing"),
    ("linux/namespaces/1/type", "uts", "linux.namespaces[1]", "is a second uts namespace"),
    ("linux/namespaces/2/path", "n", "linux.namespaces[2].path", "must be an absolute path"),
    ("linux/namespaces", [], "hostname", "needs a uts namespace"),
    ("linux/uidMappings", [MAP], "linux.uidMappings", "needs a user namespace"),
    ("linux/namespaces/2", {"type": "user"}, "linux.sysctl.net.ipv4.ip_forward", "network"),
    ("linux/sysctl", {"kernel.hostname": "a"}, "linux.sysctl.kernel.hostname", "is what hostname"),
    ("linux/netDevices", {"a/b": {}}, "linux.netDevices.a/b", "is not the name of a"),
    ("linux/netDevices", {"a": {"name": "x:1"}}, "linux.netDevices.a.name", "is not the name"),
    ("linux/netDevices", {"a": {}, "b": {"name": "a"}}, "linux.netDevices.b.name", "second device"),
    ("linux/timeOffsets", {"boottime": {"secs": 1}}, "linux.timeOffsets", "new time namespace"),
    ("linux/timeOffsets", {"boottime": {"secs": "1"}}, "linux.timeOffsets.boottime.secs", "integ"),
    ("linux/devices/0/path", "dev", "linux.devices[0].path", "must be an absolute path"),
    ("linux/devices/0/type", "x", "linux.devices[0].type", "must be one of c, b, u, p"),
    ("linux/devices/0/major", ..., "linux.devices[0].major", "is missing"),
    ("linux/resources/memory/limit", "1g", "linux.resources.memory.limit", "must be an integer"),
    ("linux/resources/memory/limit", 2**63, "linux.resources.memory.limit", "must be from"),
    ("linux/resources/devices", [{}], "linux.resources.devices[0].allow", "is missing"),
    ("linux/resources/pids", 5, "linux.resources.pids", "must be an object, not an integer"),
    ("linux/resources/unified", {"a": 1}, "linux.resources.unified.a", "must be a string"),
    ("linux/sysctl", {"vm.swappiness": "1"}, "linux.sysctl.vm.swappiness", "change the host"),
    ("linux/sysctl", {"net..x": "1"}, "linux.sysctl.net..x", "not the name of a kernel"),
    ("linux/sysctl", {"net.x": 1}, "linux.sysctl.net.x", "must be a string"),
    ("linux/sysctl", {"kernel.shmmax": "1"}, "linux.sysctl.kernel.shmmax", "an ipc namespace"),
    ("linux/maskedPaths", ["x"], "linux.maskedPaths[0]", "must be an absolute path"),
    ("linux/readonlyPaths", [1], "linux.readonlyPaths[0]", "must be a string"),
    ("linux/rootfsPropagation", "up", "linux.rootfsPropagation", "must be one of shared"),
    ("linux/personality", {}, "linux.personality.domain", "is missing"),
    ("linux/seccomp", {}, "linux.seccomp.defaultAction", "is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "value", "path", "message"), BAD)
def test_each_fault_is_found_at_its_field(
    where: str, value: object, path: str, message: str
) -> None:
    found = findings(changed(where, value))
    assert [m for p, m in found if p == path and message in m], found


def test_the_error_is_one_sentence_with_the_first_fault() -> None:
    config = changed("process/cwd", "tmp")
    del config["root"]
    with pytest.raises(InvalidConfig) as caught:
        check(config)
    assert str(caught.value) == "root in config.json is missing (and 1 more)"
    assert len(caught.value.findings) == 2


@pytest.mark.parametrize("document", [None, [], "x", 1, True])
def test_a_document_that_is_no_object(document: object) -> None:
    assert findings(document)[0][0] == "config.json"


def test_unknown_fields_are_left_alone() -> None:
    assert findings(changed("linux/fromTheFuture", {"a": [1]})) == []


def test_null_is_an_optional_field_that_is_not_set() -> None:
    # As programs written in Go write it.
    assert findings(changed("linux/devices", None)) == []
    assert findings(changed("process/env", None)) == []


def test_deep_nesting_is_refused_without_a_recursion_error() -> None:
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    assert findings(changed("annotations", deep))[0][1].startswith("is nested deeper")


def test_a_new_user_namespace_needs_ids() -> None:
    config = changed("linux/namespaces/2", {"type": "user"})
    del config["linux"]["sysctl"]
    assert {path for path, _ in findings(config)} == {"linux.uidMappings", "linux.gidMappings"}


def test_ids_beyond_the_last_one() -> None:
    config = changed("linux/namespaces/2", {"type": "user"})
    del config["linux"]["sysctl"]
    config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 2**32 - 1, "size": 2}]
    config["linux"]["gidMappings"] = [MAP]
    assert findings(config) == [
        ("linux.uidMappings[0]", "reaches beyond the last id from hostID on")
    ]


def test_the_domain_name_is_said_once() -> None:
    config = changed("linux/sysctl", {"kernel.domainname": "a"})
    assert findings(config) == []
    config["domainname"] = "b"
    assert [path for path, _ in findings(config)] == ["linux.sysctl.kernel.domainname"]


def test_the_idle_class_needs_no_priority() -> None:
    # The text of the specification says that priority is required, its schema does not.
    assert findings(changed("process/ioPriority", {"class": "IOPRIO_CLASS_IDLE"})) == []


def test_namespaces_as_a_mapping() -> None:
    assert namespaces(GOOD) == {"uts": "", "mount": "", "network": "/n"}
    assert namespaces({}) == {}


def test_a_process_document_is_checked_alone() -> None:
    check_process(GOOD["process"])
    with pytest.raises(InvalidConfig, match=r"process.cwd in config.json is missing"):
        check_process({"args": ["sh"]})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["process", "linux", "root", "mounts", "type", "namespaces", "args"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_no_document_whatsoever_breaks_the_check(document: object) -> None:
    for path, message in findings(document):
        assert path
        assert message


@given(st.sampled_from([bad[0] for bad in BAD]), json_values)
def test_no_value_in_any_field_breaks_the_check(where: str, value: object) -> None:
    findings(changed(where, value))
