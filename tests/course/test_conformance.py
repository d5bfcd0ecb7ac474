"""``conform`` tells which rules a runtime keeps: it believes no runtime, and leaves nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ocinb.course.conformance import KEPT, conformance, faults
from ocinb.course.conformance.rules import PARTS, RULES
from ocinb.errors import CommandError, UnsupportedHost
from tests.support.door import Door
from tests.support.peers import require
from tests.support.sabotage import WAYS, spoiled

ROOT = Path(__file__).parents[2]
ANCHORS = json.loads((ROOT / "tests/support/spec_anchors.json").read_text())

BREAKS = {
    "starts-at-once": {"create", "waits", "start"},
    "creates-late": {"unchanged"},
    "kills-for-good": {"kill"},
    "always-running": {"stopped"},
    "no-pid": {"create", "state", "namespaces"},
    "forgets-delete": {"unknown", "delete", "id-free"},
    "deletes-by-force": {"delete-created", "delete-running"},
    "start-is-always-done": {"unknown", "start-running", "start-stopped"},
    "kill-is-always-done": {"unknown", "kill-stopped"},
    "create-is-always-done": {"id-taken", "impossible", "failed-hook"},
    "no-pid-namespace": {"namespaces", "process-1"},
    "no-ipc-namespace": {"namespaces"},
    "no-hostname": {"hostname"},
    "no-mounts": {"mounts", "readonly-paths"},
    "writable-root": {"root-readonly"},
    "no-masks": {"masked"},
    "no-readonly-paths": {"readonly-paths"},
    "another-cwd": {"cwd"},
    "no-env": {"env"},
    "no-rlimits": {"rlimits"},
    "all-capabilities": {"capabilities"},
    "new-privileges": {"no-new-privileges"},
    "no-seccomp": {"seccomp"},
    "no-createRuntime": {"createRuntime", "failed-hook"},
    "no-createContainer": {"createContainer"},
    "no-poststart": {"poststart"},
    "no-poststop": {"poststop", "failed-hook"},
}
"""How our runtime is spoiled → the rules that it no longer keeps."""


TIRED = """echo 'time="now" level=error msg="this runtime is tired"' >&2; exit 1"""


def broken(runtime, lives=None):
    rules = [rule for rule in RULES if lives is None or rule.life in lives]
    found = zip(rules, faults(str(runtime), rules), strict=True)
    return {rule.name for rule, fault in found if fault is not None}


def program(directory, text):
    path = directory / "runtime"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.root
def test_our_runtime_keeps_all_of_them():
    table = conformance(["ocinb"])
    assert set(table.column("ocinb")) == {KEPT}
    assert table.exit_status == 0
    assert table.title == f"of {len(RULES)} rules ocinb keeps {len(RULES)}"


@pytest.mark.root
@pytest.mark.peer
def test_what_runc_does_not_keep_is_known():
    require("runc")
    assert broken("runc") == {"delete-created", "poststart"}


@pytest.mark.root
@pytest.mark.parametrize("how", WAYS)
def test_a_runtime_that_is_spoiled_in_one_way_is_found_out_in_just_that(how, tmp_path):
    lives = {rule.life for rule in RULES if rule.name in BREAKS[how]}
    assert broken(spoiled(tmp_path, how), lives) == BREAKS[how]


def test_every_rule_can_be_broken():
    assert {rule.name for rule in RULES} <= set.union(*BREAKS.values()) | broken("/bin/true")


def test_who_does_nothing_keeps_nothing():
    assert broken("/bin/true") == {rule.name for rule in RULES}


def test_refusing_everything_is_not_enough():
    kept = {rule.name for rule in RULES} - broken("/bin/false")
    assert kept == {"unknown", "impossible"}


def test_the_rules_stand_in_the_specification():
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        file, anchor = rule.section.split("#")
        assert anchor in ANCHORS[f"runtime-spec {file}"], rule.section
        assert rule.text.en != rule.text.zh


def test_what_a_runtime_leaves_is_ended(tmp_path):
    number = f"{os.getpid()}{tmp_path.stat().st_ino}"
    runtime = program(tmp_path, f"sleep {number} &\n(setsid sleep {number} &)\nexit 1")
    assert broken(runtime)
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(process.read_bytes().split(b"\0"))
        except OSError:
            continue
    assert [c for c in commands if number.encode() in c] == []


def test_a_signal_to_everybody_hits_the_runtime_alone(tmp_path):
    assert broken(program(tmp_path, "kill -KILL 0"))


@pytest.mark.slow
def test_a_runtime_that_hangs_is_waited_for_once(tmp_path):
    count = tmp_path / "count"
    table = conformance([str(program(tmp_path, f"echo >> {count}; exec sleep 1000"))])
    assert "create takes longer than" in " ".join(table.column("runtime"))
    assert table.exit_status == 1
    assert count.read_text().count("\n") <= len({rule.life for rule in RULES})


def test_a_table_has_a_column_for_each_runtime_and_says_why(tmp_path):
    words = program(tmp_path, TIRED)
    table = conformance([str(words), "/bin/false"], ["life"])
    assert list(table.kinds) == ["part", "rule", "section", "runtime", "false"]
    assert {row["part"] for row in table.records()} == {"life"}
    assert table.column("runtime")[0] == "✗ it failed: this runtime is tired"


def test_runtimes_of_one_name_are_told_apart(tmp_path):
    paths = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        paths.append(str(program(tmp_path / name, "exit 1")))
    assert list(conformance(paths, ["order"]).kinds)[3:] == paths


@pytest.mark.parametrize(
    ("runtimes", "parts", "error", "said"),
    [
        (["/bin/true"], ["lives"], CommandError, "no rules are called lives"),
        (["/bin/true", "/bin/true"], [], CommandError, "named twice"),
        (["/nowhere/at/all"], [], UnsupportedHost, "there is no OCI runtime /nowhere/at/all"),
        ([str(ROOT)], [], UnsupportedHost, "there is no OCI runtime"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(runtimes, parts, error, said):
    with pytest.raises(error, match=said):
        conformance(runtimes, parts)


def test_the_command_gives_the_table(tmp_path):
    table = Door(tmp_path)("conform", "--part", PARTS[1], "/bin/false")
    assert table.exit_status == 1
    assert set(table.column("part")) == {PARTS[1]}


def test_in_chinese_the_rules_are_chinese(monkeypatch):
    monkeypatch.setenv("OCINB_LANGUAGE", "zh")
    table = conformance(["/bin/false"], ["order"])
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in text) for text in table.column("rule"))
    assert "没有走到这一步" in table.column("false")[-1]
