"""One blob from a registry into the store, going on where it stopped."""

from __future__ import annotations

import time

import httpx

from ocinb.content.store import Store
from ocinb.content.writer import BlobWriter
from ocinb.distribution.client import Client
from ocinb.distribution.failures import unreachable
from ocinb.distribution.retry import Patience
from ocinb.errors import DigestMismatch, SizeMismatch
from ocinb.events import BlobDone, BlobProgress
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.reference import Reference

PROGRESS_INTERVAL = 0.1
"""Seconds between two progress events of a blob."""


def download(client: Client, store: Store, reference: Reference, descriptor: Descriptor) -> int:
    """Bring a blob into the store; the bytes that came over the network.

    Bytes are hashed as they come and the blob appears when its digest is verified. A broken
    transfer goes on from the last byte with ``Range``, in this call and in a later process.
    Content that the descriptor carries itself is not fetched.
    Wrong bytes are fetched once more from the start, then not from a mirror.

    Raises:
        DigestMismatch, SizeMismatch: the registry has other bytes than the manifest says.
        RegistryUnreachable, RegistryError: it does not answer, or with an error.
        StorageError: the disk refused.

    Spec: distribution-spec spec.md#pulling-blobs,
    image-spec descriptor.md#verification, descriptor.md#embedded-content
    """
    started = time.monotonic()
    embedded = descriptor.embedded()
    if embedded is not None:
        keep(store, embedded, descriptor)
    received = 0
    cancel = client.network.cancel
    for last in (False, True):
        transfer = _Transfer(client, reference, descriptor, mirrors=not last)
        with store.blob(descriptor.digest, descriptor.size, waiting=cancel.goes_on) as writer:
            try:
                if not writer.present:
                    transfer.run(writer)
                    writer.commit()
            except (DigestMismatch, SizeMismatch):
                writer.discard()
                received += transfer.received
                if last:
                    raise
                continue
        received += transfer.received
        client.record(
            BlobDone(
                digest=descriptor.digest,
                size=descriptor.size,
                source="network" if received else "store",
                seconds=time.monotonic() - started,
            )
        )
        break
    return received


def keep(store: Store, data: bytes, descriptor: Descriptor) -> None:
    """Put verified bytes into the store, under the digest they were verified with."""
    with store.blob(descriptor.digest, descriptor.size) as writer:
        if not writer.present:
            writer.write(data[writer.offset :])
            writer.commit()


class _Transfer:
    """The requests for one blob. ``received`` counts bytes of bodies."""

    def __init__(
        self, client: Client, reference: Reference, descriptor: Descriptor, *, mirrors: bool
    ) -> None:
        self.received = 0
        self._mirrors = mirrors
        self._client = client
        self._reference = reference
        self._descriptor = descriptor
        # Progress that renews the patience: a server that gives a byte each time does not.
        self._enough = min(1024 * 1024, descriptor.size // 20 + 1)
        self._told = 0.0

    def run(self, writer: BlobWriter) -> None:
        """Write until the blob has the size of its descriptor."""
        patience = self._client.transport.patience()
        while writer.offset < self._descriptor.size:
            before = writer.offset
            try:
                self._once(writer, patience)
                if writer.offset < self._descriptor.size:
                    raise httpx.RemoteProtocolError("the body ends too early")
            except httpx.TransportError as error:
                if writer.offset - before >= self._enough:
                    patience.progressed()
                if not patience.again(error=error):
                    url = self._client.hosts.origin(self._reference).base
                    raise unreachable(self._reference.registry, url, error) from error

    def _once(self, writer: BlobWriter, patience: Patience) -> None:
        digest, size = self._descriptor.digest, self._descriptor.size
        cancel = self._client.network.cancel
        with self._client.get_blob(
            self._reference, digest, writer.offset, patience=patience, mirrors=self._mirrors
        ) as answer:
            start, response = answer
            skip = writer.offset - start
            for chunk in response.iter_raw():
                cancel.check()
                self.received += len(chunk)
                data = memoryview(chunk)
                if skip:
                    passed = min(skip, len(data))
                    data, skip = data[passed:], skip - passed
                if data:
                    writer.write(data)
                self._tell(writer.offset, size)
        self._tell(writer.offset, size, now=True)

    def _tell(self, done: int, total: int, now: bool = False) -> None:
        clock = time.monotonic()
        if now or clock - self._told >= PROGRESS_INTERVAL:
            self._told = clock
            self._client.record(
                BlobProgress(
                    digest=self._descriptor.digest, done=done, total=total, action="downloading"
                )
            )
