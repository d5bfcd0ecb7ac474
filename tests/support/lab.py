"""JupyterLab as its own process, and a page of it in headless Chromium."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TOKEN = "loopback-only"
DRAWN_WIDTH = "async image => { await image.decode(); return image.naturalWidth }"
"""Pixels of a picture, once it is there; the pages do not wait for what is in their addresses."""
_PATIENCE = 60.0


class Lab:
    """A running JupyterLab.

    Attributes:
        url: its address, without a slash behind.
        work: the directory that it shows.
        environment: variables of the server and of its kernels.
    """

    def __init__(self, url: str, work: Path, environment: dict[str, str]) -> None:
        self.url = url
        self.work = work
        self.environment = environment
        self._written = 0

    def write(self, name: str, cells: Sequence[str], kernel: str = "python3") -> Path:
        """A new notebook of code cells; a number makes its name the only one."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": kernel, "display_name": kernel}},
        )
        self._written += 1
        path = self.work / f"{name}-{self._written}.ipynb"
        nbformat.write(notebook, path)
        return path

    def ask(self, path: str, method: str = "GET") -> Any:
        """What the server's own interface answers."""
        request = urllib.request.Request(
            f"{self.url}{path}", headers={"Authorization": f"token {TOKEN}"}, method=method
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            data = answer.read()
        return json.loads(data) if data else None

    def shut_kernels_down(self) -> None:
        """End all kernels, and wait for it."""
        for session in self.ask("/api/sessions"):
            self.ask(f"/api/sessions/{session['id']}", "DELETE")


_SETTINGS: dict[str, dict[str, Any]] = {
    "apputils-extension/notification": {"fetchNews": "false"},
    # Of completions that a kernel needs a second for it shows nothing.
    "completer-extension/manager": {"providerTimeout": 20000},
}
"""JupyterLab's own, of what is asked in no test."""

_SERVERS = {"jupyterlab": "LabApp", "notebook": "JupyterNotebookApp"}
"""Module → what its options are called by."""


@contextmanager
def lab(place: Path, program: str = "jupyterlab", **variables: str) -> Iterator[Lab]:
    """Start JupyterLab in directories of its own; it has ended when the block is left.

    Args:
        place: an empty directory.
        program: ``jupyterlab``, or ``notebook`` for Notebook 7, which is made of the same parts.
        variables: of the environment, beside those of this process.
    """
    options = _SERVERS[program]
    work = place / "work"
    work.mkdir()
    for name, values in _SETTINGS.items():
        file = place / f"settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(place / "config"),
        "JUPYTER_DATA_DIR": str(place / "data"),
        "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(place / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(place / "workspaces"),
        "IPYTHONDIR": str(place / "ipython"),
        **variables,
    }
    log = place / "lab.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", program, "--no-browser", "--allow-root"),
                *("--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={work}"),
                f"--IdentityProvider.token={TOKEN}",
                f"--{options}.expose_app_in_browser=True",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                "--LabApp.extension_manager=readonly",
            ],
            stdout=out,
            stderr=out,
            env=environment,
            cwd=work,
            start_new_session=True,
        )
    try:
        yield Lab(_address(server, log), work, environment)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        text = log.read_text(errors="replace")
        found = re.search(r"http://127\.0\.0\.1:(\d+)/(?:lab|tree)", text)
        if found:
            return f"http://127.0.0.1:{found[1]}"
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')}")


class NotebookPage:
    """A notebook that is open in a page.

    Attributes:
        page: Playwright's.
        errors: what the page's scripts raised.
        received: bytes that kernels have sent to the page.
    """

    def __init__(self, page: Any, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.errors: list[str] = []
        self.received = 0
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, payload: bytes | str) -> None:
        self.received += len(payload)

    def open(self, path: Path) -> None:
        """Show a notebook and nothing else, and wait until its kernel is there.

        The page is loaded but once: it takes seconds to appear.
        """
        if self._loaded():
            self._clear()
            self.command("docmanager:open", {"path": path.name})
        else:
            self.page.goto(f"{self.lab.url}/lab/tree/{path.name}?reset&token={TOKEN}")
        self.page.get_by_role("tab", name=path.name, selected=True).wait_for()
        self.panel.locator(".jp-CodeCell").first.wait_for()
        self.idle()

    def launcher(self) -> None:
        """Show the launcher and nothing else, with the kernels that are installed now."""
        if self._loaded():
            self._clear()
        else:
            self.page.goto(f"{self.lab.url}/lab?reset&token={TOKEN}")
            self.page.locator(".jp-Launcher").wait_for()
        self.page.evaluate("() => jupyterapp.serviceManager.kernelspecs.refreshSpecs()")
        if not self.page.locator(".jp-Launcher").count():
            self.command("launcher:create")

    def _loaded(self) -> bool:
        return bool(self.page.url.startswith(self.lab.url))

    def _clear(self) -> None:
        self.page.evaluate(
            "() => { for (const one of [...jupyterapp.shell.widgets('main')]) one.dispose(); }"
        )
        self.set_theme("JupyterLab Light")

    @property
    def panel(self) -> Any:
        """The notebook that is in front."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def idle(self) -> None:
        """Wait until the kernel is there and has nothing to do."""
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell.currentWidget?.context?.sessionContext;
                return context?.isReady && context.session?.kernel?.connectionStatus === "connected"
                    && context.session.kernel.status === "idle";
            }"""
        )

    def type(self, number: int, text: str) -> None:
        """Write a cell anew."""
        self.panel.locator(".jp-CodeCell .cm-content").nth(number).fill(text)

    def add_cell(self, text: str) -> None:
        """A further cell, behind the others."""
        self.command("notebook:move-cursor-down")
        self.command("notebook:insert-cell-below")
        cells = self.panel.locator(".jp-CodeCell .cm-content")
        cells.last.fill(text)

    def start(self, number: int) -> Any:
        """Run a cell, but do not wait; the locator of its outputs."""
        cell = self.panel.locator(".jp-CodeCell").nth(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        return cell.locator(".jp-OutputArea").first

    def run(self, number: int) -> Any:
        """Run a cell, wait for its end; the locator of its outputs."""
        outputs = self.start(number)
        prompt = self.panel.locator(".jp-CodeCell").nth(number).locator(".jp-InputPrompt")
        prompt.filter(has_text=re.compile(r"\[\d+\]:")).wait_for()
        return outputs

    def set_theme(self, name: str) -> None:
        """``JupyterLab Dark`` or ``JupyterLab Light``."""
        self.command("apputils:change-theme", {"theme": name})
        self.page.locator(f'body[data-jp-theme-name="{name}"]').wait_for(state="attached")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def command(self, name: str, values: dict[str, Any] | None = None) -> None:
        """Run one of JupyterLab's commands."""
        self.page.evaluate(
            "async ([name, values]) => { await jupyterapp.commands.execute(name, values); }",
            [name, values or {}],
        )
