"""The OCI kernel as a process of its own, asked by Jupyter's client."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop

from ocinb.commands.kernel import document


class Kernel:
    """A kernel that was started, and its client."""

    def __init__(self, manager: KernelManager, client: Any) -> None:
        self.manager = manager
        self.client = client

    def run(
        self, code: str, *, answer: str | None = None, interrupt: bool = False
    ) -> tuple[str, str]:
        """Run a cell.

        Args:
            answer: to the question that it asks.
            interrupt: as soon as it has written something.

        Returns:
            ``ok``, or the name and words of the error; and what it has shown.
        """
        shown: list[str] = []

        def take(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                shown.append(content["text"])
                if interrupt:
                    self.interrupt()
            elif message["msg_type"] in ("execute_result", "display_data"):
                shown.append(content["data"].get("text/plain", ""))

        reply = self.client.execute_interactive(
            code,
            allow_stdin=answer is not None,
            stdin_hook=lambda _: self.client.input(answer),
            output_hook=take,
            timeout=60,
        )["content"]
        said = reply["status"]
        if said == "error":
            said = f"{reply['ename']}: {reply['evalue']}"
        return said, "".join(shown)

    def interrupt(self) -> str:
        """As the button of a front end does it; the message's id."""
        message = self.client.session.msg("interrupt_request", {})
        self.client.control_channel.send(message)
        return str(message["header"]["msg_id"])

    def interrupt_and_wait(self) -> None:
        """Likewise, until the kernel has answered."""
        asked = self.interrupt()
        while self.client.get_control_msg(timeout=20)["parent_header"].get("msg_id") != asked:
            pass


@contextmanager
def kernel(place: Path, **variables: str) -> Iterator[Kernel]:
    """Start a kernel; it has ended when the block is left."""
    manager = KernelManager(transport="ipc", ip=str(place / "k"))
    spec = document()
    manager._kernel_spec = KernelSpec(
        argv=spec["argv"], display_name="", language="", interrupt_mode=spec["interrupt_mode"]
    )
    manager.start_kernel(
        env={**os.environ, "IPYTHONDIR": str(place / "ipython"), **variables}, cwd=str(place)
    )
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()
        loop = ensure_event_loop()
        if not loop.is_running():  # as that of Playwright is
            loop.close()  # the client leaves it to the end of the interpreter
