"""Which layer does a file come from?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.which_layer import DELETED, PRESENT, Found, which_layer


@pytest.fixture
def layers(tmp_path: Path) -> list[Path]:
    """Three layers: the middle one deletes, hides and replaces what the bottom one has."""
    bottom, middle, top = (tmp_path / name for name in ("bottom", "middle", "top"))
    for path in ("etc/passwd", "etc/motd", "usr/doc/old", "var/log/boot", "srv/data/file"):
        (bottom / path).parent.mkdir(parents=True, exist_ok=True)
        (bottom / path).touch()
    (middle / "etc").mkdir(parents=True)
    os.mknod(middle / "etc/motd", 0o020000, 0)
    os.mknod(middle / "var", 0o020000, 0)
    (middle / "usr/doc").mkdir(parents=True)
    os.setxattr(middle / "usr/doc", "user.overlay.opaque", b"y")
    (middle / "usr/doc/new").touch()
    (middle / "srv").mkdir()
    (middle / "srv/data").touch()
    (top / "etc").mkdir(parents=True)
    (top / "etc/passwd").touch()
    return [bottom, middle, top]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/etc/passwd", Found(index=2, state=PRESENT, by="/etc/passwd", hidden=(0,))),
        ("etc//./passwd", Found(index=2, state=PRESENT, by="/etc/passwd", hidden=(0,))),
        ("/etc", Found(index=2, state=PRESENT, by="/etc", merged=(1, 0))),
        ("/etc/motd", Found(index=1, state=DELETED, by="/etc/motd", hidden=(0,))),
        ("/var/log/boot", Found(index=1, state=DELETED, by="/var", hidden=(0,))),
        ("/usr/doc", Found(index=1, state=PRESENT, by="/usr/doc", hidden=(0,))),
        ("/usr/doc/old", Found(index=1, state=DELETED, by="/usr/doc", hidden=(0,))),
        ("/usr/doc/new", Found(index=1, state=PRESENT, by="/usr/doc/new")),
        ("/srv/data", Found(index=1, state=PRESENT, by="/srv/data", hidden=(0,))),
        ("/srv/data/file", Found(index=1, state=DELETED, by="/srv/data", hidden=(0,))),
        ("/nowhere/at/all", None),
    ],
)
def test_the_topmost_layer_that_knows_the_path_decides(
    layers: list[Path], path: str, found: Found | None
) -> None:
    assert which_layer(layers, path) == found


def test_a_symbolic_link_is_a_name_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/link").symlink_to("/etc")
    found = which_layer([tmp_path / "a"], "/link/passwd")
    assert found == Found(index=0, state=DELETED, by="/link")
