"""Attacks on ``cp`` by the container whose files are copied."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.errors import ContainerError
from tests.support.exchanging import exchanging
from tests.support.peers import require

pytestmark = pytest.mark.root


@pytest.fixture
def root(engine: Engine) -> Iterator[Path]:
    """The root of a container that runs, as the host sees it."""
    engine.run("demo", ContainerOptions(args=["sleep", "1000"]), name="web", detach=True)
    yield Path(f"/proc/{engine.containers.get('web').pid}/root")
    engine.containers.delete("web", force=True)


_LIBRARY = """
#include <fcntl.h>
__attribute__((constructor)) static void loaded(void) { open("/loaded", O_CREAT, 0600); }
"""


def test_2019_14271_no_library_of_the_container_is_loaded(
    engine: Engine, root: Path, place: Path
) -> None:
    (place / "library.c").write_text(_LIBRARY)
    library = place / "libnss_evil.so.2"
    subprocess.run(
        [require("gcc"), "-shared", "-fPIC", "-o", library, place / "library.c"], check=True
    )
    for directory in ("lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu"):
        (root / directory).mkdir(parents=True, exist_ok=True)
        (root / directory / library.name).write_bytes(library.read_bytes())
    (root / "etc/nsswitch.conf").write_text("passwd: evil\ngroup: evil\n")
    (root / "srv/file").write_text("content")
    engine.containers.copy_out("web", "/srv/file", str(place / "out"), owners=True)
    with contextlib.suppress(ContainerError):
        engine.containers.copy_in("web", str(place / "out"), "/srv/in", owners=True)
    assert not (root / "loaded").exists()
    assert (place / "out").read_text() == "content"
    assert (root / "srv/in").read_text() == "content"


def test_2018_15664_a_directory_that_is_exchanged_meanwhile(
    engine: Engine, root: Path, place: Path
) -> None:
    outside = place / "outside"
    outside.mkdir()
    (outside / "file").write_text("of the host")
    (place / "file").write_text("content")
    inner = root / "srv/a"
    inner.mkdir()
    (inner / "file").write_text("of the container")
    (root / "srv/b").symlink_to(outside)
    with exchanging(inner, root / "srv/b"):
        for number in range(20):
            with contextlib.suppress(ContainerError):
                engine.containers.copy_in("web", str(place / "file"), f"/srv/a/new{number}")
            with contextlib.suppress(ContainerError):
                engine.containers.copy_out("web", "/srv/a/file", str(place / "out"))
                assert (place / "out").read_text() == "of the container"
    assert [path.name for path in outside.iterdir()] == ["file"]
