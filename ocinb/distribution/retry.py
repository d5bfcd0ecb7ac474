"""When to try again, and after how long."""

from __future__ import annotations

import email.utils
import errno
import random
import ssl
import time

import httpx

from ocinb.distribution.cancel import Cancel
from ocinb.distribution.decimal_text import decimal
from ocinb.frozen import Frozen

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class RetryPolicy(Frozen):
    """How patient a client is.

    Attributes:
        attempts: in a row without progress, the first one included.
        first_delay: seconds before the second attempt; doubled for each further one, with jitter.
        longest_delay: seconds; also the longest ``Retry-After`` that is obeyed.
        refused_attempts: where no connection comes about, waiting rarely helps.
    """

    attempts: int = 5
    first_delay: float = 0.5
    longest_delay: float = 60.0
    refused_attempts: int = 3


class Patience:
    """What is left of the patience with one piece of work, over all of its requests.

    Attributes:
        attempt: number of the attempt that is made now, over the whole work, from 1.
    """

    def __init__(self, policy: RetryPolicy, cancel: Cancel) -> None:
        self.attempt = 1
        self._policy = policy
        self._cancel = cancel
        self._failures = 0

    def progressed(self) -> None:
        """The last attempt brought something new: begin to count failures again."""
        self._failures = 0

    def again(self, *, retry_after: str | None = None, error: Exception | None = None) -> bool:
        """Whether to try again; if so, the time to wait has passed.

        Args:
            retry_after: the header of the answer.
            error: what failed where there was no answer.
        """
        policy = self._policy
        self._failures += 1
        if error is not None and is_permanent(error):
            return False
        unconnected = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        limit = min(policy.attempts, policy.refused_attempts if unconnected else policy.attempts)
        delay = min(policy.first_delay * 2 ** (self._failures - 1), policy.longest_delay)
        asked = seconds_of(retry_after)
        if self._failures >= limit or (asked is not None and asked > policy.longest_delay):
            return False
        if asked is None:
            delay *= random.uniform(0.5, 1.0)
        self._cancel.sleep(delay if asked is None else asked)
        self.attempt += 1
        return True


def seconds_of(retry_after: str | None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, as a number or as a date; None without."""
    if not retry_after:
        return None
    seconds = decimal(retry_after)
    if seconds is not None:
        return float(seconds)
    try:
        then = email.utils.parsedate_to_datetime(retry_after)
        return max(0.0, then.timestamp() - time.time())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def causes(error: BaseException) -> list[BaseException]:
    """An error and what caused it, outermost first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def is_refused(error: Exception) -> bool:
    """Whether nobody listened at the host and port."""
    return any(
        isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED for cause in causes(error)
    )


def is_permanent(error: Exception) -> bool:
    """Whether another attempt cannot end better: a name or a certificate does not change."""
    import socket

    if isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError | httpx.LocalProtocolError):
        return True
    if "Receive buffer too long" in str(error):
        return True
    for cause in causes(error):
        if isinstance(cause, ssl.SSLError | UnicodeError):
            return True
        if isinstance(cause, socket.gaierror):
            return cause.errno != socket.EAI_AGAIN
    return False
