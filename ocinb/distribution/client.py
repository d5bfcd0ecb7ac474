"""A method for each endpoint of the distribution specification.

Spec: distribution-spec spec.md#endpoints
"""

from __future__ import annotations

import contextlib
import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import httpx

from ocinb.distribution import paging
from ocinb.distribution.auth import Authority
from ocinb.distribution.calls import Calls
from ocinb.distribution.credentials import Credentials
from ocinb.distribution.decimal_text import decimal
from ocinb.distribution.failures import encoded_body
from ocinb.distribution.hosts import Hosts, Source
from ocinb.distribution.manifests import Fetched, checked_manifest, told_descriptor
from ocinb.distribution.network import Network
from ocinb.distribution.outgoing import Body, Timeouts
from ocinb.distribution.ranges import start_of
from ocinb.distribution.retry import Patience, RetryPolicy
from ocinb.distribution.routes import Routes
from ocinb.distribution.sessions import Session, received_of, session_of
from ocinb.distribution.transport import Transport
from ocinb.errors import ContentError, DistributionError, DocumentError
from ocinb.events import Warned, ignore
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import MAX_DOCUMENT
from ocinb.spec.reference import TAG, Reference

if TYPE_CHECKING:
    from ocinb.events import Record

T = TypeVar("T")


class Client:
    """Speaks to all registries; may be used from several threads.

    Of a ``Reference``, a method uses the parts that its endpoint needs. Manifests and blobs are
    read from mirrors where some are configured; everything else concerns the registry itself.

    Args:
        credentials: who we are, by registry; nobody in particular without.
        insecure: registries spoken to by plain HTTP, besides those on loopback.
        record: told an ``Exchange`` for each request on the wire.
        transport: in place of sockets, as ``httpx.MockTransport`` in a test.
        hosts: all that is configured about registries; in place of ``insecure``.
        policy: how often to try again.
        timeouts: how long to wait for a sign of life.

    Every method raises ``RegistryUnreachable``, ``AuthenticationFailed`` or ``RegistryError``.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        insecure: Iterable[str] = (),
        record: Record = ignore,
        transport: httpx.BaseTransport | None = None,
        hosts: Hosts | None = None,
        policy: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.record = record
        self.hosts = hosts or Hosts(insecure)
        self.network = Network()
        self._authority = Authority(credentials)
        self._calls = Calls(self._authority)
        self._routes = Routes(self.hosts, self.network, transport)
        weakref.finalize(self, self._routes.close)
        self.transport = Transport(
            self._routes.choose,
            self.network,
            policy=policy or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            record=record,
            may_downgrade=lambda url: self.hosts.is_insecure(url.netloc.decode()),
        )

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()
        self._routes.close()

    def forget_logins(self) -> None:
        """Look up logins again with the next request: one was added, changed or removed."""
        self._authority.forget()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ping(self, registry: str) -> None:
        """Whether this is a registry of the specification, and knows us. (end-1)"""
        call = self._calls.ping(self.hosts.origin(Reference(registry=registry, repository="")))
        self.transport.fetch(call, expect=(200,), limit=MAX_DOCUMENT, what="the answer")

    def get_manifest(self, reference: Reference, expected: Descriptor | None = None) -> Fetched:
        """A manifest or index by tag or digest, verified. (end-3)

        Args:
            expected: what pointed here; size, digest and media type must agree.

        Raises:
            DigestMismatch, SizeMismatch: other bytes than asked for.
            InvalidDocument: its media type contradicts what pointed here.

        Spec: distribution-spec spec.md#pulling-manifests
        """

        def read(source: Source, patience: Patience) -> Fetched:
            response, data = self.transport.fetch(
                self._calls.manifest("GET", source, reference.selector),
                expect=(200,),
                limit=MAX_DOCUMENT,
                what=f"the manifest {reference}",
                patience=patience,
            )
            return checked_manifest(reference, response, data, expected)

        return self._read(reference, read)

    def head_manifest(self, reference: Reference) -> Descriptor | None:
        """What a tag or digest is now, without its content; None where there is no such. (end-3)

        Where the registry does not tell the digest, the manifest is fetched to learn it.

        Spec: distribution-spec spec.md#checking-if-content-exists-in-the-registry
        """
        call = self._calls.manifest("HEAD", self.hosts.origin(reference), reference.selector)
        with self.transport.send(call, expect=(200, 404)) as response:
            if response.status_code == 404:
                return None
        return told_descriptor(reference, response) or self.get_manifest(reference).descriptor

    @contextlib.contextmanager
    def get_blob(
        self,
        reference: Reference,
        digest: Digest,
        start: int = 0,
        *,
        patience: Patience | None = None,
        mirrors: bool = True,
    ) -> Iterator[tuple[int, httpx.Response]]:
        """A blob's bytes as they come: where they begin in fact, and the answer. (end-2)

        They begin at 0 where the registry does not do ranges; the body is neither verified nor
        decoded. A fault while it is read is an ``httpx.TransportError``.

        Args:
            start: first byte wanted.
            mirrors: whether a mirror will do.

        Spec: distribution-spec spec.md#pulling-blobs
        """

        def read(source: Source, patience: Patience) -> httpx.Response:
            call = self._calls.blob("GET", source, digest, start)
            expect = (200, 206, 416) if start else (200,)
            response = self.transport.answer(call, expect=expect, patience=patience)
            if response.status_code == 416:
                response.close()
                call = self._calls.blob("GET", source, digest)
                response = self.transport.answer(call, expect=(200,), patience=patience)
            return response

        response = self._read(reference.with_digest(digest), read, patience, mirrors=mirrors)
        try:
            encoded_body(response, f"the blob {digest}", reference.registry)
            yield start_of(response, start), response
        finally:
            self.transport.finish(response)

    def head_blob(self, reference: Reference, digest: Digest) -> int | None:
        """Bytes of a blob; None where the repository has none, -1 where it is not told. (end-2)"""
        call = self._calls.blob("HEAD", self.hosts.origin(reference), digest)
        with self.transport.send(call, expect=(200, 404)) as response:
            if response.status_code == 404:
                return None
            length = decimal(response.headers.get("content-length"))
            return -1 if length is None else length

    def start_upload(
        self,
        reference: Reference,
        *,
        mount: Digest | None = None,
        from_repository: str | None = None,
        algorithm: str = "sha256",
    ) -> Session | None:
        """Open an upload; None where the blob was mounted and nothing is left to do. (end-4a, 11)

        Spec: distribution-spec spec.md#mounting-a-blob-from-another-repository
        """
        source = self.hosts.origin(reference)
        call = self._calls.upload(source, mount, from_repository, algorithm)
        with self.transport.send(call, expect=(202, 201) if mount else (202,)) as response:
            return None if response.status_code == 201 else session_of(call, response)

    def send_chunk(self, session: Session, body: Body) -> Session:
        """Push the next bytes; the upload as it is then. (end-5) One attempt.

        Spec: distribution-spec spec.md#pushing-a-blob-in-chunks
        """
        last = session.offset + body.length - 1
        headers = {
            "content-type": "application/octet-stream",
            "content-range": f"{session.offset}-{last}",
        }
        call = session.call("PATCH", "end-5", headers=headers, body=body)
        with self.transport.send(call, expect=(202,), patience=self.transport.one_try()) as got:
            return session.after(got, received_of(got, last + 1))

    def upload_status(self, session: Session) -> Session | None:
        """How far an upload is; None where the registry does not know it any more. (end-13)"""
        with self.transport.send(session.call("GET", "end-13"), expect=(204, 404)) as response:
            if response.status_code == 404:
                return None
            return session.after(response, received_of(response, 0))

    def cancel_upload(self, session: Session) -> None:
        """Let the registry forget an upload. (end-14)"""
        call = session.call("DELETE", "end-14")
        with self.transport.send(
            call, expect=(204, 200, 202, 404), patience=self.transport.one_try()
        ):
            pass

    def finish_upload(self, session: Session, digest: Digest, body: Body | None = None) -> None:
        """Close an upload with the whole blob, or what is left of it. (end-6) One attempt.

        Spec: distribution-spec spec.md#post-then-put
        """
        headers = {"content-type": "application/octet-stream"} if body else {}
        url = session.closing(digest)
        call = session.call("PUT", "end-6", url=url, headers=headers, body=body)
        with self.transport.send(call, expect=(201,), patience=self.transport.one_try()):
            pass

    def put_manifest(self, reference: Reference, data: bytes, media_type: str) -> httpx.Headers:
        """Push a manifest or index under the tag or digest; the answer's headers. (end-7)

        Spec: distribution-spec spec.md#pushing-manifests
        """
        call = self._calls.manifest(
            "PUT", self.hosts.origin(reference), reference.selector, Body.of(data), media_type
        )
        with self.transport.send(call, expect=(201,)) as response:
            return response.headers

    def delete_manifest(self, reference: Reference) -> None:
        """Delete a tag, or a manifest by its digest. (end-9)

        Spec: distribution-spec spec.md#deleting-manifests
        """
        call = self._calls.manifest("DELETE", self.hosts.origin(reference), reference.selector)
        with self.transport.send(call, expect=(202, 200, 204)):
            pass

    def delete_blob(self, reference: Reference, digest: Digest) -> None:
        """Delete a blob. (end-10) Spec: distribution-spec spec.md#deleting-blobs"""
        call = self._calls.blob("DELETE", self.hosts.origin(reference), digest)
        with self.transport.send(call, expect=(202, 200, 204)):
            pass

    def tags(
        self,
        reference: Reference,
        *,
        n: int | None = None,
        last: str | None = None,
        limit: int | None = None,
    ) -> list[str]:
        """The tags of a repository, all pages. (end-8a, end-8b)

        Args:
            n: tags that one page may have.
            last: begin behind this tag.
            limit: enough tags; further pages are not fetched.

        Spec: distribution-spec spec.md#listing-tags
        """
        call = self._calls.tags(self.hosts.origin(reference), _page(n, last))
        what = f"the tags of {reference.name}"
        found = paging.pages(self.transport, call, what)
        names = (tag for page, _ in found for tag in paging.texts(page, "tags", what))
        return list(itertools.islice(filter(TAG.fullmatch, names), limit))

    def catalog(self, registry: str, *, n: int | None = None) -> list[str]:
        """The repositories of a registry, where it tells. Spec: none (Docker convention)"""
        source = self.hosts.origin(Reference(registry=registry, repository=""))
        what = f"the catalog of {registry}"
        found = paging.pages(self.transport, self._calls.catalog(source, _page(n, None)), what)
        return [name for page, _ in found for name in paging.texts(page, "repositories", what)]

    def referrer_pages(
        self, reference: Reference, digest: Digest, artifact_type: str | None = None
    ) -> list[tuple[dict[str, object], httpx.Headers]] | None:
        """Pages of the referrers API; None where there is no such API. (end-12a, end-12b)

        Spec: distribution-spec spec.md#listing-referrers
        """
        call = self._calls.referrers(self.hosts.origin(reference), digest, artifact_type)
        what = f"the referrers of {digest}"
        return list(paging.pages(self.transport, call, what, or_404=True)) or None

    def _read(
        self,
        reference: Reference,
        read: Callable[[Source, Patience], T],
        patience: Patience | None = None,
        *,
        mirrors: bool = True,
    ) -> T:
        """Ask the mirrors in order, each with little patience, then the registry itself."""
        *others, origin = self.hosts.sources(reference)
        for mirror in others if mirrors else ():
            try:
                return read(mirror, self.transport.patience(attempts=2))
            except (DistributionError, ContentError, DocumentError) as error:
                self.network.cancel.check()
                self.record(Warned(message=f"mirror {mirror.registry}: {error.message}"))
        return read(origin, patience or self.transport.patience())


def _page(n: int | None, last: str | None) -> dict[str, str]:
    return {k: str(v) for k, v in (("n", n), ("last", last)) if v is not None}
