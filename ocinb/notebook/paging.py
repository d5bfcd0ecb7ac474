"""Long listings that can be paged, sorted and searched, by itables: ``%config OCI.interactive``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ocinb.errors import UnsupportedHost
from ocinb.table import TIMES, one_line, short_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

LONG = 20
"""Rows from which a listing is paged."""


def check() -> None:
    """Whether it can be done here.

    Raises:
        UnsupportedHost: itables is not installed.
    """
    if find_spec("itables") is None:
        raise UnsupportedHost("listings cannot be paged", hint="%pip install itables")


class Pager:
    """Pages the listings of one notebook.

    The scripts, a megabyte, are put into the first output that needs them: they come from the
    package, never from a network.
    """

    def __init__(self) -> None:
        self._ready = False

    def html(self, frame: pd.DataFrame, kinds: Mapping[str, str]) -> str:
        """The listing: numbers and times as they are, so that sorting is right; digests short."""
        import itables
        import itables.options
        from itables.javascript import generate_init_offline_itables_html

        scripts = ""
        if not self._ready:
            self._ready = True
            scripts = generate_init_offline_itables_html(itables.options.dt_bundle)
        table: str = itables.to_html_datatable(
            _readable(frame, kinds),
            connected=False,
            showIndex=False,
            maxBytes=0,
            layout={"topEnd": "search", "bottomStart": "info", "bottomEnd": "paging"},
            display_logo_when_loading=False,
        )
        return scripts + table


def _readable(frame: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """A copy whose texts are safe and short."""
    made: dict[str, Any] = {}
    for name, kind in kinds.items():
        series = frame[name]
        if kind == "digest":
            made[name] = series.map(lambda v: short_digest(str(v)), na_action="ignore")
        elif kind in TIMES or series.dtype.kind in "iuf":
            made[name] = series
        else:
            made[name] = series.map(lambda v: one_line(str(v)), na_action="ignore")
    copy = type(frame)(made)
    copy.columns = [name.replace("_", " ") for name in kinds]
    return copy
