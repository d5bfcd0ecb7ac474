"""The endpoints, one by one, against a double without sockets."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable

import httpx
import pytest

from ocinb.distribution.client import Client
from ocinb.distribution.referrers import (
    delete_manifest,
    put_with_subject,
    referrers,
    referrers_tag,
)
from ocinb.distribution.retry import RetryPolicy
from ocinb.errors import AuthenticationFailed, RegistryError, RegistryUnreachable
from ocinb.spec import media_types
from ocinb.spec.descriptor import describe
from ocinb.spec.digest import Digest, digest_of
from ocinb.spec.reference import Reference

REFERENCE = Reference.parse("registry.example/demo:1")
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> Client:
    return Client(
        transport=httpx.MockTransport(answer), policy=RetryPolicy(attempts=2, first_delay=0.001)
    )


def failing(status: int, code: str = "", **options: object) -> Client:
    body = {"errors": [{"code": code, "message": "because", "detail": None}]} if code else None
    return client(lambda request: httpx.Response(status, json=body, **options))  # type: ignore[arg-type]


def test_docker_hub_is_where_it_is() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"tags": []})

    client(answer).tags(Reference.parse("nginx"))
    client(answer).tags(Reference.parse("localhost:5000/nginx"))
    client(answer).tags(Reference.parse("[::1]:5000/nginx"))
    client(answer).tags(Reference.parse("example.com:5000/nginx"))
    assert asked == [
        "https://registry-1.docker.io/v2/library/nginx/tags/list",
        "http://localhost:5000/v2/nginx/tags/list",
        "http://[::1]:5000/v2/nginx/tags/list",
        "https://example.com:5000/v2/nginx/tags/list",
    ]


def test_pages_of_tags_are_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["n"] == "2"
        if request.url.params.get("last") == "b":
            return httpx.Response(200, json={"tags": ["c"]})
        link = '</v2/demo/tags/list?n=2&last=b>; rel="next"'
        return httpx.Response(200, json={"tags": ["a", "b"]}, headers={"link": link})

    assert client(answer).tags(REFERENCE, n=2) == ["a", "b", "c"]
    assert client(answer).tags(REFERENCE, n=2, limit=1) == ["a"]


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("https://evil.example/v2/demo/tags/list", "links the next page to"),
        ("http://registry.example/v2/demo/tags/list", "links the next page to"),
        ("/v2/demo/tags/list", "leads back to a page"),
    ],
)
def test_pages_lead_nowhere_else_and_not_round(link: str, sentence: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"tags": []}, headers={"link": f'<{link}>; rel="next"'})

    with pytest.raises(RegistryError, match=sentence):
        client(answer).tags(REFERENCE)


def test_what_is_no_tag_is_left_out_and_null_is_empty() -> None:
    answers = iter([["ok", "\x1b[31mred", "also/not"], None])
    double = client(lambda request: httpx.Response(200, json={"tags": next(answers)}))
    assert double.tags(REFERENCE) == ["ok"]
    assert double.tags(REFERENCE) == []


def test_the_catalog_is_paged_too() -> None:
    double = client(lambda request: httpx.Response(200, json={"repositories": ["a", "b/c"]}))
    assert double.catalog("registry.example") == ["a", "b/c"]


def test_a_manifest_is_described_by_its_headers_alone() -> None:
    digest = digest_of(b"x")
    headers = {
        "docker-content-digest": digest,
        "content-type": f"{media_types.IMAGE_MANIFEST}; charset=utf-8",
        "content-length": "1",
    }
    found = client(lambda request: httpx.Response(200, headers=headers)).head_manifest(REFERENCE)
    assert found is not None
    assert (found.digest, found.media_type, found.size) == (digest, media_types.IMAGE_MANIFEST, 1)
    assert failing(404).head_manifest(REFERENCE) is None
    assert failing(404).head_blob(REFERENCE, digest) is None


@pytest.mark.parametrize(
    ("status", "code", "kind", "sentence"),
    [
        (404, "MANIFEST_UNKNOWN", RegistryError, "registry.example/demo has no tag 1"),
        (404, "NAME_UNKNOWN", RegistryError, "registry registry.example has no repository demo"),
        (403, "DENIED", AuthenticationFailed, "denies access to demo 1: because"),
        (401, "", AuthenticationFailed, "wants a login for demo 1"),
        (429, "TOOMANYREQUESTS", RegistryError, "asks to stop: too many requests"),
        (400, "NAME_INVALID", RegistryError, "answers 400 for demo 1: because"),
        (500, "", RegistryError, "answers 500 for demo 1: internal server error"),
    ],
)
def test_errors_are_told_in_one_sentence(
    status: int, code: str, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind) as raised:
        failing(status, code).get_manifest(REFERENCE)
    assert sentence in str(raised.value)


def test_what_a_registry_says_cannot_write_to_a_terminal() -> None:
    body = {"errors": [{"code": "DENIED", "message": "\x1b[2Jgone\r\nHINT: run rm -rf"}]}
    double = client(lambda request: httpx.Response(403, json=body))
    with pytest.raises(AuthenticationFailed) as raised:
        double.get_manifest(REFERENCE)
    assert raised.value.message.isprintable()


def test_a_long_retry_after_is_told_and_not_waited_for() -> None:
    with pytest.raises(RegistryError, match="for 3600 seconds"):
        failing(429, headers={"retry-after": "3600"}).get_manifest(REFERENCE)


SUBJECT = digest_of(b"subject")


def test_the_tag_of_referrers_is_as_the_specification_has_it() -> None:
    assert referrers_tag(Digest("sha256:" + "a" * 64)) == "sha256-" + "a" * 64
    assert referrers_tag(Digest("sha512:" + "a" * 128)) == "sha512-" + "a" * 64


class Repository:
    """Manifests by tag and digest; with or without the referrers API."""

    def __init__(self, *, api: bool) -> None:
        self.api = api
        self.manifests: dict[str, tuple[bytes, str]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        kind, what = request.url.path.removeprefix("/v2/demo/").split("/", 1)
        if kind == "referrers":
            if not self.api:
                return httpx.Response(404)
            empty = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX, "manifests": []}
            return httpx.Response(200, json=empty)
        if request.method == "PUT":
            self.manifests[what] = (request.content, request.headers["content-type"])
            self.manifests[digest_of(request.content)] = self.manifests[what]
            headers = {"oci-subject": SUBJECT} if self.api else {}
            return httpx.Response(201, headers=headers)
        if what not in self.manifests:
            return httpx.Response(404, json={"errors": [{"code": "MANIFEST_UNKNOWN"}]})
        data, media_type = self.manifests[what]
        if request.method == "DELETE":
            del self.manifests[what]
            return httpx.Response(202)
        return httpx.Response(200, content=data, headers={"content-type": media_type})


def referrer(kind: str) -> bytes:
    empty = {"mediaType": "application/x.config", "digest": digest_of(b"{}"), "size": 2}
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": empty,
        "layers": [],
        "subject": {"mediaType": media_types.IMAGE_MANIFEST, "digest": SUBJECT, "size": 7},
        "annotations": {"made.by": "test"},
    }
    return json.dumps(document | ({"artifactType": kind} if kind else {})).encode()


def test_a_registry_without_the_api_keeps_referrers_under_a_tag() -> None:
    repository = Repository(api=False)
    double = client(repository)
    for kind in ("application/x.signature", "", "application/x.signature"):
        data = referrer(kind)
        descriptor = describe(data, media_types.IMAGE_MANIFEST)
        put_with_subject(double, REFERENCE.with_digest(descriptor.digest), data, descriptor)
    found = referrers(double, REFERENCE, SUBJECT)
    assert [entry.artifact_type for entry in found] == [
        "application/x.signature",
        "application/x.config",
    ]
    assert found[0].annotations == {"made.by": "test"}
    assert referrers(double, REFERENCE, SUBJECT, "application/x.config") == found[1:]
    delete_manifest(double, REFERENCE.with_digest(found[0].digest))
    assert referrers(double, REFERENCE, SUBJECT) == found[1:]


def test_a_registry_with_the_api_needs_no_tag() -> None:
    repository = Repository(api=True)
    double = client(repository)
    data = referrer("")
    put_with_subject(double, REFERENCE, data, describe(data, media_types.IMAGE_MANIFEST))
    assert referrers_tag(SUBJECT) not in repository.manifests
    assert referrers(double, REFERENCE, SUBJECT) == []


def test_a_tag_that_is_something_else_is_left_as_it_is() -> None:
    repository = Repository(api=False)
    other = referrer("application/x.other"), media_types.IMAGE_MANIFEST
    repository.manifests[referrers_tag(SUBJECT)] = other
    data = referrer("")
    with pytest.raises(RegistryError, match="not a list of referrers"):
        put_with_subject(
            client(repository), REFERENCE, data, describe(data, media_types.IMAGE_MANIFEST)
        )
    assert repository.manifests[referrers_tag(SUBJECT)] == other


@pytest.mark.parametrize(
    "listed",
    [
        (referrer("application/x.other"), media_types.IMAGE_MANIFEST),
        (b'{"schemaVersion": 2, "manifests": 7}', media_types.IMAGE_INDEX),
    ],
    ids=["a manifest", "not valid"],
)
def test_a_tag_that_is_no_valid_index_means_that_there_are_no_referrers(
    listed: tuple[bytes, str],
) -> None:
    repository = Repository(api=False)
    repository.manifests[referrers_tag(SUBJECT)] = listed
    assert referrers(client(repository), REFERENCE, SUBJECT) == []


def _refusing(asked: list[str], *, after: int = 0) -> Answer:
    """Answers so many requests, and is gone then."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if len(asked) <= after:
            return httpx.Response(200, json={"tags": []})
        cause = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        raise httpx.ConnectError("refused", request=request) from cause

    return answer


def test_a_registry_of_this_machine_that_is_not_there_is_asked_once() -> None:
    asked: list[str] = []
    with pytest.raises(RegistryUnreachable, match="nothing listens there") as error:
        client(_refusing(asked)).tags(Reference.parse("127.0.0.1:5999/demo"))
    assert error.value.hint == ("ocinb registry up --port 5999 starts a registry of your own there")
    assert len(asked) == 1


def test_a_registry_that_has_answered_before_or_is_elsewhere_is_waited_for() -> None:
    asked: list[str] = []
    there = client(_refusing(asked, after=1))
    there.tags(Reference.parse("localhost:5999/demo"))
    with pytest.raises(RegistryUnreachable):
        there.tags(Reference.parse("localhost:5999/demo"))
    assert len(asked) == 1 + 2
    asked.clear()
    with pytest.raises(RegistryUnreachable) as error:
        client(_refusing(asked)).tags(Reference.parse("registry.example:5999/demo"))
    assert error.value.hint == "check host and port: is the registry running?"
    assert len(asked) == 2
