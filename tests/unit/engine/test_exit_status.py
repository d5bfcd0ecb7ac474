"""Statuses are those that a shell would give."""

from __future__ import annotations

import pytest

from ocinb.engine.exit_status import of_error, of_wait
from ocinb.errors import OcinbError, StepFailed, UnsupportedHost


@pytest.mark.parametrize(("wait", "status"), [(0, 0), (3 << 8, 3), (9, 137), (15, 143)])
def test_a_signal_counts_from_128(wait: int, status: int) -> None:
    assert of_wait(wait) == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StepFailed('exec: "x": executable file not found in $PATH'), 127),
        (StepFailed('exec: "/x": stat /x: no such file or directory'), 127),
        (StepFailed("execve(/etc/passwd): permission denied"), 126),
        (StepFailed("mount(proc): permission denied"), 125),
        (StepFailed('exec: "/bin/webhook": no such file or directory'), 127),
        (StepFailed("executable file `x` not found in $PATH: No such file or directory"), 127),
        (StepFailed('exec: "/etc/passwd": permission denied'), 126),
        (StepFailed("createRuntime hook /bin/exec: no such file or directory"), 125),
        (
            StepFailed(
                "runc could not create the container: error running hook #0: error running "
                "createRuntime hook #0: fork/exec /nonexistent: no such file or directory"
            ),
            125,
        ),
        (StepFailed('mount "/exec": no such file or directory'), 125),
        (UnsupportedHost("the kernel does not let this user run containers"), 125),
    ],
)
def test_what_the_runtime_said_decides(error: OcinbError, status: int) -> None:
    assert of_error(error) == status
