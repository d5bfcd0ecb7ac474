"""The plan of a run, made without privileges from config.json alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocinb.errors import InvalidConfig
from ocinb.runtime import init
from ocinb.runtime.default_config import default_config
from ocinb.runtime.plan import Planned, lines, plan
from ocinb.runtime.plan_rows import PLANNERS
from ocinb.runtime.rows import PROCESS_ROWS, PROGRAM_ROWS
from ocinb.spec.runtime_config import check
from tests.support.runtimes import default_config as small_config

ROWS = (*init.ENVIRONMENT_ROWS, *init.ROOT_ROWS, *PROCESS_ROWS, *PROGRAM_ROWS)


def planned(config: dict[str, Any], version: int = 1) -> list[Planned]:
    check(config)
    return plan(config, bundle="/bundle", container="c", cgroup_version=version)


def calls(config: dict[str, Any], field: str, version: int = 1) -> list[str]:
    return [p.call for p in planned(config, version) if p.field.startswith(field)]


@pytest.fixture
def config() -> dict[str, Any]:
    return small_config(Path("/rootfs"))


def test_every_row_of_the_containers_process_has_its_calls() -> None:
    assert {row.function for row in ROWS} == set(PLANNERS)


@pytest.mark.parametrize("rootless", [True, False])
@pytest.mark.parametrize("version", [0, 1, 2])
def test_the_default_config(rootless: bool, version: int) -> None:
    entries = planned(default_config(rootless=rootless), version)
    assert entries[-1].call == "execve"
    assert [entry.step for entry in entries] == sorted(entry.step for entry in entries)


def test_the_order_is_that_of_the_lifecycle(config: dict[str, Any]) -> None:
    hook = {"path": "/hook"}
    stages = ("createRuntime", "createContainer", "startContainer", "poststart")
    config["hooks"] = {stage: [hook] for stage in stages}
    order = [p.field or p.call for p in planned(config)]
    wanted = [
        "linux.namespaces", "mounts[0] (/proc)", "hooks.createRuntime[0]",
        "hooks.createContainer[0]", "root.readonly", "process.user", "hooks.startContainer[0]",
        "process.args", "hooks.poststart[0]",
    ]  # fmt: skip
    assert [order.index(field) for field in wanted] == sorted(map(order.index, wanted))


def test_a_field_that_is_not_there_plans_nothing(config: dict[str, Any]) -> None:
    assert calls(config, "linux.sysctl") == []
    config["linux"]["sysctl"] = {"net.core.somaxconn": "9"}
    assert calls(config, "linux.sysctl.net.core.somaxconn") == ["write"]


def test_a_network_device_is_moved_by_the_runtime(config: dict[str, Any]) -> None:
    config["linux"]["netDevices"] = {"eth7": {"name": "inside0"}}
    (entry,) = [p for p in planned(config) if p.field == "linux.netDevices.eth7"]
    assert (entry.process, entry.call) == ("runtime", "sendto")
    assert "eth7 as inside0" in entry.arguments


def test_limits_become_writes_of_the_version_at_hand(config: dict[str, Any]) -> None:
    config["linux"]["resources"] = {"memory": {"limit": 1 << 20}}
    for version, file in ((1, "memory.limit_in_bytes"), (2, "memory.max")):
        entry = next(p for p in planned(config, version) if "memory.limit" in p.field)
        assert entry.arguments == f"{file} {1 << 20}"


def test_limits_that_cannot_be_are_an_error(config: dict[str, Any]) -> None:
    config["linux"]["resources"] = {"memory": {"swappiness": 10}}
    with pytest.raises(InvalidConfig, match="swappiness"):
        planned(config, 2)


def test_bind_mounts_in_a_new_user_namespace_are_opened_by_the_runtime(
    config: dict[str, Any],
) -> None:
    entry = {"destination": "/mnt", "source": "/srv", "options": ["bind"]}
    config["mounts"].append(entry)
    opened = [p.process for p in planned(config) if p.call == "open_tree" and "mnt" in p.field]
    assert opened == ["container"]
    ids = [{"containerID": 0, "hostID": 1000, "size": 1}]
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"].update(uidMappings=ids, gidMappings=ids)
    opened = [p.process for p in planned(config) if p.call == "open_tree" and "mnt" in p.field]
    assert opened == ["runtime"]


def test_it_is_told_in_lines_a_call_each(config: dict[str, Any]) -> None:
    text = list(lines(planned(config)))
    assert text[0].startswith("step 2: ")
    assert any("pivot_root" in line and line.endswith("root.path") for line in text)
    assert "/bin/true" in text[-1]
