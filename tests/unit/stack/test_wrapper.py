"""The program in a runtime's place: it writes calls down, and changes nothing about them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ocinb.stack.tracing import Tracing
from ocinb.stack.wrapper import described, split

BEHIND = """#!/bin/sh
echo "asked: $*"; echo "errors" >&2
read -r word; echo "read: $word"
test ! -e /proc/self/fd/7 || cat <&7
exit 7
"""


@pytest.fixture
def behind(tmp_path) -> Path:
    path = tmp_path / "runc"
    path.write_text(BEHIND)
    path.chmod(0o755)
    return path


def call(wrapper, *words, **more):
    return subprocess.run(
        [wrapper, *words], input="typed\n", capture_output=True, text=True, check=False, **more
    )


def test_the_call_is_what_it_would_have_been(tmp_path, behind):
    tracing = Tracing(tmp_path / "stack")
    wrapper = tracing.wrapper(str(behind))
    direct = call(behind, "--root", "/r", "state", "c")
    with tracing.listening() as calls:
        traced = call(wrapper, "--root", "/r", "state", "c")
        (heard,) = calls()
    assert (traced.returncode, traced.stdout, traced.stderr) == (
        direct.returncode, direct.stdout, direct.stderr,
    )  # fmt: skip
    assert (heard["command"], heard["arguments"], heard["status"]) == ("state", ["c"], 7)
    assert heard["words"] == ["--root", "/r", "state", "c"]
    assert heard["caller"]["pid"] == os.getpid()
    assert heard["seconds"] > 0


def test_descriptors_go_through(tmp_path, behind):
    tracing = Tracing(tmp_path / "stack")
    wrapper = tracing.wrapper(str(behind))
    shell = f'exec 7<<< "seventh"; exec {wrapper} create --preserve-fds 5 c'
    with tracing.listening():
        done = subprocess.run(["bash", "-c", shell], input=b"x", capture_output=True, check=False)
    assert b"seventh" in done.stdout


def test_where_nobody_listens_it_is_the_runtime(tmp_path, behind):
    tracing = Tracing(tmp_path / "stack")
    wrapper = tracing.wrapper(str(behind))
    done = call(wrapper, "state", "c")
    assert (done.returncode, done.stdout.splitlines()[0]) == (7, "asked: state c")
    with tracing.listening() as calls:
        assert calls() == []


def test_where_who_listened_was_killed_it_is_the_runtime(tmp_path, behind):
    tracing = Tracing(tmp_path / "stack")
    wrapper = tracing.wrapper(str(behind))
    calls = tmp_path / "stack/calls"
    with tracing.listening():
        call(wrapper, "state", "c")
        assert len(list(calls.iterdir())) == 1
    calls.mkdir()
    assert call(wrapper, "state", "c").stdout.startswith("asked: state c")
    assert list(calls.iterdir()) == []


def test_the_document_of_a_call_is_kept(tmp_path, behind):
    tracing = Tracing(tmp_path / "stack")
    wrapper = tracing.wrapper(str(behind))
    (tmp_path / "config.json").write_text('{"ociVersion": "1.0.2"}')
    with tracing.listening() as calls:
        call(wrapper, "create", "--bundle", tmp_path, "--pid-file", "p", "c")
        call(wrapper, "create", "c", cwd=tmp_path)
        call(wrapper, "exec", "--process", "/no/such", "c")
        found = calls()
    assert [each["document"] for each in found] == [{"ociVersion": "1.0.2"}] * 2 + [None]
    assert [each["arguments"] for each in found] == [["c"]] * 3


@pytest.mark.parametrize(
    ("words", "command", "arguments"),
    [
        ("--root /r --log f --log-format json create --bundle /b --pid-file p c", "create", "c"),
        ("--log=f --systemd-cgroup start c", "start", "c"),
        ("kill --all c 9", "kill", "c 9"),
        ("exec --process=f --detach --console-socket s c", "exec", "c"),
        ("--version", "--version", ""),
        ("", "", ""),
    ],
)
def test_command_lines_as_callers_write_them(words, command, arguments):
    found, _, rest = split(words.split())
    assert (found, rest) == (command, arguments.split())
    assert json.dumps(described(words.split()))
