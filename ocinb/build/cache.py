"""What steps of earlier builds made, so that the same step on the same image is not done again.

Spec: none
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

import msgspec

from ocinb.build.made import MadeLayer
from ocinb.content.store import Store
from ocinb.errors import DocumentError, StorageError
from ocinb.frozen import Frozen
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import decode


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
        new = path.with_suffix(f".{os.getpid()}.new")
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps({"created": made.created, "layer": layer}), encoding="utf-8")
            new.replace(path)

    def clear(self) -> int:
        """Forget everything; how many steps that were.

        Raises:
            StorageError: a file cannot be removed.
        """
        count = 0
        try:
            for path in self._directory.glob("*.json"):
                path.unlink(missing_ok=True)
                count += 1
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}".lower()) from error
        return count


def key_of(*parts: object) -> str:
    """The key of a step: all that its result depends on, hashed."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
