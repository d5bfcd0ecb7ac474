"""The editor of config.json: checked while it is typed, with what it says otherwise than usual."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from traitlets import Bool, Dict, List, Unicode, observe

from ocinb.bundle.diff import MISSING, diff
from ocinb.bundle.explain import explain
from ocinb.bundle.spec import spec
from ocinb.bundle.validate import CONFIG, LARGEST_CONFIG, cited, examine, read_config
from ocinb.bundle.write import write_bundle
from ocinb.errors import InvalidConfig, StorageError
from ocinb.notebook.widgets.base import Widget
from ocinb.spec.runtime_config import findings
from ocinb.table import one_line

SHOWN = 300
"""Differences and findings that are shown."""


class ConfigEditor(Widget):
    """Edit a bundle's config.json.

    Args:
        bundle: the directory.

    Attributes:
        text: as it stands in the editor, whether it can be read or not.
        findings: field, what is wrong with it, section.
        differences: from the default, as ``ocinb bundle spec`` makes it: field, default, here.
        saved: the text is what lies on the disk.
        valid: the specification allows it, so that it can be saved; a runtime may still miss a
            directory.

    Raises:
        BundleError: there is no config.json. InvalidConfig: it is not JSON.
    """

    name = "editor"

    title = Unicode("").tag(sync=True)
    text = Unicode("").tag(sync=True)
    findings: List[Any] = List().tag(sync=True)
    differences: List[Any] = List().tag(sync=True)
    saved = Bool(True).tag(sync=True)
    valid = Bool(True).tag(sync=True)
    note = Unicode("").tag(sync=True)
    place = Dict().tag(sync=True)

    def __init__(self, bundle: str | Path) -> None:
        self._bundle = Path(bundle)
        self._on_disk = self._read()
        self._default = spec()
        super().__init__(title=f"{CONFIG} of {self._bundle}")
        self.text = json.dumps(json.loads(self._on_disk), indent=2, ensure_ascii=False)
        self._saved_text = self.text
        self._check(None)

    @property
    def config(self) -> Any:
        """The JSON value of the text.

        Raises:
            InvalidConfig: it is none.
        """
        if len(self.text) > LARGEST_CONFIG:
            raise InvalidConfig(f"the text is larger than {LARGEST_CONFIG:,} bytes")
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise InvalidConfig(f"not JSON: {one_line(str(error).lower())}") from error

    def save(self) -> None:
        """Write the text to the bundle.

        Raises:
            InvalidConfig: the specification forbids it. StorageError: somebody else changed the
            file meanwhile, or the disk refused. Nothing is written then.
        """
        config = self.config
        if self._read() != self._on_disk:
            raise StorageError(
                f"{self._bundle / CONFIG} was changed by somebody else",
                hint="open another editor on it, and put your changes there",
            )
        write_bundle(self._bundle, config)
        self._on_disk = self._read()
        self._saved_text = self.text
        self.saved = True
        self.repaint()

    def ask_save(self) -> None:
        """The page's button."""
        self.save()

    def ask_format(self) -> None:
        """The page's other button: lines and indents as usual."""
        self.text = json.dumps(self.config, indent=2, ensure_ascii=False)

    def ask_explain(self, field: str) -> list[list[str]]:
        """What a field is for: field, what it does, what applies it, section."""
        found = explain(str(field))
        return [[one.field, one.what, one.applied_by, one.citation] for one in found[:1]]

    def forms(self) -> dict[str, Any]:
        """The listing of findings and differences."""
        from ocinb.notebook.tables import html_table
        from ocinb.table import aligned

        wrong = dict.fromkeys(("field", "message", "section"), "text")
        other = dict.fromkeys(("field", "default", "here"), "text")
        rows = [tuple(row) for row in self.findings]
        differing = [tuple(row) for row in self.differences]
        note = "nothing is wrong with it" if not rows else f"{len(rows)} findings"
        shown = html_table(wrong, rows) if rows else ""
        return {
            "text/html": shown + html_table(other, differing, note=f"{self.title}: {note}"),
            "text/plain": f"{self.title}: {note}\n{aligned(other, differing)}",
        }

    @observe("text")
    def _check(self, _change: Any) -> None:
        self.saved = self.text == getattr(self, "_saved_text", self.text)
        try:
            config = self.config
        except InvalidConfig as error:
            self.place, self.valid = _place(error.__cause__), False
            self.findings = [["", error.message, ""]]
            return
        self.place = {}
        self.valid = not findings(config)
        found = cited(examine(self._bundle, config))
        self.findings = [[one_line(str(part)) for part in row] for row in found[:SHOWN]]
        different = diff(self._default, config)
        self.differences = [[one_line(f), _shown(a), _shown(b)] for f, a, b in different[:SHOWN]]

    def _read(self) -> bytes:
        read_config(self._bundle)
        try:
            return (self._bundle / CONFIG).read_bytes()
        except OSError as error:
            raise StorageError(f"{self._bundle / CONFIG} cannot be read") from error


def _place(cause: BaseException | None) -> dict[str, int]:
    """Where JSON ends to be JSON: line and column, the first being 1."""
    if isinstance(cause, json.JSONDecodeError):
        return {"line": cause.lineno, "column": cause.colno, "position": cause.pos}
    return {}


def _shown(value: Any) -> str:
    if value is MISSING:
        return "–"
    text = json.dumps(value, ensure_ascii=False)
    return one_line(text if len(text) <= 200 else f"{text[:199]}…")
