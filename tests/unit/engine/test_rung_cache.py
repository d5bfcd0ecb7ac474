"""What was found out about this machine is kept, and not too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.engine import choose as module
from ocinb.engine import rung_cache
from ocinb.engine.choose import choose
from ocinb.engine.rung import Choice, Rung
from ocinb.engine.subordinate_ids import own_ids
from ocinb.overlay.probe import Attempt

CHOICE = Choice(
    rung=Rung(
        name="user namespace",
        works=True,
        answer="overlay: works",
        enable="",
        mount=Attempt(kind="overlay", works=True, flags=("userxattr",), answer="works"),
        probe=None,
        ids=own_ids(),
        lost=("something",),
        proc="mount: operation not permitted",
    ),
    better="no root: refused",
)


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """How often something was really tried."""
    found: list[Path] = []

    def attempt(directory: Path) -> Choice:
        found.append(directory)
        return CHOICE

    monkeypatch.setattr(module, "_choose", attempt)
    return found


def test_it_is_tried_once(tmp_path: Path, tries: list[Path]) -> None:
    for _ in range(3):
        assert choose(tmp_path / "root", tmp_path / "run") == CHOICE
    assert len(tries) == 1
    rung_cache.forget(tmp_path / "run")
    choose(tmp_path / "root", tmp_path / "run")
    assert len(tries) == 2


def test_another_program_on_the_path_is_another_question(
    tmp_path: Path, tries: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(tmp_path / "root", tmp_path / "run")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "proot").touch(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    choose(tmp_path / "root", tmp_path / "run")
    assert len(tries) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": "", "found": {}}', "\x00" * 100])
def test_a_damaged_file_is_no_answer(tmp_path: Path, tries: list[Path], content: str) -> None:
    choose(tmp_path / "root", tmp_path / "run")
    (tmp_path / "run/rung.json").write_text(content)
    assert choose(tmp_path / "root", tmp_path / "run") == CHOICE
    assert len(tries) == 2


def test_an_answer_of_another_version_is_none(tmp_path: Path, tries: list[Path]) -> None:
    choose(tmp_path / "root", tmp_path / "run")
    key = rung_cache.key(tmp_path / "root")
    rung_cache.write(tmp_path / "run", key, {"rung": {"unknown": 1}, "better": ""})
    assert choose(tmp_path / "root", tmp_path / "run") == CHOICE
    assert len(tries) == 2


def test_where_nothing_can_be_written_it_is_tried_each_time(
    tmp_path: Path, tries: list[Path]
) -> None:
    (tmp_path / "run").write_text("a file")
    assert choose(tmp_path / "root", tmp_path / "run") == CHOICE
    choose(tmp_path / "root", tmp_path / "run")
    assert len(tries) == 2
