"""An ordinary user's container, connected by a program in user space, or by published ports only.

Published ports are served by our proxy in every case. It listens where this machine's network is
and connects in the container's own namespace, so a server there sees the loopback address.
"""

from __future__ import annotations

import os
import time

from ocinb.errors import NetworkError
from ocinb.linux import processes, signals
from ocinb.network import names
from ocinb.network.container_namespace import ContainerNamespace
from ocinb.network.ports import LOOPBACK
from ocinb.network.serving import Served
from ocinb.network.waiting_child import fork_waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.rtnetlink import Interfaces
    from ocinb.network.attachments import Attachment

_PATIENCE = 10.0
"""Seconds that a program has to make its interface."""
_TURN = 0.002
_MOST_WORDS = 2000


def connect(attachment: Attachment, pid: int) -> None:
    """Connect the container whose first process is ``pid``.

    Raises:
        NetworkError: a port is in use, or the program made no interface; in its words.
        SyscallError, StorageError. The caller undoes what was made.
    """
    values = attachment.values
    with ContainerNamespace(pid) as namespace, Served(attachment) as served:
        with namespace.interfaces() as inside:
            inside.set_up("lo")
            ends, ip = -1, None
            if values["program"]:
                ends, ip = _start(attachment, namespace, inside)
            mine = names.line(ip or LOOPBACK, values["names"])
            names.write_hosts(values["hosts"], [*values["base_hosts"], mine])
        # The program ends when nobody holds the other end of its pipe: when the proxy has ended.
        keep = {namespace.descriptor, *([ends] if ends >= 0 else [])}
        served.serve(LOOPBACK, pid, namespace.enter, keep)
        if ends >= 0:
            os.close(ends)
    attachment.note(ip=ip)


def _start(
    attachment: Attachment, namespace: ContainerNamespace, inside: Interfaces
) -> tuple[int, str]:
    """Start the program and wait for its interface: the pipe that it ends with, its address."""
    kind, program = attachment.values["kind"], attachment.values["program"]
    began = time.perf_counter()
    reader, writer = os.pipe2(os.O_CLOEXEC)
    words = os.memfd_create("words")
    try:
        argv = _ARGUMENTS[kind](program, namespace.descriptor, reader)
        inherited = {namespace.descriptor, reader}
        child, go = fork_waiting(lambda: _execute(argv, words, inherited), 127)
        entry = {"name": kind, "pid": child, "started": processes.start_time(child)}
        attachment.note(processes=[*attachment.values["processes"], entry])
        os.write(go, b"!")
        os.close(go)
        ip = _await_interface(kind, child, words, inside)
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
        os.close(words)
    attachment.tell("made", "process", kind, f"process {child}", time.perf_counter() - began)
    attachment.tell("made", "address", ip, f"by {kind}")
    return writer, ip


def _execute(argv: list[str], words: int, inherited: set[int]) -> None:
    """Become a program; what it says goes to ``words``."""
    os.setsid()
    for source, target in ((os.open(os.devnull, os.O_RDWR), 0), (words, 1), (words, 2)):
        os.dup2(source, target)
    for descriptor in inherited:
        os.set_inheritable(descriptor, True)
    # Python ignores them, and pasta of Debian 12 takes that for a failure.
    signals.default(signals.SIGPIPE)
    signals.default(signals.SIGXFSZ)
    os.execve(argv[0], argv, {})


def _await_interface(kind: str, child: int, words: int, inside: Interfaces) -> str:
    """The address that the program gave the container."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        up = {link.index for link in inside.links() if link.up and link.name != "lo"}
        found = [ip for index, ip, _ in inside.addresses() if index in up]
        if found and any(not bits for _, bits, _ in inside.routes()):
            return found[0]
        if os.waitpid(child, os.WNOHANG)[0] or time.monotonic() > deadline:
            said = os.pread(words, _MOST_WORDS, 0).decode(errors="replace").strip().splitlines()
            why = said[-1] if said else "without a word"
            raise NetworkError(f"{kind} could not connect the container: {why}")
        time.sleep(_TURN)


def _slirp4netns(program: str, namespace: int, ends: int) -> list[str]:
    return [
        program,
        "--configure",
        "--mtu=65520",
        # Else every server that listens on this machine's loopback address were open to it.
        "--disable-host-loopback",
        f"--exit-fd={ends}",
        "--netns-type=path",
        f"/proc/self/fd/{namespace}",
        "tap0",
    ]


def _pasta(program: str, namespace: int, _ends: int) -> list[str]:
    # pasta gives up its capabilities before it opens the namespace, so it needs one that is open.
    closed = [word for option in ("-t", "-u", "-T", "-U") for word in (option, "none")]
    where = ["--netns-only", "--netns", f"/proc/self/fd/{namespace}"]
    return [program, "--config-net", "-f", "-q", "-4", *closed, "--no-map-gw", *where]


_ARGUMENTS = {"slirp4netns": _slirp4netns, "pasta": _pasta}
