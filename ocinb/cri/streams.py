"""``exec`` and ``attach``: a program's input and output over the runtime's streaming server.

The runtime answers the call with an address, at which the streams are served as channels of one
WebSocket: the first byte of a message is its channel.
Spec: none (Kubernetes v4.channel.k8s.io)
"""

from __future__ import annotations

import json
import os
import select
from typing import TYPE_CHECKING, Any

from ocinb.cri.websocket import WebSocket
from ocinb.errors import CriError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocinb.cri.client import Client

PROTOCOL = "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
"""Channels."""


def execute(
    client: Client,
    container: str,
    command: Sequence[str],
    output: Callable[[bytes, int], None],
    *,
    stdin: int | None = None,
    tty: bool = False,
    size: tuple[int, int] | None = None,
) -> int:
    """Run a program in a container, with its streams; returns its exit status.

    Args:
        output: takes what it writes, and the number of the stream: 1 or 2.
        stdin: a descriptor that is read for it; None: it has no input.
        tty: give it a terminal; then there is one output only.
        size: columns and rows of the terminal.

    Raises:
        CriError: it could not be run, or the streams broke off.
    """
    answer = client(
        "Exec",
        container_id=container,
        cmd=list(command),
        tty=tty,
        # containerd takes an input that is not there for one that has ended, and on a terminal it
        # then closes the output.
        stdin=stdin is not None or tty,
        stdout=True,
        stderr=not tty,
    )
    with WebSocket(str(answer.url), [PROTOCOL]) as stream:
        if tty and size:
            told = json.dumps({"Width": size[0], "Height": size[1]})
            stream.send(bytes([RESIZE]) + told.encode())
        return _carry(stream, output, stdin)


def _carry(stream: WebSocket, output: Callable[[bytes, int], None], stdin: int | None) -> int:
    while True:
        sources = [stream.fileno()] if stdin is None else [stream.fileno(), stdin]
        ready = sources[:1] if stream.pending else select.select(sources, [], [])[0]
        if stdin is not None and stdin in ready:
            typed = os.read(stdin, 32768)
            if typed:
                stream.send(bytes([STDIN]) + typed)
            else:
                stdin = None  # the protocol has no word for the end of the input
        if stream.fileno() not in ready:
            continue
        message = stream.receive()
        if message is None:
            raise CriError("the streams of the program broke off")
        channel, data = (message[0], message[1:]) if message else (STDOUT, b"")
        if channel in (STDOUT, STDERR) and data:
            output(data, channel)
        elif channel == ERROR and data:
            return _exit_status(data)


def _exit_status(data: bytes) -> int:
    """The exit status in a Kubernetes ``Status`` document.

    Raises:
        CriError: the program was not run.
    """
    try:
        status: dict[str, Any] = json.loads(data)
    except ValueError:
        raise CriError(f"not a status: {data[:100]!r}") from None
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or ()
    if status.get("reason") == "NonZeroExitCode":
        for cause in causes:
            if cause.get("reason") == "ExitCode" and str(cause.get("message")).isdigit():
                return int(cause["message"])
    raise CriError(str(status.get("message") or "the program was not run"))
