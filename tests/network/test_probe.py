"""What doctor says of networks is what the kernel says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocinb.network.probe import probe
from tests.support.own_network import links_and_tables
from tests.support.peers import require_system_python

pytestmark = pytest.mark.root

PROBE = """
from ocinb.network.probe import probe
for tried in probe(): print(tried.what, tried.works, tried.answer, sep="|")
"""


def say(*prefix: str) -> list[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-c", PROBE],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    ).stdout.splitlines()  # fmt: skip


def test_the_superuser(alone: None) -> None:
    before = os.readlink("/proc/self/ns/net")
    bridge, packets, _ = probe()
    assert (bridge.what, bridge.works) == ("network bridge", True)
    assert (packets.what, packets.works) == ("network filter", True)
    assert links_and_tables() == []
    assert os.readlink("/proc/self/ns/net") == before


def test_without_the_power() -> None:
    bridge, packets, _ = say("setpriv", "--bounding-set", "-net_admin")
    assert bridge.startswith("network bridge|False|RTM_NEWLINK(ocinb-probe")
    assert "operation not permitted: without it not: containers have addresses" in bridge
    assert packets.startswith("network filter|False|")
    assert "operation not permitted" in packets


def test_without_namespaces() -> None:
    (bridge, _) = say("setpriv", "--bounding-set", "-sys_admin")
    assert bridge.startswith("network bridge|False|unshare(CLONE_NEWNET): operation not permitted")


def test_an_ordinary_user_without_a_device(place: Path) -> None:
    require_system_python()
    shut = "mount -t tmpfs none /mnt && mknod -m 600 /mnt/tun c 10 200 && "
    shut += 'mount --bind /mnt/tun /dev/net/tun && exec "$@"'
    (said,) = say("unshare", "--mount", "sh", "-c", shut, "sh", "setpriv", "--reuid", "1000",
                  "--regid", "1000", "--clear-groups")  # fmt: skip
    assert said.startswith("network of an ordinary user|False|the container reaches nothing")
