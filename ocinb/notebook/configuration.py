"""What can be set: ``%config OCI``, ``c.OCI`` in ``ipython_config.py``, a variable for each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import Bool, Int, List, Unicode, validate
from traitlets.config import Configurable

from ocinb.errors import CommandError
from ocinb.notebook import paging
from ocinb.notebook.diagrams import raster
from ocinb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable


class OCI(Configurable):
    """The traits of ``%config OCI``; the class's name is what people write there.

    Each trait names its environment variable in its help. ``ipython_config.py`` wins over the
    environment, and what is set in the notebook over both.
    """

    root = Unicode("", help="Where images and containers are kept (OCINB_ROOT).").tag(config=True)
    run_root = Unicode("", help="Where state and mounts lie (OCINB_RUN_ROOT).").tag(config=True)
    runtime = Unicode(
        "ocinb", help="The OCI runtime: ocinb, runc, crun or a path (OCINB_RUNTIME)."
    ).tag(config=True)
    insecure_registries = List(
        Unicode(), help="Hosts spoken to by plain HTTP (OCINB_INSECURE_REGISTRIES)."
    ).tag(config=True)
    expand = Bool(
        True, help="Fill in $name and {expression} from Python (OCINB_EXPAND; 0 is no)."
    ).tag(config=True)
    progress = Bool(True, help="Show transfers while they happen (OCINB_PROGRESS; 0 is no).").tag(
        config=True
    )
    rows = Int(
        0, min=0, help="Rows of a listing that are shown; 0: as pandas says (OCINB_ROWS)."
    ).tag(config=True)
    interactive = Bool(
        False, help="Page and search long listings, where itables is installed (OCINB_INTERACTIVE)."
    ).tag(config=True)
    png = Bool(
        True,
        help="Diagrams as small PNGs too, for GitHub and LaTeX; each makes a saved notebook some "
        "40 kB larger (OCINB_PNG; 0 is no; needs resvg-py and pillow).",
    ).tag(config=True)

    @validate("interactive")
    def _can_page(self, proposal: Any) -> bool:
        if proposal["value"]:
            paging.check()
        return bool(proposal["value"])

    @validate("png")
    def _can_rasterize(self, proposal: Any) -> bool:
        if proposal["value"]:
            raster.check()
        return bool(proposal["value"])

    @validate("root", "run_root")
    def _names_a_directory(self, proposal: Any) -> str:
        if not proposal["value"]:
            raise CommandError(f"{proposal['trait'].name} is empty", hint="name a directory")
        return str(proposal["value"])

    @property
    def shows_png(self) -> bool:
        """Whether diagrams are shown as PNGs too: it is wished for, and possible."""
        return bool(self.png) and raster.available()

    def settings(self) -> Settings:
        """The directories and defaults."""
        return Settings(
            root=Path(self.root).absolute(),
            run_root=Path(self.run_root).absolute(),
            runtime=self.runtime,
            insecure_registries=tuple(self.insecure_registries),
        )

    def on_change(self, call: Callable[[str], object]) -> None:
        """Have a function called with the name of each trait that is set from now on."""
        self.observe(
            lambda change: call(change["name"]), names=list(self.class_traits(config=True))
        )


def from_environment(settings: Settings) -> dict[str, Any]:
    """Values for the traits.

    Args:
        settings: as the environment has them.
    """
    values: dict[str, Any] = {
        "root": str(settings.root),
        "run_root": str(settings.run_root),
        "runtime": settings.runtime,
        "insecure_registries": list(settings.insecure_registries),
    }
    for name in ("expand", "progress", "interactive", "png"):
        given = os.environ.get(f"OCINB_{name.upper()}")
        if given:
            values[name] = given.lower() not in ("0", "no", "false", "off")
    rows = os.environ.get("OCINB_ROWS", "")
    if rows.isascii() and rows.isdigit():
        values["rows"] = int(rows)
    return values
