"""What engine and monitor say to each other arrives as it was meant."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb import errors
from ocinb.engine.frames import (
    EXIT,
    NEWS,
    REPLY,
    STDERR,
    STDOUT,
    Unpacker,
    error_document,
    pack,
    revive,
)

KINDS = st.sampled_from([STDOUT, STDERR, REPLY, NEWS, EXIT])


@given(
    frames=st.lists(st.tuples(KINDS, st.binary(max_size=50))),
    cuts=st.lists(st.integers(0, 500), max_size=5),
)
def test_frames_survive_any_cutting(frames: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    data = b"".join(pack(kind, content) for kind, content in frames)
    unpacker, received, start = Unpacker(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        received += unpacker.feed(data[start:cut])
        start = max(start, cut)
    assert received == frames


@pytest.mark.parametrize(
    "error",
    [
        errors.StepFailed("it failed", hint="do not", citation="runtime-spec runtime.md#start"),
        errors.SyscallError("mount", ("a", "b"), errno.EPERM, hint="be the superuser"),
        errors.UnsupportedHost("no", hint="yes"),
        errors.StorageError("full"),
    ],
)
def test_an_error_is_the_same_on_the_other_side(error: errors.OcinbError) -> None:
    revived = revive(error_document(error))
    assert type(revived) is type(error)
    assert (str(revived), revived.hint, revived.citation) == (
        str(error),
        error.hint,
        error.citation,
    )


def test_an_error_of_the_system_becomes_one_sentence() -> None:
    revived = revive(error_document(PermissionError(errno.EACCES, "Denied", "/a/file")))
    assert type(revived) is errors.ContainerError
    assert str(revived) == "/a/file: permission denied"
