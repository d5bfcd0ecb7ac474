"""Two config.json compared: only what means something."""

from __future__ import annotations

import copy
import random
from typing import Any

from ocinb.bundle.diff import MISSING, diff
from ocinb.bundle.spec import spec


def both() -> tuple[dict[str, Any], dict[str, Any]]:
    config = spec()
    return config, copy.deepcopy(config)


def test_the_same_is_no_difference() -> None:
    assert diff(*both()) == []


def test_a_value_has_its_path() -> None:
    one, other = both()
    other["process"]["cwd"] = "/tmp"
    other["root"]["readonly"] = False
    assert diff(one, other) == [("process.cwd", "/", "/tmp"), ("root.readonly", True, False)]


def test_what_is_missing() -> None:
    one, other = both()
    del other["hostname"]
    other["domainname"] = "x"
    assert diff(one, other) == [("hostname", "ocinb", MISSING), ("domainname", MISSING, "x")]


def test_order_does_not_count_where_it_means_nothing() -> None:
    one, other = both()
    for members in (
        other["linux"]["namespaces"], other["linux"]["maskedPaths"], other["process"]["env"],
        other["process"]["capabilities"]["bounding"], other["mounts"][1]["options"],
    ):  # fmt: skip
        random.Random(1).shuffle(members)
    assert other != one
    assert diff(one, other) == []


def test_members_are_named_by_what_they_are() -> None:
    one, other = both()
    other["linux"]["namespaces"].append({"type": "cgroup"})
    other["process"]["env"].append("A=1")
    assert diff(one, other) == [
        ("process.env[A]", MISSING, "A=1"),
        ("linux.namespaces[cgroup]", MISSING, {"type": "cgroup"}),
    ]


def test_order_counts_among_mounts_and_arguments() -> None:
    one, other = both()
    other["mounts"].reverse()
    other["process"]["args"] = ["-c", "sh"]
    one["process"]["args"] = ["sh", "-c"]
    found = {path for path, _, _ in diff(one, other)}
    assert found == {"mounts (order)", "process.args[0]", "process.args[1]"}


def test_a_mount_is_found_by_its_destination() -> None:
    one, other = both()
    other["mounts"].insert(0, {"destination": "/new", "type": "tmpfs"})
    other["mounts"][1]["type"] = "none"
    assert diff(one, other) == [
        (f"mounts[{one['mounts'][0]['destination']}].type", "proc", "none"),
        ("mounts[/new]", MISSING, {"destination": "/new", "type": "tmpfs"}),
    ]


def test_true_is_not_one() -> None:
    assert diff({"a": True}, {"a": 1}) == [("a", True, 1)]


def test_twice_the_same_is_compared_by_number() -> None:
    one, other = {"process": {"env": ["A=1", "A=2"]}}, {"process": {"env": ["A=2", "A=1"]}}
    assert [path for path, _, _ in diff(one, other)] == ["process.env[0]", "process.env[1]"]
