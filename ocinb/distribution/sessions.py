"""An upload that is under way in a registry."""

from __future__ import annotations

import httpx

from ocinb.distribution.decimal_text import decimal
from ocinb.distribution.outgoing import Body, Outgoing
from ocinb.distribution.transport import STORAGE, check_location
from ocinb.errors import RegistryError
from ocinb.frozen import Frozen
from ocinb.spec.digest import Digest


class Session(Frozen):
    """Where to send the rest of an upload.

    Attributes:
        url: the location that the registry gave last; used as it is.
        offset: bytes that the registry has.
        opened: the request that opened the upload.
        chunk_minimum: bytes that each chunk but the last must have (``OCI-Chunk-Min-Length``).
    """

    url: httpx.URL
    opened: Outgoing
    offset: int = 0
    chunk_minimum: int = 0

    def after(self, response: httpx.Response, offset: int) -> Session:
        """The upload as an answer says it is now; the location stays where it does not say."""
        if "location" not in response.headers:
            return Session(**(dict(self) | {"offset": offset}))
        moved = session_of(self.opened, response, offset)
        return Session(**(dict(moved) | {"chunk_minimum": self.chunk_minimum}))

    def closing(self, digest: Digest) -> httpx.URL:
        """Where to close the upload. What the registry's location holds stays as it is."""
        mark = b"&" if self.url.query else b""
        return self.url.copy_with(query=self.url.query + mark + f"digest={digest}".encode())

    def call(
        self,
        method: str,
        endpoint: str,
        *,
        url: httpx.URL | None = None,
        headers: dict[str, str] | None = None,
        body: Body | None = None,
    ) -> Outgoing:
        """A request of this upload. Credentials go along to the registry's own origin only."""
        target, home = url or self.url, self.opened.url
        same = (target.scheme, target.netloc) == (home.scheme, home.netloc)
        return Outgoing(
            method=method,
            url=target,
            endpoint=endpoint,
            registry=self.opened.registry,
            party=self.opened.party if same else STORAGE,
            subject=self.opened.subject,
            headers=headers or {},
            body=body,
            auth=self.opened.auth if same else None,
        )


def session_of(opened: Outgoing, response: httpx.Response, offset: int = 0) -> Session:
    """The upload that an answer speaks of.

    Raises:
        RegistryError: no usable ``Location``.

    Spec: distribution-spec spec.md#post-then-put
    """
    location = response.headers.get("location")
    if not location:
        raise RegistryError(
            f"registry {opened.registry} opened an upload without saying where",
            status=response.status_code,
            citation="distribution-spec spec.md#post-then-put",
        )
    url = check_location(opened.registry, response.request.url, location)
    minimum = decimal(response.headers.get("oci-chunk-min-length"))
    return Session(
        url=url,
        opened=opened,
        offset=offset,
        chunk_minimum=minimum or 0,
    )


def received_of(response: httpx.Response, otherwise: int) -> int:
    """Bytes that the registry has, from ``Range: 0-<end-of-range>``.

    Spec: distribution-spec spec.md#pushing-a-blob-in-chunks
    """
    text = response.headers.get("range", "").removeprefix("bytes=")
    first, dash, last = text.partition("-")
    end = decimal(last)
    if first != "0" or not dash or end is None:
        return otherwise
    # "0-0" is written both for one byte and for none; a registry with one byte corrects us (416).
    return end + 1 if end > 0 else 0
