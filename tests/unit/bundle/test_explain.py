"""Every field of config.json is explained, with its section."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.bundle.explain import explain, section
from ocinb.bundle.explanations import EXPLANATIONS
from ocinb.errors import CommandError
from ocinb.spec.runtime_fields import CONFIG

ANCHORS = json.loads((Path(__file__).parents[2] / "support/spec_anchors.json").read_text())


def fields(rule: Any, path: str = "") -> Iterator[str]:
    """All fields that a rule of the table of types knows."""
    inner = inspect.getclosurevars(rule).nonlocals if inspect.isfunction(rule) else {}
    if path and not path.endswith(("[]", ".*")):
        yield path
    for name, below in inner.get("fields", {}).items():
        yield from fields(below, f"{path}.{name}" if path else name)
    if "of" in inner:
        step = "[]" if rule.__qualname__.startswith("array") else ".*"
        yield from fields(inner["of"], path + step)


def test_all_fields_are_explained_and_no_others() -> None:
    assert sorted(EXPLANATIONS) == sorted(fields(CONFIG))
    assert len(EXPLANATIONS) > 200


@pytest.mark.parametrize("field", EXPLANATIONS)
def test_the_section_exists(field: str) -> None:
    document, _, anchor = EXPLANATIONS[field].citation.partition("#")
    assert anchor in ANCHORS[document]
    assert EXPLANATIONS[field].what
    assert EXPLANATIONS[field].applied_by != "as above"


def test_a_field_with_those_below_it() -> None:
    found = explain("process.user")
    assert [one.field for one in found] == [
        "process.user", "process.user.uid", "process.user.gid", "process.user.umask",
        "process.user.additionalGids",
    ]  # fmt: skip
    assert found[1].applied_by == "setresuid(2)"


def test_a_member_of_an_array_is_its_field() -> None:
    assert explain("mounts[3].options") == explain("mounts[].options")
    assert explain("linux.sysctl.net.ipv4.ip_forward")[0].field == "linux.sysctl"
    assert explain("linux.timeOffsets.boottime.secs")[0].field == "linux.timeOffsets.*.secs"


def test_a_name_alone_is_enough_where_it_is_the_only_one() -> None:
    assert explain("maskedPaths")[0].field == "linux.maskedPaths"
    with pytest.raises(CommandError) as caught:
        explain("limit")
    assert "linux.resources.memory.limit" in (caught.value.hint or "")


def test_nothing_asks_for_the_top() -> None:
    assert [one.field for one in explain()][:2] == ["ociVersion", "root"]


def test_an_unknown_field_suggests_the_nearest() -> None:
    with pytest.raises(CommandError, match=r"no field process\.cdw") as caught:
        explain("process.cdw")
    assert "process.cwd" in (caught.value.hint or "")


def test_the_section_of_what_is_no_field_is_that_of_the_nearest_above() -> None:
    assert section("linux.namespaces[2]") == "runtime-spec config-linux.md#namespaces"
    assert section("mounts[1] (/proc)") == "runtime-spec config.md#mounts"
    assert section("nosuch") == "runtime-spec config.md#configuration"
