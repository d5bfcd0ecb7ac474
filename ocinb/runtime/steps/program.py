"""The user's program: found, given its environment, and executed."""

from __future__ import annotations

import os
import stat

from ocinb.errors import StepFailed, SyscallError
from ocinb.linux import flags as f
from ocinb.linux import signals
from ocinb.runtime.descriptors import FIRST_PRESERVED
from ocinb.runtime.environment import close_all
from ocinb.runtime.steps import seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from ocinb.runtime.environment import Environment

_NOT_PERMITTED, _ACCESS = 1, 13
_LONGEST_PASSWD = 4 << 20
_MOST_INTERPRETERS = 8  # the kernel follows five


def set_variables(env: Environment) -> None:
    """The environment of the program; HOME from the container's passwd where it is not given.

    Spec: runtime-spec config.md#process (env)
    """
    if not env.process:
        return
    pairs = (entry.partition("=") for entry in env.process.get("env") or [])
    env.variables = {name: value for name, _, value in pairs}
    if not env.variables.get("HOME"):
        env.variables["HOME"] = _home(env, env.user["uid"])
    if env.preserve and "LISTEN_FDS" in os.environ:
        env.variables.update(LISTEN_FDS=os.environ["LISTEN_FDS"], LISTEN_PID=str(os.getpid()))


def _home(env: Environment, uid: int) -> str:
    """Spec: none (runc convention)"""
    for line in _beginning(env, "/etc/passwd", _LONGEST_PASSWD).split(b"\n"):
        fields = line.split(b":")
        if len(fields) >= 6 and fields[2] == b"%d" % uid:
            return fields[5].decode("utf-8", "surrogateescape") or "/"
    return "/"


def _beginning(env: Environment, path: str, most: int) -> bytes:
    """The beginning of a regular file of the container; nothing where it is none.

    A FIFO of that name would never answer, a device never end; neither is opened at all.
    """
    fds = []
    try:
        fds.append(os.open(path, f.O_PATH | os.O_CLOEXEC))
        if not stat.S_ISREG(os.fstat(fds[0]).st_mode):
            return b""
        flags = os.O_RDONLY | os.O_CLOEXEC
        fds.append(os.open(f"self/fd/{fds[0]}", flags, dir_fd=env.host_proc))
        return os.read(fds[1], most)
    except OSError:
        return b""
    finally:
        close_all(*fds)


def enter_cwd(env: Environment) -> None:
    """Change to the working directory before the user changes; as the user later, if need be.

    Spec: runtime-spec config.md#process (cwd)
    """
    if not env.process:
        return
    try:
        env.kernel.chdir(env.process["cwd"])
    except SyscallError as error:
        if error.errno not in (_NOT_PERMITTED, _ACCESS):
            raise


def enter_cwd_as_user(env: Environment) -> None:
    """Be in the working directory, and make sure it is inside the container.

    A directory that is not reachable from the root would be one of the host's, left open by
    mistake (CVE-2024-21626).

    Spec: runtime-spec config.md#process (cwd)
    """
    if not env.process:
        return
    wanted = env.process["cwd"]
    try:
        here, there = os.stat("."), os.stat(wanted)
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            env.kernel.chdir(wanted)
        os.getcwd()
    except FileNotFoundError:
        raise StepFailed(f"process.cwd {wanted} is not inside the container") from None
    except OSError as error:
        # Reached before the user changed, a directory may be one that the user may not look at.
        if error.errno != _ACCESS or os.getcwd() == "/":
            raise StepFailed(
                f"process.cwd {wanted} cannot be entered: {os.strerror(error.errno or 0).lower()}"
            ) from None


def find(env: Environment) -> None:
    """Find the program as execvp would, now, so that a missing one is an error of create.

    Spec: runtime-spec config.md#process (args)
    """
    if not env.process:
        return
    name = env.process["args"][0]
    if "/" in name:
        env.program = name
        _check(name)
        return
    denied = False
    for directory in env.variables.get("PATH", "").split(":"):
        candidate = f"{directory or '.'}/{name}"
        try:
            if _is_program(candidate):
                env.program = candidate
                return
            denied = denied or os.path.isfile(candidate)
        except OSError:
            continue
    if denied:
        raise StepFailed(f'exec: "{name}": permission denied')
    raise StepFailed(
        f'exec: "{name}": executable file not found in $PATH',
        hint="process.env has PATH, or process.args[0] is an absolute path",
    )


def _is_program(path: str) -> bool:
    return stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.X_OK)


def _check(path: str) -> None:
    try:
        info = os.stat(path)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StepFailed(f'exec: "{path}": stat {path}: {reason}') from None
    if stat.S_ISDIR(info.st_mode):
        raise StepFailed(f'exec: "{path}": is a directory')
    if not os.access(path, os.X_OK):
        raise StepFailed(f'exec: "{path}": permission denied')


def refuse_runtime(env: Environment) -> None:
    """Refuse a program that is, or is interpreted by, the runtime's own interpreter.

    ``#!/proc/self/exe`` as the first line would run the host's Python with the container's
    libraries, and could then write to it (CVE-2019-5736). The kernel would follow several such
    lines from one script to the next. It is looked at twice, for much time may pass between
    create and start; what is written in between the second look and the execution meets
    ``sealing.py``.
    """
    if not env.program:
        return
    own = os.stat("self/exe", dir_fd=env.host_proc)
    path = env.program
    for _ in range(_MOST_INTERPRETERS):
        try:
            info = os.stat(path)
        except OSError:
            return
        if (info.st_dev, info.st_ino) == (own.st_dev, own.st_ino):
            raise StepFailed(f'exec: "{env.program}": is the interpreter of the runtime itself')
        if not stat.S_ISREG(info.st_mode):
            return
        path = _interpreter(env, path)
        if not path:
            return


def _interpreter(env: Environment, path: str) -> str:
    """What the first line of a script names; empty where there is none."""
    line = _beginning(env, path, 256).partition(b"\n")[0]
    words = line[2:].split() if line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else ""


def close_descriptors(env: Environment) -> None:
    """Let only the standard streams, and those that were asked for, stay open in the program.

    Spec: runtime-spec runtime-linux.md#file-descriptors
    """
    first = FIRST_PRESERVED + env.preserve
    env.kernel.close_range(first, flags=f.CLOSE_RANGE_CLOEXEC)
    for fd in range(FIRST_PRESERVED, first):
        try:
            os.set_inheritable(fd, True)
        except OSError:
            continue


def execute(env: Environment) -> NoReturn:
    """Become the user's program.

    Spec: runtime-spec runtime.md#lifecycle (step 8)
    """
    # Python ignores these two; an ignored signal would stay ignored in the program.
    signals.default(signals.SIGPIPE)
    signals.default(signals.SIGXFSZ)
    # JSON is UTF-8, whatever the locale of the runtime's caller.
    variables = {_bytes(name): _bytes(value) for name, value in env.variables.items()}
    arguments = [_bytes(argument) for argument in env.process["args"]]
    try:
        if env.filter is None:
            env.kernel.execve(_bytes(env.program), arguments, variables)
        seccomp.execute_filtered(env, _bytes(env.program), arguments, variables)
    except SyscallError as error:
        reason = os.strerror(error.errno or 0).lower()
        if error.call != "execve":
            raise
        raise StepFailed(f'exec: "{env.program}": {reason}') from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
