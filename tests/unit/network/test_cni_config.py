"""Configuration lists of CNI: which are taken, which are refused, and what a plugin is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocinb.errors import NetworkError
from ocinb.network.cni_attach import request
from ocinb.network.cni_config import CniNetwork, find_plugins, load_network, networks

LIST: dict[str, Any] = {
    "cniVersion": "1.0.0",
    "name": "dbnet",
    "plugins": [
        {"type": "bridge", "bridge": "cni0", "keyA": ["some", {"more": None}]},
        {"type": "portmap", "capabilities": {"portMappings": True, "mac": False}},
    ],
}


def network(**changes: Any) -> CniNetwork:
    return CniNetwork({**LIST, **changes}, "test.conflist")


def test_what_a_plugin_is_told() -> None:
    first, second = network().plugins
    asked = {"portMappings": [{"hostPort": 1}], "mac": "02:00:00:00:00:01"}
    assert request(network(), first, None, asked) == {
        "cniVersion": "1.0.0",
        "name": "dbnet",
        "type": "bridge",
        "bridge": "cni0",
        "keyA": ["some", {"more": None}],
    }
    # capabilities are the runtime's to read; of what it offers only what was declared is told.
    assert request(network(), second, {"ips": []}, asked) == {
        "cniVersion": "1.0.0",
        "name": "dbnet",
        "type": "portmap",
        "runtimeConfig": {"portMappings": [{"hostPort": 1}]},
        "prevResult": {"ips": []},
    }


def test_a_single_configuration_is_a_list_of_one() -> None:
    single = CniNetwork({"cniVersion": "0.4.0", "name": "one", "type": "loopback"}, "x.conf")
    assert [plugin["type"] for plugin in single.plugins] == ["loopback"]
    assert single.version == "0.4.0"
    assert request(single, single.plugins[0], None, {})["type"] == "loopback"


def test_versions() -> None:
    assert network(cniVersion="1.1.0", cniVersions=["0.4.0", "1.0.0", "1.1.0"]).version == "1.0.0"
    with pytest.raises(NetworkError, match=r"is of CNI version 9\.0\.0"):
        network(cniVersion="9.0.0")
    assert network(cniVersion="0.4.0").may_be_checked
    assert not network(cniVersion="0.3.1").may_be_checked
    assert not network(disableCheck=True).may_be_checked


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "is not the name of a network"),
        ({"name": "../etc"}, "is not the name of a network"),
        ({"plugins": []}, r"\$.plugins is not a list"),
        ({"plugins": {"type": "x"}}, r"\$.plugins is not a list"),
        ({"plugins": [{"type": "../../bin/sh"}]}, r"\$.plugins\[0\].type"),
        ({"plugins": [{"type": "/bin/sh"}]}, r"\$.plugins\[0\].type"),
        ({"plugins": ["bridge"]}, r"\$.plugins\[0\].type"),
        ({"plugins": [{"type": "x", "capabilities": 3}]}, r"capabilities is not an object"),
    ],
)
def test_lists_that_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        network(**changes)


def test_finding_a_network(tmp_path: Path) -> None:
    (tmp_path / "10-db.conflist").write_text(json.dumps(LIST))
    (tmp_path / "20-broken.conf").write_text("{")
    (tmp_path / "30-list.json").write_text("[]")
    (tmp_path / "README").write_text("not one")
    environment = {"NETCONFPATH": str(tmp_path)}
    assert load_network("dbnet", environment).name == "dbnet"
    assert [path.name for path, _ in networks(environment)] == [
        "10-db.conflist",
        "20-broken.conf",
        "30-list.json",
    ]
    with pytest.raises(NetworkError, match="there is no CNI network other in") as refused:
        load_network("other", environment)
    assert refused.value.hint is not None
    assert "20-broken.conf is not JSON; " in refused.value.hint
    with pytest.raises(NetworkError, match="there is no CNI network"):
        load_network("dbnet", {"NETCONFPATH": str(tmp_path / "nowhere")})


def test_a_plugin_that_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "bridge").write_text("#!/bin/sh\n")
    (tmp_path / "bridge").chmod(0o755)
    (tmp_path / "portmap").mkdir()  # not a program
    with pytest.raises(NetworkError, match="the plugin portmap of CNI network dbnet is not"):
        find_plugins(network(), {"CNI_PATH": f"{tmp_path}:/nowhere"})
    (tmp_path / "portmap").rmdir()
    (tmp_path / "bridge").rename(tmp_path / "portmap")
    with pytest.raises(NetworkError, match="the plugin bridge"):
        find_plugins(network(), {"CNI_PATH": str(tmp_path)})
