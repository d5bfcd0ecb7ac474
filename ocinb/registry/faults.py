"""Faults on purpose: a slow, broken or overloaded registry, for lessons and tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from ocinb.frozen import Frozen
from ocinb.registry.messages import Refusal, Request, Response
from ocinb.spec.distribution import ErrorCode


class Cut(Exception):
    """The connection is to be cut in the middle of the answer."""


class FaultPlan(Frozen):
    """What goes wrong.

    Attributes:
        slow: bytes a second at which bodies pass, in both directions; 0 for full speed.
        drop_after: bytes of an answer's body after which the connection is cut; 0 for never.
        rate_limit: requests a second that are answered, the others get 429; 0 for all.
        status: a status with which requests are refused; 0 for none.
        times: how many requests ``status`` and ``drop_after`` each hit; 0 for all.
        path: part of the path of requests that are hit, as in ``/blobs/``; empty for all.
    """

    slow: int = 0
    drop_after: int = 0
    rate_limit: int = 0
    status: int = 0
    times: int = 0
    path: str = ""


class Faults:
    """A ``handle`` around another one, with faults.

    Attributes:
        plan: may be replaced while the registry runs.
    """

    def __init__(self, handle: Callable[[Request], Response], plan: FaultPlan) -> None:
        self.plan = plan
        self._inner = handle
        self._lock = threading.Lock()
        self._hits: dict[str, int] = {}
        self._second, self._answered = 0, 0

    def handle(self, request: Request) -> Response:
        """Answer a request, perhaps wrongly."""
        plan = self.plan
        if plan.path not in request.path:
            return self._inner(request)
        if plan.rate_limit and self._over(plan.rate_limit):
            return Refusal(429, ErrorCode.TOOMANYREQUESTS, headers={"Retry-After": "1"}).response()
        if plan.status and self._hit("status", plan.times):
            return Refusal(plan.status, ErrorCode.DENIED, "a fault on purpose").response()
        if plan.slow:
            request.body = _slow(request.body, plan.slow)
        response = self._inner(request)
        too_long = plan.drop_after and _length(response) > plan.drop_after
        if too_long and self._hit("drop", plan.times):
            response.body = _cut(_pieces(response), plan.drop_after)
        if plan.slow:
            response.body = _slow(_pieces(response), plan.slow)
        return response

    def _hit(self, kind: str, times: int) -> bool:
        with self._lock:
            count = self._hits.get(kind, 0)
            self._hits[kind] = count + 1
        return not times or count < times

    def _over(self, limit: int) -> bool:
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._answered = second, 0
            self._answered += 1
            return self._answered > limit


def _length(response: Response) -> int:
    return 0 if response.body == b"" else int(response.headers.get("Content-Length", 0))


def _pieces(response: Response) -> Iterable[bytes]:
    return [response.body] if isinstance(response.body, bytes) else response.body


def _cut(pieces: Iterable[bytes], after: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:after]
        after -= len(piece)
        if after <= 0:
            raise Cut("the connection was cut on purpose")


def _slow(pieces: Iterable[bytes], rate: int) -> Iterator[bytes]:
    step = max(rate // 10, 1)
    for piece in pieces:
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            time.sleep(len(part) / rate)
            yield part
