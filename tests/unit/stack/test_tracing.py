"""Command lines of engines with the wrapper in them."""

from __future__ import annotations

import os
import stat

import pytest

from ocinb.errors import CommandError, UnsupportedHost
from ocinb.stack.tracing import Tracing


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """podman, ctr, docker and runc that tell what they are asked for."""
    directory = tmp_path / "tools"
    directory.mkdir()
    answers = {
        "podman": "/usr/bin/crun",
        "ctr": "",
        "docker": '{"Runtimes": {"runc": {"path": "runc"}}, "DefaultRuntime": "runc"}',
        "runc": "",
        "crun": "",
    }
    for name, answer in answers.items():
        path = directory / name
        path.write_text(
            f"#!/bin/sh\ncat <<'END'\n{answer.replace('/usr/bin', str(directory))}\nEND\n"
        )
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return directory


@pytest.fixture
def tracing(tmp_path, tools):
    return Tracing(tmp_path / "stack")


def test_podman_is_given_it_as_its_runtime(tracing, tools):
    words = tracing.command(["podman", "--root", "/r", "run", "--rm", "demo"])
    assert words[:2] == ["podman", "--runtime"]
    assert words[3:] == ["--root", "/r", "run", "--rm", "demo"]
    # What podman would have taken stands behind it, and gives it its name.
    assert words[2].endswith("/crun")
    with open(words[2]) as file:
        assert f" {tools}/crun -- " in file.read()


def test_a_runtime_that_was_given_stands_behind_it(tracing):
    words = tracing.command(["podman", "--runtime=runc", "run", "demo"])
    assert words[1] == "--runtime"
    assert words[2].endswith("/runc")
    assert words[3:] == ["run", "demo"]
    words = tracing.command(["podman", "run", "demo"], "ocinb")
    assert words[2].endswith("/ocinb")


def test_ctr_is_given_it_where_it_makes_a_container(tracing):
    words = tracing.command(["ctr", "-n", "x", "run", "--rm", "demo", "c"])
    assert words[3:5] == ["run", "--runc-binary"]
    assert words[5].endswith("/runc")
    assert words[6:] == ["--rm", "demo", "c"]
    words = tracing.command(["ctr", "c", "create", "demo", "c"])
    assert words[2:4] == ["create", "--runc-binary"]
    with pytest.raises(CommandError, match="only what makes a container"):
        tracing.command(["ctr", "task", "kill", "c"])


def test_docker_must_have_been_told_by_a_person(tracing):
    with pytest.raises(CommandError, match="by its configuration only") as caught:
        tracing.command(["docker", "run", "demo"])
    assert "daemon.json" in caught.value.hint
    assert '{"runtimes": {"traced": {"path": "' in caught.value.hint
    with pytest.raises(CommandError, match="only run and create"):
        tracing.command(["docker", "ps"])


def test_others_are_not_traced(tracing):
    with pytest.raises(CommandError, match="ls is not traced"):
        tracing.command(["ls"])
    with pytest.raises(UnsupportedHost, match="no OCI runtime nosuch"):
        tracing.command(["podman", "run", "demo"], "nosuch")


def test_two_runtimes_of_one_name_have_a_wrapper_each(tracing, tmp_path):
    (tmp_path / "runc").write_text("#!/bin/sh\n")
    (tmp_path / "runc").chmod(0o755)
    first, second = tracing.wrapper("runc"), tracing.wrapper(str(tmp_path / "runc"))
    assert first != second
    assert first.name == second.name == "runc"
    assert stat.S_IMODE(first.stat().st_mode) == 0o755


def test_one_listens_at_a_time(tracing):
    with (
        tracing.listening(),
        pytest.raises(CommandError, match="one at a time"),
        tracing.listening(),
    ):
        pass
