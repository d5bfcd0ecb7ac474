"""``kernel``: OCI cells in Jupyter's launcher."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from ocinb.commands.tree import Group
from ocinb.commands.values import Done
from ocinb.errors import CommandError, StorageError, UnsupportedHost
from ocinb.temporary import temporary_place

NAME = "ocinb"
DISPLAY_NAME = "OCI (ocinb)"
_LOGO = "logo-svg.svg"


@click.group(cls=Group)
def command() -> None:
    """Install the OCI kernel for Jupyter, or take it away."""


@command.command()
@click.option("--user", is_flag=True, help="For this user; so it is if nothing is said.")
@click.option("--sys-prefix", is_flag=True, help="Where this Python is installed.")
@click.option("--prefix", metavar="DIR", help="Below this directory.")
def install(user: bool, sys_prefix: bool, prefix: str | None) -> Done:
    """Put OCI (ocinb) into the launcher of JupyterLab. It runs with this Python.

    Its cells are commands as in a shell; a first line #!image NAME makes a cell a script in a
    container that lives as long as the kernel, and #!python makes it Python.
    """
    if user + sys_prefix + bool(prefix) > 1:
        raise CommandError(
            "the kernel can be installed in one place at a time",
            hint="give one of --user, --sys-prefix and --prefix",
        )
    specs = _specs()
    logo = Path(__file__).parents[1] / "kernel" / _LOGO
    try:
        with tempfile.TemporaryDirectory(dir=temporary_place()) as directory:
            Path(directory, "kernel.json").write_text(json.dumps(document()), encoding="utf-8")
            Path(directory, _LOGO).write_bytes(logo.read_bytes())
            where = specs.install_kernel_spec(
                directory,
                NAME,
                user=user or not (sys_prefix or prefix),
                prefix=sys.prefix if sys_prefix else prefix,
            )
    except OSError as error:
        raise StorageError(f"the kernel cannot be installed: {error}") from error
    return Done(str(where), f"{DISPLAY_NAME} is installed in {where}")


@command.command()
def uninstall() -> Done:
    """Take the kernel out of the launcher."""
    specs = _specs()
    if NAME not in specs.find_kernel_specs():
        raise CommandError(
            "the kernel is not installed", hint="jupyter kernelspec list shows those that are"
        )
    try:
        where = specs.remove_kernel_spec(NAME)
    except OSError as error:
        raise StorageError(f"the kernel cannot be removed: {error}") from error
    return Done(str(where), f"{where} is removed")


def document() -> dict[str, Any]:
    """What kernel.json says."""
    return {
        "argv": [sys.executable, "-m", "ocinb.kernel", "-f", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "ocinb",
        "interrupt_mode": "message",
        "metadata": {"debugger": False},
    }


def _specs() -> Any:
    try:
        import ipykernel  # noqa: F401 - what the kernel runs with
        from jupyter_client.kernelspec import KernelSpecManager
    except ImportError as error:
        raise UnsupportedHost(
            "the kernel needs ipykernel, which is not installed", hint="pip install ipykernel"
        ) from error
    return KernelSpecManager()
