"""The diagram of a network: who is in it, at which address, behind which ports."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from ocinb.commands.network import MEMBERS
from ocinb.notebook.diagrams.network_plan import MOST, network_plan
from ocinb.notebook.diagrams.svg import WIDTH
from ocinb.table import Table

SVG = "{http://www.w3.org/2000/svg}"
TITLE = "network mine: 10.55.0.0/24, gateway 10.55.0.1, bridge ocinb-0123456789"


def members(*rows: tuple[str, str, str]) -> Table:
    made = [
        (
            name,
            ip,
            ports,
            f"{name} alias",
            "02:00:00:00:00:01",
            "ocinbv012345678",
            "0123456789ab",
            "",
        )
        for name, ip, ports in rows
    ]
    return Table(MEMBERS, made, title=TITLE)


def texts(diagram: Any) -> list[str | None]:
    return [e.text for e in ElementTree.fromstring(diagram.svg).iter(f"{SVG}text")]


def test_containers_addresses_and_ports() -> None:
    diagram = network_plan(
        members(
            ("web", "10.55.0.2", "127.0.0.1:8080->80/tcp, 0.0.0.0:8443->443/tcp"),
            ("db", "10.55.0.3", ""),
        )
    )
    shown = texts(diagram)
    wanted = {"web", "10.55.0.2", "127.0.0.1:8080", "80/tcp", "*:8443 everybody", "443/tcp"}
    assert wanted | {"db", "10.55.0.3", "network mine", "2"} <= {*shown}
    assert "10.55.0.0/24, gateway 10.55.0.1, bridge ocinb-0123456789" in shown
    assert "web at 10.55.0.2 with 127.0.0.1:8080->80/tcp" in diagram.alt
    assert "db at 10.55.0.3" in diagram.alt


def test_nobody_is_there() -> None:
    diagram = network_plan(members())
    assert "no container is in it" in texts(diagram)
    assert diagram.alt.endswith("no container is in it.")


def test_hostile_names_are_text_and_stay_on_the_sheet() -> None:
    hostile = '</text><script>alert("1")</script>&' * 9
    diagram = network_plan(members((hostile, "10.55.0.2", "")))
    assert "<script>" not in diagram.svg
    root = ElementTree.fromstring(diagram.svg)
    for rect in root.iter(f"{SVG}rect"):
        assert float(rect.attrib["x"]) + float(rect.attrib["width"]) <= WIDTH


def test_many_are_counted_and_not_all_drawn() -> None:
    diagram = network_plan(members(*((f"c{n}", f"10.55.0.{n}", "") for n in range(2, 50))))
    assert f"… {48 - MOST} more containers are not drawn" in texts(diagram)
    assert "c49 at 10.55.0.49" in diagram.alt
