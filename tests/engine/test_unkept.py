"""What an ordinary user's disk cannot keep of an image is in what is made of it all the same."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pytest

from tests.engine.conftest import Program, finish
from tests.support.archives import archive, directory, hardlink, member

pytestmark = pytest.mark.root

CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
"""cap_net_raw, permitted and effective."""

PROGRAM = """
from ocinb.build.facts import Owners
from ocinb.layer.changeset import Limits
from ocinb.layer.stream import LayerStream
from ocinb.layer.tar_reader import TarReader
from ocinb.workshop import Build, append_layers, squash_image
def show(layer):
    with engine.store.open(layer.digest) as blob, \\
            LayerStream(blob, None, 'sha256', Limits(), 'layer') as stream:
        for e in iter(TarReader(stream.chunk, 'layer', Limits()).next, None):
            if e.path.startswith('opt/'):
                print(e.kind, e.path, oct(e.mode), e.uid, e.gid, *e.device, *sorted(e.xattrs))
append_layers(engine, [place / "layer.tar"], "mine", "demo")
"""
WHOLE = """\
char opt/again 0o640 0 5 1 7
file opt/deleted 0o600 7 8 0 0
char opt/full 0o640 0 5 1 7
file opt/ping 0o755 7 8 0 0 security.capability
block opt/sda 0o660 0 6 8 0
file opt/touched 0o755 0 0 0 0 security.capability trusted.note
"""


@pytest.fixture
def layer(settings, place: Path) -> None:
    """A layer's archive, before the program's user gets the place."""
    capable = {"SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1")}
    noted = capable | {"SCHILY.xattr.trusted.note": "x"}
    device = {"mode": 0o640, "gid": 5, "devmajor": 1, "devminor": 7}
    members = [
        directory("opt"),
        member("opt/full", tarfile.CHRTYPE, **device),
        hardlink("opt/again", "opt/full"),
        member("opt/sda", tarfile.BLKTYPE, mode=0o660, gid=6, devmajor=8),
        member("opt/ping", data=b"ping", mode=0o755, uid=7, gid=8, pax_headers=capable),
        member("opt/deleted", mode=0o600, uid=7, gid=8),
        member("opt/touched", data=b"x", mode=0o755, pax_headers=noted),
    ]
    (place / "layer.tar").write_bytes(archive(members))


def expected(text: str, *, links: bool) -> str:
    """The superuser's disk has two names of one device; elsewhere there are two devices."""
    return re.sub(r"char (opt/full .*) 1 7", r"hardlink \1 0 0", text) if links else text


def test_squashed(layer, program: Program, request) -> None:
    links = "superuser" in request.node.name
    told = finish(
        program(f"{PROGRAM}show(squash_image(engine, 'mine', 'one').manifest.layers[-1])"), 60
    )
    assert told == expected(WHOLE, links=links)


def test_of_what_a_command_changed(layer, program: Program) -> None:
    """Devices that nobody touched are no change; capabilities go with the content only."""
    text = (
        "build = Build(engine=engine, output=lambda *_: None)\n"
        "build.from_('mine')\n"
        "step = build.run('rm /opt/deleted; touch -d @5 /opt/touched; echo x >> /opt/ping')\n"
        "show(step.layer.descriptor)\n"
    )
    assert finish(program(PROGRAM + text), 60).splitlines() == [
        "whiteout opt/deleted 0o644 0 0 0 0",
        "file opt/ping 0o755 7 8 0 0",
        "file opt/touched 0o755 0 0 0 0 security.capability trusted.note",
    ]


def test_copied_to_another_image(layer, program: Program, request) -> None:
    text = (
        "build = Build(engine=engine, output=lambda *_: None)\n"
        "build.from_('scratch')\n"
        "show(build.copy('/opt/', to='/opt/', from_='mine').layer.descriptor)\n"
    )
    told = finish(program(PROGRAM + text), 60)
    links = "superuser" in request.node.name
    # Who builds owns what is copied.
    owned = WHOLE.replace(" 7 8 ", " 0 0 ").replace(" 0 5 1", " 0 0 1").replace(" 0 6 8", " 0 0 8")
    assert sorted(told.splitlines()) == sorted(expected(owned, links=links).splitlines())
