"""Referrers: what points at a manifest as its subject, and registries that do not know it.

Spec: distribution-spec spec.md#listing-referrers
"""

from __future__ import annotations

import re
from typing import Any

from ocinb.distribution.client import Client
from ocinb.errors import DocumentError, RegistryError
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import decode, encode, parse_object
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.reference import Reference


def referrers(
    client: Client, reference: Reference, digest: Digest, artifact_type: str | None = None
) -> list[Descriptor]:
    """What refers to a manifest, by the registry's API or else by the tag that stands for it.

    Raises:
        RegistryError, InvalidDocument: the answer is no image index.

    Spec: distribution-spec spec.md#unavailable-referrers-api
    """
    pages = client.referrer_pages(reference, digest, artifact_type)
    found: list[Descriptor] = []
    if pages is None:
        found = list(_listed(client, _fallback(reference, digest)))
    else:
        for document, _ in pages:
            what = f"the referrers of {digest}"
            found += decode(encode(document), ImageIndex, what).manifests
    # A registry need not filter, and the tag never does.
    return [
        descriptor
        for descriptor in found
        if artifact_type is None or descriptor.artifact_type == artifact_type
    ]


def referrers_tag(digest: Digest) -> str:
    """The tag that lists the referrers of a digest where there is no API.

    Spec: distribution-spec spec.md#referrers-tag-schema
    """
    text = f"{digest.algorithm[:32]}-{digest.encoded[:64]}"
    return re.sub(r"[^a-zA-Z0-9._-]", "-", text)


def put_with_subject(
    client: Client, reference: Reference, data: bytes, descriptor: Descriptor
) -> None:
    """Push a manifest; where it has a subject that the registry ignores, list it by tag.

    Raises:
        RegistryError: the tag is something else than a list of referrers.

    Spec: distribution-spec spec.md#pushing-manifests-with-subject
    """
    headers = client.put_manifest(reference, data, descriptor.media_type)
    subject = _subject(data)
    if subject is not None and "oci-subject" not in headers:
        _update(client, _fallback(reference, subject), add=_entry(data, descriptor))


def delete_manifest(client: Client, reference: Reference) -> None:
    """Delete a tag or a manifest; a manifest by digest leaves its subject's list by tag, too.

    Spec: distribution-spec spec.md#deleting-manifests
    """
    subject = None
    if reference.digest is not None:
        subject = _subject(client.get_manifest(reference).data)
    client.delete_manifest(reference)
    if subject is not None and client.referrer_pages(reference, subject) is None:
        _update(client, _fallback(reference, subject), remove=reference.digest)


def _subject(data: bytes) -> Digest | None:
    subject = parse_object(data, "the manifest").get("subject")
    found = subject.get("digest") if isinstance(subject, dict) else None
    return Digest(found) if found else None


def _fallback(reference: Reference, digest: Digest) -> Reference:
    return Reference(
        registry=reference.registry, repository=reference.repository, tag=referrers_tag(digest)
    )


def _entry(data: bytes, descriptor: Descriptor) -> dict[str, Any]:
    """The descriptor of a referrer, with its type and annotations."""
    document = parse_object(data, "the manifest")
    entry: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    config = document.get("config")
    kind = document.get("artifactType")
    if not kind and isinstance(config, dict):
        kind = config.get("mediaType")
    if kind:
        entry["artifactType"] = kind
    if document.get("annotations"):
        entry["annotations"] = document["annotations"]
    return entry


def _listed(client: Client, tag: Reference) -> tuple[Descriptor, ...]:
    """What a tag lists; nothing where it is no valid index, as the specification has it.

    Spec: distribution-spec spec.md#listing-referrers
    """
    try:
        fetched = client.get_manifest(tag)
    except RegistryError as error:
        if error.status == 404:
            return ()
        raise
    if not fetched.descriptor.is_index:
        return ()
    try:
        return ImageIndex.parse(fetched.data, fetched.descriptor.media_type).manifests
    except DocumentError:
        return ()


def _update(
    client: Client, tag: Reference, *, add: dict[str, Any] | None = None, remove: str | None = None
) -> None:
    """Read, change and write the index behind a tag. Two clients at once may lose an entry."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_INDEX,
        "manifests": [],
    }
    try:
        fetched = client.get_manifest(tag)
    except RegistryError as error:
        if error.status != 404:
            raise
    else:
        if fetched.descriptor.media_type != media_types.IMAGE_INDEX:
            raise RegistryError(
                f"{tag} is a {fetched.descriptor.media_type}, not a list of referrers",
                status=200,
                citation="distribution-spec spec.md#pushing-manifests-with-subject",
            )
        ImageIndex.parse(fetched.data)
        document = parse_object(fetched.data, f"the index {tag}")
    entries = document["manifests"]
    digests = [entry["digest"] for entry in entries]
    if add is not None and add["digest"] not in digests:
        document["manifests"] = [*entries, add]
    elif remove is not None and remove in digests:
        document["manifests"] = [entry for entry in entries if entry["digest"] != remove]
    else:
        return
    client.put_manifest(tag, encode(document), media_types.IMAGE_INDEX)
