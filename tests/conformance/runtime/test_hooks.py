"""Hooks: when, where, with what, and what their failure does.

Spec: runtime-spec config.md#posix-platform-hooks
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram, alive, wait_until

RUNTIME_STAGES = ("prestart", "createRuntime", "poststart", "poststop")
CONTAINER_STAGES = ("createContainer", "startContainer")
ORDER = (
    "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"
)  # fmt: skip

_NOTE = r"""#!/bin/sh
# Notes its stage, its namespaces and the state it was given, in a file of its own.
{
  echo "stage=$1"
  echo "mnt=$(readlink /proc/self/ns/mnt)"
  echo "uts=$(readlink /proc/self/ns/uts)"
  echo "root=$(test -e /hook-was-bound && echo container || echo host)"
  echo "env=$HOOK"
  echo "state=$(cat)"
} >> "$2"
exit ${3:-0}
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    directory = tmp_path / "notes"
    directory.mkdir()
    directory.chmod(0o777)
    script = directory / "note"
    script.write_text(_NOTE)
    script.chmod(0o755)
    return directory


def hook_script(path: Path, does: str) -> Path:
    """A hook that reads its state first: crun 1.8 fails where one has ended before it was told."""
    path.write_text(f"#!/bin/sh\ncat > /dev/null\n{does}\n")
    path.chmod(0o755)
    return path


def add_hook(bundle: Bundle, notes: Path, stage: str, status: int = 0, name: str = "") -> None:
    """Let a stage note itself. The startContainer hook is found inside the container."""
    place = Path("/mnt") if stage == "startContainer" else notes
    hook = {
        "path": str(place / "note"),
        "args": ["note", name or stage, str(place / f"{stage}.note"), str(status)],
        "env": ["PATH=/bin:/usr/bin", f"HOOK={stage}"],
    }
    bundle.config.setdefault("hooks", {}).setdefault(stage, []).append(hook)


def prepare(bundle: Bundle, notes: Path) -> None:
    bundle.mount("/mnt", "bind", str(notes), "bind", "rw")
    bundle.shell("sleep 60")


def read(notes: Path, stage: str) -> list[dict[str, Any]]:
    """What the hooks of a stage noted, in order."""
    path = notes / f"{stage}.note"
    found: list[dict[str, Any]] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        key, _, value = line.partition("=")
        if key == "stage":
            found.append({})
        found[-1][key] = json.loads(value) if key == "state" else value
    return found


def start_and_delete(runtime: RuntimeProgram, notes: Path, stage: str) -> None:
    """Live on until the stage has noted itself: crun's start does not wait for the hook that the
    container's process runs.
    """
    runtime.call("start", "c")
    if stage != "poststop":
        wait_until(lambda: any("state" in noted for noted in read(notes, stage)))
    runtime.call("delete", "--force", "c")


@pytest.mark.lacks("runc", "runc 1.1 runs poststart hooks at the end of create")
def test_every_stage_runs_at_its_moment(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path
) -> None:
    prepare(bundle, notes)
    for stage in ORDER:
        add_hook(bundle, notes, stage)
    assert runtime.create(bundle).returncode == 0
    assert [stage for stage in ORDER if read(notes, stage)] == list(ORDER[:3])
    runtime.call("start", "c")
    # crun's start does not wait for the hook that the container's process runs.
    wait_until(lambda: read(notes, "startContainer"))
    assert [stage for stage in ORDER if read(notes, stage)] == list(ORDER[:5])
    runtime.call("kill", "c", "KILL")
    runtime.await_status("stopped")
    assert not read(notes, "poststop")
    runtime.call("delete", "c")
    assert read(notes, "poststop")


@pytest.mark.parametrize("stage", ORDER)
def test_the_state_on_standard_input(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path, stage: str
) -> None:
    prepare(bundle, notes)
    bundle.config["annotations"] = {"org.example.key": "value"}
    add_hook(bundle, notes, stage)
    assert runtime.create(bundle).returncode == 0
    pid = runtime.state()["pid"]
    start_and_delete(runtime, notes, stage)
    (noted,) = read(notes, stage)
    state = noted["state"]
    assert state["id"] == "c"
    if (runtime.name, stage) != ("crun", "startContainer"):  # crun 1.8 says /
        assert state["bundle"] == str(bundle.directory)
    assert state["annotations"]["org.example.key"] == "value"
    assert state["ociVersion"]
    if stage in ("prestart", "createRuntime", "poststart"):
        assert state["pid"] == pid
    if stage in CONTAINER_STAGES and runtime.name == "ours":
        # Spec: runtime-spec runtime.md#state (pid): as seen by the container.
        assert state["pid"] == 1
    if runtime.name == "ours":
        # runc 1.1 and crun 1.8 have some of these wrong, and not the same ones.
        statuses = {"poststart": "running", "poststop": "stopped", "startContainer": "created"}
        assert state["status"] == statuses.get(stage, "creating")
    assert noted["env"] == stage


@pytest.mark.parametrize("stage", ORDER)
def test_the_namespace_of_a_stage(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path, stage: str
) -> None:
    prepare(bundle, notes)
    add_hook(bundle, notes, stage)
    runtime.create(bundle)
    container_uts = os.readlink(f"/proc/{runtime.state()['pid']}/ns/uts")
    start_and_delete(runtime, notes, stage)
    (noted,) = read(notes, stage)
    if stage in CONTAINER_STAGES:
        assert noted["uts"] == container_uts
    else:
        assert noted["uts"] == os.readlink("/proc/self/ns/uts")


def test_hooks_of_a_stage_run_in_their_order(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path
) -> None:
    prepare(bundle, notes)
    for name in ("first", "second", "third"):
        add_hook(bundle, notes, "createRuntime", name=name)
    runtime.create(bundle)
    assert [noted["stage"] for noted in read(notes, "createRuntime")] == [
        "first",
        "second",
        "third",
    ]


def test_mounts_are_made_before_the_hooks_of_create(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path
) -> None:
    prepare(bundle, notes)
    look = f"grep -c ' - devpts' /proc/self/mountinfo > {notes}/mounts"
    script = hook_script(notes / "look", look)
    bundle.config["hooks"] = {"createContainer": [{"path": str(script)}]}
    assert runtime.create(bundle).returncode == 0
    host = Path("/proc/self/mountinfo").read_text().count(" - devpts")
    assert int((notes / "mounts").read_text()) == host + 1


@pytest.mark.parametrize("stage", ["prestart", "createRuntime", "createContainer"])
def test_a_failing_hook_of_create_ends_the_container(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path, stage: str
) -> None:
    prepare(bundle, notes)
    add_hook(bundle, notes, stage, status=1)
    add_hook(bundle, notes, stage, name="never")
    done = runtime.create(bundle)
    assert done.returncode != 0
    assert not runtime.exists()
    assert [noted["stage"] for noted in read(notes, stage)] == [stage]


@pytest.mark.parametrize("stage", ["prestart", "createRuntime", "createContainer"])
def test_after_a_failing_hook_of_create_the_poststop_hooks_run(
    ours: RuntimeProgram, bundle: Bundle, notes: Path, stage: str
) -> None:
    # Spec: runtime-spec runtime.md#lifecycle: go on at step 12, and 13 follows.
    prepare(bundle, notes)
    add_hook(bundle, notes, stage, status=3)
    add_hook(bundle, notes, "poststop")
    done = ours.create(bundle)
    assert f"hooks.{stage}[0]" in done.stderr
    assert "status 3" in done.stderr
    assert read(notes, "poststop")[0]["state"]["status"] == "stopped"


def test_a_failing_start_container_hook(ours: RuntimeProgram, bundle: Bundle, notes: Path) -> None:
    # runc 1.1 and crun 1.8 let start succeed.
    prepare(bundle, notes)
    bundle.shell("touch /mnt/program-ran; sleep 60")
    add_hook(bundle, notes, "startContainer", status=1)
    add_hook(bundle, notes, "poststop")
    ours.create(bundle)
    done = ours.call("start", "c")
    assert done.returncode == 1
    assert "hooks.startContainer[0]" in done.stderr
    assert not ours.exists()
    assert not (notes / "program-ran").exists()
    assert read(notes, "poststop")


def test_a_failing_poststart_hook(ours: RuntimeProgram, bundle: Bundle, notes: Path) -> None:
    # An error since 1.3.0, a warning before. Spec: runtime-spec runtime.md#lifecycle (step 9)
    prepare(bundle, notes)
    add_hook(bundle, notes, "poststart", status=1)
    add_hook(bundle, notes, "poststop")
    ours.create(bundle)
    pid = ours.state()["pid"]
    done = ours.call("start", "c")
    assert done.returncode == 1
    assert not ours.exists()
    assert not alive(pid)
    assert read(notes, "poststop")


def test_a_failing_poststop_hook_is_a_warning_and_the_next_ones_run(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path
) -> None:
    prepare(bundle, notes)
    bundle.shell("true")
    add_hook(bundle, notes, "poststop", status=1, name="first")
    add_hook(bundle, notes, "poststop", name="second")
    runtime.create(bundle)
    runtime.call("start", "c")
    runtime.await_status("stopped")
    done = runtime.call("delete", "c")
    assert done.returncode == 0
    assert not runtime.exists()
    stages = [noted["stage"] for noted in read(notes, "poststop")]
    # runc 1.1 stops at the first; the specification says that the remaining hooks continue.
    assert stages == (["first"] if runtime.name == "runc" else ["first", "second"])


def test_a_hook_that_does_not_end_in_time_fails_and_is_killed(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path
) -> None:
    prepare(bundle, notes)
    script = hook_script(notes / "slow", f"echo $$ > {notes}/pid\nexec sleep 60")
    bundle.config["hooks"] = {"createRuntime": [{"path": str(script), "timeout": 5}]}
    done = runtime.create(bundle)
    assert done.returncode != 0
    runtime.await_end(int((notes / "pid").read_text()))
    assert not runtime.exists()


def test_a_hook_without_arguments_gets_its_path(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path
) -> None:
    prepare(bundle, notes)
    script = hook_script(notes / "name", f'echo "$0 $#" > {notes}/name.note')
    bundle.config["hooks"] = {"createRuntime": [{"path": str(script)}]}
    assert runtime.create(bundle).returncode == 0
    assert (notes / "name.note").read_text() == f"{script} 0\n"


def test_a_hook_that_is_missing(runtime: RuntimeProgram, bundle: Bundle, notes: Path) -> None:
    bundle.config["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}
    done = runtime.create(bundle)
    assert done.returncode != 0
    assert not runtime.exists()


def test_what_a_failing_hook_said_is_in_the_error(
    ours: RuntimeProgram, bundle: Bundle, notes: Path
) -> None:
    script = hook_script(notes / "complain", "echo 'no such bridge' >&2\nexit 4")
    bundle.config["hooks"] = {"createRuntime": [{"path": str(script)}]}
    done = ours.create(bundle)
    assert "status 4: no such bridge" in done.stderr


@pytest.mark.parametrize("stage", ["prestart", "createRuntime", "createContainer"])
def test_hooks_of_create_start_in_the_bundle(
    runtime: RuntimeProgram, bundle: Bundle, notes: Path, stage: str
) -> None:
    script = hook_script(notes / "where-am-i", f"pwd > {notes}/where")
    bundle.config["hooks"] = {stage: [{"path": str(script)}]}
    bundle.shell("true")
    assert runtime.run(bundle).returncode == 0
    # runc has moved on to the root filesystem by then; the specification says nothing of it.
    in_root = runtime.name == "runc" and stage == "createContainer"
    where = bundle.config["root"]["path"] if in_root else bundle.directory
    assert (notes / "where").read_text() == f"{where}\n"


_AS_LIBRARY = """
import os, sys
from ocinb.runtime.configuration import load
from ocinb.runtime.log import Log
from ocinb.runtime.operations import Runtime
from ocinb.runtime.parent import CreateOptions
from ocinb.runtime.recording import Recording

root, bundle = sys.argv[1:]
runtime = Runtime(root, Recording("", "c"), Log())
runtime.create("c", bundle, CreateOptions(), load(bundle))
print(os.getcwd())
runtime.delete("c", force=True)
print(os.getcwd())
"""


def test_who_creates_a_container_stays_in_their_directory(
    bundle: Bundle, notes: Path, tmp_path: Path
) -> None:
    bundle.shell("true")
    add_hook(bundle, notes, "createRuntime")
    done = subprocess.run(
        [sys.executable, "-c", _AS_LIBRARY, str(tmp_path / "state"), bundle.write()],
        cwd=notes,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.splitlines() == [str(notes), str(notes)], done.stderr
    assert read(notes, "createRuntime")


@pytest.mark.parametrize(
    ("env", "seen"),
    [(None, {"OF_PROCESS": "yes"}), (["OF_HOOK=yes"], {"OF_HOOK": "yes"}), ([], {})],
)
def test_a_hook_in_the_container_has_the_programs_environment_unless_it_says_another(
    ours: RuntimeProgram, bundle: Bundle, notes: Path, env: list[str] | None, seen: dict[str, str]
) -> None:
    bundle.process["env"].append("OF_PROCESS=yes")
    bundle.mount("/mnt", "bind", str(notes), "bind", "rw")
    words = ["sh", "-c", "/bin/env > /mnt/seen"]
    hook = {"path": "/bin/sh", "args": words, **({} if env is None else {"env": env})}
    bundle.config["hooks"] = {"startContainer": [hook]}
    assert ours.run(bundle.shell("true")).returncode == 0
    lines = dict(line.split("=", 1) for line in (notes / "seen").read_text().splitlines())
    assert {name: lines[name] for name in ("OF_PROCESS", "OF_HOOK") if name in lines} == seen
