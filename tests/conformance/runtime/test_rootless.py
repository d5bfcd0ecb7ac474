"""Containers of an ordinary user, and of a superuser who is one only in a user namespace."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.peers import require
from tests.support.runtimes import Bundle, RuntimeProgram, make_rootfs

USER = 1234
RUNTIMES = ("ours", "runc")


@pytest.fixture(params=RUNTIMES)
def rootless(request: pytest.FixtureRequest, tmp_path: Path) -> RuntimeProgram:
    require("setpriv")
    program = RuntimeProgram(request.param, tmp_path / "state")
    if program.name == "ours":
        # An environment below the superuser's home cannot be reached by anybody else.
        program.argv[0] = "/usr/bin/python3"
    return program


@pytest.fixture
def own(tmp_path: Path) -> Bundle:
    """A bundle that belongs to the user, without what it may not have."""
    bundle = Bundle(tmp_path / "bundle", make_rootfs(tmp_path / "rootfs"))
    bundle.config["root"]["readonly"] = False
    del bundle.linux["cgroupsPath"], bundle.linux["resources"]
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, USER, USER, follow_symlinks=False)
    return bundle


def mapped(bundle: Bundle, host: int) -> Bundle:
    bundle.linux["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        bundle.linux[kind] = [{"containerID": 0, "hostID": host, "size": 1}]
    return bundle


def as_user(program: RuntimeProgram, bundle: Bundle, *before: str) -> subprocess.CompletedProcess[str]:  # fmt: skip # noqa: E501
    argv: list[Any] = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups",
                       *before, *program.argv, "run", "--bundle", bundle.write(), "c"]  # fmt: skip
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


SCRIPT = "id -u; cat /proc/self/uid_map; echo x > /dev/null && echo null; touch /made && echo made"


def test_an_ordinary_user_with_a_user_namespace(rootless: RuntimeProgram, own: Bundle) -> None:
    done = as_user(rootless, mapped(own, USER).shell(SCRIPT))
    assert done.stdout.split() == ["0", "0", str(USER), "1", "null", "made"], done.stderr


def test_the_superuser_of_a_user_namespace(rootless: RuntimeProgram, own: Bundle) -> None:
    # As podman calls it: the user namespace is there already.
    done = as_user(rootless, own.shell(SCRIPT), "unshare", "-Urm", "--propagation", "slave")
    assert done.stdout.split() == ["0", "0", str(USER), "1", "null", "made"], done.stderr


def test_its_own_group_named_among_the_additional_ones(
    rootless: RuntimeProgram, own: Bundle
) -> None:
    # So does podman, for --user 0:0, and groups cannot be set in such a namespace.
    own.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [0]}
    before = ("unshare", "-Urm", "--propagation", "slave")
    done = as_user(rootless, own.shell("id -u; id -g"), *before)
    assert done.stdout.split() == ["0", "0"], done.stderr


def test_a_user_namespace_within_one(rootless: RuntimeProgram, own: Bundle) -> None:
    done = as_user(rootless, mapped(own, 0).shell(SCRIPT), "unshare", "-Urm")
    assert done.stdout.split() == ["0", "0", "0", "1", "null", "made"], done.stderr


def test_a_limit_that_cannot_be_set_is_an_error(own: Bundle, tmp_path: Path) -> None:
    program = RuntimeProgram("ours", tmp_path / "state")
    program.argv[0] = "/usr/bin/python3"
    own.linux["resources"] = {"memory": {"limit": 2**26}}
    own.linux["cgroupsPath"] = "/ocinb-tests/rootless"
    done = as_user(program, mapped(own, USER).shell(SCRIPT))
    assert done.returncode == 1
    assert "linux.cgroupsPath" in done.stderr or "mkdirat" in done.stderr
    assert not any((tmp_path / "state").iterdir())


def test_further_groups_need_more_than_one_mapped_id(own: Bundle, tmp_path: Path) -> None:
    program = RuntimeProgram("ours", tmp_path / "state")
    program.argv[0] = "/usr/bin/python3"
    own.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [5]}
    done = as_user(program, mapped(own, USER).shell(SCRIPT))
    assert done.returncode == 1
    assert "process.user.additionalGids" in done.stderr


NOBODY = 65534
_WITH_RANGES = (
    'mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && shift && '
    f'exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups "$@"'
)


def as_nobody(
    program: RuntimeProgram, bundle: Bundle, ranges: str
) -> subprocess.CompletedProcess[str]:
    """Run as a user whom /etc/passwd knows, with these lines in /etc/subuid and /etc/subgid."""
    listed = bundle.directory / "ranges"
    listed.write_text(ranges)
    listed.chmod(0o644)
    argv: list[Any] = ["unshare", "-m", "sh", "-c", _WITH_RANGES, "sh", listed,
                       *program.argv, "run", "--bundle", bundle.write(), "c"]  # fmt: skip
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def ranged(own: Bundle, tmp_path: Path) -> Bundle:
    """A bundle with a thousand ids: the user's own, and 999 that are subordinate to it."""
    require("newuidmap")
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    own.linux["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        own.linux[kind] = [
            {"containerID": 0, "hostID": NOBODY, "size": 1},
            {"containerID": 1, "hostID": 500000, "size": 999},
        ]
    return own


def test_subordinate_ids(rootless: RuntimeProgram, ranged: Bundle) -> None:
    # runc 1.1 refuses further groups without being the superuser, although these are mapped.
    groups = {"additionalGids": [9]} if rootless.name == "ours" else {}
    ranged.process["user"] = {"uid": 7, "gid": 8, **groups}
    ranged.shell("id -u; id -g; id -G; cat /proc/self/uid_map /proc/self/gid_map")
    done = as_nobody(rootless, ranged, f"{NOBODY}:500000:1000\n")
    assert done.returncode == 0, done.stderr
    uid, gid, all_groups, *maps = done.stdout.splitlines()
    assert (uid, gid) == ("7", "8")
    assert ("9" in all_groups.split()) is (rootless.name == "ours")
    assert [line.split() for line in maps] == [
        ["0", str(NOBODY), "1"], ["1", "500000", "999"]
    ] * 2  # fmt: skip


@pytest.mark.parametrize("ranges", ["", "nobody:900000:1000\n", f"{NOBODY}:500000:10\n"])
def test_ids_that_belong_to_nobody_of_this_name(
    ranged: Bundle, tmp_path: Path, ranges: str
) -> None:
    program = RuntimeProgram("ours", tmp_path / "state")
    program.argv[0] = "/usr/bin/python3"
    done = as_nobody(program, ranged.shell("id"), ranges)
    assert done.returncode == 1
    assert "newuidmap refused the map" in done.stderr
    assert "/etc/subuid" in done.stderr
    assert not any((tmp_path / "state").iterdir())
