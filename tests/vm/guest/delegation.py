"""An ordinary user to whom a group was delegated. See cgroups(7)."""

from __future__ import annotations

import os
import shutil
import subprocess

from machine import RUNTIME, TIMEOUT, TREE, Container, make_rootfs

USER = 1000
GIVEN = f"{TREE}/user"


def delegate() -> None:
    """Give the user a group with controllers, and a group in it to be in."""
    with open(f"{TREE}/cgroup.subtree_control", "w", encoding="utf-8") as file:
        file.write("+memory +pids +cpu")
    os.makedirs(f"{GIVEN}/session", exist_ok=True)
    for path in (GIVEN, f"{GIVEN}/session"):
        for name in ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"):
            os.chown(path + name, USER, USER)


def become_user() -> None:
    """In the forked process: be in the group, then be the user."""
    with open(f"{GIVEN}/session/cgroup.procs", "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)


def as_user(container: Container, *words: str) -> subprocess.CompletedProcess:
    """Our runtime, called by the user."""
    return subprocess.run(
        [*RUNTIME, "--root", "/tmp/user-state", *words, container.id],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False, timeout=TIMEOUT, preexec_fn=become_user,
    )  # fmt: skip


def bundle(script: str, resources: dict) -> Container:
    """A bundle that an ordinary user can run."""
    delegate()
    make_rootfs()
    shutil.rmtree("/tmp/user-rootfs", ignore_errors=True)
    shutil.copytree("/tmp/rootfs", "/tmp/user-rootfs", symlinks=True)
    for directory, names, files in os.walk("/tmp/user-rootfs"):
        for name in (".", *names, *files):
            os.chown(f"{directory}/{name}", USER, USER, follow_symlinks=False)
    container = Container(script, resources)
    container.config["root"]["path"] = "/tmp/user-rootfs"
    container.config["linux"]["cgroupsPath"] = container.id
    container.config["linux"]["namespaces"].append({"type": "user"})
    for name in ("uidMappings", "gidMappings"):
        mapping = {"containerID": 0, "hostID": USER, "size": 1}
        container.config["linux"][name] = [mapping]
    container.write()
    os.chown(container.bundle, USER, USER)
    return container


def test_an_ordinary_users_limits() -> None:
    container = bundle("cat /proc/self/cgroup", {"pids": {"limit": 7}, "memory": {"limit": 2**25}})
    done = as_user(container, "run", "--bundle", container.bundle)
    assert done.returncode == 0, done.stdout
    assert done.stdout.strip() == f"0::/user/{container.id}"
    assert not os.path.exists(f"{GIVEN}/{container.id}")


def test_an_ordinary_users_limit_holds() -> None:
    container = bundle("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done", {"pids": {"limit": 4}})
    done = as_user(container, "run", "--bundle", container.bundle)
    assert "fork" in done.stdout, done.stdout


def test_without_delegation_a_limit_is_an_error() -> None:
    container = bundle("true", {"pids": {"limit": 7}})
    container.config["linux"]["cgroupsPath"] = "/not-yours"
    container.write()
    done = as_user(container, "run", "--bundle", container.bundle)
    assert done.returncode == 1
    assert "cgroup" in done.stdout, done.stdout
    assert len(done.stdout.strip().splitlines()) == 1, done.stdout
