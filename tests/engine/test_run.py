"""From the name of an image to a process that has ended, by each OCI runtime."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.engine.container_files import ContainerFiles, removing
from ocinb.engine.engine import Finished
from ocinb.engine.exit_status import of_error
from ocinb.engine.planning import bundle_of
from ocinb.errors import (
    BundleError,
    ContainerError,
    ContainerExists,
    NameNotFound,
    OcinbError,
    RegistryUnreachable,
    StepFailed,
    UnknownUser,
    UnsupportedHost,
)
from ocinb.events import (
    BundleWritten,
    Mounted,
    Recorder,
    RuntimeCalled,
    StatusChanged,
    StepFinished,
    Unmounted,
)
from ocinb.linux.mounts import mounts
from ocinb.settings import Settings
from tests.support.signals import ignored_signals
from tests.support.workplace import until

pytestmark = pytest.mark.root


class Ran:
    """A run with its output."""

    def __init__(self, engine: Engine, *args: str, runtime: str = "ocinb", **more: object) -> None:
        self.chunks: list[tuple[bytes, int]] = []
        options = ContainerOptions(args=args or None, **more.pop("options", {}))  # type: ignore[arg-type]
        finished = engine.run(
            "demo",
            options,
            runtime=runtime,
            output=lambda data, stream: self.chunks.append((data, stream)),
            **more,  # type: ignore[arg-type]
        )
        assert isinstance(finished, Finished)
        self.finished = finished
        self.status = finished.exit_status

    def text(self, stream: int = 1) -> str:
        return b"".join(data for data, number in self.chunks if number == stream).decode()


@pytest.mark.peer
def test_output_streams_and_status_come_back(engine: Engine, runtime: str) -> None:
    ran = Ran(engine, "sh", "-c", "echo out; echo err >&2; exit 3", runtime=runtime)
    assert (ran.text(1), ran.text(2), ran.status) == ("out\n", "err\n", 3)


@pytest.mark.peer
def test_the_image_says_what_to_run(engine: Engine, runtime: str) -> None:
    ran = Ran(engine, runtime=runtime)
    assert "ocinb demo" in ran.text()
    assert "uid=0(root)" in ran.text()
    assert ran.finished.container in ran.text()  # its hostname


@pytest.mark.peer
def test_the_layers_are_stacked_as_the_specification_says(engine: Engine, runtime: str) -> None:
    script = "ls /etc/motd; ls /usr/share/demo; cat /srv/notes/today; echo new > /etc/os-release"
    ran = Ran(engine, "sh", "-c", script, runtime=runtime)
    assert "/etc/motd" not in ran.text()
    assert ran.text() == "new\nnow it is a directory\n"
    assert ran.status == 0
    assert 'NAME="ocinb demo"' in Ran(engine, "cat", "/etc/os-release", runtime=runtime).text()


@pytest.mark.peer
def test_a_program_gets_nothing_from_us_but_its_three_descriptors(
    engine: Engine, runtime: str
) -> None:
    ran = Ran(engine, "sh", "-c", "echo /proc/self/fd/*; cat /proc/self/status", runtime=runtime)
    first, _, status = ran.text().partition("\n")
    # The shell opens one more to read the directory.
    assert {path.rpartition("/")[2] for path in first.split()} <= {"0", "1", "2", "3"}
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert ignored_signals(lines["SigIgn"]) == 0  # SIGPIPE above all: Python ignores it
    assert int(lines["SigBlk"], 16) == 0
    assert int(lines["CapInh"], 16) == 0


@pytest.mark.peer
@pytest.mark.parametrize(
    ("args", "status"),
    [(["no-such-program"], 127), (["/no/such/path"], 127), (["/etc/passwd"], 126)],
)
def test_a_program_that_cannot_be_run_has_the_status_that_shells_give(
    engine: Engine, runtime: str, args: list[str], status: int
) -> None:
    options = {"entrypoint": []}
    with pytest.raises(StepFailed) as caught:
        Ran(engine, *args, runtime=runtime, options=options)
    assert of_error(caught.value) == status, caught.value.message
    assert engine.containers.all() == []


@pytest.mark.peer
def test_the_lifecycle_is_told_as_far_as_it_can_be_seen(engine: Engine, runtime: str) -> None:
    events = Ran(engine, "true", runtime=runtime).finished.events
    steps = [event.number for event in events if isinstance(event, StepFinished)]
    if runtime == "ocinb":
        assert steps == list(range(1, 14))
    else:
        assert steps == [1, 2, 6, 8, 10, 11, 12]
    statuses = [event.status for event in events if isinstance(event, StatusChanged)]
    assert list(dict.fromkeys(s for s in statuses if s != "creating")) == [
        "created",
        "running",
        "stopped",
    ]
    assert [event.exit_status for event in events if isinstance(event, StatusChanged)].count(0) == 1
    times = [event.time for event in events if isinstance(event, StepFinished)]
    assert times == sorted(times)


def test_every_stage_of_the_walk_is_told(engine: Engine, recorder: Recorder) -> None:
    kept = Ran(engine, "true", keep=True).finished.container
    kinds = [type(event) for event in recorder.events]
    assert kinds.count(Mounted) == kinds.count(Unmounted) == kinds.count(BundleWritten) == 1
    operations = [
        next(word for word in event.argv if word in ("create", "start", "delete"))
        for event in recorder.of(RuntimeCalled)
    ]
    assert operations == ["create", "start", "delete"]
    engine.containers.delete(kept)


def test_what_is_not_kept_is_gone_and_its_files_soon_after(
    engine: Engine, settings: Settings
) -> None:
    container = Ran(engine, "true").finished.container
    assert [record.id for record in engine.containers.all()] == []
    directory = settings.containers / container
    end = time.monotonic() + 10
    while directory.exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert not directory.exists()


def test_another_container_is_made_while_files_are_being_removed(
    engine: Engine, settings: Settings
) -> None:
    left = ContainerFiles(str(settings.containers / "0123456789ab"))
    os.makedirs(left.rootfs)
    with removing(left):
        assert Ran(engine, "true").status == 0
        assert os.path.isdir(left.rootfs)
    assert Ran(engine, "true").status == 0
    assert not os.path.exists(left.directory)


@pytest.mark.peer
def test_input_is_a_descriptor_or_bytes_or_nothing(engine: Engine, runtime: str) -> None:
    assert Ran(engine, "cat", runtime=runtime, stdin=b"a\nb\n").text() == "a\nb\n"
    assert Ran(engine, "cat", runtime=runtime).text() == ""
    reader, writer = os.pipe()
    os.write(writer, b"from a pipe")
    os.close(writer)
    assert Ran(engine, "cat", runtime=runtime, stdin=reader).text() == "from a pipe"
    os.close(reader)


@pytest.mark.peer
def test_a_terminal(engine: Engine, runtime: str) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && echo a terminal; echo $TERM"
    ran = Ran(engine, "sh", "-c", script, runtime=runtime, tty=True)
    assert ran.text() == "a terminal\r\nxterm\r\n"


def test_users_are_those_of_the_image(engine: Engine) -> None:
    ran = Ran(engine, "id", options={"user": "demo"})
    assert ran.text() == "uid=1000(demo) gid=1000(demo) groups=1000(demo)\n"
    with pytest.raises(UnknownUser, match="user 'daemon' is not in the image's etc/passwd"):
        Ran(engine, "id", options={"user": "daemon"})


def test_a_working_directory_that_the_image_lacks_is_made(engine: Engine) -> None:
    script = "echo $(pwd); echo x > here; cat here"
    ran = Ran(engine, "sh", "-c", script, options={"cwd": "/a/b/c"})
    assert ran.text() == "/a/b/c\nx\n"


def test_much_output_arrives_whole_and_in_order(engine: Engine) -> None:
    count = 60_000
    script = f"i=0; while [ $i -lt {count} ]; do echo line $i; i=$((i+1)); done"
    ran = Ran(engine, "sh", "-c", script, keep=True)
    expected = "".join(f"line {n}\n" for n in range(count))
    assert ran.text() == expected
    logged = b"".join(chunk.data for chunk in engine.containers.logs(ran.finished.container))
    assert logged.decode() == expected
    engine.containers.delete(ran.finished.container)


def test_any_bytes_are_output(engine: Engine) -> None:
    ran = Ran(engine, "sh", "-c", r"printf '\000\377\n\n no end'", keep=True)
    assert b"".join(data for data, _ in ran.chunks) == b"\0\xff\n\n no end"
    logged = b"".join(chunk.data for chunk in engine.containers.logs(ran.finished.container))
    assert logged == b"\0\xff\n\n no end"
    engine.containers.delete(ran.finished.container)


def test_mounts_of_a_container_are_not_seen_on_the_host(engine: Engine) -> None:
    seen = []

    def look(_data: bytes, _stream: int) -> None:
        seen.extend(m.target for m in mounts() if str(engine.settings.root) in m.target)

    engine.run("demo", ContainerOptions(args=["echo", "now"]), output=look)
    assert seen == []


def test_what_is_kept_stays_until_it_is_deleted(engine: Engine) -> None:
    ran = Ran(engine, "sh", "-c", "exit 7", keep=True, name="kept")
    record = engine.containers.get("kept")
    assert (record.status, record.exit_status, record.id) == ("stopped", 7, ran.finished.container)
    assert engine.containers.state("kept").status == "stopped"
    engine.containers.delete("kept")
    assert engine.containers.all() == []


def test_a_name_is_taken_once(engine: Engine) -> None:
    Ran(engine, "true", keep=True, name="one")
    with pytest.raises(ContainerExists, match="there is a container one already"):
        Ran(engine, "true", name="one")
    engine.containers.delete("one")
    with pytest.raises(ContainerError, match=r"'\.\./x' is not a name"):
        Ran(engine, "true", name="../x")


def test_what_fails_early_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(UnsupportedHost, match="there is no OCI runtime nothing on PATH") as caught:
        Ran(engine, "true", runtime="nothing")
    assert "--runtime ocinb" in str(caught.value.hint)
    with pytest.raises(UnsupportedHost, match="there is no OCI runtime /no/such"):
        Ran(engine, "true", runtime="/no/such")
    with pytest.raises(BundleError, match="names no program to run"):
        engine.run("demo", ContainerOptions(entrypoint=[]))
    with pytest.raises(OcinbError):
        Ran(engine, "true", options={"env": ["NOVALUE"]})
    with pytest.raises(RegistryUnreachable):
        engine.run("localhost:1/nothing")
    with pytest.raises(NameNotFound):
        engine.images.get("nothing")
    assert engine.containers.all() == []


def test_what_fails_before_its_monitor_is_ready_leaves_nothing(engine: Engine) -> None:
    def left() -> list[str]:
        return [name for name in os.listdir(engine.settings.containers) if name[0] != "."]

    assert Ran(engine, "true").status == 0  # who runs there is known from now on
    until(lambda: left() == [])
    for _ in range(5):
        with pytest.raises(BundleError, match="'NOPE' is not a capability"):
            Ran(engine, "true", options={"add_capabilities": ["NOPE"]})
        assert left() == []


def test_a_bundle_is_run_by_hand(engine: Engine, place: Path) -> None:
    from ocinb.bundle.validate import validate
    from tests.support.peers import require

    bundle = place / "bundle"
    options = ContainerOptions(args=["cat", "/etc/os-release"])
    assert bundle_of(engine, engine.images.get("demo"), options, bundle) == bundle / "config.json"
    assert validate(bundle) == []
    runtime = [require("runc"), "--root", place / "runc", "run", "--bundle", bundle, "by-hand"]
    done = subprocess.run(runtime, capture_output=True, text=True, check=False)
    assert "ocinb demo" in done.stdout, done.stderr
    with pytest.raises(OcinbError, match="is not empty"):
        bundle_of(engine, engine.images.get("demo"), options, bundle)


def test_an_image_is_mounted_for_a_look(engine: Engine, place: Path) -> None:
    mount = engine.images.mount(engine.images.get("demo"), place / "look")
    assert "ocinb demo" in (place / "look/etc/os-release").read_text()
    assert not (place / "look/etc/motd").exists()
    assert [m.target for m in engine.mounts.list()] == [mount.target]
    engine.mounts.unmount(mount.target)
    assert not (place / "look").exists()
    own = engine.images.mount(engine.images.get("demo"))
    engine.mounts.unmount(own.target)


def test_no_stranger_enters_what_is_kept(place: Path, images_store: Path) -> None:
    """Layers are full of programs that would give them the superuser's power."""
    root, run_root = place / "root", place / "run"
    engine = Engine(Settings(root=root, run_root=run_root))
    shutil.copytree(images_store, root / "store", dirs_exist_ok=True)
    engine.images.unpack(engine.images.get("demo"))
    own = engine.images.mount(engine.images.get("demo"))

    def refused(path: str | Path) -> bool:
        stranger = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "ls", path]
        done = subprocess.run(stranger, capture_output=True, text=True, check=False)
        return "Permission denied" in done.stderr

    try:
        assert not refused(place)
        assert [path for path in (root, run_root) if not refused(path)] == []
        root.chmod(0o755)  # as its owner may wish
        assert [path for path in (own.target, root / "layers") if not refused(path)] == []
    finally:
        engine.mounts.unmount(own.target)


def test_many_at_once_keep_apart(engine: Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def run(number: int) -> tuple[int, str]:
        ran = Ran(engine, "sh", "-c", f"echo {number} > /n; cat /n; exit {number}")
        return ran.status, ran.text()

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(run, range(16)))
    assert done == [(number, f"{number}\n") for number in range(16)]


@pytest.mark.parametrize("keep", [False, True])
def test_only_what_is_kept_is_carried_to_the_disk(engine: Engine, keep: bool) -> None:
    ran = Ran(engine, "sh", "-c", "read root < /proc/self/mountinfo; echo $root", keep=keep)
    options = ran.text().rpartition(" ")[2]
    assert ("volatile" in options) == (not keep)
    if keep:
        engine.containers.delete(ran.finished.container)


def test_what_is_volatile_can_be_copied_from_and_run_again(engine: Engine, tmp_path: Path) -> None:
    ran = Ran(engine, "sh", "-c", "echo x >> /made; cat /made", keep=True, volatile=True)
    container = ran.finished.container
    engine.containers.copy_out(container, "/made", str(tmp_path))
    assert (tmp_path / "made").read_text() == "x\n"
    engine.containers.start(container)
    engine.containers.wait(container)
    said = b"".join(chunk.data for chunk in engine.containers.logs(container))
    assert said == b"x\n" + b"x\nx\n"
    engine.containers.delete(container)
