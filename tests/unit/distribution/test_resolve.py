"""Which manifest a name leads to."""

from __future__ import annotations

import pytest

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.distribution.resolve import resolve
from ocinb.errors import DistributionError, InvalidDocument, PlatformNotFound
from ocinb.spec import media_types
from ocinb.spec.platform import Platform
from tests.support.scripted_registry import ScriptedRegistry, ServedImage

Offer = tuple[str, str | None, str | None]  # architecture, variant, os.version


def index_with(image: ServedImage, *offers: Offer, os: str = "linux") -> dict[Offer, str]:
    """Tag 1 is an index with a manifest for each offer; the digest of each."""
    digests, entries = {}, []
    for offer in offers:
        architecture, variant, version = offer
        document = {**image.manifest, "annotations": {"for": str(offer)}}
        platform = {"architecture": architecture, "os": os}
        platform |= {"variant": variant} if variant else {}
        platform |= {"os.version": version} if version else {}
        entry = image.document(document, media_types.IMAGE_MANIFEST, platform=platform)
        digests[offer] = str(entry["digest"])
        entries.append(entry)
    index = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX, "manifests": entries}
    image.document(index, media_types.IMAGE_INDEX, tag="1")
    return digests


ARM: tuple[Offer, ...] = (("arm", "v6", None), ("arm64", "v8", None), ("arm", "v7", None))


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("linux/arm64", ("arm64", "v8", None)),
        ("linux/arm64/v9", ("arm64", "v8", None)),
        ("linux/arm", ("arm", "v7", None)),
        ("linux/arm/v6", ("arm", "v6", None)),
        ("linux/arm/v8", ("arm", "v7", None)),
    ],
)
def test_the_nearest_variant_below_is_chosen(wanted: str, chosen: Offer, client: Client) -> None:
    image = ServedImage()
    digests = index_with(image, *ARM)
    with ScriptedRegistry(image) as registry:
        resolved = resolve(client, registry.reference(), Platform.parse(wanted))
    assert resolved.fetched.descriptor.digest == digests[chosen]
    assert [found.descriptor.media_type for found in resolved.indexes] == [media_types.IMAGE_INDEX]


def test_an_os_version_is_matched(client: Client) -> None:
    image = ServedImage()
    offers: tuple[Offer, ...] = (("amd64", None, "10.0.17763.1"), ("amd64", None, "10.0.20348.5"))
    digests = index_with(image, *offers, os="windows")
    wanted = Platform(os="windows", architecture="amd64", os_version="10.0.20348")
    with ScriptedRegistry(image) as registry:
        resolved = resolve(client, registry.reference(), wanted)
    assert resolved.fetched.descriptor.digest == digests[offers[1]]


def test_among_equals_the_first_is_chosen(client: Client) -> None:
    image = ServedImage()
    first = image.document(
        {**image.manifest, "annotations": {"n": "1"}}, media_types.IMAGE_MANIFEST
    )
    second = image.document(
        {**image.manifest, "annotations": {"n": "2"}}, media_types.IMAGE_MANIFEST
    )
    platform = {"os": "linux", "architecture": "amd64"}
    entries = [{**entry, "platform": platform} for entry in (first, second)]
    image.document({"schemaVersion": 2, "manifests": entries}, media_types.IMAGE_INDEX, tag="1")
    with ScriptedRegistry(image) as registry:
        resolved = resolve(client, registry.reference(), Platform.parse("linux/amd64"))
    assert resolved.fetched.descriptor.digest == first["digest"]


def test_the_best_of_nested_indexes_is_chosen_and_all_are_kept(
    client: Client, store: Store
) -> None:
    image = ServedImage()
    inner_entry = {**image.descriptor, "platform": {"os": "linux", "architecture": "amd64"}}
    inner = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX, "manifests": [inner_entry]}
    nested = image.document(inner, media_types.IMAGE_INDEX)
    outer = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX, "manifests": [nested]}
    image.document(outer, media_types.IMAGE_INDEX, tag="1")
    with ScriptedRegistry(image) as registry:
        pulled = pull(client, store, registry.reference(), Platform.parse("linux/amd64"))
    assert pulled.manifest_descriptor.digest == image.descriptor["digest"]
    assert store.has(pulled.target.digest)
    assert nested["digest"] in set(store.digests())


def test_what_there_is_is_told_where_nothing_serves(client: Client) -> None:
    image = ServedImage()
    index_with(image, *ARM)
    with ScriptedRegistry(image) as registry, pytest.raises(PlatformNotFound) as raised:
        resolve(client, registry.reference(), Platform.parse("linux/s390x"))
    assert raised.value.message == f"{registry.reference()} has no image for linux/s390x"
    assert raised.value.hint == "it has linux/arm/v6, linux/arm64/v8, linux/arm/v7"


def test_a_child_of_another_type_than_the_index_says_is_refused(client: Client) -> None:
    image = ServedImage()
    entry = {
        **image.descriptor,
        "mediaType": media_types.DOCKER_MANIFEST,
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    image.document({"schemaVersion": 2, "manifests": [entry]}, media_types.IMAGE_INDEX, tag="1")
    with (
        ScriptedRegistry(image) as registry,
        pytest.raises(InvalidDocument, match="contradicting media types"),
    ):
        resolve(client, registry.reference(), Platform.parse("linux/amd64"))


def test_an_artifact_is_not_an_image(client: Client, store: Store) -> None:
    image = ServedImage()
    artifact = {
        **image.manifest,
        "artifactType": "application/x.sbom",
        "config": image.blob(b"{}", media_types.EMPTY),
    }
    image.document(artifact, media_types.IMAGE_MANIFEST, tag="1")
    with (
        ScriptedRegistry(image) as registry,
        pytest.raises(DistributionError, match=r"an artifact of type application/x\.sbom"),
    ):
        pull(client, store, registry.reference())


def test_layers_and_diff_ids_must_be_as_many(client: Client, store: Store) -> None:
    image = ServedImage(100, 100)
    fewer = {**image.manifest, "layers": image.layers[:1]}
    image.document(fewer, media_types.IMAGE_MANIFEST, tag="1")
    with (
        ScriptedRegistry(image) as registry,
        pytest.raises(InvalidDocument, match="1 layers, its config 2 diffIDs"),
    ):
        pull(client, store, registry.reference())


def test_sha512_blobs_and_tag_with_digest(client: Client, store: Store) -> None:
    image = ServedImage(5000, algorithm="sha512")
    with ScriptedRegistry(image) as registry:
        reference = registry.reference(f"demo:1@{image.descriptor['digest']}")
        pulled = pull(client, store, reference)
        assert [r.path for r in registry.requests if "manifests" in r.path] == [
            f"/v2/demo/manifests/{image.descriptor['digest']}"
        ]
    assert pulled.manifest.layers[0].digest.algorithm == "sha512"
    assert pulled.name == str(reference)


def test_rate_limits_of_docker_hub_are_in_the_result(client: Client, store: Store) -> None:
    image = ServedImage()
    limits = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}

    def script(request: object) -> object:
        reply = image(request)  # type: ignore[arg-type]
        reply.headers.update(limits)
        return reply

    with ScriptedRegistry(script) as registry:  # type: ignore[arg-type]
        assert dict(pull(client, store, registry.reference()).rate_limit) == limits
