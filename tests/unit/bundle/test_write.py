"""A bundle on disk: whole, checked, or not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocinb.bundle.spec import spec
from ocinb.bundle.validate import validate
from ocinb.bundle.write import write_bundle
from ocinb.errors import BundleError, InvalidConfig
from ocinb.events import BundleWritten, Recorder


def test_a_bundle_is_config_json_beside_its_root(tmp_path: Path) -> None:
    recorder = Recorder()
    path = write_bundle(tmp_path / "bundle", spec(), recorder)
    assert json.loads(path.read_bytes()) == spec()
    assert validate(tmp_path / "bundle") == []
    assert [event.directory for event in recorder.of(BundleWritten)] == [str(tmp_path / "bundle")]
    assert {entry.name for entry in path.parent.iterdir()} == {"config.json", "rootfs"}


def test_an_invalid_config_is_never_written(tmp_path: Path) -> None:
    config = spec()
    config["process"]["cwd"] = "relative"
    with pytest.raises(InvalidConfig, match=r"process\.cwd"):
        write_bundle(tmp_path / "bundle", config)
    assert not (tmp_path / "bundle").exists()


def test_validation_names_each_field(tmp_path: Path) -> None:
    path = write_bundle(tmp_path, spec())
    config = spec()
    del config["process"]
    config["root"]["path"] = "elsewhere"
    path.write_text(json.dumps(config))
    assert [field for field, _ in validate(tmp_path)] == ["root.path", "process"]
    path.write_text('{"ociVersion": 1}')
    assert ("root", "is missing") in validate(tmp_path)
    path.write_text("[")
    with pytest.raises(InvalidConfig, match="is not JSON"):
        validate(tmp_path)
    path.unlink()
    with pytest.raises(BundleError, match="cannot be read: no such file"):
        validate(tmp_path)


@pytest.mark.parametrize("text", ["\udcff", "\ud800"])
def test_what_no_runtime_could_read_is_never_written(tmp_path: Path, text: str) -> None:
    config = spec()
    config["process"]["args"] = ["echo", text]
    with pytest.raises(InvalidConfig, match=r"config.json is UTF-8, and this is not: .*echo"):
        write_bundle(tmp_path, config)
    assert list(tmp_path.iterdir()) == []
