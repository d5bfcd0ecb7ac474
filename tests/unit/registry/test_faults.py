"""Faults on purpose."""

from __future__ import annotations

import time

import pytest

from ocinb.registry.app import Registry
from ocinb.registry.faults import Cut, FaultPlan, Faults
from ocinb.registry.messages import Request
from tests.unit.registry.conftest import Caller

DATA = bytes(300_000)


@pytest.fixture
def path(call: Caller) -> str:
    return f"/v2/a/blobs/{call.push_blob('a', DATA)}"


def test_without_a_plan_nothing_goes_wrong(registry: Registry, path: str) -> None:
    faults = Faults(registry.handle, FaultPlan())
    assert faults.handle(Request("GET", path)).content() == DATA


def test_a_status_a_number_of_times(registry: Registry, path: str) -> None:
    faults = Faults(registry.handle, FaultPlan(status=503, times=2))
    assert [faults.handle(Request("GET", path)).status for _ in range(4)] == [503, 503, 200, 200]


def test_only_some_paths(registry: Registry, path: str) -> None:
    faults = Faults(registry.handle, FaultPlan(status=500, path="/blobs/"))
    assert faults.handle(Request("GET", "/v2/")).status == 200
    assert faults.handle(Request("GET", path)).status == 500


def test_a_body_is_cut_after_so_many_bytes(registry: Registry, path: str) -> None:
    faults = Faults(registry.handle, FaultPlan(drop_after=100_000, times=1))
    response = faults.handle(Request("GET", path))
    assert response.headers["Content-Length"] == "300000"
    received = bytearray()
    with pytest.raises(Cut):
        for piece in response.body:
            received += piece
    assert len(received) == 100_000
    assert faults.handle(Request("GET", path)).content() == DATA


def test_a_short_body_is_not_cut(registry: Registry) -> None:
    faults = Faults(registry.handle, FaultPlan(drop_after=100, times=1))
    assert faults.handle(Request("GET", "/v2/")).content() == b"{}"


def test_a_slow_body_takes_its_time(registry: Registry, path: str) -> None:
    faults = Faults(registry.handle, FaultPlan(slow=1_000_000))
    started = time.monotonic()
    assert faults.handle(Request("GET", path)).content() == DATA
    assert time.monotonic() - started >= 0.29


def test_beyond_the_rate_requests_are_told_to_wait(registry: Registry) -> None:
    faults = Faults(registry.handle, FaultPlan(rate_limit=2))
    responses = [faults.handle(Request("GET", "/v2/")) for _ in range(9)]
    refused = [response for response in responses if response.status == 429]
    assert len(refused) >= 3  # nine requests may straddle two ends of a second, not more
    assert refused[0].headers["Retry-After"] == "1"
