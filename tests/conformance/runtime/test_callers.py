"""What callers rely on when something is wrong: statuses, the log, and what can be cleaned.

podman, containerd's shim and docker show people the ``msg`` of the last line of ``--log``.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram, alive, wait_until

BAD: dict[str, tuple[str, str | None, int]] = {
    "an unknown option": ("create --nosuch c", None, 1),
    "no id": ("create", None, 1),
    "no such bundle": ("create --bundle /no/such c", None, 1),
    "no config.json": ("create --bundle {bundle} c", None, 1),
    "half a config.json": ("create --bundle {bundle} c", '{"ociVersion": "1.0.2", "pro', 1),
    "an empty config.json": ("create --bundle {bundle} c", "{}", 1),
    "a config.json that is a list": ("create --bundle {bundle} c", "[]", 1),
    "an id with a slash": ("create --bundle {bundle} a/b", "{}", 1),
    "start of none": ("start nosuch", None, 1),
    "kill of none": ("kill nosuch KILL", None, 1),
    "state of none": ("state nosuch", None, 1),
    "delete of none": ("delete nosuch", None, 1),
    "exec in none": ("exec nosuch true", None, 255),
    "update of none": ("update --pids-limit 5 nosuch", None, 1),
    "checkpoint": ("checkpoint nosuch", None, 1),
}
"""What is wrong → words, what is in config.json, the status."""


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("runtime", ["ours", "runc"], indirect=True)  # crun's statuses are its own
def test_status_errors_and_log_are_those_that_callers_know(
    runtime: RuntimeProgram, tmp_path: Path, name: str
) -> None:
    words, content, status = BAD[name]
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    log = tmp_path / "log.json"
    argv = shlex.split(words.format(bundle=tmp_path))
    done = runtime.call("--log", log, "--log-format", "json", *argv)
    assert done.returncode == status
    entry = json.loads(log.read_text().splitlines()[-1])
    assert entry["level"] == "error"
    assert set(entry) == {"level", "msg", "time"}
    assert entry["msg"].strip() in done.stderr
    if name.endswith(" of none") or name == "exec in none":
        assert "does not exist" in entry["msg"]


def test_delete_by_force_of_none_is_no_error(runtime: RuntimeProgram) -> None:
    # containerd's shim always asks for it, when everything is deleted already.
    assert runtime.call("delete", "--force", "nosuch").returncode == 0


def test_a_killed_caller_leaves_what_can_be_listed_and_cleaned(
    runtime: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.shell("sleep 1000")
    create = shlex.join([*runtime.argv, "create", "--bundle", bundle.write(), runtime.note("c")])
    start = shlex.join([*runtime.argv, "start", "c"])
    caller = subprocess.Popen(
        ["sh", "-c", f"{create} && {start}; sleep 1000"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: runtime.exists() and runtime.state()["status"] == "running")
    pid = runtime.state()["pid"]
    os.killpg(caller.pid, signal.SIGKILL)
    caller.wait()
    assert alive(pid)
    listed = runtime.call("list", "--quiet").stdout.split()
    assert listed == ["c"]
    assert runtime.call("delete", "--force", "c").returncode == 0
    wait_until(lambda: not alive(pid))
    assert not runtime.exists()
    assert list(Path("/sys/fs/cgroup").glob(f"*{bundle.linux['cgroupsPath']}")) == []
