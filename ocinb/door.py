"""The functions of ``import ocinb``: an engine with this process' settings behind each.

Reached through ``ocinb.__getattr__``; what is heavy is imported inside the functions.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocinb.container import Container
    from ocinb.events import Record
    from ocinb.image import Image


def pull(reference: str, platform: str | None = None, *, record: Record | None = None) -> Image:
    """Bring an image from its registry into the store.

    Args:
        reference: as docker has it: ``nginx``, ``localhost:5000/demo:1.0``.
        platform: ``linux/arm64`` and the like; this machine's if not given.
        record: called with each event, as in ``events.Recorder``.

    Raises:
        OcinbError: see ``ocinb.errors``.
    """
    from ocinb.image import Image

    engine = _engine(record)
    return Image(engine, engine.images.pull(reference, platform))


def run(image: str, *args: str, record: Record | None = None, **options: Any) -> Container:
    """Run a container of an image, pulled if the store does not have it, and wait for it.

    Args:
        args: the command, in place of the image's.
        options: as ``Container.run`` takes them.
    """
    from ocinb.container import Container

    engine = _engine(record)
    return Container.run(engine, image, *args, **options)


def diagram(subject: Any, what: str = "", argument: Any = None) -> Any:
    """The diagram of an image or a container; a ``Diagram``.

    Args:
        what: of an image ``layers`` (if not given), ``graph``, ``ledger``, ``why``, ``compare``;
            of a container ``lifecycle`` (if not given), ``namespaces``, ``limits``,
            ``components``, ``compare``.
        argument: a path for ``why``, the other one for ``compare``, the number of a step for
            ``lifecycle``.

    Raises:
        CommandError: there is no such diagram of it.
    """
    # By name: the notebook is above this module.
    return importlib.import_module("ocinb.notebook.diagrams.draw").draw(subject, what, argument)


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext ocinb``: ``%oci``, Tab, tables, and short errors."""
    importlib.import_module("ocinb.notebook.extension").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext ocinb``: as if it had not been loaded."""
    importlib.import_module("ocinb.notebook.extension").unload(shell)


def _engine(record: Record | None) -> Any:
    from ocinb.engine import Engine
    from ocinb.events import ignore
    from ocinb.settings import Settings

    return Engine(Settings.from_environment(), record or ignore)
