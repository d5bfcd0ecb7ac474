"""What IPython shows of our values; the values themselves know nothing of IPython."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any

from ocinb.commands.values import Content, Document, Text
from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.paging import Pager
from ocinb.notebook.tables import frame_html, frame_text, html_table
from ocinb.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ocinb.container import Container
    from ocinb.course.exercise import Verdict
    from ocinb.image import Image
    from ocinb.notebook.configuration import OCI

_BY_NAME = ("ocinb.course.exercise.Verdict", "ocinb.image.Image", "ocinb.container.Container")
"""Types that are imported when they are used."""

FRAME_MODULES = ("pandas.core.frame", "pandas")
"""Where DataFrame says it was defined, before and since pandas 3."""

TEXT_SHOWN = 20_000
"""Bytes of a text that are shown."""
DUMP_SHOWN = 256
"""Bytes of anything else that are shown."""

_CODE = re.compile(r"`([^`]+)`")
_PRE = (
    "max-height:26em;overflow:auto;margin:.3em 0;padding:.6em .9em;border-radius:6px;"
    "background:rgba(128,128,128,.1);font-size:13px;line-height:1.45;"
    "font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
)


def install(shell: InteractiveShell, options: OCI) -> None:
    """Register with IPython; no type is imported that is not used (pandas takes 0.7 s).

    Args:
        options: asked each time that something is shown.
    """
    formatters: Any = shell.display_formatter
    html, plain = (formatters.formatters[kind] for kind in ("text/html", "text/plain"))
    pager = Pager()

    def frame_shown(frame: Any) -> str | None:
        return frame_html(frame, options.rows, pager if options.interactive else None)

    for module in FRAME_MODULES:
        html.for_type_by_name(module, "DataFrame", frame_shown)
        plain.for_type_by_name(
            module, "DataFrame", _pretty(lambda frame: frame_text(frame, options.rows))
        )
    html.for_type(Table, lambda table: html_table(table.kinds, table.rows))
    html.for_type(Document, document_html)
    plain.for_type(Document, _pretty(document_text))
    plain.for_type(Text, _pretty(str))
    plain.for_type(Content, _pretty(content_text))
    html.for_type_by_name("ocinb.course.exercise", "Verdict", verdict_html)
    plain.for_type_by_name("ocinb.course.exercise", "Verdict", _pretty(str))
    html.for_type_by_name("ocinb.image", "Image", image_html)
    html.for_type_by_name("ocinb.container", "Container", container_html)
    formatters.mimebundle_formatter.for_type(
        Diagram, lambda diagram, **_: diagram.bundle(png=options.shows_png)
    )


def uninstall(shell: InteractiveShell) -> None:
    """Leave the types to IPython again."""
    formatters: Any = shell.display_formatter
    for each in (*formatters.formatters.values(), formatters.mimebundle_formatter):
        for module in FRAME_MODULES:
            each.pop(f"{module}.DataFrame", None)
        for kind in (Table, Document, Text, Content, Diagram):
            each.pop(kind, None)
        for name in _BY_NAME:
            each.pop(name, None)


def _pretty(text: Callable[[Any], str]) -> Callable[[Any, Any, bool], None]:
    def show(value: Any, printer: Any, _cycle: bool) -> None:
        printer.text(text(value))

    return show


def document_text(document: Document) -> str:
    """Indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def content_text(content: Content) -> str:
    """Text as it stands, what is none as a dump of its first bytes; long content is cut."""
    try:
        text = content[:TEXT_SHOWN].decode()
    except UnicodeDecodeError as error:
        # Cut in the middle of a character, or no text.
        text = content[: error.start].decode() if error.start > TEXT_SHOWN - 4 else ""
    if not text or "\0" in text:
        return _dump(content)
    left = len(content) - len(text.encode())
    return f"{text.rstrip()}\n… {left:,} more bytes" if left else text.rstrip("\n")


def _dump(content: bytes) -> str:
    lines = []
    for start in range(0, min(len(content), DUMP_SHOWN), 16):
        row = content[start : start + 16]
        signs = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{start:08x}  {row.hex(' '):<47}  {signs}")
    left = len(content) - DUMP_SHOWN
    return "\n".join([*lines, f"… {left:,} more bytes"] if left > 0 else lines)


def document_html(document: Document) -> str:
    """Indented JSON under the document's name."""
    title = f"<div><strong>{escape(document.title)}</strong></div>" if document.title else ""
    return f'{title}<pre style="{_PRE}">{escape(document_text(document))}</pre>'


def image_html(image: Image) -> str:
    """The facts of an image."""
    return facts_html(image.facts())


def verdict_html(verdict: Verdict) -> str:
    """What a check says, its first line in colour; `…` is code."""
    colour = "#1a7f37" if verdict.passed else "#9a6700"
    first, *rest = (_CODE.sub(r"<code>\1</code>", escape(line)) for line in verdict.splitlines())
    lines = "".join(f"<div>{line}</div>" for line in rest)
    return (
        f'<div style="border-left:4px solid {colour};padding:.3em .8em;margin:.2em 0">'
        f"<strong>{first}</strong>{lines}</div>"
    )


def container_html(container: Container) -> str:
    """A container in one line."""
    return f'<div style="opacity:.75">{escape(repr(container).strip("<>"))}</div>'


def facts_html(facts: Table) -> str:
    """A table of names and values without a head."""
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="text-align:left;padding:.15em 1.2em '
        f'.15em 0;border:0;opacity:.75">{escape(str(name))}</th>'
        f'<td style="text-align:left;border:0;padding:.15em 0">{escape(str(value))}</td></tr>'
        for name, value in facts.rows
    )
    return f'<table style="border-collapse:collapse">{rows}</table>'
