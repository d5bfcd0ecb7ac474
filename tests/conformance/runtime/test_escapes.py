"""Ways out of a container that other runtimes once had, tried on ours.

Each test is named after the report; what is tried is the attack itself, or what it began with.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.exchanging import exchanging
from tests.support.runtimes import (
    OURS,
    Bundle,
    RuntimeProgram,
    make_rootfs,
    mount_points_below,
    wait_until,
)


@pytest.fixture
def image(tmp_path: Path, bundle: Bundle) -> Path:
    """A root filesystem that an attacker has made, of this test alone."""
    directory = make_rootfs(tmp_path / "image")
    bundle.config["root"] = {"path": str(directory), "readonly": False}
    return directory


def started(ours: RuntimeProgram, bundle: Bundle) -> RuntimeProgram:
    done = ours.create(bundle.shell("sleep 100"))
    assert done.returncode == 0, done.stderr
    assert ours.call("start", "c").returncode == 0
    return ours


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


# CVE-2019-5736: the host's runtime is overwritten through /proc/self/exe


HOW = ("script", "link", "script of a script", "script of a link")


def make_evil(image: Path, how: str) -> None:
    """A program that leads the kernel to the runtime's own."""
    evil = image / "bin/evil"
    if how == "script":
        script(evil, "#!/proc/self/exe\n")
    elif how == "link":
        evil.symlink_to("/proc/self/exe")
    elif how == "script of a script":
        script(evil, "#!/bin/second\n")
        script(image / "bin/second", "#! /bin/third\n")
        script(image / "bin/third", "#!/proc/self/exe -c\n")
    else:
        script(evil, "#!/bin/second\n")
        (image / "bin/second").symlink_to("../proc/self/exe")


@pytest.mark.parametrize("how", HOW)
def test_2019_5736_a_program_that_is_the_runtimes_interpreter(
    ours: RuntimeProgram, bundle: Bundle, image: Path, how: str
) -> None:
    make_evil(image, how)
    bundle.process["args"] = ["/bin/evil"]
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "interpreter of the runtime" in done.stderr


@pytest.mark.parametrize("how", HOW)
def test_2019_5736_a_program_that_becomes_one_before_start(
    ours: RuntimeProgram, bundle: Bundle, image: Path, how: str
) -> None:
    script(image / "bin/evil", "#!/bin/sh\n")
    bundle.process["args"] = ["/bin/evil"]
    assert ours.create(bundle).returncode == 0
    (image / "bin/evil").unlink()
    make_evil(image, how)
    done = ours.call("start", "c")
    assert done.returncode == 1
    assert "interpreter of the runtime" in done.stderr
    assert not ours.exists()


@pytest.mark.parametrize("how", HOW)
def test_2019_5736_the_same_by_exec(
    ours: RuntimeProgram, bundle: Bundle, image: Path, how: str
) -> None:
    make_evil(image, how)
    done = started(ours, bundle).call("exec", "c", "/bin/evil")
    assert done.returncode == 255
    assert "interpreter of the runtime" in done.stderr


def test_2019_5736_exec_runs_from_a_file_that_cannot_be_written() -> None:
    root = OURS[3].rsplit("/", 3)[0]
    code = (
        f"import sys, os; sys.path.insert(0, {root!r})\n"
        "from ocinb.runtime.sealing import seal\n"
        "from ocinb.linux.syscalls import Kernel\n"
        "seal(Kernel())\n"
        "try: os.open('/proc/self/exe', os.O_WRONLY)\n"
        "except OSError as error: print(error.strerror, flush=True)\n"
        "fd = os.open('/proc/self/exe', os.O_RDONLY); os.set_inheritable(fd, True)\n"
        "os.execvp('sh', ['sh', '-c', f': > /proc/self/fd/{fd}'])\n"
    )
    argv = [*OURS[:3], "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    # While it runs it is busy; once it does not run any more it is read-only.
    assert done.stdout.strip() in ("Text file busy", "Read-only file system")
    assert "Read-only file system" in done.stderr


def test_2019_5736_the_containers_process_waits_from_that_file_too(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    assert ours.create(bundle.shell("sleep 100")).returncode == 0
    assert os.statvfs(f"/proc/{ours.state()['pid']}/exe").f_flag & os.ST_RDONLY


def test_2019_5736_a_user_who_owns_the_interpreter_runs_a_copy_of_it(tmp_path: Path) -> None:
    # As in an environment in one's home, whose python is no link.
    python = tmp_path / "python3"
    shutil.copy(Path("/proc/self/exe").resolve(), python)
    os.chown(python, 65534, 65534)
    root = OURS[3].rsplit("/", 3)[0]
    code = (
        f"import sys, os; sys.path.insert(0, {root!r})\n"
        "from ocinb.runtime.sealing import seal\n"
        "from ocinb.linux.syscalls import Kernel\n"
        "seal(Kernel())\n"
        "print(os.readlink('/proc/self/exe'), flush=True)\n"
        "fd = os.open('/proc/self/exe', os.O_RDONLY); os.set_inheritable(fd, True)\n"
        "os.execvp('sh', ['sh', '-c', f': > /proc/self/fd/{fd}'])\n"
    )
    before = python.read_bytes()
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*as_nobody, python, "-I", "-S", "-c", code],
        capture_output=True, text=True, check=False,
        env={"PYTHONHOME": sys.base_prefix, "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stdout.strip() == "/memfd:ocinb-runtime (deleted)", done.stderr
    assert "Operation not permitted" in done.stderr
    assert python.read_bytes() == before


def test_2019_5736_nothing_of_the_runtime_is_readable_while_it_waits(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.process["capabilities"] = {}
    assert ours.create(bundle.shell("sleep 100")).returncode == 0
    pid = ours.state()["pid"]
    as_the_container = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
    argv = [*as_the_container, "readlink", f"/proc/{pid}/exe"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


# CVE-2019-16884 and CVE-2025-52881: /proc is made up, so that labels and settings go nowhere


@pytest.mark.parametrize(
    ("destination", "type_", "options"),
    [
        ("/proc/self/attr", "tmpfs", []),
        ("/proc/self/attr/exec", "bind", ["bind"]),
        ("/proc/sys/kernel", "tmpfs", []),
        ("/proc", "tmpfs", []),
        ("/proc", "bind", ["bind"]),
        ("/proc/../proc/self/attr", "tmpfs", []),
        ("/link/attr", "tmpfs", []),
    ],
)
def test_2019_16884_nothing_is_mounted_over_proc(
    ours: RuntimeProgram,
    bundle: Bundle,
    image: Path,
    tmp_path: Path,
    destination: str,
    type_: str,
    options: list[str],
) -> None:
    (image / "link").symlink_to("/proc/self")
    source = tmp_path / "source"
    if destination.endswith("exec"):
        source.touch()
    else:
        source.mkdir()
    bundle.mount(destination, type_, str(source), *options)
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "mounts[3]" in done.stderr
    assert not ours.exists()


def test_2019_16884_what_only_informs_may_be_covered(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    source = tmp_path / "cpuinfo"
    source.write_text("a made-up processor\n")
    bundle.mount("/proc/cpuinfo", "bind", str(source), "bind", "ro")
    bundle.process["args"] = ["/bin/cat", "/proc/cpuinfo"]
    assert ours.output(bundle) == "a made-up processor\n"


def test_2025_52881_a_made_up_proc_does_not_keep_the_hosts_groups(
    ours: RuntimeProgram, bundle: Bundle, image: Path
) -> None:
    (image / "proc/self").mkdir()
    (image / "proc/self/setgroups").write_text("deny\n")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
    bundle.process.update(user={"uid": 7, "gid": 7}, args=["/bin/id", "-G"])
    argv = [*ours.argv, "run", "--bundle", bundle.write(), ours.note("c")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, extra_groups=[0, 1234])
    assert (done.returncode, done.stdout) == (0, "7\n"), done.stderr


def test_2025_52881_parameters_are_not_written_to_what_the_image_has(
    ours: RuntimeProgram, bundle: Bundle, image: Path
) -> None:
    (image / "proc/sys/net/core").mkdir(parents=True)
    (image / "proc/sys/net/core/somaxconn").write_text("before\n")
    (image / "proc/sys/net/core/somaxconn").chmod(0o666)
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
    bundle.linux["sysctl"] = {"net.core.somaxconn": "77"}
    bundle.process["args"] = ["/bin/cat", "/proc/sys/net/core/somaxconn"]
    assert ours.output(bundle) == "before\n"


# CVE-2019-19921 and CVE-2023-27561: /proc or /sys of the image is a symbolic link


@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["/tmp", "tmp/..", "/"])
def test_2023_27561_proc_and_sys_are_mounted_on_directories_only(
    ours: RuntimeProgram, bundle: Bundle, image: Path, name: str, target: str
) -> None:
    (image / name).rmdir()
    (image / name).symlink_to(target)
    if name == "sys":
        bundle.mount("/sys", "sysfs", "sysfs", "ro")
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "symbolic link" in done.stderr


# CVE-2021-30465: a mount point is swapped for a link that leads to the host


@pytest.mark.parametrize("target", ["/", "/../../../../../..", "../../../../../../../..", "/host"])
def test_2021_30465_a_mount_point_that_is_a_link_stays_inside(
    ours: RuntimeProgram, bundle: Bundle, image: Path, tmp_path: Path, target: str
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "mark").touch()
    (image / "point").symlink_to(target)
    bundle.mount("/point/deep", "bind", str(volume), "bind")
    bundle.shell("ls /point/deep")
    assert ours.output(bundle) == "mark\n"
    assert not mount_points_below(tmp_path)
    assert not Path("/deep").exists()


def test_2021_30465_swapped_while_it_is_mounted_upon(
    ours: RuntimeProgram, bundle: Bundle, image: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("a", "b"):
        (image / name).mkdir()
    (image / "b").rmdir()
    (image / "b").symlink_to(f"../../../../../../../../{outside}")
    # A directory that is missing shows where it was made, on the host's side too.
    bundle.mount("/a/deep", "tmpfs", "tmpfs")
    bundle.process["args"] = ["/bin/true"]
    with exchanging(image / "a", image / "b"):
        for _ in range(20):
            ours.run(bundle)
            assert not mount_points_below(outside)
            assert list(outside.iterdir()) == []


# CVE-2022-29162: inheritable capabilities that nobody asked for


def test_2022_29162_nothing_is_inheritable_unless_asked_for(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    started(ours, bundle)
    pid = ours.state()["pid"]
    words = ["exec", "--cap", "CAP_NET_RAW", "c", "/bin/grep", "CapInh", "/proc/self/status"]
    assert ours.call(*words).stdout.split() == ["CapInh:", "0" * 16]
    status = Path(f"/proc/{pid}/status").read_text()
    assert "CapInh:\t0000000000000000" in status


# CVE-2024-21626: a working directory outside, by a descriptor that was left open

HOST_ONLY = {"usr", "boot", "home", "lib", "opt", "run", "1", "meminfo", "state.json"}
"""What the test's root filesystem and its / have not got; /proc and the state directory neither."""


@pytest.mark.parametrize("fd", range(3, 16))
def test_2024_21626_no_descriptor_leads_out(
    ours: RuntimeProgram, bundle: Bundle, image: Path, fd: int
) -> None:
    bundle.process["cwd"] = f"/proc/self/fd/{fd}"
    bundle.shell("ls -a; ls -a ../../../../../..")
    done = ours.run(bundle)
    # Either it is refused, or it is some directory of the container.
    assert done.returncode == 0 or "process.cwd" in done.stderr
    assert not HOST_ONLY & set(done.stdout.split())


@pytest.mark.parametrize("fd", range(3, 16))
def test_2024_21626_the_same_by_exec(ours: RuntimeProgram, bundle: Bundle, fd: int) -> None:
    started(ours, bundle)
    words = ["exec", "--cwd", f"/proc/self/fd/{fd}", "c", "/bin/sh", "-c"]
    done = ours.call(*words, "ls -a; ls -a ../../../../../..")
    assert not HOST_ONLY & set(done.stdout.split())


# CVE-2025-31133: what masks a path is a link of the image, not /dev/null


def test_2025_31133_masks_are_the_hosts_null_device(
    ours: RuntimeProgram, bundle: Bundle, image: Path
) -> None:
    # Without a /dev of its own the image's /dev is used, in which null leads elsewhere.
    bundle.config["mounts"] = bundle.config["mounts"][:1]
    (image / "secret").write_text("secret\n")
    (image / "etc/other").write_text("unmasked\n")
    (image / "dev/null").symlink_to("/etc/other")
    bundle.linux["maskedPaths"] = ["/secret"]
    bundle.process["args"] = ["/bin/cat", "/secret"]
    done = ours.run(bundle)
    assert done.stdout == ""
    assert "secret" not in done.stdout + done.stderr.replace("/secret", "")


@pytest.mark.parametrize("target", ["/proc/sys/kernel/core_pattern", "/etc/passwd"])
def test_2025_31133_a_default_device_that_is_a_link_is_an_error(
    ours: RuntimeProgram, bundle: Bundle, image: Path, target: str
) -> None:
    bundle.config["mounts"] = bundle.config["mounts"][:1]
    (image / "dev/null").symlink_to(target)
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "/dev/null" in done.stderr


# CVE-2025-52565: /dev/console is bound over what a link leads to


@pytest.mark.parametrize("target", ["/proc/sys/kernel/core_pattern", "/etc/passwd"])
def test_2025_52565_the_console_is_bound_to_no_link(
    ours: RuntimeProgram, bundle: Bundle, image: Path, target: str
) -> None:
    # Only the image's own /dev can hold a link; pseudoterminals are below it.
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev"]
    (image / "dev/pts").mkdir()
    (image / "dev/console").symlink_to(target)
    bundle.process["terminal"] = True
    done = ours.run(bundle)
    assert done.returncode == 1
    assert "/dev/console" in done.stderr
    assert not ours.exists()


# State and names


# What the image has instead of a file


@pytest.mark.parametrize("what", ["fifo", "device", "endless"])
def test_a_passwd_that_is_no_file_is_not_waited_for(
    ours: RuntimeProgram, bundle: Bundle, image: Path, what: str
) -> None:
    passwd = image / "etc/passwd"
    passwd.unlink(missing_ok=True)
    if what == "fifo":
        os.mkfifo(passwd)
    elif what == "device":
        passwd.symlink_to("/dev/zero")
    else:
        with passwd.open("w") as file:
            file.truncate(1 << 40)
    bundle.process["args"] = ["/bin/sh", "-c", "echo $HOME"]
    assert ours.output(bundle) == "/\n"
    started(ours, bundle)
    assert ours.call("exec", "c", "/bin/sh", "-c", "echo $HOME").stdout == "/\n"


@pytest.mark.parametrize("what", ["fifo", "device"])
def test_a_terminal_is_opened_on_no_other_device(
    ours: RuntimeProgram, bundle: Bundle, image: Path, what: str
) -> None:
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] == "/proc"]
    (image / "dev/pts").mkdir(parents=True, exist_ok=True)
    ptmx = image / "dev/pts/ptmx"
    if what == "fifo":
        os.mkfifo(ptmx)
    else:
        os.mknod(ptmx, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    bundle.process["terminal"] = True
    done = ours.run(bundle)
    assert done.returncode == 1
    assert "/dev/pts/ptmx is something else" in done.stderr


# Files of the runtime that others could prepare


def test_another_users_state_is_not_believed(ours: RuntimeProgram, bundle: Bundle) -> None:
    assert ours.create(bundle.shell("sleep 100")).returncode == 0
    os.chown(ours.root, 4321, 4321)
    for words in (("state", "c"), ("delete", "--force", "c"), ("run", "--bundle", ".", "d")):
        done = ours.call(*words, cwd=bundle.directory)
        assert done.returncode == 1
        assert "belongs to another user (4321)" in done.stderr
    os.chown(ours.root, 0, 0)
    assert ours.call("delete", "--force", "c").returncode == 0


def test_a_pid_file_is_nobody_elses(ours: RuntimeProgram, bundle: Bundle, tmp_path: Path) -> None:
    # The name under which it is written first is known; a process has many numbers to try.
    shared = tmp_path / "shared"
    shared.mkdir()
    wrapper = f"touch {shared}/.pid.$$; chown 4321 {shared}/.pid.$$; chmod 666 {shared}/.pid.$$"
    argv = [*ours.argv, "run", "--detach", "--pid-file", shared / "pid", "--bundle"]
    words = " ".join(map(str, [*argv, bundle.shell("sleep 100").write(), ours.note("c")]))
    subprocess.run(
        ["sh", "-c", f"{wrapper}; exec {words}"],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=30,
    )  # fmt: skip
    assert (shared / "pid").stat().st_uid == 0
    assert [path.name for path in shared.iterdir()] == ["pid"]


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../../etc", "", "a\nb", "x" * 300, "a b"])
def test_container_ids_are_no_paths(ours: RuntimeProgram, bundle: Bundle, name: str) -> None:
    done = ours.call("create", "--bundle", bundle.write(), name)
    assert done.returncode == 1
    assert "is not a container id" in done.stderr


def test_state_is_private_and_whole(ours: RuntimeProgram, bundle: Bundle) -> None:
    assert ours.create(bundle).returncode == 0
    directory = ours.root / "c"
    assert directory.stat().st_mode & 0o777 == 0o700
    for name in ("state.json", "config.json"):
        # What has changed since the first moment is a line more.
        lines = (directory / name).read_text().splitlines()
        assert all(json.loads(line) for line in lines)
        assert (directory / name).stat().st_mode & 0o077 == 0


def test_2019_5736_every_process_of_exec_has_that_file(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    started(ours, bundle)
    # A hook of no kind runs at exec; so it is looked at from outside, while it waits in front.
    argv = [*ours.argv, "exec", "c", "/bin/sleep", "100"]
    with subprocess.Popen(argv) as process:
        own = Path(f"/proc/{process.pid}/exe")
        wait_until(lambda: os.statvfs(own).f_flag & os.ST_RDONLY != 0)
        ours.call("kill", "--all", "c", "9")
