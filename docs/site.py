"""Makes the site of the documentation, offline: ``python docs/site.py [--execute] DIRECTORY``.

Its sources are put together in ``DIRECTORY/sources`` and built into ``DIRECTORY/html``: the
documents of this directory, the lessons, and the reference, which is written from the code itself
each time: commands from the command tree, events and tables from their modules, Python objects
from their docstrings. So it cannot be stale. The Chinese lessons are a site of their own in
``DIRECTORY/html/zh``, with its own search and its own words around the text; what they show is
what a Chinese reader sees, so they are run again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
sys.path[:0] = [str(DOCS), str(ROOT)]

_LINK = re.compile(r"\]\((?!https?:|#|spec:)(?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_STATIC = ("kubernetes", "benchmarks.json")
_LANGUAGES = {"en": "en", "zh": "zh_CN"}
"""Ours → Sphinx's."""


def assemble(sources: Path) -> None:
    """Put together what Sphinx reads.

    Args:
        sources: a directory that is not there yet; it gets a directory for each language.
    """
    import live
    import reference

    english = sources / "en"
    for language in _LANGUAGES:
        (sources / language / "lessons").mkdir(parents=True)
        for notebook in (ROOT / "notebooks" / ("zh" if language == "zh" else "")).glob("*.ipynb"):
            _copy_lesson(notebook, sources / language / "lessons" / notebook.name)
    (english / "lessons/index.md").write_text(live.course("en"), encoding="utf-8")
    (sources / "zh/index.md").write_text(live.course("zh"), encoding="utf-8")
    shutil.copytree(DOCS / "look/locale", sources / "zh/locale")
    for name in _STATIC:
        if (DOCS / name).is_dir():
            shutil.copytree(DOCS / name, english / name)
        elif (DOCS / name).exists():
            shutil.copy(DOCS / name, english / name)
    for document in [*DOCS.glob("*.md"), *DOCS.glob("how-to/*.md")]:
        target = english / document.relative_to(DOCS)
        target.parent.mkdir(exist_ok=True)
        target.write_text(_with_sources(document, english), encoding="utf-8")
    (english / "reference").mkdir()
    for name, text in reference.pages().items():
        (english / "reference" / f"{name}.md").write_text(text, encoding="utf-8")


def _copy_lesson(notebook: Path, target: Path) -> None:
    document = json.loads(notebook.read_text(encoding="utf-8"))
    document["metadata"]["language_info"] = {"name": "ipython", "pygments_lexer": "ipython3"}
    target.write_text(json.dumps(document), encoding="utf-8")


def _with_sources(document: Path, sources: Path) -> str:
    """A document whose links to files of the repository lead to copies of them in the site."""

    def led(match: re.Match[str]) -> str:
        target = (document.parent / match["target"]).resolve()
        if target.parent == ROOT / "notebooks" and target.suffix == ".ipynb":
            place = sources / "lessons" / target.name
        elif target.is_relative_to(DOCS) or not target.is_file():
            return match[0]  # a page of the site, or nothing: Sphinx says so
        else:
            place = sources / "code" / target.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(target, place)
        here = sources / document.relative_to(DOCS).parent
        return f"]({_relative(place, here)})"

    return _LINK.sub(led, document.read_text(encoding="utf-8"))


def _relative(place: Path, start: Path) -> str:
    return Path(os.path.relpath(place, start)).as_posix()


def build(directory: Path, *, execute: bool) -> int:
    """Build the site anew; warnings are errors.

    Args:
        execute: run the lessons, so that they are shown with what came out. What ran before is
            taken from ``directory`` as long as neither the lesson nor our code has changed.

    Returns:
        The exit status of Sphinx.
    """
    from sphinx.cmd.build import main

    sources, html = directory / "sources", directory / "html"
    for old in (sources, html):
        shutil.rmtree(old, ignore_errors=True)
    assemble(sources)
    executed = directory / "executed" / _state()
    for old in directory.glob("executed/*"):
        if old != executed:
            shutil.rmtree(old)
    status = 0
    for language, called in _LANGUAGES.items():
        # Read by ocinb in the kernels: which language a lesson's tables and checks speak, and
        # where they note what was tried, for nobody has tried anything here.
        progress = directory / "progress" / f"{language}.json"
        progress.unlink(missing_ok=True)
        os.environ |= {"OCINB_LANGUAGE": language, "OCINB_PROGRESS": str(progress)}
        options = {
            "language": called,
            "nb_execution_mode": "cache" if execute else "off",
            "nb_execution_cache_path": executed / language,
        }
        defined = [word for name, value in options.items() for word in ("-D", f"{name}={value}")]
        made = html if language == "en" else html / language
        status = main(
            ["-q", "-W", "--keep-going", "-b", "html", "-c", str(DOCS), *defined,
             "-d", str(directory / "doctrees" / language), str(sources / language), str(made)]
        )  # fmt: skip
        if status:
            break
    return status


def _state() -> str:
    """A digest of our code and of the recordings: what a lesson shows depends on both."""
    digest = hashlib.sha256()
    for place in ("ocinb/**/*.py", "notebooks/recorded/**/*.json"):
        for path in sorted(ROOT.glob(place)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--execute", action="store_true", help="run the lessons")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    sys.exit(build(arguments.directory.resolve(), execute=arguments.execute))
