"""What the runtime tells while it works: ``--events FILE``."""

from __future__ import annotations

import json
from pathlib import Path

from ocinb.events import Event, HookFinished, StatusChanged, StepFinished, Syscall, from_json
from ocinb.spec.lifecycle import STEPS
from tests.support.runtimes import Bundle, RuntimeProgram


def recorded(path: Path) -> list[Event]:
    return [from_json(json.loads(line)) for line in path.read_text().splitlines()]


def test_the_thirteen_steps_in_their_order(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "events"
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    done = ours.call("--events", path, "run", "--bundle", bundle.write(), "c")
    assert done.returncode == 0, done.stderr
    events = recorded(path)
    steps = [event for event in events if isinstance(event, StepFinished)]
    assert [step.number for step in steps] == [step.number for step in STEPS]
    assert all(step.container == "c" and not step.error for step in steps)
    assert [step.detail for step in steps][3] == "1 hook"
    statuses = [event.status for event in events if isinstance(event, StatusChanged)]
    assert statuses[:4] == ["creating", "created", "running", "stopped"]
    (hook,) = (event for event in events if isinstance(event, HookFinished))
    assert (hook.stage, hook.status) == ("createRuntime", 0)


def test_each_operation_tells_its_own_steps(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    def steps(name: str) -> list[int]:
        return [e.number for e in recorded(tmp_path / name) if isinstance(e, StepFinished)]

    argv = ("--events", str(tmp_path / "create"))
    program = RuntimeProgram("ours", ours.root)
    program.argv += argv
    assert program.create(bundle).returncode == 0
    ours.call("--events", tmp_path / "start", "start", "c")
    ours.await_status("stopped")
    ours.call("--events", tmp_path / "delete", "delete", "c")
    # Step 7 happens in the container's own process, which create has given its file.
    assert steps("create") == [1, 2, 3, 4, 5, 7]
    assert steps("start") == [6, 8, 9]
    assert steps("delete") == [11, 12, 13]


def test_system_calls_say_for_which_field_they_were_made(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "events"
    ours.call("--events", path, "run", "--bundle", bundle.write(), "c")
    calls = [event for event in recorded(path) if isinstance(event, Syscall)]
    hostname = next(call for call in calls if call.call == "sethostname")
    assert hostname.arguments == ("conformance",)
    assert hostname.field == "hostname"
    assert hostname.process == "init"
    proc = next(call for call in calls if call.call == "mount" and call.arguments[2] == "proc")
    assert proc.field == "mounts[0] (/proc)"
    names = [call.call for call in calls]
    order = ("unshare", "mount", "pivot_root", "umount2", "setresuid", "capset", "execve")
    places = [names.index(name) for name in order]
    assert places == sorted(places)


def test_a_step_that_failed_has_its_error(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "events"
    bundle.mount("/mnt", "bind", "/no/such", "bind")
    ours.call("--events", path, "run", "--bundle", bundle.write(), "c")
    steps = [event for event in recorded(path) if isinstance(event, StepFinished)]
    assert [step.number for step in steps] == [1, 2]
    assert "no such file" in steps[1].error
