"""The site of the documentation: whole, offline, and nothing in it leads nowhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ocinb.commands import tree

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without running the lessons: those are run by their own tests."""
    place = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, ROOT / "docs/site.py", place], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr  # warnings are errors: links that lead nowhere, too
    return place / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, str]:
    return {str(path.relative_to(site)): path.read_text() for path in site.rglob("*.html")}


def test_nothing_is_loaded_from_elsewhere(pages: dict[str, str]) -> None:
    loaded = re.compile(
        r"""<(?:script|link|img|iframe)\b[^>]*(?:src|href)=["'](?:https?:)?//[^"']+"""
    )
    found = {(name, hit) for name, text in pages.items() for hit in loaded.findall(text)}
    assert {hit for hit in found if "mybinder.org/badge" not in hit[1]} == set()


def test_every_file_that_a_page_names_is_there(site: Path, pages: dict[str, str]) -> None:
    named = re.compile(r"""(?:src|href)=["'](?!https?:|data:|mailto:|#)([^"'#?]+)""")
    for name, text in pages.items():
        for target in named.findall(text):
            assert (site / name).parent.joinpath(target).exists(), f"{name}: {target}"


def test_every_command_and_every_lesson_has_its_place(pages: dict[str, str]) -> None:
    commands = pages["reference/commands.html"]
    for name in tree.COMMANDS:
        assert f"ocinb {name}" in commands
    for notebook in ROOT.glob("notebooks/*.ipynb"):
        english = pages[f"lessons/{notebook.stem}.html"]
        chinese = pages[f"zh/lessons/{notebook.stem}.html"]
        assert f'href="../zh/lessons/{notebook.stem}.html"' in english
        assert f'href="../../lessons/{notebook.stem}.html"' in chinese


def test_chinese_pages_are_chinese_around_their_text_too(site: Path, pages: dict[str, str]) -> None:
    lesson = pages["zh/lessons/04-layers.html"]
    assert '<html class="no-js" lang="zh-CN"' in lesson
    for word in ("本页内容", "下一页", "上一页", "搜索"):
        assert word in lesson
    assert "On this page" not in lesson
    words = (site / "zh/searchindex.js").read_text()
    assert all(json.dumps(word) in words for word in ("清单", "命名空间"))


def test_events_and_tables_are_told_with_their_fields(pages: dict[str, str]) -> None:
    assert "request_headers" in pages["reference/events.html"]
    assert "WHY_COLUMNS" in pages["reference/tables.html"]
    assert pages["reference/lifecycle.html"].count("<tr") == 14
