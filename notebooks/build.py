"""Makes the notebooks of the course from ``notebooks/source``: ``python notebooks/build.py``.

A source has a head of ``key: value`` lines, then text in both languages and code, in this form::

    title-en: Layers
    title-zh: 层
    minutes: 20

    ::: en
    ## A blob
    ::: zh
    ## 一个 blob
    :::

    ```python
    1 + 1
    ```

Each block is one cell; one that begins with ```` ```python raises ```` is meant to fail. ``spec:image-spec/layer.md#whiteouts`` in a link becomes the address of
that section in the version that this code implements. The same source always gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ocinb.spec import versions

HERE = Path(__file__).resolve().parent
SOURCES = sorted((HERE / "source").glob("*.md"))
LANGUAGES = ("en", "zh")

_BLOCK = re.compile(
    r"::: en\n(?P<en>.*?)\n::: zh\n(?P<zh>.*?)\n:::\n|```python(?P<raises> raises)?\n(?P<code>.*?)\n```\n|(?P<blank>\s*\n)",
    re.DOTALL,
)
_LINK = re.compile(r"spec:((?:runtime|image|distribution)-spec)/([a-z-]+\.md)(?:#([\w-]+))?")
_VERSIONS = {
    "runtime-spec": versions.RUNTIME_SPEC,
    "image-spec": versions.IMAGE_SPEC,
    "distribution-spec": versions.DISTRIBUTION_SPEC,
}
_SPEC = "https://github.com/opencontainers/{}/blob/v{}/{}"

Cell = dict[str, str]
"""``code`` and ``raises``, or ``en`` and ``zh``."""


class Wrong(Exception):
    """A source that is not in the form above."""


def read(source: Path) -> tuple[dict[str, str], list[Cell]]:
    """The head and the cells of a source."""
    head, _, body = source.read_text(encoding="utf-8").partition("\n\n")
    about = dict(line.split(": ", 1) for line in head.splitlines())
    if about.keys() != {"title-en", "title-zh", "minutes"}:
        raise Wrong(f"{source.name}: its head has {', '.join(about)}")
    return about, list(_cells(source.name, body))


def _cells(name: str, body: str) -> Iterator[Cell]:
    at = 0
    while at < len(body):
        block = _BLOCK.match(body, at)
        if block is None:
            line = body[at:].splitlines()[0]
            raise Wrong(f"{name}: no block begins with {line!r}, or it does not end")
        at = block.end()
        if block["code"] is not None:
            yield {"code": block["code"], "raises": block["raises"] or ""}
        elif block["en"] is not None:
            yield {language: block[language].strip() for language in LANGUAGES}


def links(source: Path) -> Iterator[tuple[str, str, str]]:
    """The sections of specifications that a source names: specification, file, anchor."""
    for link in _LINK.finditer(source.read_text(encoding="utf-8")):
        yield link[1], link[2], link[3] or ""


def notebook(source: Path, language: str) -> str:
    """The notebook in a language, as its file has it."""
    about, cells = read(source)
    seen: dict[str, int] = {}
    made = []
    for cell in cells:
        whole = cell.get("code") or cell["en"]
        digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        code = "code" in cell
        made.append(_code(id, whole, cell["raises"]) if code else _text(id, cell[language]))
    document = {
        "cells": made,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            "ocinb": {
                "minutes": int(about["minutes"]),
                "title": {each: about[f"title-{each}"] for each in LANGUAGES},
            },
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _code(id: str, text: str, raises: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": id,
        "metadata": {"tags": ["raises-exception"]} if raises else {},
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }


def _text(id: str, text: str) -> dict[str, Any]:
    linked = _LINK.sub(_address, text)
    return {
        "cell_type": "markdown",
        "id": id,
        "metadata": {},
        "source": linked.splitlines(keepends=True),
    }


def _address(link: re.Match[str]) -> str:
    address = _SPEC.format(link[1], _VERSIONS[link[1]], link[2])
    return f"{address}#{link[3]}" if link[3] else address


def target(source: Path, language: str) -> Path:
    """Where a notebook lies."""
    return HERE / ("zh" if language == "zh" else "") / f"{source.stem}.ipynb"


def main() -> None:
    """Write what has changed."""
    (HERE / "zh").mkdir(exist_ok=True)
    for source in SOURCES:
        for language in LANGUAGES:
            path, text = target(source, language), notebook(source, language)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                print(path.relative_to(HERE.parent))


if __name__ == "__main__":
    main()
