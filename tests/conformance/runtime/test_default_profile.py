"""What the default profile of system calls does to programs, by every runtime."""

from __future__ import annotations

import json

import pytest

from ocinb.bundle.seccomp import profile
from ocinb.bundle.spec import spec
from tests.support.runtimes import Bundle, RuntimeProgram


def confined(bundle: Bundle, *more: str) -> Bundle:
    """The bundle with the profile of its own capabilities, and of more."""
    held = [*bundle.process["capabilities"]["bounding"], *more]
    for name in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][name] = held
    bundle.linux["seccomp"] = profile(held)
    return bundle


def test_ordinary_programs_work(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.config["root"]["readonly"] = False
    script = (
        "mkdir -p /tmp/a && echo x > /tmp/a/b && ln -s b /tmp/a/c && cat /tmp/a/c && rm -r /tmp/a;"
        "sleep 0.01 & wait; ls /proc/self | head -1; date > /dev/null; (exit 3); echo $?;"
        "grep Seccomp: /proc/self/status"
    )
    confined(bundle).shell(script)
    assert runtime.output(bundle).split() == ["x", "arch_status", "3", "Seccomp:", "2"]


@pytest.mark.parametrize(
    ("command", "capability"),
    [("mount -t tmpfs x /mnt", "CAP_SYS_ADMIN"), ("busybox unshare -u true", "CAP_SYS_ADMIN")],
)
def test_what_takes_a_capability_needs_it(
    runtime: RuntimeProgram, bundle: Bundle, command: str, capability: str
) -> None:
    confined(bundle).shell(f"{command} 2>&1")
    said = runtime.run(bundle).stdout
    assert "not permitted" in said or "permission denied" in said
    confined(bundle, capability)
    assert runtime.run(bundle).returncode == 0


@pytest.mark.parametrize("rootless", [False, True])
def test_what_bundle_spec_writes_is_run(
    runtime: RuntimeProgram, bundle: Bundle, rootless: bool
) -> None:
    config = spec(rootless=rootless)
    config["root"]["path"] = bundle.config["root"]["path"]
    config["process"].update(args=["echo", "ran"], terminal=False)
    bundle.config = json.loads(json.dumps(config))
    assert runtime.output(bundle) == "ran\n"
