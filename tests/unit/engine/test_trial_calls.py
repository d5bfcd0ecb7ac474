"""What strace wrote of a runtime, counted."""

from __future__ import annotations

from ocinb.engine.trials.calls import count, executed

LINES = """\
7  100.000001 execve("", [...], 0x7ffe /* 35 vars */) = 0
7  100.100000 clone(child_stack=NULL, flags=SIGCHLD) = 8
8  100.200000 mount(""..., ""..., ""..., MS_BIND, NULL <unfinished ...>
7  100.200001 read(3,  <unfinished ...>
8  100.200002 <... mount resumed>)              = 0
8  100.300000 execve("", [...], 0x7ffe) = -1 ENOENT (No such file or directory)
8  100.400000 execve("", [...], 0x7ffe <unfinished ...>
7  100.400001 <... read resumed>""..., 1) = 1
8  100.400002 <... execve resumed>)             = 0
8  100.500000 execve("", [...], 0x7ffe) = 0
7  100.600000 exit_group(0)                     = ?
""".splitlines()


def test_a_call_counts_once_also_where_another_process_was_quicker():
    counted = count(LINES)
    assert (counted["clone"], counted["mount"], counted["read"], counted["execve"]) == (1, 1, 1, 4)


def test_until_a_time():
    assert set(count(LINES, until=100.1)) == {"execve", "clone"}
    assert not count(LINES, until=99.0)


def test_a_program_is_executed_when_the_call_succeeds():
    assert executed(LINES, 8, since=100.0) == 100.400002
    assert executed(LINES, 8, since=100.45) == 100.5
    assert executed(LINES, 8, since=100.55) is None
    assert executed(LINES, 7, since=100.0) == 100.000001
    assert executed(LINES, 9, since=0.0) is None


def test_what_is_no_line_of_strace_is_passed_over():
    assert not count(["", "strace: Process 7 attached", "7 x mount("])
