"""What belongs to which repository: small files beside the content store.

::

    <root>/repositories/<name>/_blobs/<digest>              an empty file
    <root>/repositories/<name>/_manifests/<digest>          its descriptor
    <root>/repositories/<name>/_tags/<tag>                  the digest
    <root>/repositories/<name>/_referrers/<subject>/<digest>  the referrer's descriptor
    <root>/repositories/<name>/_uploads/<id>                the hash algorithm of an open upload

Digests are written ``sha256-<hex>``. A component of a name cannot begin with ``_``
(distribution-spec spec.md#pulling-manifests), so these directories cannot be taken for names.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ocinb.content.durable import make_directory, replace_file, storage_errors
from ocinb.errors import DocumentError
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import decode, encode

BLOBS, MANIFESTS, TAGS = "_blobs", "_manifests", "_tags"
REFERRERS, UPLOADS = "_referrers", "_uploads"


class Repository:
    """One repository. Its name must have been checked against the grammar.

    Methods raise ``StorageError`` where the disk refuses.
    """

    def __init__(self, base: Path, name: str) -> None:
        """``base`` is the directory of all repositories."""
        self.name = name
        self._path = base / name

    def exists(self) -> bool:
        """Whether anything was ever pushed to it."""
        return (self._path / MANIFESTS).is_dir() or (self._path / BLOBS).is_dir()

    def has_blob(self, digest: Digest) -> bool:
        """Whether a blob belongs to this repository."""
        return (self._path / BLOBS / _file_name(digest)).exists()

    def link_blob(self, digest: Digest) -> None:
        """Let a blob of the store belong to this repository."""
        path = self._path / BLOBS / _file_name(digest)
        with storage_errors("write", path):
            try:
                path.touch()
            except FileNotFoundError:
                make_directory(path.parent)
                path.touch()

    def unlink_blob(self, digest: Digest) -> bool:
        """Let it belong no longer; false where it did not."""
        return _remove(self._path / BLOBS / _file_name(digest))

    def manifest(self, digest: Digest) -> Descriptor | None:
        """The descriptor of a manifest of this repository, or None."""
        return _read_descriptor(self._path / MANIFESTS / _file_name(digest))

    def link_manifest(self, descriptor: Descriptor) -> None:
        """Let a manifest of the store belong to this repository."""
        self._write(MANIFESTS, _file_name(descriptor.digest), encode(descriptor))

    def unlink_manifest(self, digest: Digest, subject: Digest | None) -> bool:
        """Take a manifest away, with the tags that point at it and its entry as a referrer."""
        for tag in self.tags():
            if self.tag(tag) == digest:
                self.unlink_tag(tag)
        if subject:
            self.unlink_referrer(subject, digest)
        return _remove(self._path / MANIFESTS / _file_name(digest))

    def manifests(self) -> Iterator[Digest]:
        """The digests of all manifests."""
        return _digests(self._path / MANIFESTS)

    def blobs(self) -> Iterator[Digest]:
        """The digests of all blobs."""
        return _digests(self._path / BLOBS)

    def tags(self) -> list[str]:
        """All tags in lexical order, without regard to case.

        Spec: distribution-spec spec.md#listing-tags
        """
        names = (name for name in _names(self._path / TAGS) if not name.startswith(".tmp-"))
        return sorted(names, key=tag_order)

    def tag(self, tag: str) -> Digest | None:
        """What a tag points at, or None."""
        data = _read(self._path / TAGS / tag)
        return Digest(data.decode()) if data else None

    def set_tag(self, tag: str, digest: Digest) -> None:
        """Let a tag point at a manifest."""
        self._write(TAGS, tag, digest.encode())

    def unlink_tag(self, tag: str) -> bool:
        """Forget a tag; false where there was none."""
        return _remove(self._path / TAGS / tag)

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Descriptors of the manifests that have ``subject``, by digest."""
        directory = self._path / REFERRERS / _file_name(subject)
        found = (_read_descriptor(directory / name) for name in sorted(_names(directory)))
        return [descriptor for descriptor in found if descriptor]

    def link_referrer(self, subject: Digest, descriptor: Descriptor) -> None:
        """Note that a manifest refers to ``subject``."""
        where = f"{REFERRERS}/{_file_name(subject)}"
        self._write(where, _file_name(descriptor.digest), encode(descriptor))

    def unlink_referrer(self, subject: Digest, digest: Digest) -> None:
        """Forget that a manifest refers to ``subject``."""
        _remove(self._path / REFERRERS / _file_name(subject) / _file_name(digest))

    def upload_algorithm(self, identifier: str) -> str | None:
        """The hash algorithm of an open upload; None where there is no such upload."""
        data = _read(self._path / UPLOADS / identifier)
        return data.decode() if data else None

    def open_upload(self, identifier: str, algorithm: str) -> None:
        """Note that an upload was opened in this repository."""
        path = self._path / UPLOADS / identifier
        make_directory(path.parent)
        with storage_errors("write", path):
            path.write_text(algorithm)

    def close_upload(self, identifier: str) -> None:
        """Note that an upload ended."""
        _remove(self._path / UPLOADS / identifier)

    def uploads(self) -> Iterator[tuple[str, float]]:
        """Open uploads with the time of their beginning, seconds since the epoch."""
        directory = self._path / UPLOADS
        for name in _names(directory):
            with contextlib.suppress(FileNotFoundError):
                yield name, (directory / name).stat().st_mtime

    def _write(self, where: str, name: str, data: bytes) -> None:
        path = self._path / where / name
        make_directory(path.parent)
        replace_file(path, data)


def repositories(base: Path, *, even_empty: bool = False) -> Iterator[Repository]:
    """All repositories to which something was pushed, in order of their names.

    ``even_empty`` gives those too in which only an upload was opened.
    """
    pending = [""]
    while pending:
        name = pending.pop()
        repository = Repository(base, name)
        if name and (even_empty or repository.exists()):
            yield repository
        children = sorted(_names(base / name), reverse=True)
        prefix = f"{name}/" if name else ""
        pending += [f"{prefix}{child}" for child in children if not child.startswith(("_", "."))]


def tag_order(tag: str) -> tuple[str, str]:
    """The key by which tags are sorted. Spec: distribution-spec spec.md#listing-tags"""
    return tag.lower(), tag


def _file_name(digest: Digest) -> str:
    return f"{digest.algorithm}-{digest.encoded}"


def _digests(directory: Path) -> Iterator[Digest]:
    for name in _names(directory):
        with contextlib.suppress(DocumentError):
            yield Digest(name.replace("-", ":", 1))


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(path: Path) -> bytes | None:
    with storage_errors("read", path):
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None


def _read_descriptor(path: Path) -> Descriptor | None:
    if path.name.startswith("."):
        return None
    data = _read(path)
    return decode(data, Descriptor, str(path)) if data else None


def _remove(path: Path) -> bool:
    with storage_errors("remove", path):
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True
