"""Every digest of an image, computed anew from the bytes, beside the one that is written down.

Which digest is which is what people confuse most: that of an index, of a manifest, of a config
(Docker's image ID), of a compressed layer, of the archive inside (diffID), of a layer with all
below it (chainID).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.errors import OcinbError
from ocinb.layer.diff_id import compute_diff_id
from ocinb.spec.digest import Digest, chain_ids, digest_of
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocinb.content.store import Store
    from ocinb.engine.images import LocalImage
    from ocinb.spec.descriptor import Descriptor

LEDGER_COLUMNS = columns(
    "kind layer:int digest:digest computed:digest verified bytes:bytes of written_in citation?"
)
"""``kind``: index, manifest, config, layer, diffID or chainID; ``layer``: its number, the base
being 1; ``digest`` as it is written in ``written_in``; ``computed`` from what ``of`` says, which
is ``bytes`` long; ``verified``: ``yes``, ``no``, or why it cannot be told."""

_BLOCK = 1 << 20


def ledger_table(store: Store, image: LocalImage, title: str = "") -> Table:
    """The rows, from the name to the chainIDs.

    Spec: image-spec descriptor.md#verification, image-spec config.md#layer-diffid,
    image-spec config.md#layer-chainid
    """
    rows = [*_documents(store, image)]
    computed: list[str] = []
    for number, layer in enumerate(image.manifest.layers, 1):
        cite = "image-spec descriptor.md#digests"
        rows.append(_blob_row(store, "layer", number, layer, "the blob, compressed", cite))
        row = _diff_id_row(store, image, number, layer)
        rows.append(row)
        computed.append(row[3] or "")
    rows += _chain_rows(image, computed)
    return Table(LEDGER_COLUMNS, rows, title=title, key="digest")


def _documents(store: Store, image: LocalImage) -> Iterator[tuple[Any, ...]]:
    target, manifest = image.target, image.manifest_descriptor
    if target.digest != manifest.digest:
        yield _blob_row(store, "index", None, target, "the document", "image-spec image-index.md",
                        "the name, in index.json")  # fmt: skip
    where = "the index" if target.digest != manifest.digest else "the name, in index.json"
    yield _blob_row(store, "manifest", None, manifest, "the document", "image-spec manifest.md",
                    where)  # fmt: skip
    yield _blob_row(
        store, "config", None, image.manifest.config, "the document (its digest is the image ID)",
        "image-spec config.md#imageid",
    )  # fmt: skip


def _blob_row(
    store: Store,
    kind: str,
    layer: int | None,
    descriptor: Descriptor,
    of: str,
    citation: str,
    written_in: str = "the manifest",
) -> tuple[Any, ...]:
    computed, size, verified = None, None, ""
    try:
        computed, size = _hash(store, descriptor.digest)
    except OcinbError as error:
        verified = error.message
    verified = verified or ("yes" if computed == descriptor.digest else "no")
    return kind, layer, descriptor.digest, computed, verified, size, of, written_in, citation


def _hash(store: Store, digest: Digest) -> tuple[str, int]:
    hasher, size = digest.hasher(), 0
    with store.open(digest) as blob:
        while block := blob.read(_BLOCK):
            hasher.update(block)
            size += len(block)
    return f"{digest.algorithm}:{hasher.hexdigest()}", size


def _diff_id_row(
    store: Store, image: LocalImage, number: int, layer: Descriptor
) -> tuple[Any, ...]:
    diff_id = image.config.rootfs.diff_ids[number - 1]
    computed: str | None = None
    try:
        with store.open(layer.digest) as blob:
            algorithm = diff_id.algorithm
            computed = compute_diff_id(blob, layer.media_type, algorithm=algorithm)
        verified = "yes" if computed == diff_id else "no"
    except OcinbError as error:
        verified = error.message
    return (
        "diffID", number, diff_id, computed, verified, None, "the archive, uncompressed",
        "the config", "image-spec config.md#layer-diffid",
    )  # fmt: skip


def _chain_rows(image: LocalImage, computed: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    stated = image.config.chain_ids
    whole = all(computed)
    ours = chain_ids([Digest(each) for each in computed]) if whole else [None] * len(stated)
    for number, (known, found) in enumerate(zip(stated, ours, strict=True), 1):
        if number == 1:
            of, size = "the same as diffID 1", None
        else:
            text = f"{stated[number - 2]} {image.config.rootfs.diff_ids[number - 1]}"
            of, size = f'the text "chainID {number - 1} diffID {number}"', len(text)
            assert known == digest_of(text.encode()), "a chainID is the digest of two digests"
        verified = "a diffID is not known" if found is None else "yes" if found == known else "no"
        yield (
            "chainID", number, known, found, verified, size, of, "nothing: names directories",
            "image-spec config.md#layer-chainid",
        )  # fmt: skip
