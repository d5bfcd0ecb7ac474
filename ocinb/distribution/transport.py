"""Sending a request until it is answered: retries, redirects, time limits."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from ocinb.distribution.decimal_text import decimal
from ocinb.distribution.failures import printable, redirect_refused, status_failure, unreachable
from ocinb.distribution.hosts import is_loopback
from ocinb.distribution.network import Network
from ocinb.distribution.outgoing import Outgoing, Timeouts
from ocinb.distribution.retry import RETRIED_STATUSES, Patience, RetryPolicy, is_refused
from ocinb.distribution.wire import CALL, USER_AGENT, Call, Recorded
from ocinb.errors import RegistryError
from ocinb.events import Warned

if TYPE_CHECKING:
    from ocinb.events import Record

MAX_REDIRECTS = 5

STORAGE = "storage"
"""What a host is to which a registry sends us for its content."""

_SHORT = 16 * 1024

_MAX_WARNINGS = 100
_WARNING = re.compile(r'299 - "(.*)"')


class Transport:
    """Sends what ``Client`` asks for.

    Args:
        choose: the way to a URL's host: TLS settings, proxy, or a test's double.
        network: whose threads can be cancelled.
        may_downgrade: whether a redirect from https may lead to this plain http URL; without,
            none may.
    """

    def __init__(
        self,
        choose: Callable[[httpx.URL], httpx.BaseTransport],
        network: Network,
        *,
        policy: RetryPolicy,
        timeouts: Timeouts,
        record: Record,
        may_downgrade: Callable[[httpx.URL], bool] | None = None,
    ) -> None:
        self.network = network
        self._record = record
        self._warnings: set[str] = set()
        self._answered: set[str] = set()
        self._policy = policy
        self._may_downgrade = may_downgrade
        timeout = httpx.Timeout(
            connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=None
        )
        self._http = httpx.Client(
            transport=Recorded(choose, network, record, timeout),
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "user-agent": USER_AGENT,
                "accept-encoding": "identity",
                "accept": "*/*",
            },
            timeout=timeout,
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def patience(self, attempts: int | None = None) -> Patience:
        """Patience for a new piece of work of the calling thread; with at most ``attempts``."""
        policy = self._policy
        if attempts is not None:
            policy = RetryPolicy(**(dict(policy) | {"attempts": min(attempts, policy.attempts)}))
        return Patience(policy, self.network.cancel)

    def one_try(self) -> Patience:
        """Patience for a request that must not simply be repeated."""
        return self.patience(attempts=1)

    @contextlib.contextmanager
    def send(
        self,
        call: Outgoing,
        *,
        expect: tuple[int, ...],
        patience: Patience | None = None,
    ) -> Iterator[httpx.Response]:
        """The answer, its body still to be read; retried until it has an expected status.

        A fault while the body is read is an ``httpx.TransportError`` for the caller, who alone
        knows how to go on.

        Raises:
            RegistryUnreachable: no answer after all attempts.
            RegistryError, AuthenticationFailed: an answer that is an error.
        """
        response = self.answer(call, expect=expect, patience=patience or self.patience())
        try:
            yield response
        finally:
            self.finish(response)

    def fetch(
        self,
        call: Outgoing,
        *,
        expect: tuple[int, ...],
        limit: int,
        what: str,
        patience: Patience | None = None,
    ) -> tuple[httpx.Response, bytes]:
        """The answer with its whole body, of at most ``limit`` bytes.

        Raises:
            RegistryError: the body is longer; and all that ``send`` raises.
        """
        patience = patience or self.patience()
        while True:
            try:
                with self.send(call, expect=expect, patience=patience) as response:
                    return response, read_all(response, limit, what)
            except httpx.TransportError as error:
                if not patience.again(error=error):
                    raise unreachable(call.registry, call.url, error) from error

    def answer(
        self, call: Outgoing, *, expect: tuple[int, ...], patience: Patience
    ) -> httpx.Response:
        """As ``send``, for a caller that ends with ``finish``."""
        while True:
            try:
                response = self._once(call, patience.attempt)
                self._answered.add(call.registry)
                self._tell_warnings(call.registry, response)
                if response.status_code in expect:
                    return response
                try:
                    failure = status_failure(
                        call.registry, call.subject, call.endpoint, response, _who(call, response)
                    )
                finally:
                    self.finish(response)
            except httpx.TransportError as error:
                if self._is_absent(call, error) or not patience.again(error=error):
                    raise unreachable(call.registry, call.url, error) from error
                continue
            retried = response.status_code in RETRIED_STATUSES
            if not (retried and patience.again(retry_after=response.headers.get("retry-after"))):
                raise failure

    def _is_absent(self, call: Outgoing, error: Exception) -> bool:
        """Whether there is no such registry on this machine: waiting brings up none.

        One that has answered before may be starting anew, so it is waited for.
        """
        here = is_loopback(call.url.host) and call.registry not in self._answered
        return here and is_refused(error)

    def _tell_warnings(self, registry: str, response: httpx.Response) -> None:
        """Pass on what the registry wants people to know, once.

        Spec: distribution-spec spec.md#warnings
        """
        for header in response.headers.get_list("warning")[:16]:
            found = _WARNING.fullmatch(header[:4096])
            text = f"registry {registry}: {printable(found[1])}" if found else ""
            if text and text not in self._warnings and len(self._warnings) < _MAX_WARNINGS:
                self._warnings.add(text)
                self._record(Warned(message=text))

    def finish(self, response: httpx.Response) -> None:
        """Let go of an answer: what little is left of it is read, to keep its connection."""
        length = decimal(response.headers.get("content-length"))
        short = length is not None and length <= _SHORT
        if response.status_code == 204 or response.request.method == "HEAD":
            short = True
        if short and not response.is_stream_consumed and self.network.cancel.goes_on():
            with contextlib.suppress(httpx.TransportError):
                for _ in response.iter_raw():
                    pass
        response.close()

    def _once(self, call: Outgoing, attempt: int) -> httpx.Response:
        """One attempt, redirects included.

        Credentials belong to the origin of the first URL: what a redirect to another host gets
        has none, nor has what that host sends back. Spec: distribution-spec spec.md#api
        """
        url, auth, party = call.url, call.auth, call.party
        for _ in range(MAX_REDIRECTS + 1):
            extensions = {CALL: Call(endpoint=call.endpoint, attempt=attempt, party=party)}
            request = self._http.build_request(
                call.method, url, headers=dict(call.headers), extensions=extensions
            )
            if call.body is not None:
                request.headers["content-length"] = str(call.body.length)
                request = httpx.Request(
                    call.method,
                    url,
                    headers=request.headers,
                    stream=call.body,
                    extensions=request.extensions,
                )
            try:
                response = self._http.send(request, auth=auth, stream=True, follow_redirects=False)
            except (httpx.RemoteProtocolError, httpx.InvalidURL) as error:
                # httpx reads a redirect's Location even where it does not follow it.
                if isinstance(error, httpx.InvalidURL) or "location header" in str(error):
                    raise redirect_refused(call.registry, url, "to what is no URL") from error
                raise
            if not response.has_redirect_location:
                return response
            self.finish(response)
            if response.status_code == 303:
                raise redirect_refused(call.registry, url, "303 See Other is not part of the API")
            location = response.headers["location"]
            url = check_location(call.registry, url, location, self._may_downgrade)
            if _origin(url) != _origin(call.url):
                auth, party = None, STORAGE
        raise redirect_refused(call.registry, call.url, f"more than {MAX_REDIRECTS} redirects")


def check_location(
    registry: str,
    url: httpx.URL,
    location: str,
    may_downgrade: Callable[[httpx.URL], bool] | None = None,
) -> httpx.URL:
    """Where a ``Location`` header leads, absolute.

    Raises:
        RegistryError: not a URL, not of http or https, or from https down to http.
    """
    try:
        target = url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise redirect_refused(registry, url, f"to {location[:80]!r}, which is no URL") from error
    if target.scheme not in ("http", "https") or not target.host:
        raise redirect_refused(registry, url, f"to {location[:80]!r}, which is not http or https")
    down = url.scheme == "https" and target.scheme == "http"
    if down and not (may_downgrade and may_downgrade(target)):
        raise redirect_refused(registry, url, f"from https down to http at {target.host}")
    return target.copy_with(userinfo=b"")


def _who(call: Outgoing, response: httpx.Response) -> str | None:
    """As whom a request was made; None for nobody, as towards another host."""
    sent = "authorization" in response.request.headers
    return call.auth.username if sent and call.auth else None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def read_all(response: httpx.Response, limit: int, what: str) -> bytes:
    """The body's raw bytes, read only as far as ``limit``.

    Raises:
        RegistryError: there is more.
    """
    parts: list[bytes] = []
    size = 0
    for chunk in response.iter_raw():
        size += len(chunk)
        if size > limit:
            raise RegistryError(
                f"{what} is larger than {limit:,} bytes",
                status=response.status_code,
                hint="no registry should hold such a document; it was not read further",
                citation="distribution-spec spec.md#pushing-manifests",
            )
        parts.append(chunk)
    return b"".join(parts)
