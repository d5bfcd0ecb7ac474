"""Makes the site of the documentation, offline: ``python docs/site.py [--execute] DIRECTORY``.

Its sources are put together in ``DIRECTORY/sources`` and built into ``DIRECTORY/html``: the
documents of this directory, the lessons in both languages, and the reference, which is written
from the code itself each time: commands from the command tree, events and tables from their
modules, Python objects from their docstrings. So it cannot be stale.
"""

from __future__ import annotations

import argparse
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
_STATIC = ("kubernetes", "benchmarks.json", "conf.py")


def assemble(sources: Path) -> None:
    """Put together what Sphinx reads.

    Args:
        sources: a directory that is not there yet.
    """
    import reference

    sources.mkdir(parents=True)
    for name in _STATIC:
        if (DOCS / name).is_dir():
            shutil.copytree(DOCS / name, sources / name)
        elif (DOCS / name).exists():
            shutil.copy(DOCS / name, sources / name)
    for document in [*DOCS.glob("*.md"), *DOCS.glob("how-to/*.md")]:
        target = sources / document.relative_to(DOCS)
        target.parent.mkdir(exist_ok=True)
        target.write_text(_with_sources(document, sources), encoding="utf-8")
    for language, place in (("en", ROOT / "notebooks"), ("zh", ROOT / "notebooks/zh")):
        (sources / "lessons" / language).mkdir(parents=True)
        for notebook in place.glob("*.ipynb"):
            document = json.loads(notebook.read_text(encoding="utf-8"))
            document["metadata"]["language_info"] = {
                "name": "ipython",
                "pygments_lexer": "ipython3",
            }
            target = sources / "lessons" / language / notebook.name
            target.write_text(json.dumps(document), encoding="utf-8")
    (sources / "reference").mkdir()
    for name, text in reference.pages().items():
        (sources / "reference" / f"{name}.md").write_text(text, encoding="utf-8")


def _with_sources(document: Path, sources: Path) -> str:
    """A document whose links to files of the repository lead to copies of them in the site."""

    def led(match: re.Match[str]) -> str:
        target = (document.parent / match["target"]).resolve()
        if target.is_relative_to(ROOT / "notebooks") and target.suffix == ".ipynb":
            language = "zh" if target.parent.name == "zh" else "en"
            place = sources / "lessons" / language / target.name
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
        execute: run the lessons, so that they are shown with what came out. What ran before and
            has not changed is taken from ``directory``.

    Returns:
        The exit status of Sphinx.
    """
    from sphinx.cmd.build import main

    sources = directory / "sources"
    for old in (sources, directory / "html"):
        shutil.rmtree(old, ignore_errors=True)
    assemble(sources)
    mode = "cache" if execute else "off"
    options = [f"nb_execution_mode={mode}", f"nb_execution_cache_path={directory / 'executed'}"]
    defined = [word for option in options for word in ("-D", option)]
    return main(
        ["-q", "-W", "--keep-going", "-b", "html", *defined,
         "-d", str(directory / "doctrees"), str(sources), str(directory / "html")]
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--execute", action="store_true", help="run the lessons")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    sys.exit(build(arguments.directory.resolve(), execute=arguments.execute))
