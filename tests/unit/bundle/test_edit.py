"""Single fields of a config.json changed; all others stay."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.bundle.edit import assignment, remove_field, set_field
from ocinb.bundle.field_path import get, parse
from ocinb.bundle.spec import spec
from ocinb.errors import CommandError, OcinbError


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("process.cwd", "/tmp"),
        ("process.args", ["sh", "-c", "true"]),
        ("mounts[0].options", ["ro"]),
        ("linux.resources.memory.limit", 1 << 20),
        ("annotations.org.example.key", "v"),
        ("linux.sysctl.net.ipv4.ip_forward", "1"),
        ("linux.namespaces[0]", {"type": "pid"}),
        ("nosuch.field", {"kept": [None]}),
    ],
)
def test_a_field_is_set(path: str, value: Any) -> None:
    config = spec()
    set_field(config, path, value)
    assert get(config, path) == value


def test_a_key_with_dots_is_one_key() -> None:
    config = spec()
    set_field(config, "annotations.org.example.key", "v")
    assert config["annotations"] == {"org.example.key": "v"}


def test_one_more_member() -> None:
    config = spec()
    before = len(config["mounts"])
    set_field(config, "mounts[+]", {"destination": "/a"})
    set_field(config, "linux.devices[+].path", "/dev/a")
    assert config["mounts"][before] == {"destination": "/a"}
    assert config["linux"]["devices"] == [{"path": "/dev/a"}]


def test_other_fields_stay_the_unknown_ones_too() -> None:
    config = {"unknown": {"a": 1}, "process": {"cwd": "/", "x-mine": 2}}
    set_field(config, "process.cwd", "/tmp")
    assert config == {"unknown": {"a": 1}, "process": {"cwd": "/tmp", "x-mine": 2}}


def test_a_field_is_removed() -> None:
    config = spec()
    remove_field(config, "process.env")
    remove_field(config, "mounts[0]")
    assert "env" not in config["process"]
    assert config["mounts"] == spec()["mounts"][1:]
    with pytest.raises(CommandError, match=r"no process\.env to remove"):
        remove_field(config, "process.env")


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "[0]", "a[x]", "a]", "a[", "a[-1]"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(CommandError, match="not the path of a field"):
        parse(path)


@pytest.mark.parametrize("path", ["process[0]", "mounts.type", "mounts[99].type", "hostname.x"])
def test_a_path_that_leads_nowhere(path: str) -> None:
    config = spec()
    before = copy.deepcopy(config)
    with pytest.raises(CommandError, match="leads nowhere"):
        set_field(config, path, 1)
    assert config == before


def test_a_value_is_json_or_text() -> None:
    assert assignment('process.args=["sh"]') == ("process.args", ["sh"])
    assert assignment("process.cwd=/tmp") == ("process.cwd", "/tmp")
    assert assignment("root.readonly=true") == ("root.readonly", True)
    assert assignment("a=b=c") == ("a", "b=c")
    with pytest.raises(CommandError, match="not FIELD=VALUE"):
        assignment("process.cwd")


@given(st.text(alphabet="ab.[]0+\0 ", max_size=12), st.integers())
def test_any_path_is_an_error_of_ours_or_works(path: str, value: int) -> None:
    config: dict[str, Any] = {"a": {"b": [1]}}
    try:
        set_field(config, path, value)
    except OcinbError:
        return
    assert isinstance(config, dict)
