"""The diffID of a layer's blob, without unpacking it."""

from __future__ import annotations

from typing import IO

from ocinb.layer.changeset import Limits
from ocinb.layer.stream import LayerStream
from ocinb.spec.digest import Digest


def compute_diff_id(
    blob: IO[bytes], media_type: str | None, *, algorithm: str = "sha256", what: str = "layer"
) -> Digest:
    """The digest of the archive that a blob becomes once it is uncompressed.

    Raises:
        LayerError: it cannot be uncompressed; LimitExceeded: it becomes too large.

    Spec: image-spec config.md#layer-diffid
    """
    with LayerStream(blob, media_type, algorithm, Limits(), what) as stream:
        return Digest(f"{algorithm}:{stream.finish()}")
