"""What a handler is given: the request, its row of the endpoint table, and the storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ocinb.content.store import Store
from ocinb.errors import InvalidDigest
from ocinb.registry.messages import Refusal, Request
from ocinb.registry.repositories import Repository
from ocinb.registry.upload_sessions import Sessions
from ocinb.spec.digest import Digest
from ocinb.spec.distribution import Endpoint, ErrorCode
from ocinb.spec.reference import MAX_NAME_LENGTH, REPOSITORY, TAG


@dataclass(slots=True, frozen=True)
class Storage:
    """Where the registry keeps things.

    Attributes:
        store: blobs and manifests by digest.
        repositories: the directory of repositories.
        sessions: hashes of open uploads.
    """

    store: Store
    repositories: Path
    sessions: Sessions

    def repository(self, name: str) -> Repository:
        """A repository whose name was checked."""
        return Repository(self.repositories, name)


@dataclass(slots=True, frozen=True)
class Call:
    """One request to one endpoint.

    Attributes:
        request: the HTTP request.
        endpoint: the row of the specification's table.
        storage: the registry's storage.
        repository: the one named in the path; its name is valid, it may not exist.
        reference: digest, tag or upload of the path, unchecked.
        open: no access control is in force, so that existence of content is no secret.
        minimum_chunk: bytes to announce as ``OCI-Chunk-Min-Length``; 0 for none.
    """

    request: Request
    endpoint: Endpoint
    storage: Storage
    repository: Repository
    reference: str = ""
    open: bool = True
    minimum_chunk: int = 0

    @property
    def store(self) -> Store:
        """The content store."""
        return self.storage.store

    @property
    def malformed(self) -> int:
        """The status for a malformed digest or tag.

        404 where it is only looked for: it is certainly not there. 400 where the endpoint's row
        has that, and for everything that writes.

        Spec: distribution-spec spec.md#endpoints
        """
        reading = self.request.method in ("GET", "HEAD")
        return 404 if reading and 400 not in self.endpoint.failure else 400

    def digest(self) -> Digest:
        """The digest of the path.

        Raises:
            Refusal: it is not one.
        """
        return parse_digest(self.reference, self.malformed)

    def header(self, name: str) -> str:
        """A request header without parameters, stripped; empty where there is none."""
        return self.request.headers.get(name, "").partition(";")[0].strip()


def parse_digest(text: str | None, status: int = 400) -> Digest:
    """A digest that a client sent.

    Raises:
        Refusal: ``DIGEST_INVALID`` with ``status``.
    """
    if not text:
        raise Refusal(status, ErrorCode.DIGEST_INVALID, "the digest parameter is missing")
    try:
        return Digest(text)
    except InvalidDigest as error:
        raise Refusal(status, ErrorCode.DIGEST_INVALID, error.message, detail=error.hint) from error


def check_name(name: str, status: int = 404) -> str:
    """A repository name that a client sent.

    Raises:
        Refusal: ``NAME_INVALID``.

    Spec: distribution-spec spec.md#pulling-manifests
    """
    if len(name) > MAX_NAME_LENGTH or not REPOSITORY.fullmatch(name):
        raise Refusal(
            status, ErrorCode.NAME_INVALID, f"{name[:80]!r} is not a name of a repository"
        )
    return name


def check_tag(tag: str, status: int = 404) -> str:
    """A tag that a client sent.

    Raises:
        Refusal: ``MANIFEST_INVALID``.

    Spec: distribution-spec spec.md#pulling-manifests
    """
    if not TAG.fullmatch(tag):
        raise Refusal(status, ErrorCode.MANIFEST_INVALID, f"{tag[:140]!r} is not a tag")
    return tag


def page_size(call: Call, default: int | None = None) -> int | None:
    """The query parameter ``n``; ``default`` where there is none.

    Raises:
        Refusal: it is not a number, or negative.
    """
    text = call.request.parameter("n")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Refusal(400, ErrorCode.UNSUPPORTED, f"n must be a number, not {text[:20]!r}")
    return int(text)


def next_page(path: str, parameters: Mapping[str, str]) -> str:
    """The value of a ``Link`` header to the next page.

    Spec: distribution-spec spec.md#listing-tags (RFC 5988)
    """
    from urllib.parse import urlencode

    return f'<{path}?{urlencode(parameters)}>; rel="next"'
