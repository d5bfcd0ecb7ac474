"""The talk between the runtime and the container's process."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.errors import StepFailed
from ocinb.runtime.sync import READY, Channel, host_is_waited_for


def test_who_is_gone_wants_nothing() -> None:
    runtime, process = Channel.pair()
    process.check_wanted()
    runtime.send("proceed")
    process.check_wanted()
    assert process.expect_proceed() == {"kind": "proceed"}
    runtime.close()
    for ask in (process.check_wanted, process.expect_proceed):
        with pytest.raises(StepFailed, match="the runtime that was making this container is gone"):
            ask()
    process.send(READY)  # nobody hears it, which is no error
    process.close()


@pytest.mark.parametrize(
    ("config", "waited"),
    [
        ({}, False),
        ({"hooks": {}, "linux": None, "process": {"rlimits": []}}, False),
        ({"hooks": {"poststop": [{"path": "/bin/true"}]}}, True),
        ({"linux": {"netDevices": {"eth0": {}}}}, True),
        ({"process": {"rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]}}, True),
        ({"linux": {"resources": {"pids": {"limit": 9}}}}, False),
    ],
)
def test_the_host_is_waited_for_where_it_has_something_to_do(
    config: dict[str, Any], waited: bool
) -> None:
    assert host_is_waited_for(config) is waited
