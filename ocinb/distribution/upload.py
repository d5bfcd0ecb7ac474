"""One blob into a registry: at once or in chunks, going on after a fault."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from ocinb.distribution.cancel import Cancelled
from ocinb.distribution.client import Client
from ocinb.distribution.outgoing import Body
from ocinb.distribution.retry import RETRIED_STATUSES, Patience
from ocinb.distribution.sessions import Session
from ocinb.errors import DistributionError, RegistryError, RegistryUnreachable
from ocinb.events import BlobDone, BlobProgress
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.reference import Reference

OpenAt = Callable[[int], Iterator[bytes]]
"""Gives a blob's bytes from an offset on."""

_PROGRESS_INTERVAL = 0.1


class Upload:
    """Brings one blob to a repository.

    Args:
        open_at: gives its bytes; called again after a fault.
        chunk: bytes of each chunk; None sends the blob in one request, and only what is missing
            as a chunk after a fault. A registry that wants larger chunks gets them.
        mount_from: repositories of the same registry that may have the blob.
    """

    def __init__(
        self,
        client: Client,
        reference: Reference,
        blob: Descriptor,
        open_at: OpenAt,
        *,
        chunk: int | None = None,
        mount_from: tuple[str, ...] = (),
    ) -> None:
        self._client = client
        self._reference = reference
        self._blob = blob
        self._open_at = open_at
        self._chunk = chunk
        self._mount_from = [name for name in mount_from if name != reference.repository]
        self._session: Session | None = None
        self._told = 0.0

    def run(self) -> str:
        """Upload unless the registry has the blob; ``registry``, ``mounted`` or ``network``.

        Raises:
            RegistryUnreachable, RegistryError, AuthenticationFailed: after all attempts.

        Spec: distribution-spec spec.md#pushing-blobs
        """
        started = time.monotonic()
        source = "registry"
        if self._client.head_blob(self._reference, self._blob.digest) is None:
            source = "mounted" if self._open() else "network"
            if source == "network":
                self._send_all()
        self._client.record(
            BlobDone(
                digest=self._blob.digest,
                size=self._blob.size,
                source=source,
                seconds=time.monotonic() - started,
            )
        )
        return source

    def _open(self) -> bool:
        """Open an upload; whether the blob was mounted instead."""
        digest = self._blob.digest
        for repository in self._mount_from:
            with contextlib.suppress(RegistryError):
                opened = self._client.start_upload(
                    self._reference, mount=digest, from_repository=repository
                )
                self._abandon()  # what the repository before this one opened instead
                self._session = opened
                if opened is None:
                    return True
        if self._session is not None:
            return False
        self._session = self._client.start_upload(self._reference, algorithm=digest.algorithm)
        return False

    def _send_all(self) -> None:
        patience = self._client.transport.patience()
        try:
            while True:
                try:
                    self._send_rest(patience)
                    return
                except (RegistryUnreachable, RegistryError) as error:
                    if not (_may_pass(error) and patience.again(error=error)):
                        raise
                    self._find_out()
        except Cancelled:
            raise
        except DistributionError:
            self._abandon()
            raise

    def _send_rest(self, patience: Patience) -> None:
        session, size = self._session, self._blob.size
        assert session is not None
        if self._chunk is None and session.offset == 0:
            self._client.finish_upload(session, self._blob.digest, self._body(0, size))
            return
        chunk = max(self._chunk or size, session.chunk_minimum, 1)
        while session.offset < size:
            before = session.offset
            session = self._client.send_chunk(
                session, self._body(before, min(chunk, size - before))
            )
            self._session = session
            if not before < session.offset <= size:
                raise RegistryError(
                    f"registry {self._reference.registry} took a chunk of {self._blob.digest} "
                    f"and says it has {session.offset:,} bytes",
                    status=202,
                    citation="distribution-spec spec.md#pushing-a-blob-in-chunks",
                )
            patience.progressed()
        self._client.finish_upload(session, self._blob.digest)

    def _find_out(self) -> None:
        """After a fault: where to go on, from the registry's own account, or from the start.

        Spec: distribution-spec spec.md#pushing-a-blob-in-chunks
        """
        assert self._session is not None
        status = None
        with contextlib.suppress(RegistryError):
            status = self._client.upload_status(self._session)
        if status is not None and 0 < status.offset <= self._blob.size:
            self._session = status
        else:
            self._session = self._client.start_upload(
                self._reference, algorithm=self._blob.digest.algorithm
            )

    def _abandon(self) -> None:
        """Tell the registry that the upload is over; what it answers does not matter.

        Spec: distribution-spec spec.md#endpoints (end-14, in the text after 1.1.1)
        """
        if self._session is not None:
            with contextlib.suppress(DistributionError):
                self._client.cancel_upload(self._session)

    def _body(self, start: int, length: int) -> Body:
        return Body(length, lambda: self._bytes(start, length))

    def _bytes(self, start: int, length: int) -> Iterator[bytes]:
        cancel, left = self._client.network.cancel, length
        for data in self._open_at(start):
            cancel.check()
            part = data if len(data) <= left else data[:left]
            left -= len(part)
            yield part
            self._tell(start + length - left)
            if not left:
                return

    def _tell(self, done: int) -> None:
        clock, size = time.monotonic(), self._blob.size
        if done == size or clock - self._told >= _PROGRESS_INTERVAL:
            self._told = clock
            self._client.record(
                BlobProgress(digest=self._blob.digest, done=done, total=size, action="uploading")
            )


def _may_pass(error: DistributionError) -> bool:
    """Whether it is worth asking how far the upload is: not where the registry said no."""
    if isinstance(error, RegistryError):
        return error.status in RETRIED_STATUSES or error.status in (404, 416)
    return True
