"""Running one hook. Spec: runtime-spec config.md#posix-platform-hooks"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocinb.errors import HookFailed
from ocinb.events import HookFinished
from ocinb.runtime.hooks import run_hook, run_hooks
from ocinb.runtime.recording import Recording
from ocinb.spec.runtime_state import State
from tests.support.interruptions import runs
from tests.support.workplace import until

STATE = State(id="c", status="creating", pid=7, bundle="/b", annotations={"k": "v"})


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(str(tmp_path / "events"), "c")


def shell(script: str, **more: Any) -> dict[str, Any]:
    return {"path": "/bin/sh", "args": ["sh", "-c", script], **more}


def test_the_state_comes_on_standard_input(recording: Recording, tmp_path: Path) -> None:
    assert run_hook(recording, shell(f"cat > {tmp_path}/state"), "prestart", STATE) == ""
    assert json.loads((tmp_path / "state").read_text()) == STATE.document()


def test_a_large_state_does_not_block(recording: Recording, tmp_path: Path) -> None:
    state = State(id="c", status="creating", bundle="/b", annotations={"k": "v" * 200_000})
    assert run_hook(recording, shell(f"sleep 0.05; wc -c > {tmp_path}/n"), "prestart", state) == ""
    assert int((tmp_path / "n").read_text()) == len(json.dumps(state.document()))


def test_a_hook_that_reads_nothing_is_no_problem(recording: Recording) -> None:
    assert run_hook(recording, shell("exec 0<&-"), "prestart", STATE) == ""


def test_only_the_environment_that_is_given(recording: Recording, tmp_path: Path) -> None:
    hook = {"path": "/usr/bin/env", "env": ["A=b=c"]}
    copy = shell(f"/usr/bin/env > {tmp_path}/env", env=["A=b=c"])
    assert run_hook(recording, hook, "prestart", STATE) == ""
    assert run_hook(recording, copy, "prestart", STATE) == ""
    assert "A=b=c" in (tmp_path / "env").read_text().splitlines()
    assert "HOME=" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        (shell("echo why >&2; exit 3"), "failed with status 3: why"),
        (shell("kill -9 $$"), "was killed by signal 9"),
        ({"path": "/no/such"}, "cannot be run: no such file or directory"),
        (shell("sleep 60", timeout=1), "did not end within 1 seconds"),
    ],
)
def test_what_went_wrong_is_said(recording: Recording, hook: dict[str, Any], problem: str) -> None:
    assert run_hook(recording, hook, "prestart", STATE) == problem


def test_children_of_a_hook_die_with_it_when_its_time_is_up(recording: Recording) -> None:
    hook = shell("sleep 60.4711 & wait", timeout=1)
    run_hook(recording, hook, "prestart", STATE)
    until(lambda: not runs("60.4711"))


def test_a_hook_starts_where_it_is_told_and_we_stay_where_we_are(
    recording: Recording, tmp_path: Path
) -> None:
    before, place = Path.cwd(), tmp_path / "place"
    place.mkdir()
    hooks = {"prestart": [shell("pwd > where")]}
    run_hooks(recording, hooks, "prestart", STATE, directory=str(place))
    assert (place / "where").read_text() == f"{place}\n"
    for hook in (shell("exit 1"), {"path": "/no/such"}):
        assert run_hook(recording, hook, "prestart", STATE, directory=str(place))
    assert "no such file" in run_hook(recording, hook, "prestart", STATE, directory="/no/such")
    assert Path.cwd() == before


def test_the_first_failure_ends_the_stage(recording: Recording, tmp_path: Path) -> None:
    hooks = {"prestart": [shell("exit 1"), shell(f"touch {tmp_path}/second")]}
    with pytest.raises(HookFailed, match=r"hooks.prestart\[0\] /bin/sh failed with status 1"):
        run_hooks(recording, hooks, "prestart", STATE)
    assert not (tmp_path / "second").exists()


def test_each_hook_is_an_event(recording: Recording, tmp_path: Path) -> None:
    assert (
        run_hooks(recording, {"prestart": [shell("true"), shell("true")]}, "prestart", STATE) == 2
    )
    lines = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    kinds = [line["event"] for line in lines if line["event"] != "Syscall"]
    assert kinds == [HookFinished.__name__] * 2
    assert lines[0]["stage"] == "prestart"


def test_no_hooks(recording: Recording) -> None:
    assert run_hooks(recording, None, "prestart", STATE) == 0
