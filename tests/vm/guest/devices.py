"""Rules about devices, which are a program in version 2."""

from __future__ import annotations

from machine import Container

DENY = {"allow": False, "access": "rwm"}
# No driver is there for it: opening it fails, but otherwise than by being forbidden.
FUSE = {"type": "c", "major": 10, "minor": 229}
FORBIDDEN = "Operation not permitted"


def opened(
    *rules: dict, script: str = "(exec 3<>/dev/fuse2) 2>&1; echo x > /dev/null && echo null"
) -> str:
    """What opening the device says, and whether /dev/null still works."""
    container = Container(script, {"devices": list(rules)})
    container.config["linux"]["devices"] = [{"path": "/dev/fuse2", **FUSE}]
    return container.run()[1]


def test_nothing_is_denied() -> None:
    assert FORBIDDEN not in opened()


def test_all_is_denied_but_the_default_devices() -> None:
    said = opened(DENY)
    assert FORBIDDEN in said
    assert "null" in said.splitlines()


def test_one_is_allowed() -> None:
    assert FORBIDDEN not in opened(DENY, {"allow": True, **FUSE, "access": "rw"})


def test_another_is_allowed() -> None:
    assert FORBIDDEN in opened(DENY, {"allow": True, "type": "c", "major": 10, "minor": 228})


def test_the_wrong_kind_is_allowed() -> None:
    assert FORBIDDEN in opened(DENY, {**FUSE, "allow": True, "type": "b"})


def test_a_whole_major_is_allowed() -> None:
    assert FORBIDDEN not in opened(DENY, {"allow": True, "type": "c", "major": 10})


def test_reading_alone_is_allowed() -> None:
    rules = (DENY, {"allow": True, **FUSE, "access": "r"})
    assert FORBIDDEN in opened(*rules)
    assert FORBIDDEN not in opened(*rules, script="(exec 3</dev/fuse2) 2>&1")


def test_a_later_rule_overrules() -> None:
    major = {"allow": True, "type": "c", "major": 10, "access": "rwm"}
    assert FORBIDDEN in opened(DENY, major, {"allow": False, **FUSE, "access": "rwm"})


def test_one_is_denied() -> None:
    said = opened({"allow": False, **FUSE, "access": "rwm"})
    assert FORBIDDEN in said
