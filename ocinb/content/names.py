"""Names of images: ``index.json`` of the layout.

Spec: image-spec image-layout.md#indexjson-file
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ocinb.content.durable import replace_file, storage_errors
from ocinb.content.locks import locked
from ocinb.content.unchanged import Unchanged, identities
from ocinb.errors import BlobNotFound, NameNotFound
from ocinb.events import ImageNamed, ignore
from ocinb.spec import media_types
from ocinb.spec.annotations import CONTAINERD_NAME, REF_NAME
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import decode, encode, parse_object
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.image_layout import INDEX_FILE

if TYPE_CHECKING:
    from ocinb.events import Record

EMPTY_INDEX = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX, "manifests": []}

_NAME_KEYS = (CONTAINERD_NAME, REF_NAME)


class Names:
    """Images by name. A name is ``str(Reference)``, whole, with registry and tag.

    Each is an entry of ``index.json`` that carries the name as both
    ``org.opencontainers.image.ref.name`` and ``io.containerd.image.name``. Entries and fields
    that other tools wrote survive our changes. Reading takes no lock: the file is only ever
    replaced as a whole.
    """

    def __init__(
        self,
        root: Path,
        lock: Path,
        has: Callable[[Digest], bool],
        record: Record = ignore,
    ) -> None:
        self._path = root / INDEX_FILE
        self._lock = lock
        self._has = has
        self._record = record
        self._unchanged = Unchanged()

    def items(self) -> list[tuple[str, Descriptor]]:
        """Names with what they point at, in the order of ``index.json``.

        An entry that another tool named by tag only appears under that tag; entries with no
        name at all are left out (see ``roots``).

        Raises:
            InvalidDocument: ``index.json`` is not an image index.
        """
        return [
            (name, _without_name(descriptor))
            for descriptor in self.roots()
            if (name := _name(descriptor.annotations or {}))
        ]

    def roots(self) -> list[Descriptor]:
        """All entries of ``index.json`` as they stand, named or not."""
        path = str(self._path)
        known = self._unchanged.get(path)
        if known is None:
            seen = identities([path])
            known = decode(self._read(), ImageIndex, path).manifests
            self._unchanged.keep(path, known, seen)
        return list(known)

    def get(self, name: str) -> Descriptor:
        """What a name points at, a manifest or an index.

        Raises:
            NameNotFound: no image of that name.
        """
        for candidate, descriptor in self.items():
            if candidate == name:
                return descriptor
        raise NameNotFound(f"no image named {name} in {self._path.parent}")

    def set(self, name: str, descriptor: Descriptor) -> None:
        """Let a name point at a manifest or index that is in the store.

        Raises:
            BlobNotFound: the descriptor's blob is not in the store.
            StorageError: the disk refused; the names are as they were.
        """
        entry = msgspec.to_builtins(_without_name(descriptor), enc_hook=str)
        entry["annotations"] = {**entry.get("annotations", {}), **dict.fromkeys(_NAME_KEYS, name)}
        with locked(self._lock):
            if not self._has(descriptor.digest):
                raise BlobNotFound(f"{name} cannot point at {descriptor.digest}: no such blob")
            document = self._document()
            document["manifests"] = [*_others(document, name), entry]
            self._write(document)
        self._record(ImageNamed(name=name, digest=descriptor.digest))

    def remove(self, name: str) -> None:
        """Forget a name; blobs stay until garbage is collected.

        Raises:
            NameNotFound: no image of that name.
        """
        with locked(self._lock):
            document = self._document()
            others = _others(document, name)
            if len(others) == len(document["manifests"]):
                raise NameNotFound(f"no image named {name} in {self._path.parent}")
            document["manifests"] = others
            self._write(document)

    def __contains__(self, name: str) -> bool:
        return any(candidate == name for candidate, _ in self.items())

    def __len__(self) -> int:
        return len(self.items())

    def _read(self) -> bytes:
        with storage_errors("read", self._path):
            return self._path.read_bytes()

    def _document(self) -> dict[str, Any]:
        data = self._read()
        decode(data, ImageIndex, str(self._path))
        return parse_object(data, str(self._path))

    def _write(self, document: dict[str, Any]) -> None:
        replace_file(self._path, encode(document), temporary=self._lock.parent)


def _name(properties: dict[str, str]) -> str | None:
    return next((properties[key] for key in _NAME_KEYS if properties.get(key)), None)


def _others(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [
        entry for entry in document["manifests"] if _name(entry.get("annotations") or {}) != name
    ]


def _without_name(descriptor: Descriptor) -> Descriptor:
    kept = {k: v for k, v in (descriptor.annotations or {}).items() if k not in _NAME_KEYS}
    return msgspec.structs.replace(descriptor, annotations=kept or None)
