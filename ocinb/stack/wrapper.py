"""A program in an OCI runtime's place: it writes down each call, and lets the runtime do it.

Started as ``python3 -I -S wrapper.py DIRECTORY RUNTIME… -- ARGUMENTS``. Where nobody is listening
it becomes the runtime. So containers that were made while somebody
listened go on working: engines remember the runtime that made a container.

It stands between caller and runtime for as long as a call takes, and is no subreaper: a
container's process is still given to whoever would have it otherwise.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time

LARGEST = 16 * 2**20
"""Bytes of a document that are read."""

_DOCUMENTS = {
    "create": (("--bundle", "-b"), "config.json"),
    "run": (("--bundle", "-b"), "config.json"),
    "restore": (("--bundle", "-b"), "config.json"),
    "exec": (("--process", "-p"), ""),
    "update": (("--resources", "-r"), ""),
}
"""Command → the option that names its document, and the file's name where that is a directory."""

_GLOBAL_VALUES = frozenset({"--root", "--log", "--log-format", "--criu", "--rootless", "--events"})
"""Options before the command that have a value."""


def main() -> None:
    """Run the call, and write down what it was."""
    directory = sys.argv[1]
    end = sys.argv.index("--")
    argv = [*sys.argv[2:end], *sys.argv[end + 1 :]]
    words = sys.argv[end + 1 :]
    if not listened(directory):
        os.execv(argv[0], argv)
    call = described(words)
    call["runtime"] = sys.argv[2:end]
    call["caller"] = {"pid": os.getppid(), "name": _name(os.getppid())}
    path = f"{directory}/{time.time_ns()}-{os.getpid()}"
    _write(f"{path}.begun", call)
    began = time.monotonic()
    status = _carried_out(argv)
    call["seconds"] = time.monotonic() - began
    call["status"] = status
    _write(f"{path}.part", call)
    os.rename(f"{path}.part", f"{path}.json")
    os.unlink(f"{path}.begun")
    os._exit(status if status >= 0 else 128 - status)


def listened(directory: str) -> bool:
    """Whether somebody waits for calls: who does holds a lock, which ends with the process."""
    if not os.path.isdir(directory):
        return False
    try:
        lock = os.open(f"{os.path.dirname(directory)}/lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def described(words: list[str]) -> dict[str, object]:
    """What a command line of an OCI runtime says, with the document that it names."""
    command, options, arguments = split(words)
    names, file = _DOCUMENTS.get(command, ((), ""))
    place = next((value for name, value in options if name in names), "")
    if file:
        place = f"{place or os.getcwd()}/{file}"
    return {
        "began": time.time(),
        "command": command,
        "words": words,
        "arguments": arguments,
        "directory": os.getcwd(),
        "document_path": place,
        "document": _document(place),
    }


def split(words: list[str]) -> tuple[str, list[tuple[str, str]], list[str]]:
    """The command, its options with values as far as they matter here, and its arguments."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word in _GLOBAL_VALUES and rest:
            rest.pop(0)
    if not rest:
        return (words[-1] if words else ""), [], []
    command = rest.pop(0)
    names, _ = _DOCUMENTS.get(command, ((), ""))
    valued = {*names, "--pid-file", "--console-socket", "--preserve-fds", "--format", "-f"}
    options: list[tuple[str, str]] = []
    while rest and rest[0].startswith("-") and rest[0] != "-":
        name, equals, value = rest.pop(0).partition("=")
        if name in valued and not equals and rest:
            value = rest.pop(0)
        options.append((name, value))
    return command, options, rest


def _carried_out(argv: list[str]) -> int:
    """Run the runtime with all descriptors that we were given; its status, negative for signals."""
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            os.set_inheritable(int(descriptor), True)
        except OSError:
            continue  # the one by which the directory was read
    try:
        pid = os.posix_spawn(argv[0], argv, os.environ)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        return 127
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, _: os.kill(pid, got))
    while True:
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)


def _document(path: str) -> object:
    if not path or path == "-":
        return None
    try:
        with open(path, "rb") as file:
            return json.loads(file.read(LARGEST))
    except (OSError, ValueError):
        return None


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _write(path: str, call: dict[str, object]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(call, file)


if __name__ == "__main__":
    main()
