"""Lines of strace, read as events."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.engine import strace_output
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.strace_output import read, traced
from ocinb.events import ProgramTraced

BEGIN = '7  100.000000 execve("/bin/sh", ["sh"], 0x7fff /* 4 vars */) = 0 <0.000100>\n'
CALL = r"""7  101.000000 openat(AT_FDCWD</>, "/no (file)", O_RDONLY) = -1 ENOENT (No such file or directory) <0.5>
"""  # noqa: E501


def events(*lines: str) -> list[ProgramTraced]:
    return list(read(lines, "c", 7))


def test_a_call_with_its_result_and_a_call_that_fails() -> None:
    first, second = events(BEGIN, CALL)
    assert (first.what, first.result, first.error) == (
        'execve("/bin/sh", ["sh"], 0x7fff /* 4 vars */)', "0", "",
    )  # fmt: skip
    assert (second.what, second.result, second.error) == (
        'openat(AT_FDCWD</>, "/no (file)", O_RDONLY)',
        "-1",
        "ENOENT (No such file or directory)",
    )
    assert (second.process, second.seconds, second.time) == (7, 0.5, 101.5)


def test_what_comes_before_the_program_is_the_runtimes() -> None:
    own = '7 99.000000 write(4</x>, "execve(", 7) = 7 <0.1>\n'
    failed = '7 99.500000 execve("/sbin/sh", ["sh"], 0x1 /* 0 vars */) = -1 ENOENT (No) <0.1>\n'
    other = '9 99.700000 execve("/usr/sbin/runc", ["runc"], 0x1 /* 0 vars */) = 0 <0.1>\n'
    assert [event.what for event in events(own, failed, other, BEGIN)] == [events(BEGIN)[0].what]
    assert events(own, failed) == []


def test_calls_that_others_interrupt_are_put_together() -> None:
    found = events(
        BEGIN,
        "7  101.000000 vfork( <unfinished ...>\n",
        "8  101.100000 exit_group(0) = ?\n",
        "8  101.200000 +++ exited with 0 +++\n",
        "7  101.300000 <... vfork resumed>) = 8 <0.300000>\n",
        "7  101.400000 --- SIGCHLD {si_signo=SIGCHLD, si_pid=8} ---\n",
    )
    assert [(event.process, event.what, event.result) for event in found[1:]] == [
        (8, "exit_group(0)", "?"),
        (8, "exited with 0", ""),
        (7, "vfork()", "8"),
        (7, "SIGCHLD {si_signo=SIGCHLD, si_pid=8}", ""),
    ]
    assert found[3].time == pytest.approx(101.3)


def test_results_may_be_more_than_a_number() -> None:
    (_, opened, waited) = events(
        BEGIN,
        '7 101.0 openat(AT_FDCWD</>, "a = b", O_RDONLY) = 3</a = b> <0.1>\n',
        "7 102.0 poll([{fd=3, events=POLLIN}], 1, -1) = 1 ([{fd=3, revents=POLLIN}]) <0.1>\n",
    )
    assert (opened.what[-23:], opened.result) == ('</>, "a = b", O_RDONLY)', "3</a = b>")
    assert waited.result == "1 ([{fd=3, revents=POLLIN}])"


@given(st.lists(st.text()))
def test_no_text_is_an_error(lines: list[str]) -> None:
    assert events(BEGIN, *lines, *"\n".join(lines).splitlines(keepends=True))


def test_it_is_said_where_only_the_beginning_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ContainerFiles(str(tmp_path))
    assert traced(files) == []
    Path(files.init).write_text('{"pid": 7, "started": 1}')
    assert traced(files) == []
    Path(files.strace).write_text(BEGIN + CALL)
    assert len(traced(files)) == 2
    monkeypatch.setattr(strace_output, "MOST", 10)
    assert traced(files)[-1].what == "… only the first 10 bytes are kept"
