"""What the runtime remembers of a container between its calls, and what is true of it now.

Under ``--root`` each container has a private directory:

* ``state.json``: id, bundle, pid and start time, control groups; what changes is a line more;
* ``config.json``: as it was at create: later changes to the bundle have no effect;
* ``exec.fifo``: the container's process waits here for start;
* ``init.lock``: locked by the container's process until it becomes the user's program;
* ``lock``: locked by the operation that is changing the container.

The status is never stored, always found out: by the process, its start time, and ``init.lock``.

Spec: runtime-spec runtime.md#state
"""

from __future__ import annotations

import fcntl
import os
import time

from ocinb.amended_json import amend, amended
from ocinb.errors import (
    ContainerError,
    ContainerExists,
    ContainerNotFound,
    InvalidStatus,
    StorageError,
)
from ocinb.linux import processes
from ocinb.linux.cgroup import Cgroup
from ocinb.plain_json import dumps, loads
from ocinb.runtime.atomic_file import storage_error, write_atomically
from ocinb.spec.runtime_state import CREATED, CREATING, PAUSED, RUNNING, STOPPED, State
from ocinb.spec.versions import RUNTIME_SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.syscalls import Kernel

_ID_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.")
_NOT_EMPTY = 39
_NOT_MAPPED = 65534  # how a user namespace shows an owner from outside
_LONGEST_ID = 255  # it is the name of a directory
_FILES = ("exec.fifo", "init.lock", "config.json", "state.json", "lock")
_UNFINISHED = (".config.json.", ".state.json.")  # as ``atomic_file`` calls them
_NEEDED = frozenset({"id", "bundle", "pid", "start_time", "creator", "creator_start_time"})


class Containers:
    """All containers under one root.

    Args:
        root: the directory; made when the first container is.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def claim(self, container: str, bundle: str, config: dict[str, Any]) -> Container:
        """A new container's directory, so that nobody else can take the id.

        Raises:
            ContainerError: the id is not one.
            ContainerExists: it is taken.
            StorageError: the directory cannot be written.

        Spec: runtime-spec runtime.md#create
        """
        check_id(container)
        directory = f"{self.root}/{container}"
        try:
            os.makedirs(self.root, mode=0o700, exist_ok=True)
            self._check_owner()
            os.mkdir(directory, 0o700)
        except FileExistsError:
            raise ContainerExists(
                f"container {container} exists already",
                hint=f"choose another id, or: ocinb-runtime delete {container}",
                citation="runtime-spec runtime.md#create",
            ) from None
        except OSError as error:
            raise storage_error(directory, error) from None
        claimed = Container(directory, {})
        claimed.data.update(
            id=container,
            bundle=bundle,
            oci_version=RUNTIME_SPEC,
            pid=0,
            start_time=0,
            creator=os.getpid(),
            creator_start_time=processes.start_time(os.getpid()),
            created=_now(),
            owner=os.getuid(),
            annotations=config.get("annotations") or {},
            rootfs=os.path.normpath(os.path.join(bundle, config["root"]["path"])),
            cgroup={},
            cgroup_created=[],
            cgroup_version=0,
        )
        claimed._config = config
        try:
            claimed.write("config.json", dumps(config))
            claimed.save()
        except BaseException:
            claimed.forget()
            raise
        return claimed

    def load(self, container: str) -> Container:
        """A container that exists.

        Raises:
            ContainerError: the id is not one.
            ContainerNotFound: there is none.
        """
        check_id(container)
        directory = f"{self.root}/{container}"
        try:
            self._check_owner()
            with open(f"{directory}/state.json", encoding="utf-8") as file:
                data = amended(file.read())
        except (FileNotFoundError, NotADirectoryError):
            raise ContainerNotFound(
                f"container {container} does not exist",
                citation="runtime-spec runtime.md#query-state",
            ) from None
        except (OSError, ValueError) as error:
            raise StorageError(f"{directory}/state.json cannot be read: {error}") from None
        if not isinstance(data, dict) or not data.keys() >= _NEEDED:
            raise StorageError(f"{directory}/state.json cannot be read: it is no container's state")
        return Container(directory, data)

    def clear(self, container: str) -> None:
        """Remove the directory of what never became a container; nothing where there is none, or
        where it is something else: the root may be one that was named by mistake.

        Raises:
            ContainerError: the id is not one.

        Spec: none (runc convention)
        """
        check_id(container)
        directory = f"{self.root}/{container}"
        try:
            names = os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError):
            return
        ours = all(name in _FILES or name.startswith(_UNFINISHED) for name in names)
        if ours and "state.json" not in names and not os.path.islink(directory):
            try:
                Container(directory, {}).forget()
            except OSError as error:
                if error.errno != _NOT_EMPTY:  # it becomes one at this moment
                    raise

    def _check_owner(self) -> None:
        """What is said of containers is believed, hooks and pids too: so not of anybody's.

        Raises:
            StorageError: the directory is another user's, as one under /tmp may be.
        """
        owner = os.lstat(self.root).st_uid
        if owner not in (0, os.geteuid(), _NOT_MAPPED):
            raise StorageError(
                f"{self.root} belongs to another user ({owner})",
                hint="set XDG_RUNTIME_DIR, or say --root",
            )

    def all(self) -> list[Container]:
        """Every container, by id. One that is deleted at this moment is left out."""
        try:
            names = sorted(os.listdir(self.root))
        except FileNotFoundError:
            return []
        found = []
        for name in names:
            try:
                found.append(self.load(name))
            except ContainerError:
                continue
        return found


class Container:
    """One container's directory.

    Args:
        directory: its path.
        data: the contents of state.json.
    """

    def __init__(self, directory: str, data: dict[str, Any]) -> None:
        self.directory = directory
        self.data = data
        self._config: dict[str, Any] | None = None  # once it was read, or written
        self._lock = -1

    @property
    def id(self) -> str:
        """The container's id."""
        return str(self.data["id"])

    @property
    def pid(self) -> int:
        """The container's process as the runtime's caller sees it; 0 before there is one."""
        return int(self.data["pid"])

    def config(self) -> dict[str, Any]:
        """config.json as it was at create.

        Raises:
            StorageError: it is damaged.

        Spec: runtime-spec runtime.md#create (later changes have no effect)
        """
        if self._config is not None:
            return self._config
        try:
            with open(f"{self.directory}/config.json", encoding="utf-8") as file:
                config: dict[str, Any] = loads(file.read())
        except FileNotFoundError:
            # A delete that did not come to its end: of the container nothing else is left.
            return {}
        except ValueError as error:
            raise StorageError(f"{self.directory}/config.json cannot be read: {error}") from None
        if not isinstance(config, dict):
            raise StorageError(f"{self.directory}/config.json cannot be read: it is no object")
        self._config = config
        return config

    def cgroup(self, kernel: Kernel) -> Cgroup:
        """The container's control groups."""
        return Cgroup(
            kernel,
            self.data["cgroup"],
            self.data["cgroup_created"],
            self.data["cgroup_version"],
        )

    def status(self) -> str:
        """What is true at this moment.

        Spec: runtime-spec runtime.md#state (status)
        """
        if not self.data.get("made"):
            creating = processes.alive(self.data["creator"], self.data["creator_start_time"])
            return CREATING if creating else STOPPED
        if not self.alive():
            return STOPPED
        return CREATED if self._waiting() else RUNNING

    def alive(self) -> bool:
        """Whether the container's process is there; a zombie is not, nor is another process that
        was given its number.
        """
        return processes.alive(self.pid, self.data["start_time"])

    def shown_status(self, kernel: Kernel) -> str:
        """The status with ``paused``, which runc and crun add to the specification's four."""
        status = self.status()
        if status in (CREATED, RUNNING) and self.cgroup(kernel).frozen():
            return PAUSED
        return status

    def state(self, status: str | None = None, pid: int | None = None) -> State:
        """The state, as hooks read it.

        Spec: runtime-spec runtime.md#state
        """
        status = status or self.status()
        if pid is None:
            pid = 0 if status == STOPPED else self.pid
        return State(
            id=self.id,
            status=status,
            pid=pid,
            bundle=self.data["bundle"],
            annotations=self.data["annotations"],
            oci_version=self.data["oci_version"],
        )

    def require(self, operation: str, *statuses: str) -> str:
        """The status, if it is one of these.

        Raises:
            InvalidStatus: it is another.
        """
        status = self.status()
        if status not in statuses:
            cited = operation in ("start", "kill", "delete")
            told = f"it is {status}, not {' or '.join(statuses)}"
            if status == STOPPED and RUNNING in statuses:
                # runc's words, by which containerd's shim knows that nothing is left to be killed.
                told = f"container not running: {told}"
            raise InvalidStatus(
                f"cannot {operation} container {self.id}: {told}",
                citation=f"runtime-spec runtime.md#{operation if cited else 'operations'}",
            )
        return status

    def _waiting(self) -> bool:
        """Whether the container's process holds ``init.lock``: it is not yet the program."""
        try:
            fd = os.open(f"{self.directory}/init.lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def lock(self) -> None:
        """Keep other operations from changing the container until ``unlock``, or until it or this
        process is gone.

        Raises:
            ContainerNotFound: it was deleted while we waited.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            self._lock = os.open(f"{self.directory}/lock", flags, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            present = os.path.exists(f"{self.directory}/state.json")
        except FileNotFoundError:
            present = False
        if not present:
            self.unlock()
            raise ContainerNotFound(f"container {self.id} does not exist")

    def unlock(self) -> None:
        """Let others change it; no error where it is not locked."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def save(self) -> None:
        """Write state.json as a whole."""
        self.write("state.json", dumps(self.data))

    def amend(self, **changes: Any) -> None:
        """Change the data, and note it in state.json.

        Raises:
            StorageError: no space left and its like. What the file says is as before; the data are
                changed, for whoever undoes what they are about.
        """
        self.data.update(changes)
        path = f"{self.directory}/state.json"
        try:
            amend(path, changes)
        except OSError as error:
            raise storage_error(path, error) from None

    def write(self, name: str, text: str) -> None:
        """Replace a file of the directory atomically.

        Raises:
            StorageError: no space left and its like; the file before is untouched.
        """
        write_atomically(f"{self.directory}/{name}", text, 0o600)

    def forget(self) -> None:
        """Remove the directory: the id is free again. Never fails half-way for a missing file."""
        # state.json goes after what could not be removed: then delete can be called again.
        for name in _FILES:
            try:
                os.unlink(f"{self.directory}/{name}")
            except FileNotFoundError:
                continue
        try:
            for name in os.listdir(self.directory):
                os.unlink(f"{self.directory}/{name}")
            os.rmdir(self.directory)
        except FileNotFoundError:
            pass
        self.unlock()


def check_id(container: str) -> None:
    """Raise for what cannot be a container's id.

    Raises:
        ContainerError: it is empty, too long, or has characters that do not belong there.

    Spec: runtime-spec runtime.md#create
    """
    if (
        not container
        or len(container) > _LONGEST_ID
        or not set(container) <= _ID_CHARACTERS
        or container in (".", "..")
    ):
        raise ContainerError(
            f"{container[:60]!r} is not a container id",
            hint="letters, digits, '_', '+', '-' and '.', at most 255",
            citation="runtime-spec runtime.md#create",
        )


def _now() -> str:
    now = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1e9):09d}Z"
