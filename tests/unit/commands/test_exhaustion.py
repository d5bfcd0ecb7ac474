"""A machine that has run out of something is told of in a sentence, at every door."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ocinb.commands import exhaustion, tree
from ocinb.commands.session import Session
from ocinb.errors import StorageError, SyscallError, UnsupportedHost
from ocinb.settings import Settings

CASES = [
    (OSError(errno.EMFILE, "x"), UnsupportedHost, "the machine refuses: too many open files"),
    (OSError(errno.ENOMEM, "x"), UnsupportedHost, "the machine refuses: cannot allocate memory"),
    (MemoryError(), UnsupportedHost, "the machine refuses: cannot allocate memory"),
    (OSError(errno.ENOSPC, "x", "/a"), StorageError, "/a: no space left on device"),
    (OSError(errno.EIO, "x", "/a"), StorageError, "/a: input/output error"),
]


@pytest.mark.parametrize(("error", "kind", "sentence"), CASES)
def test_what_the_kernel_refuses_has_a_sentence_and_a_hint(
    error: OSError, kind: type, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def engine(_: Session) -> None:
        raise error

    monkeypatch.setattr(Session, "engine", property(engine))
    session = Session(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))
    with pytest.raises(kind) as raised:
        tree.call(["pull", "127.0.0.1:1/x"], session)
    assert raised.value.message == sentence
    assert raised.value.hint


def test_other_errors_stay_what_they_are() -> None:
    assert exhaustion.told(OSError(errno.ENOENT, "x")) is None
    assert exhaustion.told(SyscallError("mount", (), errno.ENOMEM)) is None
