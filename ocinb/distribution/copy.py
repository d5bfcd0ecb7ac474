"""Copy: from one registry to another without a store in between."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import httpx

from ocinb.distribution.client import Client
from ocinb.distribution.failures import unreachable
from ocinb.distribution.push import blobs_of
from ocinb.distribution.referrers import put_with_subject
from ocinb.distribution.resolve import MAX_DEPTH, resolve
from ocinb.distribution.upload import Upload
from ocinb.distribution.workers import run_together
from ocinb.errors import DigestMismatch, InvalidDocument
from ocinb.frozen import Frozen
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform
from ocinb.spec.reference import Reference


class Copied(Frozen):
    """What a copy did.

    Attributes:
        descriptor: what the target's name points at now.
        transferred: blobs that went over the network.
        mounted: blobs that the registry took from another of its repositories.
        present: blobs that were there already.
    """

    descriptor: Descriptor
    transferred: int
    mounted: int
    present: int


def copy(
    client: Client, source: Reference, target: Reference, platform: Platform | None = None
) -> Copied:
    """Bring an image to another registry or repository; bytes stream through memory.

    A blob that the target has is not read from the source. Within one registry blobs are mounted.

    Args:
        platform: only its manifest, in place of a whole index.

    Raises:
        DigestMismatch: the source has other bytes than its manifest says; the target got none.
        RegistryUnreachable, RegistryError, AuthenticationFailed, PlatformNotFound.

    Spec: distribution-spec spec.md#mounting-a-blob-from-another-repository,
    spec.md#pushing-manifests
    """
    if platform is None:
        fetched = client.get_manifest(source)
    else:
        fetched = resolve(client, source, platform).fetched
    run = _Copy(client, source, target)
    run.document(fetched.data, fetched.descriptor, target)
    counts = {kind: run.sources.count(kind) for kind in ("network", "mounted", "registry")}
    return Copied(
        descriptor=fetched.descriptor,
        transferred=counts["network"],
        mounted=counts["mounted"],
        present=counts["registry"],
    )


class _Copy:
    def __init__(self, client: Client, source: Reference, target: Reference) -> None:
        self._client = client
        self._source = source
        self._target = target
        self.sources: list[str] = []

    def document(
        self, data: bytes, descriptor: Descriptor, name: Reference, depth: int = 0
    ) -> None:
        """Copy a manifest or index after all that it points at."""
        if depth > MAX_DEPTH:
            raise InvalidDocument(
                f"{self._source} nests indexes deeper than {MAX_DEPTH}", path="$.manifests"
            )
        present = self._client.head_manifest(name)
        if present is not None and present.digest == descriptor.digest:
            return
        if descriptor.is_index:
            for child in ImageIndex.parse(data, descriptor.media_type).manifests:
                fetched = self._client.get_manifest(self._source.with_digest(child.digest), child)
                where = self._target.with_digest(child.digest)
                self.document(fetched.data, fetched.descriptor, where, depth + 1)
        else:
            manifest = Manifest.parse(data, descriptor.media_type)
            tasks = [
                Upload(
                    self._client,
                    self._target,
                    blob,
                    functools.partial(stream, self._client, self._source, blob),
                    mount_from=self._mountable(),
                ).run
                for blob in blobs_of(manifest)
                if blob.media_type not in media_types.FOREIGN
            ]
            self.sources += run_together(self._client.network, tasks)
        put_with_subject(self._client, name, data, descriptor)

    def _mountable(self) -> tuple[str, ...]:
        same = self._source.registry == self._target.registry
        return (self._source.repository,) if same else ()


def stream(client: Client, reference: Reference, blob: Descriptor, offset: int) -> Iterator[bytes]:
    """A blob's bytes from ``offset`` on, going on where the source breaks off.

    From the start, the digest is verified before the last byte is given away.
    """
    patience = client.transport.patience()
    hasher = blob.digest.hasher() if offset == 0 else None
    held = b""
    while offset < blob.size:
        before = offset
        try:
            with client.get_blob(reference, blob.digest, offset, patience=patience) as answer:
                start, response = answer
                skip = offset - start
                for chunk in response.iter_raw():
                    data, skip = chunk[skip:], max(0, skip - len(chunk))
                    if not data:
                        continue
                    offset += len(data)
                    if offset > blob.size:
                        raise _mismatch(blob, "more bytes than it should have")
                    if hasher is not None:
                        hasher.update(data)
                    if held:
                        yield held
                    held = data
            if offset < blob.size:
                raise httpx.RemoteProtocolError("the body ends too early")
        except httpx.TransportError as error:
            if offset > before:
                patience.progressed()
            if not patience.again(error=error):
                base = client.hosts.origin(reference).base
                raise unreachable(reference.registry, base, error) from error
    if hasher is not None and hasher.hexdigest() != blob.digest.encoded:
        raise _mismatch(blob, "other bytes than its digest says")
    if held:
        yield held


def _mismatch(blob: Descriptor, why: str) -> DigestMismatch:
    return DigestMismatch(
        f"blob {blob.digest} has {why}",
        hint="the source's copy is damaged; the target did not get it",
        citation="image-spec descriptor.md#verification",
    )
