"""Variations of ``hooks``: each writes what it sees.

Spec: runtime-spec config.md#posix-platform-hooks
"""

from __future__ import annotations

from typing import Any

from tests.support.variations.variation import Variation

STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_SEES = (
    r"""status=$(tr -d '\n' | sed 's/.*"status": *"\([a-z]*\)".*/\1/'); """
    r"""echo STAGE $status root=$(ls -d /probe 2>/dev/null) cwd=${PWD##*/} """
    r"""arguments=$0:$* environment=$(env | grep -c ^A=) >> OUT"""
)


def hook(stage: str, **more: Any) -> dict[str, Any]:
    """A hook that tells what it sees, in the source directory."""
    # This one runs in the container's filesystem.
    out = "/mnt/hooks" if stage == "startContainer" else "$SOURCE/hooks"
    script = _SEES.replace("STAGE", stage).replace("OUT", out)
    return {
        "path": "/bin/sh",
        "args": ["sh", "-c", script, "a", "b"],
        "env": ["PATH=/bin", "A=1"],
        **more,
    }


def told(script: str) -> dict[str, Any]:
    """A hook that reads the state before it does anything: crun fails where nobody reads it."""
    return {"path": "/bin/sh", "args": ["sh", "-c", f"cat > /dev/null; {script}"]}


def hooks(*stages: str, **more: Any) -> dict[str, Any]:
    """A hook in each of these stages."""
    listed: dict[str, Any] = {}
    for stage in stages:
        listed.setdefault(stage, []).append(hook(stage, **more))
    return {
        "hooks": listed,
        "mounts+": [
            {"destination": "/mnt", "type": "bind", "source": "$SOURCE", "options": ["bind"]}
        ],
    }


def failing(stage: str, *rest: str) -> Variation:
    """A hook that fails, between others."""
    changes = hooks(stage, *rest)
    changes["hooks"][stage].insert(0, {"path": "/bin/false"})
    if stage == "poststart":
        # The probe would be stopped somewhere in the middle.
        changes["process.args"] = ["sleep", "1"]
    return Variation(f"hooks: {stage} fails", changes)


ROWS = [
    *(Variation(f"hooks: {stage}", hooks(stage)) for stage in STAGES),
    Variation("hooks: all in their order", hooks(*STAGES)),
    Variation("hooks: two of a stage", hooks("createRuntime", "createRuntime")),
    *(failing(stage, "poststop") for stage in STAGES[:5]),
    failing("poststop"),
    Variation(
        "hooks: a program that is missing", {"hooks": {"createRuntime": [{"path": "/no/such"}]}}
    ),
    Variation("hooks: a relative path", {"hooks": {"createRuntime": [{"path": "bin/true"}]}}),
    Variation("hooks: a timeout that is kept", hooks("createRuntime", timeout=10)),
    Variation(
        "hooks: a timeout that is not",
        {
            "hooks": {
                "createRuntime": [
                    {"path": "/bin/sh", "args": ["sh", "-c", "sleep 5"], "timeout": 1}
                ]
            }
        },
    ),
    Variation(
        "hooks: no environment",
        {"hooks": {"createRuntime": [told("/usr/bin/env > $SOURCE/hooks")]}},
    ),
    Variation(
        "hooks: what they write is not the container's output",
        {"hooks": {"createRuntime": [told("echo said")]}},
        plain=True,
    ),
    Variation("hooks: empty lists", {"hooks": {stage: [] for stage in STAGES}}, plain=True),
    Variation("hooks: unknown stage", {"hooks": {"nosuch": [{"path": "/bin/false"}]}}, plain=True),
]
