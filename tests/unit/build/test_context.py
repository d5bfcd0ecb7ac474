"""The build context: what is left out, and what a pattern names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.build.context import Context, Ignore, glob_pattern, matches, read_ignore
from ocinb.errors import BuildError


@pytest.mark.parametrize(
    ("lines", "path", "left_out"),
    [
        (["a"], "a", True),
        (["a"], "a/b/c", True),
        (["a"], "b/a", False),
        (["/a/"], "a", True),
        (["*.log"], "x.log", True),
        (["*.log"], "d/x.log", False),
        (["**/*.log"], "d/e/x.log", True),
        (["**/*.log"], "x.log", True),
        (["d/**"], "d/e/f", True),
        (["d/*", "!d/keep"], "d/keep", False),
        (["d/*", "!d/keep"], "d/drop", True),
        (["!a", "a"], "a", True),
        (["*", "!*.md", "README.md"], "README.md", True),
        (["# a", "", "  "], "a", False),
        (["a?c"], "abc", True),
        (["[a-c]x"], "bx", True),
        (["[^a-c]x"], "bx", False),
        (["a\\*"], "a*", True),
        (["a\\*"], "ab", False),
        (["."], "a", False),
    ],
)
def test_the_last_pattern_that_fits_decides(lines: list[str], path: str, left_out: bool) -> None:
    assert Ignore(lines).excludes(path) is left_out


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "d/one", "d/keep", "d/deep/two", ".hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(name)
    (tmp_path / "to-d").symlink_to("d")
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "up").symlink_to("../..")
    return tmp_path


def test_patterns_name_paths_in_order(directory: Path) -> None:
    tree = Context(directory)
    assert matches(tree, "*.txt") == ["a.txt", "b.txt"]
    assert matches(tree, "/d/*") == ["d/deep", "d/keep", "d/one"]
    assert matches(tree, "to-d/on?") == ["to-d/one"]
    assert matches(tree, "nothing*") == []
    assert matches(tree, ".") == [""]


def test_nothing_leads_out_of_the_context(directory: Path) -> None:
    tree = Context(directory)
    assert matches(tree, "../../etc/passwd") == []
    assert matches(tree, "out") == []
    assert matches(tree, "up/../../d/one") == ["d/one"]
    assert matches(tree, "../d/one") == ["d/one"]


def test_a_directory_stays_for_what_is_kept_in_it(directory: Path) -> None:
    tree = Context(directory, Ignore(["d", "!d/keep"]))
    assert matches(tree, "d") == ["d"]
    node = tree.find("d")
    assert node is not None
    assert [child.name for child in tree.children(node)] == ["keep"]
    assert matches(Context(directory, Ignore(["d", "!d/none"])), "d") == []


def test_a_dockerfile_has_an_ignore_file_of_its_own(directory: Path) -> None:
    (directory / ".dockerignore").write_text("a.txt\n")
    assert read_ignore(directory).excludes("a.txt")
    (directory / "other.dockerignore").write_text("b.txt\n")
    own = read_ignore(directory, directory / "other")
    assert (own.excludes("a.txt"), own.excludes("b.txt")) == (False, True)


@pytest.mark.parametrize("pattern", ["[", "[a", "[]", "a[^", "[z-a]"])
def test_a_class_that_is_none(pattern: str) -> None:
    with pytest.raises(BuildError, match="is not a pattern"):
        glob_pattern(pattern)


@settings(deadline=None)
@given(st.text(alphabet="ab*?[]^-!\\/.{(+", max_size=12), st.text(alphabet="ab/.", max_size=8))
def test_any_pattern_is_one_or_an_error(pattern: str, path: str) -> None:
    try:
        assert Ignore([pattern]).excludes(path) in (True, False)
    except BuildError as error:
        assert "is not a pattern" in error.message
