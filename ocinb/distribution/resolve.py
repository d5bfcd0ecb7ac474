"""From a name to the one manifest that this machine runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ocinb.distribution.client import Client
from ocinb.distribution.manifests import Fetched
from ocinb.errors import DistributionError, InvalidDocument, PlatformNotFound, RegistryError
from ocinb.frozen import Frozen
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform, rank
from ocinb.spec.reference import Reference

MAX_DEPTH = 8
"""Indexes inside indexes that are followed; real ones have one or two."""

MAX_INDEXES = 64
"""Indexes that are fetched to find one manifest."""


class Resolved(Frozen):
    """The way from a name to a manifest.

    Attributes:
        target: what the name points at.
        indexes: the indexes on the way, outermost first; none where the name is a manifest's.
        fetched: the manifest's bytes and descriptor.
        manifest: its view.
    """

    target: Fetched
    indexes: tuple[Fetched, ...]
    fetched: Fetched
    manifest: Manifest


def digest_of_name(client: Client, reference: Reference) -> Digest:
    """The digest that a reference has, or that the registry has for its tag now.

    Raises:
        RegistryError: there is no such tag.
    """
    if reference.digest is not None:
        return reference.digest
    found = client.head_manifest(reference)
    if found is None:
        raise RegistryError(
            f"{reference.name} has no tag {reference.selector}",
            status=404,
            hint=f"ocinb tags {reference.name} lists the tags that there are",
        )
    return found.digest


def resolve(
    client: Client,
    reference: Reference,
    platform: Platform | None = None,
    *,
    target: Fetched | None = None,
) -> Resolved:
    """Fetch what ``reference`` names and choose the best manifest for ``platform``.

    The manifest that ranks best over all nested indexes wins; among equals the first. A plain
    manifest is taken whatever it is for.

    Args:
        target: what the name points at, where it was fetched already.

    Raises:
        PlatformNotFound: no manifest serves; the hint names those that there are.
        InvalidDocument: an index that contains itself, or is nested too deeply.

    Spec: image-spec image-index.md#image-index-property-descriptions (manifests)
    """
    target = target or fetch_target(client, reference)
    if not target.descriptor.is_index:
        manifest = Manifest.parse(target.data, target.descriptor.media_type)
        return Resolved(target=target, indexes=(), fetched=target, manifest=manifest)
    wanted = platform or Platform.host()
    search = _Search(client, reference, wanted)
    best = search.best(target)
    if best is None:
        offered = ", ".join(dict.fromkeys(search.offered)) or "none at all"
        raise PlatformNotFound(
            f"{reference} has no image for {wanted}",
            hint=f"it has {offered}",
            citation="image-spec image-index.md#image-index-property-descriptions",
        )
    indexes, descriptor = best
    fetched = client.get_manifest(reference.with_digest(descriptor.digest), descriptor)
    manifest = Manifest.parse(fetched.data, descriptor.media_type)
    return Resolved(target=target, indexes=indexes, fetched=fetched, manifest=manifest)


def fetch_target(client: Client, reference: Reference) -> Fetched:
    """What a name points at; where there is no such, an error that says what there is.

    Raises:
        RegistryError, AuthenticationFailed, RegistryUnreachable, DigestMismatch, InvalidDocument.

    Spec: distribution-spec spec.md#pulling-manifests
    """
    try:
        return client.get_manifest(reference)
    except RegistryError as error:
        if error.status != 404 or reference.digest is not None:
            raise
        raise _missing(client, reference, error) from error


def _missing(client: Client, reference: Reference, error: RegistryError) -> RegistryError:
    """Tell a tag that is missing from a repository that is, and name tags like it."""
    try:
        tags = client.tags(reference, limit=1000)
    except RegistryError as unknown:
        return unknown if unknown.status == 404 else error
    except DistributionError:
        return error
    if not tags:
        return error
    near = difflib.get_close_matches(reference.selector, tags, n=3, cutoff=0.5) or tags[-3:]
    return RegistryError(
        error.message,
        status=error.status,
        errors=error.errors,
        hint=f"it has {', '.join(near)}; {error.hint}" if error.hint else None,
    )


class _Search:
    def __init__(self, client: Client, reference: Reference, wanted: Platform) -> None:
        self._client = client
        self._reference = reference
        self._wanted = wanted
        self._fetched = 0
        self.offered: list[str] = []

    def best(self, target: Fetched) -> tuple[tuple[Fetched, ...], Descriptor] | None:
        found = sorted(self._candidates((target,)), key=lambda item: item[0])
        return found[0][1:] if found else None

    def _candidates(
        self, way: tuple[Fetched, ...]
    ) -> Iterator[tuple[int, tuple[Fetched, ...], Descriptor]]:
        """Manifests that serve, with their rank, in the order of the indexes."""
        index = ImageIndex.parse(way[-1].data, way[-1].descriptor.media_type)
        for descriptor in index.manifests:
            if descriptor.platform:
                self.offered.append(str(descriptor.platform))
            place = rank(self._wanted, descriptor.platform) if descriptor.platform else None
            if descriptor.is_index:
                if descriptor.platform is None or place is not None:
                    yield from self._candidates((*way, self._nested(way, descriptor)))
            elif descriptor.is_manifest and place is not None:
                yield place, way, descriptor

    def _nested(self, way: tuple[Fetched, ...], descriptor: Descriptor) -> Fetched:
        above: list[Digest] = [fetched.descriptor.digest for fetched in way]
        if descriptor.digest in above:
            raise InvalidDocument(
                f"the index {descriptor.digest} contains itself", path="$.manifests"
            )
        self._fetched += 1
        if len(way) >= MAX_DEPTH or self._fetched > MAX_INDEXES:
            raise InvalidDocument(
                f"{self._reference} nests indexes deeper than {MAX_DEPTH} "
                f"or has more than {MAX_INDEXES} of them",
                path="$.manifests",
                hint="no real image does; it is not searched further",
            )
        return self._client.get_manifest(self._reference.with_digest(descriptor.digest), descriptor)
