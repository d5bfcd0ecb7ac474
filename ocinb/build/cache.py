"""What steps of earlier builds made, so that the same step on the same image is not done again.

Spec: none
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection
from pathlib import Path

import msgspec

from ocinb.build.made import MadeLayer
from ocinb.content.store import Store
from ocinb.errors import DocumentError, StorageError
from ocinb.frozen import Frozen
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import decode
from ocinb.whole_file import write_whole


class Cached(Frozen):
    """What a step made.

    Attributes:
        created: when, as documents have it.
        layer: the layer, or None for a step that made none.
    """

    created: str
    layer: MadeLayer | None


class StepCache:
    """A directory with a small file for each step; nothing in it is needed.

    A layer that is no longer in the store was collected as garbage: the step is done again.

    Args:
        directory: made when needed.
        store: where the layers are.
    """

    def __init__(self, directory: Path, store: Store) -> None:
        self._directory = directory
        self._store = store

    def get(self, key: str) -> Cached | None:
        """What the step of that key made, or None where it is not known any more."""
        try:
            document = json.loads((self._directory / f"{key}.json").read_bytes())
            created, found = str(document["created"]), document["layer"]
            if found is None:
                return Cached(created=created, layer=None)
            descriptor = decode(json.dumps(found["descriptor"]).encode(), Descriptor, "a layer")
            layer = MadeLayer(
                descriptor=descriptor,
                diff_id=Digest(found["diff_id"]),
                entries=int(found["entries"]),
            )
        except (OSError, ValueError, KeyError, TypeError, DocumentError):
            return None
        return (
            Cached(created=created, layer=layer) if self._store.claim(descriptor.digest) else None
        )

    def put(self, key: str, made: Cached) -> None:
        """Remember what a step made. A disk that refuses is no reason to stop."""
        layer = made.layer and {
            "descriptor": msgspec.to_builtins(made.layer.descriptor, enc_hook=str),
            "diff_id": made.layer.diff_id,
            "entries": made.layer.entries,
        }
        path = self._directory / f"{key}.json"
        with contextlib.suppress(OSError, StorageError):
            self._directory.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps({"created": made.created, "layer": layer}))

    def sweep(
        self, before: float, *, gone: Collection[Digest] = (), dry_run: bool = False
    ) -> list[tuple[str, int]]:
        """Forget the steps whose layers are not in the store, and what crashes left.

        Args:
            before: seconds since the epoch; younger files stay.
            gone: layers that count as not in the store.
            dry_run: only tell.

        Returns:
            Names of files, and their bytes.

        Raises:
            StorageError: a file cannot be removed.
        """
        found = []
        try:
            for path in sorted(self._directory.glob("*")):
                status = path.stat()
                if status.st_mtime >= before or self._leads_somewhere(path, gone):
                    continue
                found.append((path.name, status.st_size))
                if not dry_run:
                    path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass  # somebody else was quicker
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}".lower()) from error
        return found

    def _leads_somewhere(self, path: Path, gone: Collection[Digest]) -> bool:
        if path.suffix != ".json":
            return False
        try:
            layer = json.loads(path.read_bytes())["layer"]
            digest = Digest(layer["descriptor"]["digest"]) if layer is not None else None
        except (ValueError, KeyError, TypeError, DocumentError):
            return False
        return digest is None or (digest not in gone and self._store.has(digest))


def key_of(*parts: object) -> str:
    """The key of a step: all that its result depends on, hashed."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
