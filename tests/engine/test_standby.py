"""The process that waits to be a container's, and what happens where it cannot be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.engine.launcher_process import launcher
from ocinb.engine.observing import processes
from ocinb.errors import OcinbError
from ocinb.events import Syscall
from ocinb.linux.processes import children
from tests.engine.test_launcher import spare, standing_by, status_of
from tests.support.runtimes import alive
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]


def standby(engine: Engine) -> int:
    """The process, ready; its number."""
    assert status_of(engine, "true") == 0
    parent = launcher().pid
    until(lambda: standing_by(parent) and len(children(spare(parent))) == 1)
    (found,) = children(spare(parent))
    until(lambda: "skb" in Path(f"/proc/{found}/wchan").read_text())  # it listens
    return found


def process_of(engine: Engine, **options: object) -> int:
    """The process of a container that sleeps."""
    wished = ContainerOptions(args=["sleep", "100"], **options)
    engine.run("demo", wished, name="box", detach=True)
    pid = engine.containers.get("box").pid
    engine.containers.delete("box", force=True)
    return pid


def test_it_becomes_the_containers_process(engine: Engine) -> None:
    waiting = standby(engine)
    shown = Path(f"/proc/{waiting}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    assert shown == [b"ocinb-runtime", b"(of the next container)"]
    assert process_of(engine) == waiting


def test_it_is_as_old_as_its_container(engine: Engine) -> None:
    standby(engine)
    time.sleep(1.1)
    began = time.time()
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    (process,) = processes(engine.containers.get("box"))
    assert process.started >= began
    engine.containers.delete("box", force=True)


def test_it_has_a_terminal_where_one_is_wished_for(engine: Engine) -> None:
    waiting = standby(engine)
    engine.run("demo", ContainerOptions(args=["cat"]), name="box", detach=True, tty=True)
    assert engine.containers.get("box").pid == waiting
    assert os.readlink(f"/proc/{waiting}/fd/0") == "/dev/pts/0"
    engine.containers.delete("box", force=True)


def test_the_call_that_made_it_is_told_of_its_container(engine: Engine) -> None:
    waiting = standby(engine)
    done = engine.run("demo", ContainerOptions(args=["true"]), output=lambda *_: None)
    (made,) = [e for e in done.events if isinstance(e, Syscall) and e.call == "clone"]
    assert (made.arguments, made.result) == (("CLONE_NEWPID",), waiting)
    assert (made.field, made.process) == ("linux.namespaces", "parent")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"namespaces": {"pid": "host"}}, id="no pid namespace"),
        pytest.param({"env": ["A=" + "x" * 90_000, "B=" + "x" * 90_000]}, id="long config"),
    ],
)
def test_of_a_container_that_it_cannot_be_the_process_is_forked(
    engine: Engine, options: dict[str, object]
) -> None:
    waiting = standby(engine)
    assert process_of(engine, **options) not in (0, waiting)
    until(lambda: not os.path.exists(f"/proc/{waiting}"))


@pytest.mark.peer
def test_another_runtime_has_no_use_for_it(engine: Engine) -> None:
    waiting = standby(engine)
    engine.run(
        "demo", ContainerOptions(args=["sleep", "9"]), name="box", detach=True, runtime="runc"
    )
    until(lambda: not os.path.exists(f"/proc/{waiting}"))
    engine.containers.delete("box", force=True)


def test_killed_it_is_not_missed(engine: Engine) -> None:
    waiting = standby(engine)
    os.kill(waiting, signal.SIGKILL)
    assert process_of(engine) not in (0, waiting)


def test_it_ends_with_who_waits_for_a_container(engine: Engine) -> None:
    waiting = standby(engine)
    os.kill(spare(launcher().pid), signal.SIGKILL)
    until(lambda: not alive(waiting))  # whoever inherits it may be slow to notice
    assert status_of(engine, "true") == 0


def test_it_has_no_descriptors_but_its_own(engine: Engine) -> None:
    waiting = standby(engine)
    assert sorted(os.listdir(f"/proc/{waiting}/fd"), key=int)[:3] == ["0", "1", "2"]
    assert len(os.listdir(f"/proc/{waiting}/fd")) == 4


RUNS = """\
import pathlib, sys, time
from ocinb.build.demo import demo_image
from ocinb.bundle.options import ContainerOptions as Options
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from tests.engine.test_standby import standby
place = pathlib.Path(sys.argv[1])
settings = Settings(root=place / "root", run_root=place / "run")
store = Store(settings.store)
store.names.set(str(Reference.parse("demo")), demo_image(store))
engine = Engine(settings)
{wait}
said = []
options = Options(args=["cat", "/etc/os-release"])
done = engine.run("demo", options, output=lambda data, _: said.append(data))
print(done.exit_status, len(b"".join(said)) > 10)
"""


def test_whoever_is_in_a_chroot_has_the_files_that_they_see(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    there = (
        f"mount --make-rprivate / && mount --rbind / {tree} && mount -t tmpfs none {tree}/mnt && "
    )
    run = f'exec chroot {tree} "$@" /mnt/place'
    assert (
        ran(["unshare", "--mount", "sh", "-c", there + run, "sh"], "standby(engine)") == "0 True\n"
    )


def test_who_may_not_change_the_root_does_without(tmp_path: Path) -> None:
    prefix = ["setpriv", "--bounding-set", "-sys_chroot", "--inh-caps", "-sys_chroot"]
    wait = "engine.run('demo', Options(args=['true']), output=print); time.sleep(1)"
    assert ran([*prefix, "sh", "-c", f'exec "$@" {tmp_path}/place', "sh"], wait) == "0 True\n"


def ran(prefix: list[str], wait: str) -> str:
    """What a program says that runs a container while a process waits to be that container's."""
    argv = [*prefix, sys.executable, "-c", RUNS.format(wait=wait)]
    root = Path(__file__).parents[2]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False, env={
        **os.environ, "PYTHONPATH": str(root)
    })  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_of_a_create_that_fails_nobody_is_left(engine: Engine) -> None:
    waiting = standby(engine)
    refused = {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/nowhere"}
    with pytest.raises(OcinbError, match="defaultAction"):
        engine.run("demo", ContainerOptions(args=["true"], seccomp=refused), output=lambda *_: None)
    # Not even one that has ended and was waited for by nobody.
    until(lambda: not os.path.exists(f"/proc/{waiting}"))
