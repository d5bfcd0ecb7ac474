"""Calls between the programs of the chain: who asked whom for what, and the answer."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING, Any

from ocinb.events import CriCalled
from ocinb.table import SHORT_DIGEST, Table, columns, short_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ocinb.events import Event

CALL_COLUMNS = columns(
    "time:clock caller called call subject took:duration answer failure asked? document?"
)
"""``time`` is when it was asked; ``subject`` is the container or pod that it was about; ``asked``
are the arguments, and ``document`` what they name: a config.json, a request. ``failure`` is what
went wrong, or empty."""

_SUBJECTS = ("container_id", "pod_sandbox_id")


def cri_calls(events: Iterable[Event]) -> Table:
    """The calls of the Container Runtime Interface."""
    rows: list[tuple[Any, ...]] = []
    for event in events:
        if isinstance(event, CriCalled):
            asked, answered = json.loads(event.asked), json.loads(event.answered or "{}")
            rows.append(
                (
                    event.time - event.seconds,
                    "kubelet",
                    "CRI runtime",
                    event.method,
                    _subject(asked, answered),
                    event.seconds,
                    _answer(answered) if event.code == "OK" else event.code,
                    event.error,
                    event.asked,
                    event.answered,
                )
            )
    return Table(CALL_COLUMNS, rows, title="calls of the CRI", key="call")


def runtime_calls(calls: Sequence[dict[str, Any]], title: str) -> Table:
    """The calls upon an OCI runtime that ``stack.tracing`` heard."""
    rows = []
    for call in calls:
        status = call.get("status")
        document = call.get("document")
        rows.append(
            (
                call["began"],
                call["caller"]["name"],
                os.path.basename(call["runtime"][-1]).replace("__main__.py", "ocinb-runtime"),
                call["command"],
                _container(call["command"], call["arguments"]),
                call.get("seconds"),
                "goes on" if status is None else f"status {status}",
                "" if not status else f"exit status {status}",
                shlex.join(call["words"]),
                json.dumps(document, ensure_ascii=False) if document is not None else "",
            )
        )
    return Table(CALL_COLUMNS, rows, title=title, key="call")


def _container(command: str, arguments: Sequence[str]) -> str:
    """The container that a runtime's command is about: its last argument, but for some."""
    if not arguments:
        return ""
    at = 0 if command in ("kill", "exec", "ps", "events") else -1
    return _short(arguments[at])


def _short(name: str) -> str:
    """A name as it is; of an id the digits that people are shown."""
    return name[:SHORT_DIGEST] if len(name) == 64 else name


def _subject(asked: dict[str, Any], answered: dict[str, Any]) -> str:
    for document in (asked, answered):
        for name in _SUBJECTS:
            if document.get(name):
                return _short(str(document[name]))
    image = asked.get("image", {}).get("image") or asked.get("config", {}).get("image")
    return str(image or "")


def _answer(answered: dict[str, Any]) -> str:
    """A short word for an answer: an id, a state, how many."""
    for name in ("container_id", "pod_sandbox_id", "image_ref"):
        if answered.get(name):
            return _short(short_digest(str(answered[name])))
    status = answered.get("status")
    if isinstance(status, dict):
        return str(status.get("state") or "a status")
    for value in answered.values():
        if isinstance(value, list):
            return f"{len(value)} of them"
    if "exit_code" in answered or "stdout" in answered:
        return f"exit status {answered.get('exit_code', 0)}"
    return "done"
