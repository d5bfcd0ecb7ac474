"""From what went wrong on the wire to one sentence for a person."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import ssl
from typing import Any

import httpx

from ocinb.distribution.hosts import is_loopback
from ocinb.distribution.retry import causes, seconds_of
from ocinb.distribution.wire import CODING, masked_url
from ocinb.errors import (
    AuthenticationFailed,
    DistributionError,
    RegistryError,
    RegistryUnreachable,
)
from ocinb.spec.distribution import DESCRIPTIONS, ErrorCode

_CUT = ("peer closed", "disconnected", "too early")
"""What h11, httpcore and we ourselves say where the other side hung up."""

_INSECURE_HINT = (
    "if you trust the network between, name it as insecure: OCINB_INSECURE_REGISTRIES={host}"
)


def unreachable(registry: str, url: httpx.URL, error: Exception) -> DistributionError:
    """No answer came: say from whom, and why, as far as the system tells."""
    who = f"registry {registry}"
    with contextlib.suppress(RuntimeError):  # httpx knows the request in most cases
        if isinstance(error, httpx.RequestError):
            url = error.request.url
    if url.netloc.decode() != registry:
        who += f" (at {url.netloc.decode()})"
    for proxy in getattr(error, "__notes__", ()):
        told = _of_proxy(who, proxy, error)
        if told is not None:
            return told
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RegistryUnreachable(
                f"{who} shows a certificate that is not trusted: {cause.verify_message}",
                hint="give its CA as ca.crt in a certs.d directory for this host",
            )
        if isinstance(cause, ssl.SSLError):
            return _tls_failure(who, registry, cause)
        if isinstance(cause, socket.gaierror):
            return RegistryUnreachable(
                f"{who} cannot be reached: its host name is not known",
                hint="check the spelling, and that this machine can resolve names",
            )
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return RegistryUnreachable(
                f"{who} cannot be reached: connection refused, nothing listens there",
                hint=_how_to_start(url) or "check host and port: is the registry running?",
            )
        if isinstance(cause, OSError) and cause.errno:
            reason = os.strerror(cause.errno).lower()
            return RegistryUnreachable(f"{who} cannot be reached: {reason}")
    if "Receive buffer too long" in str(error):
        return RegistryError(f"{who} sends headers longer than 100 KiB", status=0)
    if isinstance(error, httpx.TimeoutException):
        return RegistryUnreachable(f"{who} does not answer in time: {error}")
    if any(sign in str(error) for sign in _CUT):
        return RegistryUnreachable(
            f"{who} broke the connection: {_first_line(error).rstrip('.').lower()}",
            hint="ask again: a pull goes on where this one stopped",
        )
    if isinstance(error, httpx.RemoteProtocolError) and url.scheme == "http":
        return RegistryUnreachable(
            f"{who} does not speak plain HTTP: {_first_line(error)}",
            hint="if it speaks HTTPS, do not name it as insecure",
        )
    return RegistryUnreachable(f"{who} broke off: {_first_line(error)}")


def _of_proxy(who: str, proxy: str, error: Exception) -> DistributionError | None:
    """What went wrong before the registry was reached; None: it was."""
    hint = "check the variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
    if isinstance(error, httpx.ProxyError):
        return RegistryUnreachable(
            f"{who} cannot be reached: its proxy {proxy} says {_first_line(error)}", hint=hint
        )
    known = causes(error)
    if any(isinstance(cause, ssl.SSLError) for cause in known):
        return None
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return None
    reason = "no answer"
    for cause in known:
        if isinstance(cause, socket.gaierror):
            reason = "its host name is not known"
        elif isinstance(cause, OSError) and cause.errno:
            reason = os.strerror(cause.errno).lower()
    return RegistryUnreachable(f"{who}: its proxy {proxy} cannot be reached: {reason}", hint=hint)


def _how_to_start(url: httpx.URL) -> str | None:
    """For a registry on this machine."""
    if not is_loopback(url.host):
        return None
    if url.port is None:
        return "images made on this machine have such names: ocinb images lists what is there"
    return f"ocinb registry up --port {url.port} starts a registry of your own there"


# What servers say of a client's certificate, or of there being none; TLS 1.2 has but one word.
_CERTIFICATE_ALERTS = (
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_UNKNOWN_CA",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_HANDSHAKE_FAILURE",
)


def _tls_failure(who: str, registry: str, cause: ssl.SSLError) -> DistributionError:
    reason = (cause.reason or "").upper()
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return RegistryUnreachable(
            f"{who} answers by plain HTTP, not by HTTPS",
            hint=_INSECURE_HINT.format(host=registry),
        )
    if reason.endswith(_CERTIFICATE_ALERTS):
        return RegistryUnreachable(
            f"{who} does not let us in without a client certificate that it accepts",
            hint=f"put client.cert and client.key into a directory certs.d/{registry}",
        )
    told = reason.replace("_", " ").lower() or _first_line(cause)
    return RegistryUnreachable(f"{who} cannot be spoken to by TLS: {told}")


def _first_line(error: Exception) -> str:
    text = masked_url(str(error).splitlines()[0] if str(error) else type(error).__name__)[:200]
    return (text[:1].lower() + text[1:]).rstrip(".")


def encoded_body(response: httpx.Response, what: str, registry: str) -> None:
    """Raise ``RegistryError`` where a body has a Content-Encoding: its digest is of other bytes."""
    coding = response.extensions.get(CODING)
    if coding:
        raise RegistryError(
            f"registry {registry} sends {what} with Content-Encoding {coding[:40]}, "
            "though identity was asked for",
            status=response.status_code,
            hint="the registry, or a proxy before it, changes what it serves",
        )


def redirect_refused(registry: str, url: httpx.URL, why: str) -> RegistryError:
    """A redirect that is not followed."""
    return RegistryError(
        f"registry {registry} redirects {masked_url(url.path)}: {why}",
        status=307,
        hint="the redirect was not followed and nothing was sent there",
        citation="distribution-spec spec.md#api",
    )


def status_failure(
    registry: str, subject: str, endpoint: str, response: httpx.Response, user: str | None
) -> DistributionError:
    """The error that an answer is; reads its body.

    Args:
        subject: ``repository``, or ``repository tag-or-digest``.
        user: who asked; None for nobody in particular.
    """
    body = b"".join(response.iter_raw())
    status, errors = response.status_code, parse_errors(body)
    codes = [code for code, _ in errors]
    told = "; ".join(message or code for code, message in errors)[:300]
    if status == 401:
        wants = "wants a login" if user is None else f"does not accept the login of {user}"
        return AuthenticationFailed(
            f"registry {registry} {wants} for {subject or 'its API'}",
            hint=f"ocinb login {registry}",
        )
    if status == 403 or (ErrorCode.DENIED in codes and status < 500):
        return AuthenticationFailed(
            f"registry {registry} denies access to {subject or 'its API'}"
            + (f": {told}" if told else ""),
            hint=f"log in as somebody who has access: ocinb login {registry}",
        )
    if status == 429:
        return _too_many(registry, response, errors)
    if status == 400 and b"HTTP request to an HTTPS server" in body:
        return RegistryError(
            f"registry {registry} speaks HTTPS, but was spoken to by plain HTTP",
            status=status,
            hint="do not name it as insecure; on loopback, configure its host with its CA",
        )
    if status == 404:
        return _not_found(registry, subject, endpoint, errors)
    said = told or response.reason_phrase.lower() or "no reason given"
    return RegistryError(
        f"registry {registry} answers {status} for {subject or 'its API'}: {said}",
        status=status,
        errors=errors,
    )


def _too_many(
    registry: str, response: httpx.Response, errors: tuple[tuple[str, str], ...]
) -> RegistryError:
    seconds = seconds_of(response.headers.get("retry-after"))
    wait = f", for {seconds:.0f} seconds" if seconds is not None else ""
    hint = "wait, or log in: known users may ask more often" if registry == "docker.io" else None
    return RegistryError(
        f"registry {registry} asks to stop: too many requests{wait}",
        status=429,
        errors=errors,
        hint=hint or "wait, then try again",
    )


def _not_found(
    registry: str, subject: str, endpoint: str, errors: tuple[tuple[str, str], ...]
) -> RegistryError:
    repository, _, selector = subject.partition(" ")
    codes = [code for code, _ in errors]
    if ErrorCode.NAME_UNKNOWN in codes or endpoint.startswith("end-8"):
        message = f"registry {registry} has no repository {repository}"
        hint = "check the spelling; some registries say so, too, where a login is missing"
    elif endpoint == "end-3" and ":" not in selector:
        message = f"{registry}/{repository} has no tag {selector}"
        hint = f"ocinb tags {registry}/{repository} lists the tags that there are"
    elif endpoint == "end-3":
        message = f"{registry}/{repository} has no manifest {selector}"
        hint = "manifests by digest are searched in one repository only: is it the right one?"
    elif endpoint in ("end-2", "end-10"):
        message = f"{registry}/{repository} has no blob {selector}"
        hint = "the image is damaged in this registry: its manifest names a blob that is not there"
    elif endpoint == "end-1":
        message = f"{registry} is not a registry: its /v2/ is not found"
        hint = "check host and port"
    else:
        message = f"registry {registry} answers 404 for {subject or 'its API'}"
        hint = None
    return RegistryError(message, status=404, errors=errors, hint=hint)


def parse_errors(body: bytes) -> tuple[tuple[str, str], ...]:
    """``(code, message)`` pairs of an error body; none where it is something else.

    Spec: distribution-spec spec.md#error-codes
    """
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    found = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(found, list):
        return ()
    pairs = []
    for item in found[:10]:
        if isinstance(item, dict) and isinstance(item.get("code"), str):
            code, message = item["code"][:64], item.get("message")
            if not isinstance(message, str) or not message:
                message = DESCRIPTIONS.get(ErrorCode(code), "") if code in _CODES else ""
            pairs.append((code, printable(message)))
    return tuple(pairs)


_CODES = frozenset(ErrorCode)


def printable(text: str) -> str:
    """What a registry says, fit for a terminal: no control characters, not too much of it."""
    return "".join(c if c.isprintable() else " " for c in text[:300]).strip().rstrip(".")
