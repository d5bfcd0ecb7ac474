"""linux.resources as writes to control groups. Spec: runtime-spec config-linux.md#control-groups"""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.errors import InvalidConfig
from ocinb.runtime.resources import asks_for_limits, planned


def writes(version: int, **resources: Any) -> dict[str, str]:
    """File → value."""
    return {write.file: write.value for write in planned(resources, version)}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (1, {"memory.limit_in_bytes": "1000", "memory.memsw.limit_in_bytes": "3000",
             "memory.soft_limit_in_bytes": "500"}),
        (2, {"memory.max": "1000", "memory.swap.max": "2000", "memory.low": "500"}),
    ],
)  # fmt: skip
def test_memory(version: int, expected: dict[str, str]) -> None:
    memory = {"limit": 1000, "swap": 3000, "reservation": 500}
    assert writes(version, memory=memory) == expected


@pytest.mark.parametrize(("limit", "value"), [(-1, "max"), (0, "0"), (20, "20")])
@pytest.mark.parametrize("version", [1, 2])
def test_zero_is_a_limit_of_processes(version: int, limit: int, value: str) -> None:
    assert writes(version, pids={"limit": limit}) == {"pids.max": value}


def test_processor_time() -> None:
    cpu = {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0-1", "mems": "0"}
    assert writes(1, cpu=cpu) == {
        "cpu.shares": "512",
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "50000",
        "cpuset.cpus": "0-1",
        "cpuset.mems": "0",
    }
    assert writes(2, cpu=cpu) == {
        "cpu.weight": "20",
        "cpu.max": "50000 100000",
        "cpuset.cpus": "0-1",
        "cpuset.mems": "0",
    }


@pytest.mark.parametrize(("shares", "weight"), [(2, "1"), (1024, "39"), (262144, "10000")])
def test_shares_become_a_weight(shares: int, weight: str) -> None:
    assert writes(2, cpu={"shares": shares}) == {"cpu.weight": weight}


def test_a_quota_of_minus_one_is_none() -> None:
    assert writes(2, cpu={"quota": -1, "period": 5000}) == {"cpu.max": "max 5000"}


def test_rules_about_devices_keep_their_order_and_the_default_ones_follow() -> None:
    rules = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
    ]
    found = [(write.file, write.value) for write in planned({"devices": rules}, 1)]
    assert found[:2] == [("devices.deny", "a *:* rwm"), ("devices.allow", "c 10:229 rw")]
    assert ("devices.allow", "c 1:3 rwm") in found[2:]
    assert ("devices.allow", "c 136:* rwm") in found[2:]


def test_without_rules_nothing_is_written_about_devices() -> None:
    assert planned({"devices": []}, 1) == []


def test_throttles() -> None:
    block_io = {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}]}
    assert writes(1, blockIO=block_io) == {"blkio.throttle.read_bps_device": "8:0 600"}
    assert writes(2, blockIO=block_io) == {"io.max": "8:0 rbps=600"}


def test_unified_is_written_as_it_is() -> None:
    (write,) = planned({"unified": {"memory.high": "5000"}}, 2)
    assert (write.controller, write.file, write.value) == ("memory", "memory.high", "5000")


@pytest.mark.parametrize(
    ("version", "resources", "field"),
    [
        (1, {"unified": {"memory.high": "1"}}, "linux.resources.unified"),
        (2, {"unified": {"../x": "1"}}, "linux.resources.unified"),
        (2, {"memory": {"swap": 10, "limit": 20}}, "linux.resources.memory.swap"),
        (2, {"memory": {"swappiness": 5}}, "linux.resources.memory.swappiness"),
        (2, {"network": {"classID": 5}}, "linux.resources.network.classID"),
        (2, {"cpu": {"realtimeRuntime": 5}}, "linux.resources.cpu.realtimeRuntime"),
    ],
)
def test_what_a_version_cannot_express_is_an_error(
    version: int, resources: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidConfig, match=field):
        planned(resources, version)


def test_rules_about_devices_alone_are_no_limit() -> None:
    assert not asks_for_limits({"devices": [{"allow": False}], "memory": {}})
    assert asks_for_limits({"memory": {"limit": 1}})
