"""The kubelet's side of the Container Runtime Interface: calls to containerd or CRI-O."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from ocinb.cri.messages import SECRET
from ocinb.cri.wire import message, method
from ocinb.errors import CriError, UnsupportedHost
from ocinb.events import CriCalled, ignore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.events import Record

SOCKETS = (
    "/run/containerd/containerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/var/run/cri-dockerd.sock",
)
"""Where runtimes listen if nobody says otherwise, in the order in which they are tried."""

PATIENCE = 120.0
"""Seconds that a call may take; pulling an image has ten times as many."""

LARGEST = 16 * 2**20
"""Bytes of a message, as the kubelet has it."""


class Client:
    """A connection to a runtime's socket; a context manager.

    Args:
        address: path of the socket, or ``unix://`` and it.
        record: called with a ``CriCalled`` for each call.

    Raises:
        UnsupportedHost: grpcio is not installed.
    """

    def __init__(self, address: str, *, record: Record = ignore) -> None:
        # Else it begins its threads anew in every process that is forked from this one, and a
        # process with threads may make no user namespace.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
        try:
            import grpc
        except ImportError as error:
            raise UnsupportedHost(
                "the CRI needs grpcio and protobuf", hint="pip install 'ocinb[cri]'"
            ) from error
        self.path = address.removeprefix("unix://")
        self._record = record
        self._grpc = grpc
        self._channel = grpc.insecure_channel(
            f"unix://{self.path}",
            options=[
                ("grpc.max_receive_message_length", LARGEST),
                # Without it a Go server refuses the socket's path as a name of a host.
                ("grpc.default_authority", "localhost"),
                # Proxies of the environment are for the Internet, not for a socket.
                ("grpc.enable_http_proxy", 0),
            ],
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def __call__(self, name: str, *, seconds: float = PATIENCE, **fields: Any) -> Any:
        """Make a call and wait for its answer.

        Args:
            name: of the method, as in ``RunPodSandbox``.
            seconds: to wait.
            fields: of the request: plain values, dicts for messages, names for enumerations.

        Returns:
            The answer, a message.

        Raises:
            CriError: what the runtime said against it, or that nobody answers.
        """
        address, asked, answered = method(name)
        request = self._request(name, asked, fields)
        call = self._channel.unary_unary(
            address,
            request_serializer=asked.SerializeToString,
            response_deserializer=answered.FromString,
        )
        began = time.monotonic()
        try:
            answer = call(request, timeout=seconds)
        except self._grpc.RpcError as error:
            raise self._failed(name, request, error, time.monotonic() - began) from None
        self._note(name, request, answer, time.monotonic() - began)
        return answer

    def stream(self, name: str, *, seconds: float | None = None, **fields: Any) -> Iterator[Any]:
        """Make a call that goes on answering.

        Args:
            seconds: after which it ends; None: when the runtime ends it.

        Raises:
            CriError: as of ``__call__``.
        """
        address, asked, answered = method(name)
        request = self._request(name, asked, fields)
        call = self._channel.unary_stream(
            address,
            request_serializer=asked.SerializeToString,
            response_deserializer=answered.FromString,
        )
        began = time.monotonic()
        answers = call(request, timeout=seconds)
        try:
            for answer in answers:
                self._note(name, request, answer, time.monotonic() - began)
                yield answer
        except self._grpc.RpcError as error:
            if error.code() == self._grpc.StatusCode.DEADLINE_EXCEEDED:
                return
            raise self._failed(name, request, error, time.monotonic() - began) from None
        finally:
            answers.cancel()

    def _request(self, name: str, kind: type[Any], fields: dict[str, Any]) -> Any:
        try:
            return kind(**fields)
        except (TypeError, ValueError) as error:
            raise CriError(f"{name} does not take that: {error}") from None

    def _note(self, name: str, request: Any, answer: Any, seconds: float) -> None:
        self._record(
            CriCalled(method=name, asked=told(request), answered=told(answer), seconds=seconds)
        )

    def _failed(self, name: str, request: Any, error: Any, seconds: float) -> CriError:
        code, said = error.code().name, (error.details() or "").strip()
        self._record(
            CriCalled(method=name, asked=told(request), code=code, seconds=seconds, error=said)
        )
        hint = None
        if code == "UNAVAILABLE":
            said = f"nobody answers at {self.path}"
            hint = "is the runtime running? --endpoint names another socket"
        elif code == "UNIMPLEMENTED":
            said = f"the runtime at {self.path} has no {name}"
            hint = "it is older than this part of the CRI, or its CRI plugin is disabled"
        elif code == "DEADLINE_EXCEEDED":
            said = f"no answer to {name}"
        return CriError(said or f"{name}: {code.lower()}", code=code, hint=hint)


def told(value: Any) -> str:
    """A message as JSON, without what it leaves at its default, and without secrets."""
    from google.protobuf.json_format import MessageToJson

    shown = value
    if value.DESCRIPTOR.name == "PullImageRequest" and value.HasField("auth"):
        shown = message("PullImageRequest").FromString(value.SerializeToString())
        for field in SECRET:
            if getattr(shown.auth, field):
                setattr(shown.auth, field, "***")
    text: str = MessageToJson(shown, preserving_proto_field_name=True, indent=None)
    return text
