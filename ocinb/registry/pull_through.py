"""A registry that gets from another one what it has not, and keeps it.

The registry may not import the client, so who builds the server gives it an ``Upstream``.

Spec: none (Docker convention); the distribution specification has a section on proxying since the
text after 1.1.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ocinb.content.writer import BlobWriter
from ocinb.errors import ContentError, DistributionError
from ocinb.registry.call import Call, check_tag, parse_digest
from ocinb.registry.discovery import referrer_page, tag_page
from ocinb.registry.messages import Refusal, Response
from ocinb.registry.repositories import tag_order
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.distribution import ErrorCode


class Upstream(Protocol):
    """The registry behind. Methods raise ``DistributionError`` where it does not answer."""

    def manifest(self, name: str, reference: str) -> tuple[bytes, str] | None:
        """Bytes and media type of a manifest by tag or digest; None where there is none."""
        ...

    def blob(self, name: str, digest: Digest) -> tuple[int, Iterator[bytes]] | None:
        """Size and pieces of a blob; None where there is none."""
        ...

    def tags(self, name: str) -> list[str] | None:
        """All tags; None where there is no such repository."""
        ...

    def referrers(self, name: str, digest: Digest) -> list[Descriptor]:
        """What has this manifest as its subject."""
        ...


class PullThrough:
    """Fills the repositories of a registry before a request is answered from them."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def answer(self, call: Call) -> Response | None:
        """The answer, where it comes from upstream while the bytes are kept; None where the
        request is to be answered from what we have (now).

        Raises:
            Refusal: 502, upstream does not answer and we have nothing.
        """
        if call.endpoint.id == "end-3":
            self._fetch_manifest(call)
        elif call.endpoint.id == "end-2" and not call.repository.has_blob(call.digest()):
            return self._fetch_blob(call, call.digest())
        elif call.endpoint.id in ("end-8a", "end-8b"):
            return self._tags(call)
        elif call.endpoint.id in ("end-12a", "end-12b"):
            return self._referrers(call)
        return None

    def _tags(self, call: Call) -> Response | None:
        """Upstream's tags, for ours are only those that somebody asked for."""
        try:
            tags = self._upstream.tags(call.repository.name)
        except DistributionError:
            return None
        return None if tags is None else tag_page(call, sorted(tags, key=tag_order))

    def _referrers(self, call: Call) -> Response | None:
        digest = call.digest()
        try:
            found = self._upstream.referrers(call.repository.name, digest)
        except DistributionError:
            return None
        return referrer_page(call, sorted(found, key=lambda descriptor: descriptor.digest))

    def _fetch_manifest(self, call: Call) -> None:
        """Keep the manifest. A tag is asked for each time, since it may have moved."""
        by_digest = ":" in call.reference
        if by_digest:
            digest: Digest | None = call.digest()
        else:
            digest = call.repository.tag(check_tag(call.reference, call.malformed))
        cached = digest is not None and call.repository.manifest(digest) is not None
        if by_digest and cached:
            return
        try:
            found = self._upstream.manifest(call.repository.name, call.reference)
        except DistributionError as error:
            if cached:
                return  # better an answer that may be old than none
            raise _bad_gateway(error) from error
        if found is None:
            return
        data, media_type = found
        if by_digest:
            _verified(parse_digest(call.reference), data)
        algorithm = call.reference.partition(":")[0] if by_digest else "sha256"
        descriptor = call.store.add(data, media_type, algorithm=algorithm)
        call.repository.link_manifest(descriptor)
        if not by_digest:
            call.repository.set_tag(call.reference, descriptor.digest)

    def _fetch_blob(self, call: Call, digest: Digest) -> Response | None:
        try:
            found = self._upstream.blob(call.repository.name, digest)
        except DistributionError as error:
            raise _bad_gateway(error) from error
        if found is None:
            return None
        size, pieces = found
        writer = call.store.blob(digest, size)
        if writer.present:
            call.repository.link_blob(digest)
            return None
        writer.rewind()
        headers = {
            "Content-Type": "application/octet-stream",
            "Docker-Content-Digest": digest,
            "Content-Length": str(size),
        }
        if call.request.method == "HEAD":
            writer.close()
            return Response(200, headers)
        return Response(200, headers, _tee(call, digest, writer, pieces))


def _tee(
    call: Call, digest: Digest, writer: BlobWriter, pieces: Iterator[bytes]
) -> Iterator[bytes]:
    """Pass a blob on while it is kept. The last piece waits until the whole is verified."""
    with writer:
        held = b""
        for piece in pieces:
            if held:
                yield held
            writer.write(piece)
            held = piece
        writer.commit()
        call.repository.link_blob(digest)
        yield held


def _verified(digest: Digest, data: bytes) -> None:
    try:
        digest.verify(data, "the upstream manifest")
    except ContentError as error:
        raise _bad_gateway(error) from error


def _bad_gateway(error: Exception) -> Refusal:
    return Refusal(502, ErrorCode.DENIED, f"the registry behind this one: {error}")
