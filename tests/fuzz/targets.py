"""What reads bytes of strangers, as functions of bytes: each has a promise that it keeps for all.

The promises: an error of ours in one line and nothing else is raised, nothing outside is touched,
and what was understood means the same when it is written and read again.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from ocinb import plain_json
from ocinb.build import dockerfile
from ocinb.build.expand import expand, words
from ocinb.distribution.challenge import challenges, preferred
from ocinb.errors import InvalidDocument, LayerError, OcinbError
from ocinb.layer import changeset, whiteout
from ocinb.layer.changeset import Entry, Limits
from ocinb.layer.tar_reader import TarReader
from ocinb.layer.unpack import unpack
from ocinb.runtime.plan import lines, plan
from ocinb.spec.digest import Digest
from ocinb.spec.docker_schema1 import Schema1, unwrap
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.reference import Reference
from ocinb.spec.runtime_config import check, findings

LIMITS = Limits(size=1 << 20, entries=500, metadata=1 << 16)
"""So that what asks for much is refused soon."""


def reference(data: bytes) -> None:
    """A name of an image."""
    made = Reference.parse(_text(data))
    assert Reference.parse(str(made)) == made
    assert Reference.parse(made.familiar) == made
    assert not re.search(r"[\s\x00-\x1f]|\.\./|//", str(made).partition("/")[2])


def digest(data: bytes) -> None:
    """A digest: what passes is a name of a file, and of one directory."""
    made = Digest(_text(data))
    assert re.fullmatch("sha(256|512)", made.algorithm)
    assert re.fullmatch("[0-9a-f]{64}|[0-9a-f]{128}", made.encoded)


def documents(data: bytes) -> None:
    """Manifest, index, config: no bytes are two of them."""
    read = []
    for kind in (Manifest, ImageIndex):
        with contextlib.suppress(InvalidDocument):
            read.append(kind.parse(data))
    assert len(read) < 2, "one document, read as two things"
    with contextlib.suppress(InvalidDocument):
        config = ImageConfig.parse(data)
        assert len(config.chain_ids) == len(config.rootfs.diff_ids)
        config.layer_history()


def schema1(data: bytes) -> None:
    """Docker's old manifest: only what was signed is believed."""
    signed = unwrap(data)
    manifest = Schema1.parse(signed.payload)
    layers = manifest.layers()
    assert len(layers) <= len(manifest.fs_layers)
    ImageConfig.parse(manifest.image_config(layers))


def config(data: bytes) -> None:
    """config.json: our reader says what Python's says, and what passes the check has a plan."""
    try:
        text = data.decode()
        document = plain_json.loads(text)
    except (ValueError, RecursionError):
        assert not _python_reads(data), "only Python's own reader takes it"
        return
    assert repr(json.loads(text)) == repr(document)
    for field, sentence in findings(document):
        assert field
        assert sentence
    check(document)
    for version in (1, 2):
        list(lines(plan(document, bundle="/b", container="c", cgroup_version=version)))


def tar(data: bytes) -> None:
    """A tar archive's entries: paths that are clean, and content that was there."""
    source = io.BytesIO(_resummed(data))
    reader = TarReader(lambda: source.read(700), "layer", LIMITS)
    while (entry := reader.next()) is not None:
        parts = entry.path.split("/")
        assert entry.path == "" or not {"", ".", ".."} & set(parts), entry.path
        assert "\0" not in entry.path + entry.linkname
        if entry.kind == changeset.FILE and entry.extents is None:
            assert len(reader.read()) == entry.size <= len(data)


def layer(data: bytes) -> None:
    """A layer is unpacked beneath its directory, or nothing is left of it."""
    with tempfile.TemporaryDirectory(prefix="ocinb-fuzz-") as name:
        base = Path(name)
        (base / "outside").mkdir()
        (base / "outside/victim").write_text("untouched")
        before = (base / "outside").stat()
        for form in ("tree", "overlay"):
            target = base / form
            try:
                unpack(io.BytesIO(_resummed(data)), target, form=form, limits=LIMITS)
            except LayerError:
                assert not target.exists(), "half of it is left"
            after = (base / "outside").stat()
            assert (after.st_mtime_ns, after.st_mode) == (before.st_mtime_ns, before.st_mode)
            assert (base / "outside/victim").read_text() == "untouched"
        assert {path.name for path in base.iterdir()} <= {"outside", "tree", "overlay"}


def challenge(data: bytes) -> None:
    """What a registry wants: every offer has a scheme, in the order of the header."""
    offered = challenges(_text(data).split("\n"))
    for one in offered:
        assert one.scheme == one.scheme.lower() != ""
        assert all(name == name.lower() != "" for name in one.parameters)
    best = preferred(offered)
    assert best is None or best in offered


def whiteouts(data: bytes) -> None:
    """The name of a whiteout says what goes, and what goes says the name."""
    names = _text(data).replace("\0", "").split("/")
    path = "/".join(name for name in names if name not in ("", ".", ".."))
    found = whiteout.from_archive(path)
    if found is None or not found[0]:
        return
    kind, removed = found
    assert not removed.rpartition("/")[2].startswith(".wh.wh.") or kind == changeset.WHITEOUT
    assert removed == "" or removed.rpartition("/")[2] not in ("", ".", "..")
    assert whiteout.to_archive(Entry(removed, kind)) == path


def containerfile(data: bytes) -> None:
    """A Dockerfile, its words and its variables."""
    text = _text(data)
    for instruction in dockerfile.parse(text):
        assert instruction.line >= 1
        for argument in instruction.arguments.split("\n"):
            with contextlib.suppress(OcinbError):
                words(argument, instruction.escape)
            with contextlib.suppress(OcinbError):
                expand(argument, {"A": "b"}.get, instruction.escape)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "reference": reference,
    "digest": digest,
    "documents": documents,
    "schema1": schema1,
    "config": config,
    "tar": tar,
    "layer": layer,
    "challenge": challenge,
    "whiteouts": whiteouts,
    "dockerfile": containerfile,
}


def attempt(name: str, data: bytes) -> None:
    """Give bytes to a target; only a broken promise is raised.

    Raises:
        AssertionError: and whatever else is no error of ours.
    """
    try:
        TARGETS[name](data)
    except OcinbError as error:
        assert error.message, "an error without words"
        assert "\n" not in error.message, f"an error of several lines: {error.message!r}"


def _python_reads(data: bytes) -> bool:
    try:
        json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _resummed(data: bytes) -> bytes:
    """An archive whose headers have right checksums, else hardly any would be read."""
    raw = bytearray(data)
    for start in range(0, len(raw) - 511, 512):
        if raw[start + 257 : start + 262] == b"ustar":
            raw[start + 148 : start + 156] = b" " * 8
            raw[start + 148 : start + 156] = b"%06o\0 " % sum(raw[start : start + 512])
    return bytes(raw)
