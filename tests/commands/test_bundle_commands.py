"""The commands below ``bundle``, as both doors use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocinb.cli.__main__ import exit_status
from ocinb.commands.values import Document, Done
from ocinb.errors import CommandError, InvalidConfig, InvalidDocument
from ocinb.table import Table
from tests.support.door import Door


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "door")


@pytest.fixture
def bundle(door: Door, tmp_path: Path) -> Path:
    door("bundle", "spec", tmp_path / "bundle")
    return tmp_path / "bundle"


def test_spec_shows_a_config_or_writes_it(door: Door, bundle: Path) -> None:
    shown = door("bundle", "spec")
    assert isinstance(shown, Document)
    assert json.loads((bundle / "config.json").read_bytes()) == shown
    with pytest.raises(CommandError, match=r"has a config\.json already"):
        door("bundle", "spec", bundle)


def test_spec_for_an_ordinary_user(door: Door) -> None:
    kinds = [entry["type"] for entry in door("bundle", "spec", "--rootless")["linux"]["namespaces"]]
    assert "user" in kinds


def test_validate_finds_nothing_or_names_the_fields(door: Door, bundle: Path) -> None:
    right = door("bundle", "validate", bundle)
    assert isinstance(right, Table)
    assert right.rows == []
    assert exit_status(right) == 0
    config = json.loads((bundle / "config.json").read_bytes())
    config["process"]["cwd"] = "tmp"
    config["linux"]["namespaces"].append({"type": "pid"})
    (bundle / "config.json").write_text(json.dumps(config))
    wrong = door("bundle", "validate", bundle)
    assert wrong.rows[0][0] == "process.cwd"
    assert wrong.rows[0][2] == "runtime-spec config.md#process"
    assert exit_status(wrong) == 1


def test_explain(door: Door) -> None:
    table = door("bundle", "explain", "root.readonly")
    assert table.rows[0][2] == "mount_setattr(MOUNT_ATTR_RDONLY)"
    assert len(door("bundle", "explain").rows) > 5


def test_edit_then_diff(door: Door, bundle: Path, tmp_path: Path) -> None:
    door("bundle", "spec", tmp_path / "other")
    done = door("bundle", "edit", bundle, "process.cwd=/tmp", 'process.args=["true"]',
                "x-mine=1", "--remove", "hostname")  # fmt: skip
    assert isinstance(done, Done)
    table = door("bundle", "diff", tmp_path / "other", bundle)
    assert {row[0]: row[1:] for row in table.rows} == {
        "process.args[0]": ('"sh"', '"true"'),
        "process.cwd": ('"/"', '"/tmp"'),
        "hostname": ('"ocinb"', "-"),
        "x-mine": ("-", "1"),
    }


def test_an_edit_that_breaks_the_specification_changes_nothing(door: Door, bundle: Path) -> None:
    before = (bundle / "config.json").read_bytes()
    with pytest.raises(InvalidConfig, match=r"process\.cwd"):
        door("bundle", "edit", bundle, "process.cwd=tmp")
    with pytest.raises(CommandError, match="nothing to change"):
        door("bundle", "edit", bundle)
    assert (bundle / "config.json").read_bytes() == before


def test_the_json_of_a_cell_is_merged_into_config(door: Door, bundle: Path) -> None:
    cell = '{"process": {"cwd": "/tmp", "env": ["A=1"]}, "hostname": null, "x-mine": {"a": 1}}'
    door("bundle", "edit", bundle, script=cell)
    config = json.loads((bundle / "config.json").read_bytes())
    assert config["process"]["cwd"] == "/tmp"
    assert config["process"]["env"] == ["A=1"]
    assert config["process"]["args"] == ["sh"]
    assert config["x-mine"] == {"a": 1}
    assert "hostname" not in config


@pytest.mark.parametrize("cell", ["", "[]", "{", '{"process": {"cwd": "relative"}}'])
def test_a_cell_that_is_no_config_changes_nothing(door: Door, bundle: Path, cell: str) -> None:
    before = (bundle / "config.json").read_bytes()
    with pytest.raises((InvalidDocument, InvalidConfig)):
        door("bundle", "edit", bundle, script=cell)
    assert (bundle / "config.json").read_bytes() == before
