"""Whatever a registry answers, it is a result or an error of ours."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.distribution.referrers import put_with_subject, referrers
from ocinb.distribution.retry import RetryPolicy
from ocinb.distribution.upload import Upload
from ocinb.errors import OcinbError
from ocinb.spec import media_types
from ocinb.spec.descriptor import describe
from ocinb.spec.digest import digest_of
from ocinb.spec.reference import Reference

REFERENCE = Reference.parse("registry.example/demo:1")
DIGEST = digest_of(b"x")
latin1 = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=20)
interesting = st.sampled_from(
    [
        *sorted(media_types.INDEXES | media_types.MANIFESTS | media_types.SCHEMA1),
        *("²", "-1", "9" * 5000, "1e9", "0-0", "0-²", "bytes 0-5/6", "bytes ²-/", "gzip"),
        *("/v2/demo/x", "//", "http://[", "https://other.example/", "file:///x", "\x7f"),
        *(DIGEST, "sha256:x", 'Bearer realm="https://auth.example/"', "Basic", 'Bearer realm=""'),
        *('</v2/>; rel="next"', "Thu, 99 Foo 2020", "0", "5"),
    ]
)
headers = st.dictionaries(
    st.sampled_from(
        [
            *("content-type", "docker-content-digest", "location", "range", "content-range"),
            *("www-authenticate", "retry-after", "link", "oci-chunk-min-length", "warning"),
            *("content-encoding", "oci-subject", "oci-filters-applied"),
        ]
    ),
    interesting | latin1,
    max_size=4,
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | interesting,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("schemaVersion", "mediaType", "manifests", "layers", "config", "digest"),
                    *("size", "platform", "os", "architecture", "fsLayers", "history", "tags"),
                    *("blobSum", "v1Compatibility", "signatures", "errors", "code", "subject"),
                    *("token", "expires_in", "header", "protected", "signature"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
bodies = st.binary(max_size=50) | json_values.map(lambda value: json.dumps(value).encode())
statuses = st.sampled_from([200, 200, 201, 202, 204, 206, 301, 307, 400, 401, 404, 416, 429, 500])
answers = st.lists(st.tuples(statuses, headers, bodies), min_size=1, max_size=4)
Answers = list[tuple[int, dict[str, str], bytes]]
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def client(script: Answers) -> Client:
    """Gives the answers in turn, the last one for ever."""
    left = list(script)

    def answer(request: httpx.Request) -> httpx.Response:
        status, fields, body = left.pop(0) if len(left) > 1 else left[0]
        raw = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
        return httpx.Response(status, headers=raw, stream=httpx.ByteStream(body))

    return Client(
        transport=httpx.MockTransport(answer),
        policy=RetryPolicy(attempts=2, first_delay=0.0, longest_delay=0.0),
    )


@many
@given(answers)
def test_of_a_pull(script: Answers) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory))
        try:
            pull(client(script), store, REFERENCE)
        except OcinbError as error:
            assert error.message
        for digest in store.digests():
            digest.verify(store.path(digest).read_bytes())


@many
@given(answers)
def test_of_a_push(script: Answers) -> None:
    data = b"content"
    blob = describe(data, "application/octet-stream")
    manifest = json.dumps({"subject": {"digest": DIGEST}}).encode()
    try:
        Upload(client(script), REFERENCE, blob, lambda offset: iter([data[offset:]]), chunk=3).run()
        described = describe(manifest, media_types.IMAGE_MANIFEST)
        put_with_subject(client(script), REFERENCE, manifest, described)
    except OcinbError as error:
        assert error.message


@many
@given(answers)
def test_of_lists_and_deletions(script: Answers) -> None:
    for ask in (
        lambda c: c.ping("registry.example"),
        lambda c: c.tags(REFERENCE),
        lambda c: c.catalog("registry.example"),
        lambda c: referrers(c, REFERENCE, DIGEST),
        lambda c: c.head_manifest(REFERENCE),
        lambda c: c.head_blob(REFERENCE, DIGEST),
        lambda c: c.delete_manifest(REFERENCE),
        lambda c: c.delete_blob(REFERENCE, DIGEST),
    ):
        try:
            ask(client(script))
        except OcinbError as error:
            assert error.message
