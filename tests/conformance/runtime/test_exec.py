"""Further processes, and terminals. Spec: none (runc convention)"""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram, wait_until


@pytest.fixture
def running(runtime: RuntimeProgram, bundle: Bundle) -> RuntimeProgram:
    bundle.shell("sleep 60")
    assert runtime.create(bundle).returncode == 0
    assert runtime.call("start", "c").returncode == 0
    return runtime


def test_it_is_in_the_containers_namespaces(running: RuntimeProgram) -> None:
    pid = running.state()["pid"]
    done = running.call("exec", "c", "/bin/sh", "-c", "for n in mnt uts ipc net pid; do "
                        "readlink /proc/self/ns/$n; done; hostname")  # fmt: skip
    kinds = ("mnt", "uts", "ipc", "net", "pid")
    expected = [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in kinds]
    assert done.stdout.split() == [*expected, "conformance"]


def test_it_is_in_the_containers_control_groups(running: RuntimeProgram, bundle: Bundle) -> None:
    done = running.call("exec", "c", "/bin/cat", "/proc/self/cgroup")
    assert bundle.linux["cgroupsPath"] in done.stdout


@pytest.mark.parametrize("status", [0, 3])
def test_its_exit_status_is_the_runtimes(running: RuntimeProgram, status: int) -> None:
    assert running.call("exec", "c", "/bin/sh", "-c", f"exit {status}").returncode == status


def test_a_missing_program(running: RuntimeProgram) -> None:
    done = running.call("exec", "c", "nosuch")
    assert done.returncode not in (0, 1)
    assert "not found in $PATH" in done.stderr


def test_options(running: RuntimeProgram) -> None:
    done = running.call("exec", "--user", "7:8", "--cwd", "/var", "--env", "A=b", "c",
                        "/bin/sh", "-c", "id -u; id -g; pwd; echo $A")  # fmt: skip
    assert done.stdout.split() == ["7", "8", "/var", "b"]


def test_a_process_document(running: RuntimeProgram, tmp_path: Path) -> None:
    process = {
        "cwd": "/tmp",
        "args": ["/bin/sh", "-c", "pwd; echo $X; grep CapBnd /proc/self/status"],
        "env": ["X=y"],
        "user": {"uid": 0, "gid": 0},
        "capabilities": {"bounding": ["CAP_KILL"]},
    }
    (tmp_path / "process.json").write_text(json.dumps(process))
    done = running.call("exec", "--process", tmp_path / "process.json", "c")
    assert done.stdout.split() == ["/tmp", "y", "CapBnd:", f"{1 << 5:016x}"]


def test_detached_with_a_pid_file(running: RuntimeProgram, tmp_path: Path) -> None:
    argv = [*running.argv, "exec", "--detach", "--pid-file", str(tmp_path / "pid"), "c",
            "/bin/sleep", "30"]  # fmt: skip
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False, timeout=30)  # fmt: skip
    assert done.returncode == 0
    pid = int((tmp_path / "pid").read_text())
    assert "sleep" in Path(f"/proc/{pid}/cmdline").read_text()
    pids = json.loads(running.call("ps", "--format", "json", "c").stdout)
    assert sorted(pids) == sorted([running.state()["pid"], pid])


def test_of_a_paused_container_it_is_refused(running: RuntimeProgram) -> None:
    running.pause()
    done = running.call("exec", "c", "/bin/true")
    assert done.returncode != 0
    running.call("resume", "c")


def test_of_a_stopped_container_it_is_refused(running: RuntimeProgram) -> None:
    running.call("kill", "c", "KILL")
    running.await_status("stopped")
    assert running.call("exec", "c", "/bin/true").returncode != 0


def test_kill_all_reaches_it(running: RuntimeProgram, tmp_path: Path) -> None:
    argv = [*running.argv, "exec", "--detach", "--pid-file", str(tmp_path / "pid"), "c",
            "/bin/sleep", "30"]  # fmt: skip
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True, timeout=30)  # fmt: skip
    assert running.call("kill", "--all", "c", "KILL").returncode == 0
    running.await_status("stopped")


@pytest.mark.lacks("crun", "crun 1.8 prints pids only")
def test_ps_as_a_table(running: RuntimeProgram) -> None:
    lines = running.call("ps", "c").stdout.splitlines()
    assert "PID" in lines[0].split()
    assert lines[1].split()[1] == str(running.state()["pid"])
    assert len(lines) == 2


def receive_master(server: socket.socket) -> int:
    connection, _ = server.accept()
    with connection:
        _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
    return descriptors[0]


def read_all(master: int) -> str:
    text = b""
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        text += data
    os.close(master)
    return text.decode().replace("\r\n", "\n")


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    # The path of a Unix socket is short.
    with monkeypatch.context() as here:
        here.chdir(tmp_path)
        server.bind("console")
    server.listen(1)
    return server


def test_a_terminal_over_the_console_socket(
    runtime: RuntimeProgram, bundle: Bundle, console: socket.socket, tmp_path: Path
) -> None:
    bundle.process["terminal"] = True
    bundle.process["consoleSize"] = {"height": 33, "width": 99}
    bundle.shell("tty; stty size; test -c /dev/console && echo console; test -t 0 && echo tty0")
    with console:
        done = runtime.create(bundle, "c", "--console-socket", tmp_path / "console")
        assert done.returncode == 0, done.stderr
        master = receive_master(console)
        runtime.call("start", "c")
        assert read_all(master).split("\n")[:4] == ["/dev/pts/0", "33 99", "console", "tty0"]


def test_exec_with_a_terminal_over_the_console_socket(
    running: RuntimeProgram, console: socket.socket, tmp_path: Path
) -> None:
    process = {"cwd": "/", "args": ["/bin/tty"], "terminal": True, "user": {"uid": 0, "gid": 0}}
    (tmp_path / "process.json").write_text(json.dumps(process))
    with console:
        # As containerd's shim does: the document alone says that there is a terminal.
        argv = [*running.argv, "exec", "--process", str(tmp_path / "process.json"), "--detach",
                "--console-socket", str(tmp_path / "console"), "c"]  # fmt: skip
        if running.name == "crun":
            argv.insert(argv.index("--detach"), "--tty")
        subprocess.run(argv, stdin=subprocess.DEVNULL, check=True, timeout=30)
        assert read_all(receive_master(console)).strip() == "/dev/pts/0"


def test_a_terminal_without_anybody_to_take_it_is_an_error(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.process["terminal"] = True
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "--console-socket" in done.stderr


def test_run_with_a_terminal_in_front(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["terminal"] = True
    bundle.shell("tty; read x; echo got $x; exit 4")
    pid, master = pty.fork()
    if pid == 0:
        os.execv(runtime.argv[0] if runtime.name == "ours" else "/usr/bin/env",
                 [*([] if runtime.name == "ours" else ["env"]), *runtime.argv, "run", "--bundle",
                  bundle.write(), "c"])  # fmt: skip
    seen = b""
    while b"/dev/pts/0" not in seen:
        seen += os.read(master, 4096)
    os.write(master, b"hello\n")
    assert "got hello" in (seen.decode() + read_all(master))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4


def test_nobody_else_holds_the_containers_output(runtime: RuntimeProgram, bundle: Bundle) -> None:
    # The caller sees the end of the output when the program ends, not when a helper does.
    bundle.shell("echo out")
    reader, writer = os.pipe()
    runtime.create(bundle, output=writer)
    os.close(writer)
    runtime.call("start", "c")
    with open(reader) as file:
        assert file.read() == "out\n"
    wait_until(lambda: runtime.state()["status"] == "stopped")


INNER = Path("/sys/fs/cgroup/freezer")


@pytest.mark.skipif(not INNER.is_dir(), reason="version 2 is tested in a virtual machine")
@pytest.mark.lacks("crun", "crun 1.8.1 takes no --cgroup with version 1")
def test_a_control_group_inside_the_containers(runtime: RuntimeProgram, bundle: Bundle) -> None:
    assert runtime.create(bundle.shell("sleep 60")).returncode == 0
    assert runtime.call("start", "c").returncode == 0
    own = bundle.linux["cgroupsPath"]
    (INNER / own.strip("/") / "inner").mkdir()
    look = ("c", "/bin/cat", "/proc/self/cgroup")
    groups = {}
    for line in runtime.call("exec", "--cgroup", "freezer:inner", *look).stdout.splitlines():
        _, controllers, path = line.split(":", 2)
        groups[controllers] = path
    assert groups["freezer"] == f"{own}/inner"
    assert groups["memory"] == own
    for wrong in ("..", "../..", "nosuch", "freezer:nosuch", "nosuch:inner", "freezer:../.."):
        assert runtime.call("exec", "--cgroup", wrong, *look).returncode, wrong
    assert runtime.call("exec", "--cgroup", "/", *look).returncode == 0
    (INNER / own.strip("/") / "inner").rmdir()


@pytest.mark.lacks("crun", "crun 1.8.1 forgets the environment of config.json where --env is given")
def test_an_option_wins_over_config_json(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.process["env"] += ["KEPT=config", "CHANGED=config"]
    assert runtime.create(bundle.shell("sleep 60")).returncode == 0
    assert runtime.call("start", "c").returncode == 0
    said = ("c", "/bin/sh", "-c", "echo $KEPT $CHANGED $NEW")
    options = ("--env", "CHANGED=option", "--env", "NEW=option")
    assert runtime.call("exec", *options, *said).stdout == "config option option\n"


@pytest.mark.lacks("crun", "crun 1.8.1 gives these capabilities instead of more")
def test_capabilities_that_are_added(running: RuntimeProgram) -> None:
    look = ("c", "/bin/grep", "^Cap", "/proc/self/status")
    done = running.call("exec", "--cap", "CAP_NET_RAW", *look)
    sets = {line.split()[0]: int(line.split()[1], 16) for line in done.stdout.splitlines()}
    chown, kill, net_raw = 1 << 0, 1 << 5, 1 << 13
    for name in ("CapPrm:", "CapEff:", "CapBnd:"):
        assert sets[name] == chown | kill | net_raw, name
    assert sets["CapInh:"] == 0


def test_preserved_descriptors(running: RuntimeProgram, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("through the descriptor\n")
    words = ["exec", "--preserve-fds", "1", "c", "/bin/cat", "/proc/self/fd/3"]
    argv = ["sh", "-c", 'exec 3< "$0"; exec "$@"', str(tmp_path / "file"), *running.argv, *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "through the descriptor\n", done.stderr


def test_a_paused_container_can_be_waited_for(ours: RuntimeProgram, bundle: Bundle) -> None:
    assert ours.create(bundle.shell("sleep 60")).returncode == 0
    assert ours.call("start", "c").returncode == 0
    ours.pause()
    argv = [*ours.argv, "exec", "--ignore-paused", "c", "/bin/echo", "done"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        own = Path(f"/sys/fs/cgroup/freezer{bundle.linux['cgroupsPath']}/cgroup.procs")
        wait_until(lambda: len(own.read_text().split()) > 1)
        assert ours.call("resume", "c").returncode == 0
        assert process.communicate(timeout=30)[0] == "done\n"
