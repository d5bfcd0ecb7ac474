"""What a registry answered to a request for a manifest, checked before anybody reads it."""

from __future__ import annotations

import httpx

from ocinb.distribution.decimal_text import decimal
from ocinb.distribution.failures import encoded_body
from ocinb.errors import InvalidDigest, InvalidDocument
from ocinb.frozen import Frozen
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor, describe
from ocinb.spec.digest import Digest
from ocinb.spec.docker_schema1 import unwrap
from ocinb.spec.document import parse_object
from ocinb.spec.reference import Reference

ACCEPT = ", ".join(
    (
        media_types.IMAGE_INDEX,
        media_types.IMAGE_MANIFEST,
        media_types.DOCKER_MANIFEST_LIST,
        media_types.DOCKER_MANIFEST,
        media_types.DOCKER_MANIFEST_V1_SIGNED,
        media_types.DOCKER_MANIFEST_V1,
    )
)


class Fetched(Frozen):
    """A manifest or index, byte for byte.

    Attributes:
        data: its bytes; of a signed schema 1 manifest those that were signed.
        descriptor: of these bytes.
        signers: key identifiers of the signatures of a schema 1 manifest, verified.
        headers: of the answer, names in lower case.
    """

    data: bytes
    descriptor: Descriptor
    headers: tuple[tuple[str, str], ...] = ()
    signers: tuple[str, ...] = ()


def checked_manifest(
    reference: Reference, response: httpx.Response, data: bytes, expected: Descriptor | None
) -> Fetched:
    """Verify what was received against what was asked for.

    Raises:
        DigestMismatch, SizeMismatch: other bytes.
        InvalidDocument: not a JSON object, or of a media type that contradicts another.

    Spec: distribution-spec spec.md#pulling-manifests
    """
    what = f"the manifest {reference}"
    encoded_body(response, what, reference.registry)
    signers: tuple[str, ...] = ()
    if _content_type(response) in media_types.SCHEMA1:
        signed = unwrap(data)
        data, signers = signed.payload, signed.keys
    told = response.headers.get("docker-content-digest")
    digest = expected.digest if expected else reference.digest
    if expected:
        expected.verify(data, what)
    elif digest:
        digest.verify(data, what)
    elif told:
        digest = _told_digest(reference, told)
        digest.verify(data, what)
    media_type = _media_type(what, response, data, expected)
    descriptor = describe(data, media_type)
    if digest and digest.algorithm != descriptor.digest.algorithm:
        descriptor = Descriptor(media_type=media_type, digest=digest, size=len(data))
    headers = tuple((name.lower(), value) for name, value in response.headers.multi_items())
    return Fetched(data=data, descriptor=descriptor, headers=headers, signers=signers)


def _content_type(response: httpx.Response) -> str:
    header: str = response.headers.get("content-type", "")
    return header.partition(";")[0].strip().lower()


def _told_digest(reference: Reference, told: str) -> Digest:
    try:
        return Digest(told)
    except InvalidDigest as error:
        raise InvalidDigest(
            f"registry {reference.registry} names {reference} by {error.message}",
            hint=error.hint,
            citation=error.citation,
        ) from error


def _media_type(
    what: str, response: httpx.Response, data: bytes, expected: Descriptor | None
) -> str:
    """The one media type that header, document and descriptor agree upon."""
    header = _content_type(response)
    inner = parse_object(data, what).get("mediaType")
    if inner is not None and not isinstance(inner, str):
        raise InvalidDocument(f"{what} has a mediaType that is no text", path="$.mediaType")
    known = media_types.INDEXES | media_types.MANIFESTS | media_types.SCHEMA1
    claims = {"the header": header if header in known else None, "the document": inner}
    if expected:
        claims["what points at it"] = expected.media_type
    made = {who: claim for who, claim in claims.items() if claim}
    if len(set(made.values())) > 1:
        told = ", ".join(f"{who} says {claim}" for who, claim in made.items())
        raise InvalidDocument(
            f"{what} has contradicting media types: {told}",
            path="$.mediaType",
            hint="such a document can be read in two ways; it is not used",
            citation="distribution-spec spec.md#pulling-manifests",
        )
    if made:
        return next(iter(made.values()))
    return header or "application/octet-stream"


def told_descriptor(reference: Reference, response: httpx.Response) -> Descriptor | None:
    """What the headers of a manifest say of it; None where they do not say enough.

    Raises:
        InvalidDigest: they name it by something that is no digest.
    """
    digest = response.headers.get("docker-content-digest")
    length = decimal(response.headers.get("content-length"))
    media_type = _content_type(response)
    if not digest or length is None or not media_type:
        return None
    return Descriptor(media_type=media_type, digest=_told_digest(reference, digest), size=length)
