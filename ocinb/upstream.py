"""Another registry behind ours: the client in the form that a pull-through cache takes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ocinb.distribution.copy import stream
from ocinb.distribution.referrers import referrers
from ocinb.errors import ContentError, DistributionError, DocumentError, RegistryError
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.distribution.client import Client
    from ocinb.spec.digest import Digest


class ClientUpstream:
    """A registry, or a part of its namespace, as ``registry.pull_through.Upstream``.

    Args:
        client: speaks to it, with the logins that it has.
        prefix: as in ``docker.io`` or ``ghcr.io/team``: what stands before our repositories'
            names. Of docker.io, ``nginx`` is ``library/nginx``, as everywhere.

    Methods raise ``DistributionError``, also for what came but cannot be used.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix.rstrip("/")

    def manifest(self, name: str, reference: str) -> tuple[bytes, str] | None:
        """Bytes and media type of a manifest by tag or digest; None where there is none."""
        mark = "@" if ":" in reference else ":"
        with _as_distribution_errors():
            try:
                fetched = self._client.get_manifest(self._reference(name, mark + reference))
            except RegistryError as error:
                if error.status == 404:
                    return None
                raise
        return fetched.data, fetched.descriptor.media_type

    def blob(self, name: str, digest: Digest) -> tuple[int, Iterator[bytes]] | None:
        """Size and pieces of a blob; None where there is none.

        The pieces are resumed where they break off; the last comes when the digest is verified.
        """
        with _as_distribution_errors():
            reference = self._reference(name)
            size = self._client.head_blob(reference, digest)
        if size is None:
            return None
        if size < 0:
            raise DistributionError(f"{reference.registry} does not tell the size of {digest}")
        blob = Descriptor(media_type="application/octet-stream", digest=digest, size=size)
        return size, stream(self._client, reference, blob, 0)

    def tags(self, name: str) -> list[str] | None:
        """All tags; None where there is no such repository."""
        with _as_distribution_errors():
            try:
                return self._client.tags(self._reference(name))
            except RegistryError as error:
                if error.status == 404:
                    return None
                raise

    def referrers(self, name: str, digest: Digest) -> list[Descriptor]:
        """What has this manifest as its subject, also where upstream lists it by tag."""
        with _as_distribution_errors():
            return referrers(self._client, self._reference(name), digest)

    def _reference(self, name: str, selector: str = "") -> Reference:
        return Reference.parse(f"{self._prefix}/{name}{selector}")


@contextlib.contextmanager
def _as_distribution_errors() -> Iterator[None]:
    try:
        yield
    except (ContentError, DocumentError) as error:
        raise DistributionError(error.message, hint=error.hint) from error
