"""What widgets say to the page, heard without one."""

from __future__ import annotations

import json
from typing import Any

import comm
from comm.base_comm import BaseComm


class Heard:
    """Messages of all widgets made while it listens.

    Attributes:
        messages: type and content, in order.
    """

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []

    @property
    def size(self) -> int:
        """Bytes of their JSON."""
        return sum(len(json.dumps(data, default=str)) for _, data in self.messages)

    @property
    def said(self) -> list[Any]:
        """The content of custom messages."""
        return [
            data["content"]
            for kind, data in self.messages
            if kind == "comm_msg" and data.get("method") == "custom"
        ]

    def answer(self, widget: Any, ask: str, **values: Any) -> Any:
        """Ask as a page does; the answer's value.

        Raises:
            AssertionError: it is an error; the sentence.
        """
        before = len(self.said)
        widget._handle_custom_msg({"ask": ask, "id": "1", **values}, [])
        answers = self.said[before:]
        assert [answer["re"] for answer in answers] == ["1"]
        assert "error" not in answers[0], answers[0]["error"]
        return answers[0]["value"]


def listen(monkeypatch: Any) -> Heard:
    """Hear the widgets that are made from now on."""
    heard = Heard()

    class Recorded(BaseComm):
        def publish_msg(self, msg_type: str, data: Any = None, *_: Any, **__: Any) -> None:
            heard.messages.append((msg_type, data or {}))

    monkeypatch.setattr(comm, "create_comm", Recorded)
    return heard
