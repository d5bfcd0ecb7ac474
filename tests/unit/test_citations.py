"""Every citation of a specification points at a section that exists in the pinned version.

``tests/support/spec_anchors.json`` holds the anchors of the specifications' files (headings as
GitHub writes them, and named anchors), of the versions in ``ocinb/spec/versions.py``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ANCHORS = json.loads((ROOT / "tests/support/spec_anchors.json").read_text())
CITATION = re.compile(r"\b((?:runtime|image|distribution)-spec)\s+([a-z-]+\.md)(?:#([\w-]+))?")


def citations() -> list[tuple[str, str, str, str | None]]:
    found = []
    for path in sorted((ROOT / "ocinb").rglob("*.py")):
        for match in CITATION.finditer(path.read_text()):
            found.append((str(path.relative_to(ROOT)), match[1], match[2], match[3]))
    return found


def test_the_code_cites_the_specifications() -> None:
    cited = {spec for _, spec, _, _ in citations()}
    assert cited == {"runtime-spec", "image-spec", "distribution-spec"}


def test_every_cited_section_exists() -> None:
    wrong = [
        f"{where}: {spec} {file}#{anchor}"
        for where, spec, file, anchor in citations()
        if f"{spec} {file}" not in ANCHORS or (anchor and anchor not in ANCHORS[f"{spec} {file}"])
    ]
    assert not wrong, "\n".join(wrong)
