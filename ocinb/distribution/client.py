"""A method for each endpoint of the distribution specification.

Spec: distribution-spec spec.md#endpoints
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import httpx

from ocinb.distribution.hosts import Hosts, Source
from ocinb.distribution.manifests import ACCEPT, Fetched, checked_manifest
from ocinb.distribution.network import Network
from ocinb.distribution.retry import Patience, RetryPolicy
from ocinb.distribution.transport import Body, Outgoing, Timeouts, Transport
from ocinb.distribution.uploads import Session, session_of
from ocinb.distribution.wire import CODING, Sockets
from ocinb.errors import RegistryError
from ocinb.events import ignore
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import MAX_DOCUMENT
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.events import Record


class Client:
    """Speaks to all registries; may be used from several threads.

    Of a ``Reference``, a method uses the parts that its endpoint needs.

    Args:
        insecure: registries spoken to by plain HTTP, besides those on loopback.
        record: told an ``Exchange`` for each request on the wire.
        transport: in place of sockets, as ``httpx.MockTransport`` in a test.

    Every method raises ``RegistryUnreachable``, ``AuthenticationFailed`` or ``RegistryError``.
    """

    def __init__(
        self,
        *,
        insecure: Iterable[str] = (),
        record: Record = ignore,
        transport: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.record = record
        self.hosts = Hosts(insecure)
        self.network = Network()
        self._double = transport
        self._sockets: dict[str, httpx.BaseTransport] = {}
        self.transport = Transport(
            self._choose,
            self.network,
            policy=policy or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            record=record,
            may_downgrade=lambda url: self.hosts.is_insecure(url.netloc.decode()),
        )

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()
        for sockets in self._sockets.values():
            sockets.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _choose(self, url: httpx.URL) -> httpx.BaseTransport:
        if self._double is not None:
            return self._double
        host = url.netloc.decode()
        key = f"{url.scheme}://{host}"
        if key not in self._sockets:
            # A TLS context takes 50 ms to make: the trusted certificates are read.
            context = self.hosts.context(host) if url.scheme == "https" else None
            self._sockets.setdefault(key, Sockets(self.network, context))
        return self._sockets[key]

    def ping(self, registry: str) -> None:
        """Whether this is a registry of the specification. Spec: end-1"""
        reference = Reference(registry=registry, repository="ping")
        call = self._call("GET", self.hosts.origin(reference), "end-1", "", subject="")
        self.transport.fetch(call, expect=(200,), limit=MAX_DOCUMENT, what="the answer")

    def get_manifest(self, reference: Reference, expected: Descriptor | None = None) -> Fetched:
        """A manifest or index by tag or digest, verified.

        Args:
            expected: what pointed here; size, digest and media type must agree.

        Raises:
            DigestMismatch, SizeMismatch: other bytes than asked for.
            InvalidDocument: its media type contradicts what pointed here.

        Spec: distribution-spec spec.md#pulling-manifests
        """
        call = self._manifest_call("GET", self.hosts.origin(reference), reference)
        response, data = self.transport.fetch(
            call, expect=(200,), limit=MAX_DOCUMENT, what=f"the manifest {reference}"
        )
        return checked_manifest(reference, response, data, expected)

    def head_manifest(self, reference: Reference) -> Descriptor | None:
        """What a tag or digest is now, without its content; None where there is no such.

        Where the registry does not tell the digest, the manifest is fetched to learn it.

        Spec: distribution-spec spec.md#checking-if-content-exists-in-the-registry
        """
        call = self._manifest_call("HEAD", self.hosts.origin(reference), reference)
        with self.transport.send(call, expect=(200, 404)) as response:
            if response.status_code == 404:
                return None
            digest = response.headers.get("docker-content-digest")
            length = response.headers.get("content-length", "")
            media_type = response.headers.get("content-type", "").partition(";")[0].strip()
        if not digest or not length.isdigit() or not media_type:
            return self.get_manifest(reference).descriptor
        return Descriptor(media_type=media_type, digest=Digest(digest), size=int(length))

    @contextlib.contextmanager
    def get_blob(
        self,
        reference: Reference,
        digest: Digest,
        start: int = 0,
        patience: Patience | None = None,
    ) -> Iterator[tuple[int, httpx.Response]]:
        """A blob's bytes as they come, from ``start`` on: where they begin in fact, and the answer.

        They begin at 0 where the registry does not do ranges; the body is neither verified nor
        decoded. A fault while it is read is an ``httpx.TransportError``.

        Spec: distribution-spec spec.md#pulling-blobs
        """
        headers = {"range": f"bytes={start}-"} if start else {}
        call = self._blob_call("GET", self.hosts.origin(reference), reference, digest, headers)
        expect = (200, 206, 416) if start else (200,)
        with self.transport.send(call, expect=expect, patience=patience) as response:
            if response.status_code == 416:
                response.close()
                with self.get_blob(reference, digest, 0, patience) as whole:
                    yield whole
                return
            coding = response.extensions.get(CODING)
            if coding:
                raise RegistryError(
                    f"registry {reference.registry} sends {digest} with Content-Encoding {coding}, "
                    "though identity was asked for",
                    status=response.status_code,
                )
            yield _start_of(response, start), response

    def head_blob(self, reference: Reference, digest: Digest) -> int | None:
        """Bytes of a blob; None where the repository does not have it; -1 where it is not told."""
        call = self._blob_call("HEAD", self.hosts.origin(reference), reference, digest, {})
        with self.transport.send(call, expect=(200, 404)) as response:
            if response.status_code == 404:
                return None
            length = response.headers.get("content-length", "")
            return int(length) if length.isdigit() else -1

    def start_upload(
        self,
        reference: Reference,
        *,
        mount: Digest | None = None,
        from_repository: str | None = None,
    ) -> Session | None:
        """Open an upload; None where the blob was mounted instead and nothing is left to do.

        Spec: distribution-spec spec.md#mounting-a-blob-from-another-repository
        """
        source = self.hosts.origin(reference)
        query = {}
        if mount:
            query = {"mount": str(mount), "from": from_repository or reference.repository}
        call = self._call(
            "POST",
            source,
            "end-11" if mount else "end-4a",
            f"{source.repository}/blobs/uploads/",
            subject=source.repository,
            query=query,
        )
        with self.transport.send(call, expect=(202, 201) if mount else (202,)) as response:
            if response.status_code == 201:
                return None
            return session_of(call, response)

    def finish_upload(self, session: Session, digest: Digest, body: Body | None = None) -> None:
        """Close an upload with the whole blob or what is left of it.

        Spec: distribution-spec spec.md#post-then-put
        """
        url = session.url.copy_merge_params({"digest": str(digest)})
        headers = {"content-type": "application/octet-stream"} if body else {}
        call = session.call("PUT", "end-6", url=url, headers=headers, body=body)
        with self.transport.send(call, expect=(201,)):
            pass

    def put_manifest(self, reference: Reference, data: bytes, media_type: str) -> httpx.Headers:
        """Push a manifest or index under the reference's tag or digest; the answer's headers.

        Spec: distribution-spec spec.md#pushing-manifests
        """
        source = self.hosts.origin(reference)
        call = self._manifest_call("PUT", source, reference, body=Body.of(data), media=media_type)
        with self.transport.send(call, expect=(201,)) as response:
            return response.headers

    def _manifest_call(
        self,
        method: str,
        source: Source,
        reference: Reference,
        body: Body | None = None,
        media: str | None = None,
    ) -> Outgoing:
        headers = {"content-type": media} if media else {"accept": ACCEPT}
        return self._call(
            method,
            source,
            "end-7" if method == "PUT" else "end-3",
            f"{source.repository}/manifests/{reference.selector}",
            subject=f"{reference.repository} {reference.selector}",
            headers=headers,
            body=body,
        )

    def _blob_call(
        self,
        method: str,
        source: Source,
        reference: Reference,
        digest: Digest,
        headers: dict[str, str],
    ) -> Outgoing:
        return self._call(
            method,
            source,
            "end-2",
            f"{source.repository}/blobs/{digest}",
            subject=f"{reference.repository} {digest}",
            headers=headers,
        )

    def _call(
        self,
        method: str,
        source: Source,
        endpoint: str,
        path: str,
        *,
        subject: str,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: Body | None = None,
    ) -> Outgoing:
        url = source.base.copy_with(path=f"/v2/{path}", params=query or None)
        return Outgoing(
            method=method,
            url=url,
            endpoint=endpoint,
            registry=source.registry,
            subject=subject,
            headers=headers or {},
            body=body,
        )


def _start_of(response: httpx.Response, asked: int) -> int:
    """Where a body begins in the blob, from Content-Range.

    Raises:
        RegistryError: a part that was not asked for.
    """
    if response.status_code != 206:
        return 0
    unit, _, rest = response.headers.get("content-range", "").partition(" ")
    first = rest.partition("-")[0]
    if unit != "bytes" or not first.isdigit() or not 0 <= int(first) <= asked:
        raise RegistryError(
            f"the registry sends another part than bytes {asked} and following", status=206
        )
    return int(first)
