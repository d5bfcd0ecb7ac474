"""Which limits are kept where this user was given some controllers of control groups only."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.engine.delegation import without_controllers

ALL = ("memory", "pids", "cpu", "cpuset", "io", "hugetlb", "rdma")


@pytest.mark.parametrize(
    ("resources", "controllers", "kept", "missing"),
    [
        ({"pids": {"limit": 7}, "memory": {"limit": 9}}, ("pids",), {"pids": {"limit": 7}},
         ["memory"]),
        ({"cpu": {"quota": 5, "cpus": "0"}}, ("cpu",), {"cpu": {"quota": 5}}, ["cpuset"]),
        ({"cpu": {"quota": 5, "cpus": "0"}}, ("cpuset",), {"cpu": {"cpus": "0"}}, ["cpu"]),
        ({"cpu": {"quota": 5}}, (), {}, ["cpu"]),
        ({"blockIO": {"weight": 5}}, ALL[:4], {}, ["io"]),
        ({"unified": {"pids.max": "7"}, "devices": []}, (), {"unified": {"pids.max": "7"},
         "devices": []}, []),
    ],
)  # fmt: skip
def test_what_is_kept(
    resources: dict[str, Any], controllers: tuple[str, ...], kept: Any, missing: list[str]
) -> None:
    assert without_controllers(resources, controllers) == (kept, missing)


def test_with_all_of_them_nothing_is_lost() -> None:
    resources = {"memory": {"limit": 1}, "cpu": {"shares": 2, "mems": "0"}, "rdma": {"x": {}}}
    assert without_controllers(resources, ALL) == (resources, [])
