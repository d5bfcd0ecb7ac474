"""Documents that the runtime writes: ``spec`` and ``features``.

Spec: runtime-spec features.md#features-structure
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram


def test_what_spec_writes_runs_everywhere(runtime: RuntimeProgram, bundle: Bundle) -> None:
    from ocinb.runtime.default_config import default_config

    root = bundle.config["root"]
    bundle.config = {**default_config(), "root": root}
    bundle.process["terminal"] = False
    done = runtime.run(bundle.shell("hostname; grep CapEff /proc/self/status"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["ocinb", "CapEff:", f"{1 << 29 | 1 << 5 | 1 << 10:016x}"]


def test_spec_never_replaces_a_file(ours: RuntimeProgram, tmp_path: Path) -> None:
    assert ours.call("spec", "--bundle", tmp_path).returncode == 0
    before = (tmp_path / "config.json").read_bytes()
    assert json.loads(before)["process"]["args"] == ["sh"]
    done = ours.call("spec", "--bundle", tmp_path)
    assert done.returncode == 1
    assert "exists already" in done.stderr
    assert (tmp_path / "config.json").read_bytes() == before


def test_spec_rootless_runs_as_an_ordinary_user(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    from tests.support.runtimes import OURS

    home = tmp_path / "user"
    home.mkdir()
    os.chown(home, 65534, 65534)
    argv = ["/usr/bin/python3", *OURS[1:], "--root", str(home / "state")]
    identity = {"user": 65534, "group": 65534, "extra_groups": []}
    subprocess.run([*argv, "spec", "--rootless"], cwd=home, check=True, **identity)
    config = json.loads((home / "config.json").read_text())
    config["root"] = bundle.config["root"]
    config["process"].update(terminal=False, args=["/bin/id", "-u"])
    (home / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        [*argv, "run", "c"], cwd=home, capture_output=True, text=True, check=False, **identity
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_features(ours: RuntimeProgram) -> None:
    document = json.loads(ours.call("features").stdout)
    assert document["ociVersionMin"] == "1.0.0"
    assert document["ociVersionMax"] == "1.3.0"
    assert len(document["hooks"]) == 6
    assert {"rro", "idmap", "tmpcopyup"} <= set(document["mountOptions"])
    assert document["linux"]["seccomp"]["enabled"] is True


@pytest.mark.peer
def test_features_has_all_that_runcs_has(ours: RuntimeProgram) -> None:
    theirs = json.loads(subprocess.check_output(["runc", "features"]))
    document = json.loads(ours.call("features").stdout)
    assert set(theirs["hooks"]) <= set(document["hooks"])
    assert set(theirs["mountOptions"]) - set(document["mountOptions"]) <= {"acl", "noacl"}
    assert set(theirs["linux"]["namespaces"]) <= set(document["linux"]["namespaces"])
    assert theirs["linux"]["capabilities"] == document["linux"]["capabilities"]
    for name in ("actions", "operators", "archs"):
        known = set(document["linux"]["seccomp"][name])
        assert set(theirs["linux"]["seccomp"][name]) <= known


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_checkpoints_are_refused_in_one_sentence(ours: RuntimeProgram, command: str) -> None:
    done = ours.call(command, "--image-path", "/tmp", "c")
    assert done.returncode == 1
    assert f"{command} is refused" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_systemd_is_refused(ours: RuntimeProgram, bundle: Bundle) -> None:
    done = ours.call("--systemd-cgroup", "run", "--bundle", bundle.write(), "c")
    assert done.returncode == 1
    assert "--systemd-cgroup is not supported" in done.stderr
