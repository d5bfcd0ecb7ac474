"""The network commands and options as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ocinb.runtime as runtime_package
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.commands.values import Picture
from ocinb.engine import Engine
from ocinb.errors import CommandError, NetworkError
from ocinb.notebook.diagrams.draw import draw
from ocinb.settings import Settings
from ocinb.table import Table
from tests.network.conftest import get

pytestmark = pytest.mark.root

OURS = [sys.executable, "-I", "-S", str(Path(runtime_package.__file__).with_name("__main__.py"))]

Type = Callable[[str], Any]


@pytest.fixture
def type_(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types a command; a container's output goes nowhere. There are no networks by CNI."""
    monkeypatch.setenv("NETCONFPATH", str(settings.root / "none"))
    session = Session(settings, output=lambda *_: None)

    def call(words: str) -> Any:
        return tree.call(words.split(), session)

    return call


def test_a_network_from_its_making_to_its_end(type_: Type) -> None:
    assert type_("network create mine --subnet 10.55.0.0/24").subject == "mine"
    type_("network create shut --internal")
    listed = type_("network ls").records()
    assert [(row["name"], row["subnet"], row["containers"], row["internal"]) for row in listed] == [
        ("mine", "10.55.0.0/24", 0, "no"),
        ("shut", "10.87.0.0/24", 0, "yes"),
    ]
    type_("run -d --name web --network mine -p 8080:80 -p 9000:90/udp box httpd -f -p 80 -h /www")
    assert get(8080) == "served\n"
    picture = type_("network inspect mine")
    assert isinstance(picture, Picture)
    table = type_("network inspect mine --format table")
    assert picture.table.records() == table.records()
    diagram = draw(picture)
    assert "web at 10.55.0.2 with 127.0.0.1:8080->80/tcp, 127.0.0.1:9000->90/udp" in diagram.alt
    assert ">10.55.0.2</text>" in diagram.svg
    assert isinstance(table, Table)
    (row,) = table.records()
    assert (row["container"], row["ip"], row["ports"]) == (
        "web",
        "10.55.0.2",
        "127.0.0.1:8080->80/tcp, 127.0.0.1:9000->90/udp",
    )
    assert "10.55.0.0/24, gateway 10.55.0.1, bridge ocinb-" in table.title
    document = json.loads(str(type_("network inspect mine --format json")))
    assert document["containers"][0]["ports"] == [
        "127.0.0.1:8080->80/tcp",
        "127.0.0.1:9000->90/udp",
    ]
    assert document["containers"][0]["names"][0] == "web"
    assert type_("network check web").subject == "web"
    assert type_("port web 80").records() == [{"port": "80/tcp", "host": "127.0.0.1:8080"}]
    with pytest.raises(NetworkError, match="network mine is in use by web"):
        type_("network rm mine")
    assert type_("network prune") == ["shut"]
    type_("rm -f web")
    with pytest.raises(NetworkError, match="there is no network shut"):
        type_("network rm shut")
    type_("run -d --name web --network mine box sleep 60")
    assert type_("network rm -f mine").message == "network mine is removed"
    assert type_("ps --all --quiet") == []
    with pytest.raises(NetworkError, match="there is no network mine"):
        type_("network rm --force mine")
    assert type_("network ls --quiet") == []


def test_a_network_that_was_torn_is_found_out(type_: Type, engine: Engine) -> None:
    type_("run -d --name web --network bridge box sleep 60")
    veth = engine.networks.veth(engine.containers.get("web").id, "bridge")
    subprocess.run(["ip", "link", "del", veth], check=True)
    with pytest.raises(
        NetworkError, match=f"network of web is not as it was made: its link {veth}"
    ):
        type_("network check web")
    type_("run -d --name alone box sleep 60")
    with pytest.raises(NetworkError, match="nothing was made for it"):
        type_("network check alone")


@pytest.mark.parametrize(
    ("typed", "kind", "said"),
    [
        ("--network= box true", CommandError, "--network names no network"),
        ("--network cni: box true", CommandError, "--network names no network"),
        ("--network container: box true", CommandError, "--network names no network"),
        ("--publish x box true", NetworkError, "--publish x is not a port"),
        ("--network none -p 80 box true", NetworkError, "--publish has no meaning"),
        ("--add-host x box true", NetworkError, "--add-host x is not NAME:ADDRESS"),
        ("--dns x box true", NetworkError, "--dns x is not an IP address"),
        ("--dns-search _/x box true", NetworkError, "is not a host name"),
        ("--network bridge --ip 1.2.3 box true", NetworkError, "--ip 1.2.3 is not an IPv4"),
        ("--network bridge --mac-address x box true", NetworkError, "--mac-address x is not"),
        ("--network bridge --network-alias a/b box true", NetworkError, "'a/b' is not a host"),
    ],
)
def test_what_is_refused(type_: Type, engine: Engine, typed: str, kind: type, said: str) -> None:
    with pytest.raises(kind) as refused:
        type_(f"run {typed}")
    assert said in str(refused.value)
    assert engine.containers.all() == []


def test_a_published_port_asks_for_a_bridge(type_: Type) -> None:
    type_("run -d --name web -P box httpd -f -p 80 -h /www")
    (row,) = type_("network inspect bridge --format table").records()
    assert row["ports"].endswith("->80/tcp")
    type_("rm -f web")


@pytest.mark.peer
def test_a_bundle_that_a_person_starts_by_hand(type_: Type, place: Path, runtime: str) -> None:
    type_(f"bundle --network bridge -p 8080:80 box {place}/bundle httpd -f -p 80 -h /www")
    config = json.loads((place / "bundle/config.json").read_text())
    (attach,), (detach,) = config["hooks"]["createRuntime"], config["hooks"]["poststop"]
    assert [hook["args"][-2] for hook in (attach, detach)] == ["attach", "detach"]
    program = OURS if runtime == "ocinb" else [runtime]
    name = f"byhand-{os.path.basename(runtime)}"  # their control groups, too
    call = [*program, "--root", f"{place}/state"]
    with (place / "log").open("w") as log:
        done = subprocess.run(
            [*call, "create", "--bundle", f"{place}/bundle", name],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
        )  # fmt: skip
    assert done.returncode == 0, (place / "log").read_text()
    try:
        subprocess.run([*call, "start", name], check=True)
        assert get(8080) == "served\n"
    finally:
        subprocess.run([*call, "delete", "--force", name], check=True)
