"""create, start, state, kill, delete. Spec: runtime-spec runtime.md#operations"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram, alive, wait_until


def test_create_does_not_run_the_program(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("echo started")
    output = bundle.directory / "out"
    with output.open("w") as file:
        assert runtime.create(bundle, output=file).returncode == 0
    assert output.read_text() == ""
    assert runtime.state()["status"] == "created"
    assert runtime.call("start", "c").returncode == 0
    runtime.await_status("stopped")
    assert output.read_text() == "started\n"


def test_state_has_what_the_specification_asks_for(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("sleep 60")
    bundle.config["annotations"] = {"org.example.key": "value"}
    runtime.create(bundle)
    state = runtime.state()
    assert state["id"] == "c"
    assert state["status"] == "created"
    assert state["bundle"] == str(bundle.directory)
    assert state["annotations"]["org.example.key"] == "value"
    assert state["ociVersion"].count(".") == 2
    assert alive(state["pid"])


def test_the_four_states(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("sleep 60")
    runtime.create(bundle)
    pid = runtime.state()["pid"]
    assert runtime.state()["status"] == "created"
    runtime.call("start", "c")
    assert runtime.state()["status"] == "running"
    assert runtime.state()["pid"] == pid
    runtime.call("kill", "c", "KILL")
    runtime.await_status("stopped")
    assert runtime.call("delete", "c").returncode == 0
    assert not runtime.exists()


def test_a_container_that_does_not_exist_has_no_state(runtime: RuntimeProgram) -> None:
    done = runtime.call("state", "nobody")
    assert done.returncode != 0
    assert "exist" in done.stderr or "No such" in done.stderr


def test_an_id_is_unique(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("sleep 60")
    runtime.create(bundle)
    pid = runtime.state()["pid"]
    again = runtime.create(bundle)
    assert again.returncode != 0
    assert "exist" in again.stderr
    assert runtime.state()["pid"] == pid


def test_an_id_may_be_used_again_after_delete(runtime: RuntimeProgram, bundle: Bundle) -> None:
    assert runtime.run(bundle).returncode == 0
    assert runtime.run(bundle).returncode == 0


@pytest.mark.parametrize("container", ["../up", "a/b", "", "a b", "."])
def test_what_is_not_an_id_is_refused(ours: RuntimeProgram, bundle: Bundle, container: str) -> None:
    assert ours.call("create", "--bundle", bundle.write(), container).returncode == 1
    assert not ours.root.exists() or not list(ours.root.iterdir())


def test_start_needs_a_created_container(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("sleep 60")
    runtime.create(bundle)
    assert runtime.call("start", "c").returncode == 0
    assert runtime.call("start", "c").returncode != 0
    assert runtime.state()["status"] == "running"


def test_kill_sends_the_signal_by_name_or_number(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("trap 'echo usr1' USR1; trap 'echo hup; exit 3' HUP; echo up; "
                 "while true; do sleep 0.05; done")  # fmt: skip
    output = bundle.directory / "out"
    with output.open("w") as file:
        runtime.create(bundle, output=file)
    runtime.call("start", "c")
    wait_until(lambda: "up" in output.read_text())
    assert runtime.call("kill", "c", "USR1").returncode == 0
    wait_until(lambda: "usr1" in output.read_text())
    assert runtime.call("kill", "c", "1").returncode == 0
    runtime.await_status("stopped")
    assert "hup" in output.read_text()


def test_kill_of_a_stopped_container_is_an_error(runtime: RuntimeProgram, bundle: Bundle) -> None:
    runtime.create(bundle)
    runtime.call("start", "c")
    runtime.await_status("stopped")
    done = runtime.call("kill", "c", "KILL")
    assert done.returncode != 0
    if runtime.name != "crun":
        # The words by which containerd's shim knows that the container ended by itself meanwhile.
        assert "container not running" in done.stderr


@pytest.mark.lacks("crun", "crun 1.8 succeeds")
def test_an_unknown_signal_is_an_error(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("sleep 60")
    runtime.create(bundle)
    assert runtime.call("kill", "c", "NOSUCH").returncode != 0
    assert runtime.state()["status"] == "created"


def test_delete_of_a_running_container_is_an_error_and_has_no_effect(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.shell("sleep 60")
    runtime.create(bundle)
    runtime.call("start", "c")
    assert runtime.call("delete", "c").returncode != 0
    assert runtime.state()["status"] == "running"


def test_delete_of_a_created_container_is_an_error(ours: RuntimeProgram, bundle: Bundle) -> None:
    # runc kills and deletes it; the specification says: not stopped, so an error, no effect.
    ours.create(bundle)
    assert ours.call("delete", "c").returncode == 1
    assert ours.state()["status"] == "created"


def test_forced_delete_kills(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("sleep 60")
    runtime.create(bundle)
    runtime.call("start", "c")
    pid = runtime.state()["pid"]
    assert runtime.call("delete", "--force", "c").returncode == 0
    runtime.await_end(pid)
    assert not runtime.exists()


def test_forced_delete_of_nothing_succeeds(runtime: RuntimeProgram) -> None:
    # containerd's shim always calls it last.
    assert runtime.call("delete", "--force", "nobody").returncode == 0


def test_forced_delete_clears_what_a_killed_create_has_left(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    (runtime.root / "c").mkdir(parents=True, mode=0o700)
    assert runtime.call("delete", "--force", "c").returncode == 0
    bundle.shell("sleep 60")
    assert runtime.create(bundle).returncode == 0


def test_forced_delete_of_a_paused_container(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("sleep 60")
    runtime.create(bundle)
    runtime.call("start", "c")
    pid = runtime.state()["pid"]
    runtime.pause()
    assert runtime.call("delete", "--force", "c").returncode == 0
    runtime.await_end(pid)


def test_pause_and_resume(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("while true; do echo x; sleep 0.02; done")
    output = bundle.directory / "out"
    with output.open("w") as file:
        runtime.create(bundle, output=file)
    runtime.call("start", "c")
    wait_until(lambda: output.stat().st_size > 0)
    runtime.pause()
    size = output.stat().st_size
    os.sched_yield()
    assert output.stat().st_size == size
    assert runtime.call("resume", "c").returncode == 0
    assert runtime.state()["status"] == "running"
    wait_until(lambda: output.stat().st_size > size)


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_run_has_the_exit_status_of_the_program(
    runtime: RuntimeProgram, bundle: Bundle, script: str, status: int
) -> None:
    # The first process of a pid namespace is immune to its own signals, so a child sends it.
    bundle.shell(f"/bin/sh -c '{script}'; s=$?; exit $s")
    assert runtime.run(bundle).returncode == status


def test_run_deletes_the_container(runtime: RuntimeProgram, bundle: Bundle) -> None:
    runtime.run(bundle)
    assert not runtime.exists()


def test_run_passes_signals_on(runtime: RuntimeProgram, bundle: Bundle) -> None:
    import subprocess

    bundle.shell("trap 'echo got; exit 5' TERM; echo up; while true; do sleep 0.05; done")
    argv = [*runtime.argv, "run", "--bundle", bundle.write(), "c"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.terminate()
        assert process.stdout.readline() == "got\n"
        assert process.wait(30) == 5


def test_the_pid_file_is_digits_only_and_there_when_create_returns(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    path = bundle.directory / "pid"
    runtime.create(bundle, "c", "--pid-file", path)
    assert path.read_text() == str(runtime.state()["pid"])


def test_no_process_stands_between_the_caller_and_the_container(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.shell("sleep 60")
    runtime.create(bundle)
    pid = runtime.state()["pid"]
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    # Its parent is whoever inherits orphans here: no process of the runtime.
    assert "ocinb" not in Path(f"/proc/{parent}/cmdline").read_text()
    assert runtime.name not in Path(f"/proc/{parent}/comm").read_text()


def test_changes_of_config_json_after_create_have_no_effect(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    output = bundle.directory / "out"
    bundle.shell("echo before")
    with output.open("w") as file:
        runtime.create(bundle, output=file)
    bundle.shell("echo after").write()
    runtime.call("start", "c")
    runtime.await_status("stopped")
    assert output.read_text() == "before\n"


def test_list(runtime: RuntimeProgram, bundle: Bundle) -> None:
    runtime.create(bundle, "one")
    runtime.create(bundle, "two")
    assert sorted(runtime.call("list", "-q").stdout.split()) == ["one", "two"]
    import json

    entries = json.loads(runtime.call("list", "--format", "json").stdout)
    assert {entry["id"]: entry["status"] for entry in entries} == {
        "one": "created",
        "two": "created",
    }


def test_the_container_waits_even_when_its_creator_was_killed(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    ours.create(bundle)
    pid = ours.state()["pid"]
    assert ours.state()["status"] == "created"
    assert alive(pid)
    assert ours.call("start", "c").returncode == 0
    ours.await_status("stopped")


def test_a_created_container_can_be_ended_by_sigterm(ours: RuntimeProgram, bundle: Bundle) -> None:
    ours.create(bundle)
    ours.call("kill", "c", "TERM")
    ours.await_status("stopped")
    assert ours.call("start", "c").returncode == 1


def test_a_container_without_process_cannot_be_started(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    del bundle.config["process"]
    assert ours.create(bundle).returncode == 0
    done = ours.call("start", "c")
    assert done.returncode == 1
    assert "process" in done.stderr
    assert ours.state()["status"] == "created"


_SLOW = """
import sys, time
sys.path.insert(0, {package!r})
from ocinb.runtime import sync
from ocinb.runtime.command_line import run_command
send = sync.Channel.send
def late(self, kind, **values):
    if kind == sync.INIT:
        time.sleep(0.3)
    send(self, kind, **values)
sync.Channel.send = late
sys.exit(run_command(sys.argv[1:]))
"""


def test_the_containers_process_waits_until_its_pid_is_known(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    # The process that forks it may be slow to tell its pid; nothing may happen before that.
    package = ours.argv[3].rsplit("/", 3)[0]
    ours.argv[3:4] = ["-c", _SLOW.format(package=package)]
    limit = {"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}
    bundle.process["rlimits"] = [limit]
    bundle.shell("ulimit -n")
    assert ours.output(bundle) == "77\n"


def test_a_program_that_is_over_at_once_was_started(ours: RuntimeProgram, bundle: Bundle) -> None:
    """Whoever waits for its end may have deleted the gate before start looks again."""
    bundle.mount("/state", "bind", str(ours.root), "bind", "rw")
    gone = {"path": "/bin/rm", "args": ["rm", "/state/c/exec.fifo"]}
    bundle.config["hooks"] = {"startContainer": [gone]}
    assert ours.create(bundle).returncode == 0
    done = ours.call("start", "c")
    assert (done.returncode, done.stderr) == (0, "")
