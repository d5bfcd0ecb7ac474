"""What happened, told once: typed events and the recorder that keeps them.

Every room that does something takes ``record: Record = ignore`` in its constructor and calls it
with an event for each thing that happened. Progress displays, tables and diagrams consume the
events; the core itself never prints. An event may be recorded from any thread.

Secrets never enter an event: header values are masked by the sender.
"""

from __future__ import annotations

import time as _clock

from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeVar

    EventT = TypeVar("EventT", bound="Event")
    Record = Callable[["Event"], None]


class Event(Frozen):
    """Base of all events.

    Attributes:
        time: when it was recorded, seconds since the epoch (UTC).
    """

    time: float = 0.0

    def __init__(self, **values: Any) -> None:
        values.setdefault("time", _clock.time())
        super().__init__(**values)


class Exchange(Event):
    """One HTTP request and its answer, recorded when the answer's body was read or abandoned."""

    method: str
    url: str
    endpoint: str = ""  # the specification's name: end-1 … end-14; empty for token servers
    party: str = "registry"  # who was asked: registry | mirror | storage | token server
    status: int = 0  # 0: no answer
    request_headers: tuple[tuple[str, str], ...] = ()
    response_headers: tuple[tuple[str, str], ...] = ()
    request_bytes: int = 0
    response_bytes: int = 0
    seconds: float = 0.0
    attempt: int = 1
    reused: bool = False  # over a connection that was open already
    error: str = ""


class BlobProgress(Event):
    """Bytes of a blob that have passed so far; recorded at most ten times a second for a blob."""

    digest: str
    done: int  # bytes
    total: int  # bytes
    action: str  # waiting | downloading | verifying | uploading


class BlobDone(Event):
    """A blob is whole, verified, and at its place."""

    digest: str
    size: int  # bytes
    source: str  # network | store | mounted | registry (it was there already)
    seconds: float = 0.0


class ImageNamed(Event):
    """A name of the store now points at this manifest or index."""

    name: str
    digest: str


class LayerUnpacking(Event):
    """A layer that was not unpacked yet is being unpacked from now on."""

    digest: str
    size: int  # bytes of the blob


class LayerApplied(Event):
    """A layer was unpacked, or found unpacked."""

    digest: str
    diff_id: str
    chain_id: str
    entries: int  # tar entries
    size: int  # bytes of the uncompressed archive
    seconds: float
    reused: bool
    directory: str


class Mounted(Event):
    """A file system was mounted (or, as the last resort, copied) by the mount manager."""

    target: str
    kind: str  # overlay | fuse-overlayfs | copy
    layers: tuple[str, ...]  # bottom to top
    options: str
    seconds: float


class Unmounted(Event):
    """A mount of ours was removed."""

    target: str
    seconds: float


class BundleWritten(Event):
    """A bundle is complete on disk."""

    directory: str


class RuntimeCalled(Event):
    """An OCI runtime's command line was run."""

    argv: tuple[str, ...]
    status: int  # exit status
    seconds: float
    container: str


class CriCalled(Event):
    """A call of the Container Runtime Interface was answered."""

    method: str  # as in RunPodSandbox
    asked: str  # the request, as JSON; secrets are masked
    answered: str = ""  # the answer, as JSON
    code: str = "OK"  # gRPC's name of the status
    seconds: float = 0.0
    error: str = ""


class StepFinished(Event):
    """A step of the lifecycle table was carried out (``number`` as in ``spec/lifecycle.py``)."""

    container: str
    number: int
    detail: str = ""
    seconds: float = 0.0
    error: str = ""


class Syscall(Event):
    """A system call that our runtime made for a container."""

    container: str
    call: str
    arguments: tuple[str, ...]
    result: int = 0
    errno: int = 0
    seconds: float = 0.0
    field: str = ""  # the config.json field it was made for, as in mounts[2]
    process: str = ""  # parent | init


class ProgramTraced(Event):
    """Something that a container's program did, as strace saw it: ``run --strace``."""

    container: str
    process: int  # as this machine numbers it
    what: str  # a call with its arguments, a signal, or an end
    result: str = ""
    error: str = ""  # as in ENOENT (No such file or directory)
    seconds: float = 0.0


class HookFinished(Event):
    """A hook of config.json ran."""

    container: str
    stage: str
    path: str
    status: int  # exit status; negative: killed by that signal
    seconds: float
    error: str = ""


class NetworkChanged(Event):
    """A hook of ours made or removed a part of a container's network."""

    container: str
    action: str  # made | removed
    kind: str  # lease | link | address | route | filter | port | setting | process | plugin
    name: str
    detail: str = ""
    seconds: float = 0.0


class StatusChanged(Event):
    """The container's status as in runtime-spec runtime.md#state."""

    container: str
    status: str
    pid: int = 0
    exit_status: int = -1  # known once stopped, where the recorder could see it


class Happened(Event):
    """Something was done to a container, or became of it: a line of ``events``."""

    container: str  # its id
    name: str
    image: str
    action: str  # create | start | die | remove …, docker's words
    detail: str = ""
    exit_status: int = -1  # of its program, for die


class StepBegun(Event):
    """A step of a build is about to be done."""

    number: int
    total: int  # 0: not known
    instruction: str
    stage: str = ""
    line: int = 0  # of the Dockerfile; 0: there is none


class StepBuilt(Event):
    """A step of a build was done, or found in the cache."""

    number: int
    instruction: str
    cached: bool
    digest: str  # of the layer that it made; empty where it made none
    size: int  # bytes of that layer
    image: str  # digest of the image's manifest after this step
    seconds: float
    stage: str = ""
    line: int = 0


class Warned(Event):
    """Something that does not stop the operation but that the person should know."""

    message: str


def ignore(event: Event) -> None:
    """The default recorder: keeps nothing."""


class Recorder:
    """Keeps events in order and tells subscribers.

    A recorder is itself the callable that rooms take: ``Client(..., record=recorder)``.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._subscribers: list[Callable[[Event], None]] = []

    def __call__(self, event: Event) -> None:
        """Keep the event, then tell the subscribers, in the thread that recorded it."""
        self.events.append(event)
        for subscriber in tuple(self._subscribers):
            subscriber(event)

    def subscribe(self, subscriber: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``subscriber`` with every later event; returns a function that ends it."""
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            self._subscribers.remove(subscriber)

        return unsubscribe

    def of(self, kind: type[EventT]) -> Iterator[EventT]:
        """The events of one type, in order."""
        return (event for event in self.events if isinstance(event, kind))


def to_json(event: Event) -> dict[str, object]:
    """An event as plain JSON values, with its type under ``event``.

    The runtime writes one such object a line to ``--events FILE``.
    """
    return {"event": type(event).__name__, **dict(event)}


def from_json(document: Mapping[str, Any]) -> Event:
    """The event that ``to_json`` wrote.

    Raises:
        ValueError: not an event of this version of ocinb.
    """
    values = dict(document)
    name = values.pop("event", "")
    kind = _KINDS.get(name) or _kinds().get(name)
    if kind is None or not values.keys() <= kind._names:
        raise ValueError(f"not an event: {document!r}")
    for field, value in values.items():
        if type(value) is list:
            values[field] = tuple(value)
    if "time" not in values:
        return kind(**values)
    # There are hundreds of a container: what is known to be right is not checked once more.
    event = object.__new__(kind)
    event.__dict__.update(kind._defaults)
    event.__dict__.update(values)
    if len(event.__dict__) != len(kind._names):
        raise ValueError(f"not a whole event: {document!r}")
    return event


_KINDS: dict[str, type[Event]] = {}


def _kinds() -> dict[str, type[Event]]:
    _KINDS.update({kind.__name__: kind for kind in Event.__subclasses__()})
    return _KINDS
