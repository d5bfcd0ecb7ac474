"""The program of our hooks: ``python -I -S hook.py attach|detach NETWORK.JSON``; with the word
``publish`` it is no hook, but called for what ``republish.py`` does.

The container's state comes on standard input. What goes wrong is one sentence on standard error,
status 1, and nothing left behind. It starts with every container, so it imports little.

Spec: runtime-spec config.md#createruntime-hooks, config.md#poststop
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # -I and -S leave out all of site-packages, so the package's place is told by this file's.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from ocinb import plain_json
from ocinb.errors import NetworkError, OcinbError
from ocinb.event_log import append_event
from ocinb.events import Warned
from ocinb.network.attachments import Attachment
from ocinb.network.undo import undo
from ocinb.private_directory import check_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(arguments: list[str]) -> int:
    """Carry out one hook; its exit status."""
    operation, path = arguments
    try:
        container, plan = _read(path)
        check_private(os.path.dirname(plan["state"]))
        if operation == "attach":
            _attach(plan, container)
        elif operation == "publish":
            _publish(plan, container)
        else:
            undo(plan["state"], str(container["id"]))
    except (OcinbError, OSError) as error:
        os.write(2, f"{_sentence(error)}\n".encode())
        return 1
    return 0


def _read(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The container's state, and what the bundle says about its network."""
    said = b""
    while data := os.read(0, 1 << 16):
        said += data
    with open(path, "rb") as file:
        planned = file.read()
    return _object(said, "what came on standard input"), _object(planned, path)


def _object(text: bytes, where: str) -> dict[str, Any]:
    try:
        value = plain_json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NetworkError(f"{where} is not a JSON object")
    return value


def _attach(plan: dict[str, Any], container: dict[str, Any]) -> None:
    name, pid = str(container["id"]), int(container.get("pid") or 0)
    if Attachment.read(plan["state"], name) is not None:
        undo(plan["state"], name)  # of a container of that ID whose end nobody saw
    attachment = Attachment(plan["state"], name, {**plan, "processes": []})
    attachment.note()
    try:
        if plan["kind"] == "bridge":
            from ocinb.network.bridge import connect

            connect(attachment, pid)
        elif plan["kind"] == "cni":
            from ocinb.network.cni_attach import connect as connect_by_plugins

            connect_by_plugins(attachment, pid)
        else:
            from ocinb.network.rootless import connect as connect_from_user_space

            connect_from_user_space(attachment, pid)
    except BaseException:
        try:
            undo(plan["state"], name)
        except OcinbError as error:
            append_event(plan["events"], Warned(message=error.message), create=False)
        raise


def _publish(plan: dict[str, Any], container: dict[str, Any]) -> None:
    from ocinb.network.republish import republish

    attachment = Attachment.read(plan["state"], str(container["id"]))
    if attachment is not None:
        republish(attachment, int(container["pid"]))


def _sentence(error: OcinbError | OSError) -> str:
    if isinstance(error, OcinbError):
        return f"{error.message} ({error.hint})" if error.hint else error.message
    return f"{error.filename or 'a file'}: {os.strerror(error.errno or 0).lower()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
