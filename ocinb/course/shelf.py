"""The lessons as they were shipped: notebooks, and recordings of what not every machine can do."""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from pathlib import Path
from typing import Any

from ocinb.course.words import Words, words
from ocinb.errors import CommandError, StorageError
from ocinb.frozen import Frozen
from ocinb.whole_file import write_whole

_PACKAGE = Path(__file__).resolve().parent.parent
_PLACES = (_PACKAGE.parent / "notebooks", _PACKAGE / "notebooks")
"""Of a checkout, and of an installed package."""

LIVE = "%%oci live "
"""How a cell begins that is recorded where it cannot run; see the command ``live``."""
_NOTEBOOK = re.compile(r"(\d\d)-[a-z0-9-]+\.ipynb")


class LiveCell(Frozen):
    """A cell that is recorded where it cannot run.

    Attributes:
        name: of its recording.
        needs: see ``needs.NEEDS``.
        body: what is run.
    """

    name: str
    needs: tuple[str, ...]
    body: str


class Lesson(Frozen):
    """A lesson on the shelf.

    Attributes:
        number: two digits.
        file: the name of its notebook, the same in each language.
        title: what it is about.
        minutes: how long a reader takes.
    """

    number: str
    file: str
    title: Words
    minutes: int

    def path(self, language: str) -> Path:
        """The notebook as it was shipped."""
        return shelf() / ("zh" if language == "zh" else "") / self.file

    def live_cells(self) -> list[LiveCell]:
        """Its cells that do not run everywhere, in order."""
        cells = _read(self.path("en"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        return [_live_cell(text) for text in texts if text.startswith(LIVE)]

    def recording(self, name: str) -> Path:
        """The file of a recording."""
        return recordings() / self.number / f"{name}.json"


def shelf() -> Path:
    """The directory of the notebooks.

    Raises:
        StorageError: this installation has none.
    """
    found = next((place for place in _PLACES if place.is_dir()), None)
    if found is None:
        raise StorageError("the notebooks are missing from this installation")
    return found


def recordings() -> Path:
    """The directory of the recordings."""
    return shelf() / "recorded"


def lessons() -> list[Lesson]:
    """All of them, in order."""
    paths = sorted(path for path in shelf().glob("*.ipynb") if _NOTEBOOK.fullmatch(path.name))
    return [_lesson(path) for path in paths]


def find(word: str) -> Lesson:
    """A lesson by its number (``5``, ``05``) or the name of its notebook.

    Raises:
        CommandError: there is none.
    """
    known = lessons()
    wanted = word.removesuffix(".ipynb")
    wanted = wanted.zfill(2) if wanted.isdigit() else wanted
    for lesson in known:
        if wanted in (lesson.number, lesson.file.removesuffix(".ipynb")):
            return lesson
    there = ", ".join(lesson.number for lesson in known)
    raise CommandError(f"there is no lesson {word!r}", hint=f"there are {there}")


def copy(lesson: Lesson, directory: Path, language: str, *, reset: bool) -> tuple[Path, str]:
    """A fresh copy for the reader, in ``DIR`` or, in Chinese, in ``DIR/zh``.

    Args:
        reset: put a fresh copy in the place of the reader's, which is kept under another name.

    Returns:
        The path, and what was done: ``made``, ``there already``, or ``fresh; the old one is NAME``.

    Raises:
        CommandError: another file is there, and ``reset`` was not given.
        StorageError: the disk refused.
    """
    fresh = lesson.path(language).read_bytes()
    target = directory / ("zh" if language == "zh" else "") / lesson.file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        there = target.read_bytes() if target.exists() else None
    except OSError as error:
        raise StorageError(f"{error.filename}: {(error.strerror or '').lower()}") from error
    if there == fresh:
        return target, "there already"
    done = "made"
    if there is not None:
        if not reset:
            raise CommandError(
                f"{target} has been worked on, or is another notebook",
                hint="open it as it is; --reset puts a fresh copy there and keeps the old one",
            )
        done = f"fresh; the old one is {_keep(target).name}"
    write_whole(target, fresh)
    return target, done


def _keep(path: Path) -> Path:
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    kept = path.with_name(f"{path.stem}.{stamp}.ipynb")
    try:
        os.link(path, kept)
    except OSError as error:
        raise StorageError(f"{kept}: {(error.strerror or '').lower()}") from error
    return kept


def _lesson(path: Path) -> Lesson:
    about = _read(path)["metadata"]["ocinb"]
    return Lesson(
        number=path.name[:2],
        file=path.name,
        title=words(about["title"]["en"], about["title"]["zh"]),
        minutes=about["minutes"],
    )


def _live_cell(text: str) -> LiveCell:
    first, _, body = text.partition("\n")
    name, needs = "", []
    option = ""
    for word in shlex.split(first.removeprefix(LIVE)):
        if word.startswith("--"):
            option = word
            continue
        if option == "--needs":
            needs.append(word)
        elif not option:
            name = word
        option = ""
    return LiveCell(name=name, needs=tuple(needs), body=body)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
