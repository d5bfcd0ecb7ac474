"""Registries that are broken or mean: success by trying again, or one clear sentence."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.errors import (
    DigestMismatch,
    InvalidDigest,
    InvalidDocument,
    OcinbError,
    PlatformNotFound,
    RegistryError,
    RegistryUnreachable,
    SizeMismatch,
)
from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from ocinb.spec.platform import Platform
from tests.support.scripted_registry import (
    Reply,
    Request,
    Script,
    ScriptedRegistry,
    ServedImage,
    endless,
    is_layer,
    spoiled,
)

AMD64 = Platform(os="linux", architecture="amd64")
BOMB = gzip.compress(b" " * 50_000_000, 1)
"""Made before anybody waits for it."""


def manifest_reply(make: Callable[[ServedImage], Reply]) -> Callable[[ServedImage], Script]:
    """A registry that answers for the tag as ``make`` says."""

    def scripted(image: ServedImage) -> Script:
        def script(request: Request) -> Reply:
            return make(image) if "/manifests/1" in request.path else image(request)

        return script

    return scripted


def layer_reply(make: Callable[[Reply], Reply]) -> Callable[[ServedImage], Script]:
    return lambda image: spoiled(image, make)


def index_of(*descriptors: dict[str, object], **extra: object) -> Reply:
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_INDEX,
        "manifests": descriptors,
        **extra,
    }
    body = json.dumps(document).encode()
    return Reply(headers={"content-type": media_types.IMAGE_INDEX}, body=body)


def itself(image: ServedImage) -> Script:
    """An index cannot hold its own digest; a registry can serve one for another."""
    digest = "sha256:" + "a" * 64
    body = index_of({"mediaType": media_types.IMAGE_INDEX, "digest": digest, "size": 300})

    def script(request: Request) -> Reply:
        return body if "/manifests/" in request.path else image(request)

    return script


def nested(depth: int) -> Callable[[ServedImage], Script]:
    def scripted(image: ServedImage) -> Script:
        inner = {**image.descriptor, "platform": {"os": "linux", "architecture": "amd64"}}
        for level in range(depth):
            document = {"schemaVersion": 2, "manifests": [inner]}
            tag = "1" if level == depth - 1 else None
            inner = image.document(document, media_types.IMAGE_INDEX, tag=tag)
        return image

    return scripted


def redirecting(to: str, status: int = 307) -> Callable[[ServedImage], Script]:
    return layer_reply(lambda right: Reply(status=status, headers={"location": to}))


def looping(image: ServedImage) -> Script:
    def script(request: Request) -> Reply:
        if "/blobs/" in request.path:
            return Reply(status=307, headers={"location": request.path})
        return image(request)

    return script


HUGE = {f"x-{number}": "v" * 8000 for number in range(20)}
CONFUSED = {"schemaVersion": 2, "manifests": [], "layers": [], "config": {}}

HOSTILE: list[tuple[str, Callable[[ServedImage], Script], type[OcinbError], str]] = [
    (
        "wrong bytes",
        layer_reply(lambda right: replace(right, body=b"z" * len(right.body))),
        DigestMismatch,
        "has digest",
    ),
    (
        "too many bytes",
        layer_reply(lambda right: replace(right, body=right.body + b"more")),
        SizeMismatch,
        "more than the",
    ),
    (
        "always too few bytes",
        layer_reply(lambda right: replace(right, body=b"")),
        RegistryUnreachable,
        "ends too early",
    ),
    (
        "a byte for each request",
        layer_reply(lambda right: replace(right, cut=1)),
        RegistryUnreachable,
        "broke the connection",
    ),
    (
        "an endless body",
        layer_reply(lambda right: Reply(body=endless())),
        SizeMismatch,
        "more than the",
    ),
    ("a redirect to itself", looping, RegistryError, "more than 5 redirects"),
    ("a redirect to a file", redirecting("file:///etc/passwd"), RegistryError, "not http or https"),
    ("a redirect to no URL", redirecting("http://[::"), RegistryError, "no URL"),
    ("a redirect to a digest", redirecting("sha256:abc"), RegistryError, "no URL"),
    ("a 303", redirecting("/v2/", 303), RegistryError, "303"),
    (
        "a gzip bomb by Content-Encoding, for a blob",
        layer_reply(lambda right: Reply(headers={"content-encoding": "gzip"}, body=right.body)),
        RegistryError,
        "Content-Encoding gzip",
    ),
    (
        "a gzip bomb by Content-Encoding, for a manifest",
        manifest_reply(lambda image: Reply(headers={"content-encoding": "gzip"}, body=BOMB)),
        RegistryError,
        "Content-Encoding gzip",
    ),
    (
        "a gzip bomb by Content-Encoding, for an error",
        manifest_reply(
            lambda image: Reply(
                status=404,
                headers={"content-encoding": "gzip"},
                body=BOMB,
            )
        ),
        RegistryError,
        "has no repository demo",
    ),
    (
        "huge headers",
        manifest_reply(lambda image: Reply(headers=HUGE)),
        RegistryError,
        "headers longer than",
    ),
    (
        "a manifest without end",
        manifest_reply(lambda image: Reply(body=endless())),
        RegistryError,
        "larger than 4,194,304 bytes",
    ),
    (
        "an error without end",
        manifest_reply(lambda image: Reply(status=403, body=endless())),
        RegistryError,
        "has more than 1,048,576 bytes",
    ),
    ("an index that names itself", itself, OcinbError, "the manifest"),
    ("deeply nested indexes", nested(12), InvalidDocument, "nests indexes deeper than 8"),
    (
        "an index for other machines",
        manifest_reply(
            lambda image: index_of(
                {**image.descriptor, "platform": {"os": "plan9", "architecture": "mips"}}
            )
        ),
        PlatformNotFound,
        "has no image for linux/amd64",
    ),
    (
        "a digest of an unknown algorithm",
        manifest_reply(
            lambda image: Reply(
                headers={"content-type": media_types.IMAGE_MANIFEST},
                body=json.dumps(
                    {**image.manifest, "layers": [{**image.layers[0], "digest": "md5:" + "0" * 32}]}
                ).encode(),
            )
        ),
        InvalidDocument,
        "$.layers",
    ),
    (
        "an unknown algorithm in Docker-Content-Digest",
        manifest_reply(
            lambda image: Reply(headers={"docker-content-digest": "md5:" + "0" * 32}, body=b"{}")
        ),
        InvalidDigest,
        "md5",
    ),
    (
        "a wrong Docker-Content-Digest",
        manifest_reply(
            lambda image: Reply(headers={"docker-content-digest": digest_of(b"x")}, body=b"{}")
        ),
        DigestMismatch,
        "has digest",
    ),
    (
        "a manifest that is an index as well",
        manifest_reply(
            lambda image: Reply(
                headers={"content-type": media_types.IMAGE_MANIFEST},
                body=json.dumps({**image.manifest, "manifests": []}).encode(),
            )
        ),
        InvalidDocument,
        "something else at the same time",
    ),
    (
        "a header that contradicts the document",
        manifest_reply(
            lambda image: Reply(
                headers={"content-type": media_types.IMAGE_INDEX},
                body=json.dumps(image.manifest).encode(),
            )
        ),
        InvalidDocument,
        "contradicting media types",
    ),
    (
        "a manifest that is not JSON",
        manifest_reply(lambda image: Reply(body=b"<html>welcome to the hotel</html>")),
        InvalidDocument,
        "is not JSON",
    ),
    (
        "a manifest of deep nesting",
        manifest_reply(lambda image: Reply(body=b"[" * 1_000_000)),
        InvalidDocument,
        "is not JSON",
    ),
    (
        "silence in the middle of a blob",
        layer_reply(lambda right: Reply(length=1000, body=endless(b"", pause=0.05))),
        RegistryUnreachable,
        "does not answer in time",
    ),
    (
        "a byte now and then",
        layer_reply(lambda right: Reply(length=1000, body=endless(b"x", pause=0.1))),
        RegistryUnreachable,
        "does not answer in time",
    ),
    (
        "not HTTP at all",
        manifest_reply(lambda image: Reply(status=200, headers={"a b\x00": ":"}, body=b"")),
        RegistryUnreachable,
        "does not speak plain HTTP",
    ),
]


@pytest.mark.parametrize(
    ("scripted", "error", "sentence"),
    [pytest.param(*row, id=name) for name, *row in HOSTILE],
)
def test_one_clear_sentence_and_nothing_unverified(
    scripted: Callable[[ServedImage], Script],
    error: type[OcinbError],
    sentence: str,
    impatient: Client,
    store: Store,
) -> None:
    image = ServedImage(1000, 2000)
    with ScriptedRegistry(scripted(image)) as registry, pytest.raises(error) as raised:
        pull(impatient, store, registry.reference(), AMD64)
    assert sentence in raised.value.message
    assert "\n" not in raised.value.message
    assert not store.names.items()
    for digest in store.digests():
        digest.verify(store.path(digest).read_bytes())


TRANSIENT = [
    ("wrong bytes once", lambda right: replace(right, body=b"z" * len(right.body)), 1),
    ("a 503", lambda right: Reply(status=503), 2),
    ("a 429 with Retry-After", lambda right: Reply(status=429, headers={"retry-after": "0"}), 2),
    ("a 500", lambda right: Reply(status=500), 1),
    ("a connection that is cut at once", lambda right: replace(right, cut=0), 2),
    ("too long an announcement", lambda right: replace(right, length=99_999), 1),
]


@pytest.mark.parametrize(
    ("reply", "times"), [pytest.param(*row, id=name) for name, *row in TRANSIENT]
)
def test_what_passes_is_tried_again(
    reply: Callable[[Reply], Reply], times: int, client: Client, store: Store
) -> None:
    image = ServedImage(1000, 2000)
    with ScriptedRegistry(spoiled(image, reply, times)) as registry:
        pulled = pull(client, store, registry.reference())
    for layer in pulled.manifest.layers:
        assert store.path(layer.digest).read_bytes() == image.blobs[layer.digest]


def test_a_blob_that_is_cut_at_every_tenth_goes_on_where_it_was(
    client: Client, store: Store
) -> None:
    image = ServedImage(100_000)

    def script(request: Request) -> Reply:
        reply = image(request)
        return replace(reply, cut=10_000) if is_layer(image, request) else reply

    with ScriptedRegistry(script) as registry:
        pulled = pull(client, store, registry.reference())
        asked = [
            request.headers.get("range")
            for request in registry.requests
            if is_layer(image, request)
        ]
    assert asked == [None] + [f"bytes={start}-" for start in range(10_000, 100_000, 10_000)]
    assert pulled.downloaded - len(image.documents["1"][0]) - image.config["size"] == 100_000


@pytest.mark.parametrize("status", [200, 416])
def test_a_registry_without_ranges_gives_the_whole_blob_again(
    status: int, client: Client, store: Store
) -> None:
    image = ServedImage(100_000)
    first = [True]

    def script(request: Request) -> Reply:
        if not is_layer(image, request):
            return image(request)
        if "range" in request.headers and status == 416:
            return Reply(status=416)
        whole = image(replace(request, headers={}))
        if first.pop() if first else False:
            return replace(whole, cut=60_000)
        return whole

    with ScriptedRegistry(script) as registry:
        pulled = pull(client, store, registry.reference())
    digest = pulled.manifest.layers[0].digest
    assert store.path(digest).read_bytes() == image.blobs[digest]


def test_a_part_that_was_not_asked_for_is_not_used(client: Client, store: Store) -> None:
    image = ServedImage(100_000)

    def script(request: Request) -> Reply:
        reply = image(request)
        if is_layer(image, request):
            if reply.status == 206:
                return replace(reply, headers={"content-range": "bytes 70000-99999/100000"})
            return replace(reply, cut=60_000)
        return reply

    with ScriptedRegistry(script) as registry, pytest.raises(RegistryError, match="another part"):
        pull(client, store, registry.reference())
    assert not store.names.items()
