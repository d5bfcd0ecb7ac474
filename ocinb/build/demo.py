"""The demo image: small, real, and made from this machine's own files.

A shell, a few programs and the libraries they need are found by reading ELF headers; everything
else is written here. Its layers show each thing that a layer can do: add, delete, make opaque,
replace a file by a directory.
"""

from __future__ import annotations

import datetime
import io
import os
import shutil
from pathlib import Path

from ocinb.build.changes import Changes
from ocinb.build.libraries import Library, Loader
from ocinb.content.store import Store
from ocinb.errors import DocumentError, StorageError, UnsupportedHost
from ocinb.layer.pack import Packed, pack
from ocinb.linux.elf import is_elf
from ocinb.spec import annotations as keys
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import encode
from ocinb.spec.image_config import Execution, History, ImageConfig, RootFS
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform

EPOCH = 1735689600
"""2025-01-01, the time of everything in the image unless SOURCE_DATE_EPOCH says otherwise."""

REQUIRED = ("cat", "ls", "echo", "id")
OPTIONAL = ("hostname", "uname", "sleep", "env", "mount", "true", "false", "touch", "mkdir", "rm",
            "date", "wc", "ps")  # fmt: skip
LARGEST_ADDITION = 6 << 20
"""Bytes that an optional program may add with its libraries; one that needs more stays out."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_TOP_LINKS = ("/bin", "/sbin", "/lib", "/lib64")
_FILES = {
    "etc/os-release": 'NAME="ocinb demo"\nPRETTY_NAME="ocinb demo"\nID=ocinb-demo\nVERSION_ID=1\n',
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "demo:x:1000:1000:an ordinary user:/home/demo:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\ndemo:x:1000:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/motd": "This file is in a lower layer; a later layer deletes it.\n",
    "srv/notes": "This file is in a lower layer; a later layer has a directory in its place.\n",
    "usr/share/demo/one": "hidden by an opaque directory of a later layer\n",
    "usr/share/demo/two": "hidden by the same\n",
    "usr/share/demo/deeper/three": "hidden with the directory it is in\n",
}
_ENTRYPOINT = """\
#!/bin/sh
# Runs what it is asked to run; without a wish of yours that is the image's Cmd.
exec "$@"
"""
_GREETING = "cat /etc/os-release; id; hostname"


def demo_image(store: Store, *, epoch: int | None = None) -> Descriptor:
    """Build the demo image into a store.

    The same machine, programs and epoch give the same bytes.

    Args:
        store: where its blobs go; it is not named there.
        epoch: time of everything in it, seconds; None: ``SOURCE_DATE_EPOCH``, or ``EPOCH``.

    Returns:
        The descriptor of its image index: this machine's platform, and a second one as a decoy.

    Raises:
        UnsupportedHost: no shell, or a program or library that it cannot do without is missing.
        StorageError: the store refused, or a file cannot be read.
    """
    if epoch is None:
        text = os.environ.get("SOURCE_DATE_EPOCH", "")
        epoch = int(text) if text.isdigit() else EPOCH
    try:
        layers = _layers(epoch)
        host = Platform.host()
        real = _manifest(store, host, layers, epoch)
        decoy = _manifest(store, _other(host), [_decoy_layer(host, epoch)], epoch)
    except OSError as error:
        raise StorageError(f"{error.filename}: {error.strerror}".lower()) from error
    index = ImageIndex(
        schema_version=2,
        media_type=media_types.IMAGE_INDEX,
        manifests=(real, decoy),
        annotations={keys.TITLE: "ocinb demo"},
    )
    return store.add(encode(index), media_types.IMAGE_INDEX)


def _layers(epoch: int) -> list[Changes]:
    base = Changes("a shell, the C library, and the directories that every system has", epoch)
    programs = Changes("a few programs and their libraries", epoch)
    _add_programs(base, programs)
    for path in ("dev", "proc", "sys", "run", "var", "home", "mnt"):
        base.directory(path)
    base.directory("root", 0o700)
    base.directory("tmp", 0o1777)

    files = Changes("names of users, and files for the later layers to change", epoch)
    for path, text in _FILES.items():
        files.text(path, text)
    files.hardlink("usr/share/demo/deeper/one-again", "usr/share/demo/one")
    files.directory("home/demo", 0o750, 1000)
    files.text("entrypoint", _ENTRYPOINT, 0o755)

    deletes = Changes("delete /etc/motd: a whiteout", epoch)
    deletes.whiteout("etc/motd")
    opaque = Changes("hide all that /usr/share/demo had: an opaque directory", epoch)
    opaque.opaque("usr/share/demo")
    opaque.text("usr/share/demo/new", "the only file that is left here\n")
    replaces = Changes("a directory in the place of the file /srv/notes", epoch)
    replaces.text("srv/notes/today", "now it is a directory\n")
    return [base, programs, files, deletes, opaque, replaces]


def _add_programs(base: Changes, programs: Changes) -> None:
    """The shell goes into the first layer, the other programs with their libraries on it."""
    loader = Loader()
    for link in _TOP_LINKS:
        if os.path.islink(link):
            base.symlink(link[1:], os.readlink(link))
    shell = _shell()
    have: set[Path] = set()
    _add(base, shell, loader.closure(shell), have)
    for library in list(have):  # before 2.34 glibc loaded the reader of /etc/passwd by itself
        users = library.with_name("libnss_files.so.2")
        if library.name == "libc.so.6" and is_elf(users):
            base.host_file(users)
    if not os.path.exists("/bin/sh"):
        base.symlink("bin/sh", str(shell))
    for name in (*REQUIRED, *OPTIONAL):
        program = _program(name)
        try:
            if program is None:
                raise UnsupportedHost(f"there is no program {name} on this machine's PATH")
            libraries = loader.closure(program)
        except (UnsupportedHost, DocumentError, OSError):
            if name in REQUIRED:
                raise
            continue
        new = sum(
            os.stat(library.path).st_size for library in libraries if library.path not in have
        )
        if name in REQUIRED or new <= LARGEST_ADDITION:
            _add(programs, program, libraries, have)


def _add(layer: Changes, program: Path, libraries: list[Library], have: set[Path]) -> None:
    layer.host_file(program)
    for library in libraries:
        if library.path in have:
            continue
        have.add(library.path)
        layer.host_file(library.path)
        if not library.by_default:  # found by a cache that the image does not have
            layer.symlink(f"usr/lib/{library.name}", str(library.path))


def _shell() -> Path:
    for candidate in ("/bin/sh", shutil.which("dash"), shutil.which("bash"), shutil.which("sh")):
        if candidate and is_elf(Path(candidate)):
            return Path(candidate)
    raise UnsupportedHost("there is no shell on this machine that can go into an image")


def _program(name: str) -> Path | None:
    """A program that can be copied: an ELF file that this user may read."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{PATH}")
    return Path(found) if found and is_elf(Path(found)) else None


def _other(host: Platform) -> Platform:
    if host.architecture == "arm64":
        return Platform(os="linux", architecture="amd64")
    return Platform(os="linux", architecture="arm64", variant="v8")


def _decoy_layer(host: Platform, epoch: int) -> Changes:
    layer = Changes("a decoy: this platform has a note and no programs", epoch)
    layer.text("README", f"The real image is the one for {host}.\n")
    return layer


def _manifest(store: Store, platform: Platform, layers: list[Changes], epoch: int) -> Descriptor:
    created = datetime.datetime.fromtimestamp(epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    packed = [_pack(store, layer) for layer in layers]
    config = _config(platform, layers, [done.diff_id for done, _ in packed], created)
    manifest = Manifest(
        schema_version=2,
        media_type=media_types.IMAGE_MANIFEST,
        config=store.add(encode(config), media_types.IMAGE_CONFIG),
        layers=tuple(descriptor for _, descriptor in packed),
        annotations={keys.CREATED: created},
    )
    return store.add(encode(manifest), media_types.IMAGE_MANIFEST, platform=platform)


def _pack(store: Store, layer: Changes) -> tuple[Packed, Descriptor]:
    blob = io.BytesIO()
    done = pack(layer.entries, blob)
    return done, store.add(blob.getvalue(), done.media_type)


def _config(
    platform: Platform, layers: list[Changes], diff_ids: list[Digest], created: str
) -> ImageConfig:
    history = [History(created=created, created_by=layer.history) for layer in layers]
    history.append(History(created=created, created_by="how it wants to be run", empty_layer=True))
    return ImageConfig(
        created=created,
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        config=Execution(
            env=(f"PATH={PATH}", "OCINB_DEMO=from the image"),
            entrypoint=("/entrypoint",),
            cmd=("/bin/sh", "-c", _GREETING),
            working_dir="/",
            labels={keys.TITLE: "ocinb demo"},
        ),
        rootfs=RootFS(type="layers", diff_ids=tuple(diff_ids)),
        history=tuple(history),
    )
