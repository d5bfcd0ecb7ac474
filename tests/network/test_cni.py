"""Containers attached by CNI plugins: Debian's, and ones that write down what they are told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocinb.engine import Engine
from ocinb.engine.repair import repair_networks
from ocinb.errors import NetworkError, StepFailed
from ocinb.events import NetworkChanged, Recorder
from ocinb.network.checking import check
from ocinb.network.cni_attach import versions
from ocinb.settings import Settings
from tests.network.conftest import Start, get, state_files

pytestmark = pytest.mark.root

PLUGINS = Path("/usr/lib/cni")
PLAIN = """\
#!/bin/sh
# Writes down what it is told, adds its name to the result, and refuses where it shall.
{{ echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_ARGS $CNI_NETNS"; cat; echo; }} \
>> {log}.$(basename "$0")
echo "$CNI_COMMAND $(basename "$0")" >> {log}
if [ -e {log}.refuse.$CNI_COMMAND.$(basename "$0") ]; then
  echo '{{"cniVersion": "1.0.0", "code": 7, "msg": "no", "details": "not today"}}'; exit 1
fi
case $CNI_COMMAND in
ADD) echo '{{"cniVersion": "1.0.0", "ips": [{{"address": "192.0.2.7/24"}}],' \
  '"by": "'$(basename "$0")'"}}' ;;
VERSION) echo '{{"cniVersion": "1.0.0", "supportedVersions": ["0.4.0", "1.0.0"]}}' ;;
esac
"""


@pytest.fixture
def configured(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Describes a network ``mynet`` of some plugins."""
    directory = place / "net.d"
    directory.mkdir()
    monkeypatch.setenv("NETCONFPATH", str(directory))

    def describe(*plugins: dict[str, Any], **more: Any) -> Path:
        path = directory / "10-mynet.conflist"
        document = {"cniVersion": "1.0.0", "name": "mynet", "plugins": plugins, **more}
        path.write_text(json.dumps(document))
        return path

    return describe


@pytest.fixture
def noted(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plugins ``first`` and ``second`` that write down what they are told, in this file."""
    log = place / "told"
    (place / "bin").mkdir()
    for name in ("first", "second"):
        path = place / "bin" / name
        path.write_text(PLAIN.format(log=log))
        path.chmod(0o755)
    monkeypatch.setenv("CNI_PATH", str(place / "bin"))
    return log


def told(log: Path, plugin: str) -> list[tuple[str, dict[str, Any]]]:
    """What a plugin was told: parameters and configuration of each call."""
    lines = Path(f"{log}.{plugin}").read_text().splitlines()
    return [
        (parameters, json.loads(config))
        for parameters, config in zip(lines[::2], lines[1::2], strict=True)
    ]


def calls(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_what_plugins_are_told(
    engine: Engine, start: Start, noted: Path, configured: Callable[..., Path]
) -> None:
    configured(
        {"type": "first", "own": [1, None]},
        {"type": "second", "capabilities": {"portMappings": True, "ips": True, "mac": True}},
    )
    web = start(
        "web",
        "cat /etc/hosts; sleep 60",
        network="cni:mynet",
        publish=["0.0.0.0:8080:80", "8081:81/udp"],
        mac_address="02:00:00:00:00:09",
        ip="192.0.2.7",
    )
    (add, first), (_, second) = told(noted, "first")[0], told(noted, "second")[0]
    assert add.split() == ["ADD", web.id, "eth0", "IgnoreUnknown=1", f"/proc/{web.pid}/ns/net"]
    assert first == {"cniVersion": "1.0.0", "name": "mynet", "type": "first", "own": [1, None]}
    result = {"cniVersion": "1.0.0", "ips": [{"address": "192.0.2.7/24"}], "by": "first"}
    assert second == {
        "cniVersion": "1.0.0",
        "name": "mynet",
        "type": "second",
        "prevResult": result,
        "runtimeConfig": {
            "portMappings": [
                {"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "0.0.0.0"},
                {"hostPort": 8081, "containerPort": 81, "protocol": "udp", "hostIP": "127.0.0.1"},
            ],
            "ips": ["192.0.2.7"],
            "mac": "02:00:00:00:00:09",
        },
    }
    state = str(engine.settings.network_state)
    assert check(state, web.id, web.pid) == []
    engine.containers.delete("web", force=True)
    assert calls(noted) == [
        "ADD first", "ADD second", "CHECK first", "CHECK second", "DEL second", "DEL first"
    ]  # fmt: skip
    final = {**result, "by": "second"}
    for plugin in ("first", "second"):
        (_, checked), (delete, deleted) = told(noted, plugin)[1:]
        assert checked["prevResult"] == deleted["prevResult"] == final
        assert delete.split() == ["DEL", web.id, "eth0", "IgnoreUnknown=1"]  # the namespace is gone


def test_a_plugin_that_refuses(
    start: Start, noted: Path, configured: Callable[..., Path], settings: Settings
) -> None:
    configured({"type": "first"}, {"type": "second"})
    Path(f"{noted}.refuse.ADD.second").touch()
    with pytest.raises(StepFailed, match="the plugin second refused ADD: no: not today"):
        start("web", "true", network="cni:mynet")
    assert calls(noted) == ["ADD first", "ADD second", "DEL second", "DEL first"]
    assert "prevResult" not in told(noted, "first")[1][1]
    assert state_files(settings) == []


def test_a_plugin_that_does_not_let_go(
    engine: Engine, start: Start, noted: Path, configured: Callable[..., Path], settings: Settings
) -> None:
    configured({"type": "first"}, {"type": "second"})
    refusal = Path(f"{noted}.refuse.DEL.second")
    refusal.touch()
    web = start("web", "sleep 60", network="cni:mynet")
    engine.containers.delete("web", force=True)
    assert calls(noted)[-2:] == ["DEL second", "DEL first"]  # all are asked
    assert state_files(settings) == [f"attachments/{web.id}"]
    (line,) = repair_networks(engine)
    assert (
        line == f"the cni network of {web.id} stays: the plugin second refused DEL: no: not today"
    )
    refusal.unlink()
    assert repair_networks(engine) == [f"the cni network of container {web.id}"]
    assert state_files(settings) == []


def test_checking_is_left_where_it_shall_be(
    engine: Engine, start: Start, noted: Path, configured: Callable[..., Path]
) -> None:
    configured({"type": "first"}, disableCheck=True)
    web = start("web", "sleep 60", network="cni:mynet")
    assert check(str(engine.settings.network_state), web.id, web.pid) == []
    assert calls(noted) == ["ADD first"]


def test_a_check_that_fails(
    engine: Engine, start: Start, noted: Path, configured: Callable[..., Path]
) -> None:
    configured({"type": "first"})
    web = start("web", "sleep 60", network="cni:mynet")
    Path(f"{noted}.refuse.CHECK.first").touch()
    found = check(str(engine.settings.network_state), web.id, web.pid)
    assert found == ["the plugin first refused CHECK: no: not today"]


def test_versions(noted: Path, place: Path) -> None:
    assert versions(str(place / "bin/first")) == ["0.4.0", "1.0.0"]
    assert calls(noted) == ["VERSION first"]
    with pytest.raises(NetworkError, match="does not tell its versions"):
        versions("/bin/true")


def test_ports_that_no_plugin_publishes(
    start: Start, noted: Path, configured: Callable[..., Path]
) -> None:
    configured({"type": "first"})
    with pytest.raises(NetworkError, match="no plugin of the network cni:mynet publishes ports"):
        start("web", "true", network="cni:mynet", publish=["8080:80"])
    assert calls(noted) == []


BRIDGE = {
    "type": "bridge",
    "bridge": "ocinb-test-cni",
    "isGateway": True,
    "ipMasq": True,
    "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "10.43.0.0/24"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    },
}


@pytest.mark.peer
def test_debians_plugins(
    engine: Engine,
    start: Start,
    say: Callable[..., str],
    place: Path,
    recorder: Recorder,
    configured: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    runtime: str,
) -> None:
    if not PLUGINS.is_dir():
        pytest.fail("apt-get install containernetworking-plugins")
    monkeypatch.setenv("CNI_PATH", str(PLUGINS))
    ipam = {**BRIDGE["ipam"], "dataDir": str(place / "addresses")}  # type: ignore[dict-item]
    configured(
        {**BRIDGE, "ipam": ipam},
        {"type": "portmap", "capabilities": {"portMappings": True}},
        {"type": "tuning", "capabilities": {"mac": True}},
    )
    wishes = {"network": "cni:mynet", "runtime": runtime}
    try:
        web = start(
            "web",
            "httpd -f -p 80 -h /www",
            publish=["8080:80", "0.0.0.0:8081:80"],
            mac_address="02:00:00:00:00:09",
            **wishes,
        )
        assert get(8080) == "served\n"
        assert get(8081) == "served\n"
        # portmap 1.1.1 looks for rules of IPv6 too, of a container that has no such address.
        found = check(str(engine.settings.network_state), web.id, web.pid)
        assert [line for line in found if "could not check ipv6 dnat" not in line] == []
        seen = say("wget -q -O - http://10.43.0.2/; ip addr show eth0; cat /etc/hosts", **wishes)
        assert "served" in seen
        assert "10.43.0.3\t" in seen
        assert "link/ether 02:00" in (
            subprocess.run(
                ["nsenter", "--net", f"--target={web.pid}", "ip", "link", "show", "eth0"],
                capture_output=True, text=True, check=True,
            ).stdout
        )  # fmt: skip
        engine.containers.delete("web", force=True)
        assert [path.name for path in (place / "addresses/mynet").glob("10.*")] == []
        plugins = [e.name for e in recorder.of(NetworkChanged) if e.kind == "plugin"]
        assert plugins[:3] == ["bridge", "portmap", "tuning"]
    finally:
        # Plugins leave their bridge, and the chains that they hang rules into: as they do always.
        subprocess.run(["ip", "link", "del", "ocinb-test-cni"], check=False)
        subprocess.run(["nft", "flush", "ruleset"], check=False)  # of this test's own network
