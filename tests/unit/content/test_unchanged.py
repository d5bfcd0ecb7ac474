"""What was read of a file is believed only as long as the file cannot be another one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ocinb.content.unchanged import Unchanged, identities


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that was written long ago."""
    path = tmp_path / "document"
    path.write_text("one")
    time.sleep(0.15)  # the time of its inode cannot be set
    return path


def kept(*paths: Path) -> Unchanged:
    unchanged = Unchanged()
    unchanged.keep("key", "value", identities(map(str, paths)))
    return unchanged


def test_it_is_kept_while_the_file_is_the_same(file: Path) -> None:
    unchanged = kept(file)
    assert (unchanged.get("key"), unchanged.get("other")) == ("value", None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.write_text("two"), id="written"),
        pytest.param(lambda path: path.chmod(0o600), id="its mode"),
        pytest.param(lambda path: path.unlink(), id="removed"),
        pytest.param(lambda path: os.utime(path, (0, 0)), id="an old time"),
    ],
)
def test_of_a_file_that_changed_nothing_is_known(file: Path, change) -> None:
    unchanged = kept(file)
    change(file)
    assert unchanged.get("key") is None
    time.sleep(0.15)
    assert unchanged.get("key") is None


def test_another_file_of_the_same_size_and_time_is_another(file: Path) -> None:
    unchanged = kept(file)
    before = file.stat()
    new = file.with_name("new")
    new.write_text("two")
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(file)
    assert unchanged.get("key") is None


def test_what_was_written_a_moment_ago_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocinb.content.unchanged._SETTLED", 3600 * 10**9)  # however slow we are
    path = tmp_path / "document"
    path.write_text("one")
    assert kept(path).get("key") is None


def test_of_several_files_each_must_be_the_same(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("two")
    time.sleep(0.15)
    unchanged = kept(file, other)
    assert unchanged.get("key") == "value"
    other.unlink()
    assert unchanged.get("key") is None
