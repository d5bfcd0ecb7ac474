"""Requests and responses as the registry sees them, free of any web framework."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ocinb.spec.distribution import DESCRIPTIONS

_DESCRIPTIONS: dict[str, str] = {str(code): text for code, text in DESCRIPTIONS.items()}

READ_SIZE = 1024 * 1024
"""Bytes of a file that are read and sent at once."""


@dataclass(slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: upper case.
        path: percent-decoded, without the query.
        query: parameters in order, decoded.
        headers: names in lower case; of repeated headers the last.
        body: the body in pieces; reading it may block.
        host: scheme and authority under which the client reached us, as in ``http://a:5000``.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Iterable[bytes] = ()
    host: str = ""

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter, or None."""
        return next((value for key, value in self.query if key == name), None)

    def parameters(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return [value for key, value in self.query if key == name]

    @property
    def content_length(self) -> int | None:
        """The header as a number; None where there is none (a chunked body)."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None


class FileSlice:
    """A part of an open file as a body; a context manager.

    Whoever sends it closes it; one that is forgotten closes itself.

    Attributes:
        file: the descriptor.
        offset: first byte.
        length: bytes.
    """

    def __init__(self, file: int, offset: int, length: int) -> None:
        """Take over an open file descriptor."""
        self.file = file
        self.offset = offset
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        offset, end = self.offset, self.offset + self.length
        with self:
            while data := os.pread(self.file, min(READ_SIZE, end - offset), offset):
                offset += len(data)
                yield data

    def close(self) -> None:
        """Close the file."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def __enter__(self) -> FileSlice:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


@dataclass(slots=True)
class Response:
    """One HTTP response.

    Attributes:
        status: the HTTP status.
        headers: as they are sent; ``Content-Length`` is added where the body's length is known.
        body: bytes, a part of a file, or pieces that are made while they are sent.
        endpoint: id of the row of the endpoint table that answered; empty for none.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileSlice | Iterator[bytes] = b""
    endpoint: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.body, bytes) and self.status not in (204, 304):
            self.headers.setdefault("Content-Length", str(len(self.body)))

    def content(self) -> bytes:
        """The whole body, for tests and small answers."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


def json_response(
    document: object, status: int = 200, media_type: str = "application/json", **headers: str
) -> Response:
    """A JSON body; ``headers`` by name with ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": media_type, **named}, body)


class ClientGone(Exception):
    """The client closed the connection before it sent its whole request."""


class Refusal(Exception):
    """An answer of the registry that is an error; turned into a response by ``Registry.handle``.

    Spec: distribution-spec spec.md#error-codes
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        *,
        detail: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or code)
        self.status = status
        self.errors = [(code, message, detail)]
        self.headers = dict(headers or {})

    def and_also(self, code: str, message: str, detail: Any = None) -> Refusal:
        """The same refusal with one more error in its body."""
        self.errors.append((code, message, detail))
        return self

    def response(self) -> Response:
        """The error body. Spec: distribution-spec spec.md#error-codes"""
        errors = []
        for code, message, detail in self.errors:
            known = _DESCRIPTIONS.get(code, "")
            error = {"code": str(code), "message": message or known}
            errors.append(error if detail is None else {**error, "detail": detail})
        response = json_response({"errors": errors}, self.status)
        response.headers.update(self.headers)
        return response
