"""The rows of the comparison: an operation, how it is seen, and what a right runtime shows."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.chain.caller import NOTHING, Caller, NotOffered, Wishes
from tests.support.runtimes import alive, wait_until

SLEEPER = "trap 'echo bye; exit 3' TERM; echo begun; echo oops >&2; sleep 1000 & wait"
"""Ends at TERM with 3, at once."""


@dataclass(frozen=True)
class Operation:
    """A row.

    Attributes:
        name: unique.
        look: does it and returns what was seen.
        expected: a regular expression for the whole of that.
    """

    name: str
    look: Callable[[Caller], str]
    expected: str


@dataclass(frozen=True)
class Cell:
    """What was seen.

    Attributes:
        seen: in words; of an operation that is not offered the reason.
        right: whether it is what is expected; None: not offered.
        seconds: that it took.
    """

    seen: str
    right: bool | None
    seconds: float


def observe(caller: Caller) -> dict[str, Cell]:
    """A whole column: row → what was seen of it."""
    found: dict[str, Cell] = {}
    for operation in OPERATIONS:
        began = time.monotonic()
        try:
            seen = operation.look(caller)
            right: bool | None = re.fullmatch(operation.expected, seen, re.S) is not None
        except NotOffered as reason:
            seen, right = str(reason), None
        except (AssertionError, OSError, ValueError, LookupError) as error:
            seen, right = f"{type(error).__name__}: {error}", False
        found[operation.name] = Cell(seen, right, time.monotonic() - began)
    return found


def _run(caller: Caller) -> str:
    done = caller.once("echo hi; echo oops >&2; exit 7")
    return f"{done.output.strip()}; {done.errors.strip()}; {done.status}"


def _missing(caller: Caller) -> str:
    return "told" if "not found" in (said := caller.program_missing()) else said


def _user(caller: Caller) -> str:
    return " ".join(caller.once("id -u; id -g", Wishes(user="7:8")).output.split())


def _capabilities(caller: Caller) -> str:
    wishes = Wishes(capabilities=("CAP_CHOWN", "CAP_KILL"))
    return caller.once("grep CapEff: /proc/self/status", wishes).output.split()[-1]


def _read_only(caller: Caller) -> str:
    return caller.once("touch /x 2>&1", Wishes(read_only=True)).output.strip()


def _seccomp(caller: Caller) -> str:
    script = "grep Seccomp: /proc/self/status; personality 2>&1"
    return " ".join(caller.once(script).output.split())


def _volume(caller: Caller) -> str:
    with tempfile.TemporaryDirectory(prefix="ocinb-chain-") as directory:
        place = Path(directory)
        place.chmod(0o777)  # the engine may be an ordinary user's
        (place / "given").write_text("from outside\n")
        done = caller.once("cat /mnt/given; echo inside > /mnt/made", Wishes(volume=place))
        return f"{done.output.strip()}; from {(place / 'made').read_text().strip()}"


def _memory(caller: Caller) -> str:
    if not caller.limits:
        raise NotOffered("containers have no control groups")
    limit = _control_file(caller.pid("sleeper"), "memory", "memory.limit_in_bytes")
    return str(int(limit) // 2**20)


def _pids(caller: Caller) -> str:
    _begin(caller, "few", SLEEPER, Wishes(pids=33))
    limit = _control_file(caller.pid("few"), "pids", "pids.max")
    _end(caller, "few")
    return limit.strip()


def _network_none(caller: Caller) -> str:
    return " ".join(caller.once("ls /sys/class/net", Wishes(network="none")).output.split())


def _network_host(caller: Caller) -> str:
    inside = caller.once("readlink /proc/self/ns/net", Wishes(network="host")).output.strip()
    return "the host's" if inside == os.readlink("/proc/thread-self/ns/net") else inside


def _network_bridge(caller: Caller) -> str:
    script = "ip -4 -o addr show eth0; ip route | grep default >/dev/null && echo a way out"
    said = caller.once(script, Wishes(network="bridge")).output
    address = re.search(r"inet [\d.]+/\d+", said)
    return f"eth0 {'with an address' if address else said}, " + said.splitlines()[-1]


def _removed(caller: Caller) -> str:
    caller.begin("gone", "sleep 0.2", Wishes(remove=True))
    wait_until(lambda: caller.status("gone") == "")
    return "gone"


def _restart(caller: Caller) -> str:
    with tempfile.TemporaryDirectory(prefix="ocinb-chain-") as directory:
        Path(directory).chmod(0o777)
        wishes = Wishes(restart=2, volume=Path(directory))
        caller.begin("again", "echo x >> /mnt/runs; exit 1", wishes)
        times = caller.restarts("again")
        caller.remove("again")
        runs = len((Path(directory) / "runs").read_text().split())
    return f"started again {times} times, ran {runs} times"


def _health(caller: Caller) -> str:
    _begin(caller, "sick", SLEEPER, Wishes(healthcheck="test ! -e /tmp/sick"))
    before = caller.health("sick")
    caller.execute("sick", "touch /tmp/sick")
    after = caller.health("sick")
    _end(caller, "sick")
    return f"{before}, then {after}"


def _terminal(caller: Caller) -> str:
    said = caller.on_terminal("tty; test -t 0 && test -t 2 && echo both")
    return " ".join(said.split())


def _execute(caller: Caller) -> str:
    done = caller.execute("sleeper", "echo in; echo oops >&2; exit 9")
    return f"{done.output.strip()}; {done.errors.strip()}; {done.status}"


def _execute_as(caller: Caller) -> str:
    return " ".join(caller.execute("sleeper", "id -u; id -g", user="7:8").output.split())


def _execute_terminal(caller: Caller) -> str:
    # ctr adds that it came too late to tell the terminal's size.
    return " ".join(
        caller.execute_on_terminal("sleeper", "tty; test -t 0 && echo both").split()[:2]
    )


def _execute_detached(caller: Caller) -> str:
    caller.execute_detached("sleeper", "exec sleep 77")
    within = f"/proc/{caller.pid('sleeper')}/root/proc"
    wait_until(lambda: b"sleep\x0077" in _command_lines(within))
    return "runs"


def _processes(caller: Caller) -> str:
    said = caller.processes("sleeper")
    return "its program" if "sleep 1000" in said or str(caller.pid("sleeper")) in said else said


def _pause(caller: Caller) -> str:
    pid = caller.pid("sleeper")
    caller.pause("sleeper")
    frozen = f"{caller.status('sleeper')}, {_freezer(pid)}"
    caller.resume("sleeper")
    return f"{frozen}; {caller.status('sleeper')}, {_freezer(pid)}"


def _update(caller: Caller) -> str:
    caller.update("sleeper", 48 * 2**20)
    return _memory(caller)


def _stats(caller: Caller) -> str:
    processes, memory = caller.stats("sleeper")
    many = "some processes" if processes else "no number of processes"
    return f"{many}, {'some memory' if memory > 4096 else memory}"


def _logs(caller: Caller) -> str:
    output, errors = caller.logs("sleeper")
    return f"{output.strip()}; {errors.strip()}"


def _checkpoint(caller: Caller) -> str:
    said = caller.checkpoint("sleeper")
    return f"refused: {said}" if re.search("checkpoint|criu", said, re.I) else f"unclear: {said}"


def _stop(caller: Caller) -> str:
    caller.stop("sleeper", 20)
    status = caller.exit_status("sleeper")
    caller.remove("sleeper")
    return str(status)


def _stop_by_force(caller: Caller) -> str:
    _begin(caller, "deaf", "trap '' TERM; echo begun; sleep 1000 & wait; wait")
    pid = caller.pid("deaf")
    caller.stop("deaf", 1)
    status = caller.exit_status("deaf")
    caller.remove("deaf")
    return f"{status}, {'still there' if alive(pid) else 'gone'}"


def _kill(caller: Caller) -> str:
    _begin(caller, "killed", SLEEPER)
    caller.kill("killed", "TERM")
    status = caller.exit_status("killed")
    caller.remove("killed")
    return str(status)


def _end(caller: Caller, name: str) -> None:
    caller.stop(name, 20)
    caller.exit_status(name)
    caller.remove(name)


def _sleeper(caller: Caller) -> str:
    _begin(caller, "sleeper", SLEEPER, Wishes(memory=64 * 2**20))
    return caller.status("sleeper")


def _begin(caller: Caller, name: str, script: str, wishes: Wishes = NOTHING) -> None:
    """Start a container, and wait until its script can be asked to end."""
    caller.begin(name, script, wishes)
    wait_until(lambda: "begun" in caller.logs(name)[0])


def _command_lines(proc: str) -> bytes:
    found = b""
    for pid in os.listdir(proc):
        if pid.isdigit():
            try:
                found += Path(f"{proc}/{pid}/cmdline").read_bytes()
            except OSError:
                continue  # it has ended
    return found


def _freezer(pid: int) -> str:
    return _control_file(pid, "freezer", "freezer.state").strip().lower()


def _control_file(pid: int, controller: str, file: str) -> str:
    """A control file of a process's group; version 1, as these machines have it."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    group = next(g for _, names, g in (line.split(":", 2) for line in lines) if names == controller)
    return Path(f"/sys/fs/cgroup/{controller}{group}/{file}").read_text()


_FILTERED = "Seccomp: 2 personality: .*not (permitted|implemented)"
"""podman's profile answers that there is no such call, the others that it is not allowed."""

OPERATIONS = (
    Operation("run: output, errors, status", _run, "hi; oops; 7"),
    Operation("run: no such program", _missing, "told"),
    Operation("run -it: own terminal", _terminal, r"/dev/(pts/\d+|console) both"),
    Operation("run --rm", _removed, "gone"),
    Operation("user 7:8", _user, "7 8"),
    Operation("capabilities: two only", _capabilities, "0000000000000021"),
    Operation("read-only root", _read_only, ".*Read-only file system"),
    Operation("seccomp, default profile", _seccomp, _FILTERED),
    Operation("volume, both ways", _volume, "from outside; from inside"),
    Operation("limit of processes", _pids, "33"),
    Operation("network none", _network_none, "lo"),
    Operation("network host", _network_host, "the host's"),
    Operation("network bridge", _network_bridge, "eth0 with an address, a way out"),
    Operation("restart policy", _restart, "started again 2 times, ran 3 times"),
    Operation("healthcheck", _health, "healthy, then unhealthy"),
    Operation("run -d", _sleeper, "running"),
    Operation("limit of memory, MiB", _memory, "64"),
    Operation("exec: output, errors, status", _execute, "in; oops; 9"),
    Operation("exec as user 7:8", _execute_as, "7 8"),
    Operation("exec on a terminal", _execute_terminal, r"/dev/pts/\d+ both"),
    Operation("exec, detached", _execute_detached, "runs"),
    Operation("top", _processes, "its program"),
    Operation("pause, resume", _pause, "paused, frozen; running, thawed"),
    Operation("update: memory, MiB", _update, "48"),
    Operation("stats", _stats, "(some|no number of) processes, some memory"),
    Operation("logs: output, errors", _logs, "begun; oops"),
    Operation("checkpoint", _checkpoint, "refused: .*"),
    Operation("stop: its own status", _stop, "3"),
    Operation("stop: by force", _stop_by_force, "137, gone"),
    Operation("kill TERM", _kill, "3"),
)
"""In this order: the rows from ``run -d`` to ``stop`` share one container."""
