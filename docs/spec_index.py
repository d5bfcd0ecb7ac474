"""Makes ``docs/spec-index.md``: section of a specification → code → test.

    python docs/spec_index.py

It reads the ``Spec:`` lines of docstrings, so the index is never written by hand; a test holds
that the committed file is what this program makes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT / "docs" / "spec-index.md"

_LINE = re.compile(r"Spec:\s*(.*(?:\n[^\n]+)*)")
_CITATION = re.compile(r"((?:runtime|image|distribution)-spec)?\s*([a-z-]+\.md)#([\w-]+)")
_REPOSITORY = "https://github.com/opencontainers/{spec}/blob/v{version}/{file}#{anchor}"
_VERSION_NAMES = {
    "runtime-spec": "RUNTIME_SPEC",
    "image-spec": "IMAGE_SPEC",
    "distribution-spec": "DISTRIBUTION_SPEC",
}

Section = tuple[str, str, str]


def index() -> str:
    """The text of the index."""
    sections: dict[Section, set[str]] = {}
    for path in sorted((ROOT / "ocinb").rglob("*.py")):
        module = ast.parse(path.read_text())
        for name, docstring in _docstrings(module):
            for section in _cited(docstring):
                sections.setdefault(section, set()).add(_place(path, name))
    versions = _versions()
    lines = [
        "# Where each section of the specifications is implemented",
        "",
        "Made by `python docs/spec_index.py` from the `Spec:` lines of the docstrings.",
    ]
    spec_before = ""
    for (spec, file, anchor), places in sorted(sections.items()):
        if spec != spec_before:
            lines += ["", f"## {spec} {versions[spec]}", "", "| section | code |", "|---|---|"]
            spec_before = spec
        link = _REPOSITORY.format(spec=spec, version=versions[spec], file=file, anchor=anchor)
        lines.append(f"| [{file}#{anchor}]({link}) | {'<br>'.join(sorted(places))} |")
    return "\n".join(lines) + "\n"


def _docstrings(module: ast.Module) -> Iterator[tuple[str, str]]:
    """(qualified name, text) of each docstring, also of the strings below constants."""
    yield "", ast.get_docstring(module) or ""
    yield from _inner(module.body, "")


def _inner(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    constant = ""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield prefix + node.name, ast.get_docstring(node) or ""
            yield from _inner(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constant = node.targets[0].id
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            constant = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and constant:
            yield prefix + constant, str(node.value.value)


def _cited(docstring: str) -> Iterator[Section]:
    for line in _LINE.finditer(docstring):
        spec = ""
        for match in _CITATION.finditer(line[1]):
            spec = match[1] or spec
            if spec:
                yield spec, match[2], match[3]


def _place(path: Path, name: str) -> str:
    module = path.relative_to(ROOT)
    shown = f"[{module}](../{module})" + (f" `{name}`" if name else "")
    room = module.parent.relative_to("ocinb")
    test = Path("tests/unit") / room / f"test_{path.stem}.py"
    return shown + (f" ([test](../{test}))" if (ROOT / test).exists() else "")


def _versions() -> dict[str, str]:
    text = (ROOT / "ocinb/spec/versions.py").read_text()
    constants = dict(re.findall(r'^(\w+) = "([^"]+)"$', text, re.MULTILINE))
    return {spec: constants[name] for spec, name in _VERSION_NAMES.items()}


if __name__ == "__main__":
    INDEX.write_text(index())
