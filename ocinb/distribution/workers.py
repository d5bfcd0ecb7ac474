"""Threads that work for one operation, and stop together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from ocinb.content.writer import Abort
from ocinb.distribution.cancel import Cancel, Cancelled
from ocinb.distribution.network import Network

T = TypeVar("T")

PARALLEL = 4
"""Transfers at once."""

_GRACE = 0.8
"""Seconds that an interrupted operation waits for its threads to let go."""


def run_together(
    network: Network, tasks: Iterable[Callable[[], T]], parallel: int = PARALLEL
) -> list[T]:
    """Run tasks in threads; their results in order.

    The first failure stops all others and is raised. Ctrl-C in the calling thread stops all
    within a second. Where the calling thread is itself a worker of an operation, its ``Cancel``
    stops these, too.
    """
    outer, cancel = network.cancel, Cancel()

    def work(task: Callable[[], T]) -> T:
        with network.cancellable(cancel):
            cancel.check()
            return task()

    executor = ThreadPoolExecutor(parallel, thread_name_prefix="ocinb-transfer")
    futures: list[Future[T]] = []
    try:
        futures += (executor.submit(work, task) for task in tasks)
        _raise_first(futures, outer)
        return [future.result() for future in futures]
    except BaseException as error:
        cancel.set()
        executor.shutdown(wait=False, cancel_futures=True)
        wait([future for future in futures if not future.cancelled()], timeout=_GRACE)
        raise _first_cause(futures, error) from None
    finally:
        executor.shutdown(wait=False)


def _raise_first(futures: list[Future[T]], outer: Cancel) -> None:
    """Wait for all, but not longer than for the first that fails."""
    pending: set[Future[T]] = set(futures)
    while pending:
        outer.check()
        done, pending = wait(pending, timeout=Cancel.SLICE, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()


def _first_cause(futures: list[Future[T]], error: BaseException) -> BaseException:
    """The failure that stopped the others, rather than one of those that were stopped."""
    if not isinstance(error, Cancelled | Abort):
        return error
    for future in futures:
        if future.done() and not future.cancelled():
            found = future.exception()
            if found is not None and not isinstance(found, Cancelled | Abort):
                return found
    return error
