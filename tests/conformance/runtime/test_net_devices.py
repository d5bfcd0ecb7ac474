"""Network devices of the host that become the container's.

Spec: runtime-spec config-linux.md#network-devices
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram, wait_until

MAC = "02:00:00:aa:bb:01"

IPV6 = Path("/proc/sys/net/ipv6").exists()
ADDRESSES = {"198.51.100.7", "2001:db8::7"} if IPV6 else {"198.51.100.7"}
"""Those that mean the device to the whole world."""


def ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=True)
    return done.stdout


def on_host(name: str) -> dict[str, Any] | None:
    """An interface of the host, with its addresses."""
    found = [link for link in json.loads(ip("-json", "address")) if link.get("ifname") == name]
    return found[0] if found else None


@pytest.fixture
def device() -> Iterator[str]:
    """A device of the host, in use, with addresses of the families that this machine has."""
    name = f"oc{uuid.uuid4().hex[:8]}"
    peer = f"oc{uuid.uuid4().hex[:8]}"
    ip("link", "add", name, "address", MAC, "mtu", "1434", "type", "veth", "peer", "name", peer)
    try:
        ip("address", "add", "198.51.100.7/24", "broadcast", "198.51.100.255", "dev", name)
        if IPV6:
            ip("address", "add", "2001:db8::7/64", "nodad", "dev", name)
        ip("address", "add", "169.254.9.9/16", "scope", "link", "dev", name)
        ip("link", "set", name, "up")
        yield name
    finally:
        # With one end goes the other, wherever it is.
        subprocess.run(["ip", "link", "delete", peer], check=False, capture_output=True)


def test_it_moves_with_its_attributes_and_is_up(
    ours: RuntimeProgram, bundle: Bundle, device: str
) -> None:
    bundle.linux["netDevices"] = {device: {"name": "inside0"}}
    bundle.shell("ip address show inside0; ip link show lo")
    shown = ours.output(bundle)
    assert "UP" in shown.partition("\n")[0]
    assert "mtu 1434" in shown
    assert MAC in shown
    assert "inet 198.51.100.7/24 brd 198.51.100.255 scope global" in shown
    assert all(address in shown for address in ADDRESSES)
    assert "169.254.9.9" not in shown
    assert on_host(device) is None


def test_it_keeps_its_name_where_no_other_is_asked_for(
    ours: RuntimeProgram, bundle: Bundle, device: str
) -> None:
    bundle.linux["netDevices"] = {device: {}}
    bundle.shell(f"cat /proc/net/dev | grep -c {device}")
    assert ours.output(bundle) == "1\n"


@pytest.fixture
def namespace() -> Iterator[Path]:
    """A network namespace with a device ``taken`` in it, and ``eth0``."""
    name = f"oc{uuid.uuid4().hex[:8]}"
    ip("netns", "add", name)
    ip("-n", name, "link", "add", "taken", "type", "veth", "peer", "name", "eth0")
    yield Path("/run/netns") / name
    ip("netns", "delete", name)


def joined(bundle: Bundle, namespace: Path) -> None:
    for entry in bundle.linux["namespaces"]:
        if entry["type"] == "network":
            entry["path"] = str(namespace)


def test_the_kernel_finds_a_name_by_a_template(
    ours: RuntimeProgram, bundle: Bundle, device: str, namespace: Path
) -> None:
    joined(bundle, namespace)
    bundle.linux["netDevices"] = {device: {"name": "eth%d"}}
    bundle.shell("ip address show eth1")
    assert "198.51.100.7" in ours.output(bundle)


def test_a_name_that_is_taken_moves_nothing(
    ours: RuntimeProgram, bundle: Bundle, device: str, namespace: Path
) -> None:
    joined(bundle, namespace)
    # What a new device is without its other side it becomes some time after it was made.
    wait_until(lambda: "NO-CARRIER" in on_host(device)["flags"])
    before = on_host(device)
    bundle.linux["netDevices"] = {device: {"name": "taken"}}
    done = ours.create(bundle)
    assert done.returncode == 1
    assert f"linux.netDevices.{device}: the container has a device taken already" in done.stderr
    assert on_host(device) == before
    assert not ours.exists()


def test_when_a_second_one_cannot_move_the_first_comes_back(
    ours: RuntimeProgram, bundle: Bundle, device: str
) -> None:
    # A bridge belongs to its namespace.
    bridge = f"oc{uuid.uuid4().hex[:8]}"
    ip("link", "add", bridge, "type", "bridge")
    try:
        bundle.linux["netDevices"] = {device: {}, bridge: {}}
        done = ours.create(bundle)
        assert done.returncode == 1
        assert f"linux.netDevices.{bridge}" in done.stderr
        back = on_host(device)
        assert back is not None
        assert "UP" in back["flags"]
        assert {address["local"] for address in back["addr_info"]} >= ADDRESSES
    finally:
        ip("link", "delete", bridge)


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ({"no-such-device": {}}, "the host has no network device no-such-device"),
        ({"lo": {"name": "lo2"}}, "a loopback device cannot be moved"),
        ({"eth0": {"name": "sixteen-letters!"}}, "is not the name of a network device"),
        ({"eth0": {"name": "a/b"}}, "is not the name of a network device"),
        ({"../eth0": {}}, "is not the name of a network device"),
        ({"a": {"name": "x"}, "b": {"name": "x"}}, "is the second device called"),
    ],
)
def test_what_cannot_be(
    ours: RuntimeProgram, bundle: Bundle, devices: dict[str, Any], said: str
) -> None:
    bundle.linux["netDevices"] = devices
    done = ours.create(bundle)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not ours.exists()


def test_it_needs_a_network_namespace(ours: RuntimeProgram, bundle: Bundle, device: str) -> None:
    bundle.linux["netDevices"] = {device: {"name": "renamed"}}
    bundle.linux["namespaces"] = [e for e in bundle.linux["namespaces"] if e["type"] != "network"]
    assert "needs a network namespace" in ours.create(bundle).stderr
    bundle.linux["namespaces"].append({"type": "network", "path": "/proc/self/ns/net"})
    assert "would change the host" in ours.create(bundle).stderr
    assert on_host(device) is not None
