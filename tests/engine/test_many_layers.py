"""150 layers mounted and read; each file from the layer that the indexes name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocinb.engine.engine import Engine
from ocinb.image import Image
from ocinb.settings import Settings
from tests.support.archives import Member, directory, member
from tests.support.layered import name_image
from tests.support.which_layer import which_layer

LAYERS = 150
NAME = "localhost/many:1"


def layer(number: int) -> list[Member]:
    """A file of its own, one that every layer has, and each tenth removes one of nine before."""
    entries = [
        directory("srv"),
        member(f"srv/only-{number}", data=b"%d" % number),
        member("srv/all", data=b"%d" % number),
        member(f"deep/{number % 7}/{number % 11}/file", data=b"%d" % number),
    ]
    if number and number % 10 == 0:
        entries.append(member(f"srv/.wh.only-{number - 9}"))
    return entries


@pytest.mark.root
@pytest.mark.slow
def test_150_layers_are_mounted_and_read(tmp_path: Path) -> None:
    engine = Engine(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))
    name_image(engine.store, NAME, [layer(number) for number in range(LAYERS)])
    image = Image(engine, engine.images.get(NAME))
    mount = engine.images.mount(image.local, tmp_path / "mnt")
    try:
        assert len(mount.layers) == LAYERS
        seen = {}
        for here, directories, files in os.walk(tmp_path / "mnt"):
            for name in (*directories, *files):
                path = Path(here, name)
                seen[f"/{path.relative_to(tmp_path / 'mnt')}"] = (
                    path.read_bytes() if path.is_file() else None
                )
        assert seen["/srv/all"] == b"149"
        assert sum(path.startswith("/srv/only-") for path in seen) == LAYERS - 14
        rows = [row for row in image.why_table().records() if row["path"] != "/"]
        assert {row["path"] for row in rows if row["layer"]} == seen.keys()
        for row in rows:
            found = which_layer(mount.layers, row["path"])
            assert found is not None
            if row["layer"] is None:
                assert (row["whiteouts"], found.state) == (str(found.index + 1), "deleted")
                continue
            assert found.index + 1 == row["layer"]
            if row["kind"] == "file":
                assert seen[row["path"]] == b"%d" % (row["layer"] - 1) == image.read(row["path"])
                assert row["hides"] == ", ".join(str(n + 1) for n in reversed(found.hidden))
    finally:
        engine.mounts.unmount(tmp_path / "mnt")
