"""Blobs into a registry, also where it breaks off."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ocinb.distribution.client import Client
from ocinb.distribution.upload import Upload
from ocinb.errors import RegistryError, RegistryUnreachable
from ocinb.events import Exchange, Recorder
from ocinb.spec.descriptor import describe
from ocinb.spec.digest import digest_of
from tests.support.scripted_registry import Reply, Request, ScriptedRegistry

DATA = os.urandom(100_000)
BLOB = describe(DATA, "application/octet-stream")


class Uploads:
    """The upload part of a registry. ``trouble`` holds replies for the next PATCH or PUT."""

    def __init__(self, minimum: int = 0) -> None:
        self.minimum = minimum
        self.held = b""
        self.blob: bytes | None = None
        self.trouble: list[tuple[int, int]] = []  # status, bytes that are kept of the body
        self.ranges: list[str] = []
        self.cancelled = False

    def __call__(self, request: Request) -> Reply:
        path = request.path
        if request.method == "HEAD":
            return Reply(status=200 if self.blob is not None else 404)
        if request.method == "POST":
            self.held = b""
            return self._state(202)
        assert "_state=a%2Bb/c" in path, "the location is to be used as it was given"
        if request.method == "GET":
            return self._state(204)
        if request.method == "DELETE":
            self.cancelled = True
            return Reply(status=204)
        if self.trouble:
            status, kept = self.trouble.pop(0)
            self.held += request.body[:kept]
            return Reply(status=status)
        if "content-range" in request.headers:
            self.ranges.append(request.headers["content-range"])
            if int(self.ranges[-1].split("-")[0]) != len(self.held):
                return Reply(status=416)
        self.held += request.body
        if request.method == "PATCH":
            return self._state(202)
        assert f"digest={digest_of(self.held)}" in path
        self.blob = self.held
        return Reply(status=201)

    def _state(self, status: int) -> Reply:
        headers = {"location": "/v2/demo/blobs/uploads/1?_state=a%2Bb/c"}
        if self.held:
            headers["range"] = f"0-{len(self.held) - 1}"
        if self.minimum:
            headers["oci-chunk-min-length"] = str(self.minimum)
        return Reply(status=status, headers=headers, length=0 if status != 204 else None)


def upload(client: Client, registry: ScriptedRegistry, chunk: int | None = None) -> str:
    def open_at(offset: int) -> Iterator[bytes]:
        for at in range(offset, len(DATA), 7000):
            yield DATA[at : at + 7000]

    return Upload(client, registry.reference(), BLOB, open_at, chunk=chunk).run()


@pytest.mark.parametrize(
    ("chunk", "minimum", "ranges"),
    [
        (None, 0, []),
        (40_000, 0, ["0-39999", "40000-79999", "80000-99999"]),
        (40_000, 60_000, ["0-59999", "60000-99999"]),
        (200_000, 0, ["0-99999"]),
    ],
)
def test_at_once_or_in_chunks(
    chunk: int | None, minimum: int, ranges: list[str], client: Client
) -> None:
    uploads = Uploads(minimum)
    with ScriptedRegistry(uploads) as registry:
        assert upload(client, registry, chunk) == "network"
        assert upload(client, registry, chunk) == "registry"
    assert uploads.blob == DATA
    assert uploads.ranges == ranges


@pytest.mark.parametrize("chunk", [None, 40_000])
@pytest.mark.parametrize(
    "trouble",
    [
        [(500, 0)],
        [(503, 30_000)],
        [(416, 0)],
        [(503, 10_000), (500, 10_000)],
        [(404, 0)],
    ],
)
def test_a_fault_is_gone_on_from_where_the_registry_says(
    chunk: int | None, trouble: list[tuple[int, int]], client: Client
) -> None:
    uploads = Uploads()
    uploads.trouble = list(trouble)
    with ScriptedRegistry(uploads) as registry:
        upload(client, registry, chunk)
    assert uploads.blob == DATA


def test_what_the_registry_kept_is_not_sent_again(client: Client, recorder: Recorder) -> None:
    uploads = Uploads()
    uploads.trouble = [(503, 60_000)]
    with ScriptedRegistry(uploads) as registry:
        upload(client, registry)
    assert uploads.ranges == ["60000-99999"]
    told = [(e.method, e.endpoint, e.status) for e in recorder.of(Exchange)]
    assert told == [
        ("HEAD", "end-2", 404),
        ("POST", "end-4a", 202),
        ("PUT", "end-6", 503),
        ("GET", "end-13", 204),
        ("PATCH", "end-5", 202),
        ("PUT", "end-6", 201),
    ]


def test_an_upload_that_cannot_end_is_cancelled(client: Client) -> None:
    uploads = Uploads()
    uploads.trouble = [(500, 0)] * 50
    with ScriptedRegistry(uploads) as registry, pytest.raises(RegistryError, match="answers 500"):
        upload(client, registry)
    assert uploads.cancelled


def test_a_no_is_not_tried_again(client: Client, recorder: Recorder) -> None:
    uploads = Uploads()
    uploads.trouble = [(400, 0)] * 50
    with ScriptedRegistry(uploads) as registry, pytest.raises(RegistryError, match="answers 400"):
        upload(client, registry)
    assert [e.method for e in recorder.of(Exchange)] == ["HEAD", "POST", "PUT", "DELETE"]


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({}, "without saying where"),
        ({"location": "file:///tmp/x"}, "not http or https"),
    ],
)
def test_a_location_that_is_none(headers: dict[str, str], sentence: str, client: Client) -> None:
    def script(request: Request) -> Reply:
        return Reply(status=404 if request.method == "HEAD" else 202, headers=headers)

    with ScriptedRegistry(script) as registry, pytest.raises(RegistryError, match=sentence):
        upload(client, registry)


def test_a_registry_that_takes_no_byte_is_given_up(client: Client) -> None:
    uploads = Uploads()

    def script(request: Request) -> Reply:
        if request.method == "PATCH":
            return Reply(status=202, headers={"range": "0-0"})
        return uploads(request)

    with ScriptedRegistry(script) as registry, pytest.raises(RegistryError, match="says it has 0"):
        upload(client, registry, 40_000)


def test_nobody_there(client: Client) -> None:
    with ScriptedRegistry(Uploads()) as registry:
        pass
    with pytest.raises(RegistryUnreachable, match="connection refused"):
        upload(client, registry)


def test_each_repository_that_may_have_the_blob_is_asked_for_it(
    client: Client, recorder: Recorder
) -> None:
    uploads = Uploads()

    def script(request: Request) -> Reply:
        if request.method == "POST" and "from=has-it" in request.path:
            return Reply(status=201, headers={"location": "/v2/demo/blobs/x"})
        return uploads(request)

    def never(offset: int) -> Iterator[bytes]:
        raise AssertionError("it is there already")

    with ScriptedRegistry(script) as registry:
        candidates = ("demo", "lacks-it", "has-it", "not-asked")
        done = Upload(client, registry.reference(), BLOB, never, mount_from=candidates).run()
    assert done == "mounted"
    told = [(e.method, e.url.partition("from=")[2]) for e in recorder.of(Exchange)]
    assert told == [("HEAD", ""), ("POST", "lacks-it"), ("POST", "has-it"), ("DELETE", "")]
