"""What the runtime imports: every module is paid for at every start."""

from __future__ import annotations

import subprocess
import sys

from tests.support.runtimes import OURS

TOO_DEAR = {"typing", "dataclasses", "subprocess", "argparse", "logging", "msgspec", "inspect",
            "pathlib", "datetime", "contextlib", "shutil", "tempfile", "socket"}  # fmt: skip


def test_run_imports_nothing_dear() -> None:
    package = OURS[3].rsplit("/", 3)[0]
    script = (
        f"import sys; sys.path.insert(0, {package!r}); import ocinb.runtime.command_line, "
        "ocinb.runtime.commands; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert not TOO_DEAR & set(done.stdout.split())


def test_the_three_ways_to_start_it() -> None:
    for argv in (OURS, (sys.executable, "-m", "ocinb.runtime")):
        done = subprocess.run([*argv, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("ocinb-runtime version ")
        assert "spec: 1.3.0" in done.stdout
