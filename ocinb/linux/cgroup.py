"""Control groups, version 1 and 2 behind one door. See cgroups(7)."""

from __future__ import annotations

import os
import time

from ocinb.errors import SyscallError, UnsupportedHost
from ocinb.frozen import Frozen
from ocinb.linux.mounts import mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ocinb.linux.syscalls import Kernel

FROZEN, THAWED = "frozen", "thawed"
_LINKS_OF_LEAF = 2
_BUSY, _NO_ENTRY, _NO_PROCESS, _EXISTS = 16, 2, 3, 17


class Hierarchy(Frozen):
    """A mounted tree of control groups.

    Attributes:
        version: 1 or 2.
        controllers: as in ``("cpu", "cpuacct")``; a version 1 tree without any is called by its
            name, ``("name=systemd",)``; for version 2 those that its root offers.
        mount_point: where it is mounted.
        own: directory of the calling process's own group.
    """

    version: int
    controllers: tuple[str, ...]
    mount_point: str
    own: str

    @property
    def base(self) -> str:
        """Where relative paths start.

        A version 2 group that has processes, as our own has, cannot give its controllers to
        groups below it; so there it is the group above.
        """
        if self.version == 2 and self.own != self.mount_point:
            return os.path.dirname(self.own)
        return self.own

    def seen_by(self, group: Cgroup) -> Hierarchy:
        """The tree as a process of a group finds it; one without directories is no group."""
        own = group.directories.get((self.controllers or ("",))[0], self.own)
        return Hierarchy(**{**dict(self), "own": own})


def hierarchies() -> list[Hierarchy]:
    """The trees that bind here: all of version 1 where there are any, else the one of version 2.

    On a hybrid machine the controllers are those of version 1, and the empty version 2 tree is
    left alone, as runc does.
    """
    groups = dict(_own_groups())
    found: list[Hierarchy] = []
    for mount in mounts(fstypes=("cgroup", "cgroup2")):
        if mount.fstype == "cgroup":
            words = set(mount.super_options.split(","))
            key = next((k for k in groups if k and set(k.split(",")) <= words), None)
        elif mount.fstype == "cgroup2":
            key = "" if "" in groups else None
        else:
            continue
        # A tree may be mounted twice; the first place is enough.
        if key is None or any(key.split(",") == list(h.controllers) for h in found if key):
            continue
        own = mount.target + _below(groups[key], mount.root)
        found.append(
            Hierarchy(
                version=1 if key else 2,
                controllers=tuple(key.split(",")) if key else offered(mount.target),
                mount_point=mount.target,
                own=own.rstrip("/"),
            )
        )
    first = [hierarchy for hierarchy in found if hierarchy.version == 1]
    return first or found[:1]


def _own_groups() -> Iterator[tuple[str, str]]:
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            yield controllers, path


def _below(path: str, root: str) -> str:
    """A group's path as seen from a mount whose root is itself a group."""
    if root == "/" or not (path + "/").startswith(root.rstrip("/") + "/"):
        return path if root == "/" else ""
    return path[len(root) :]


def offered(directory: str) -> tuple[str, ...]:
    """The controllers that a group of version 2 has to give to groups below it."""
    try:
        with open(f"{directory}/cgroup.controllers", encoding="utf-8") as file:
            return tuple(file.read().split())
    except OSError:
        return ()


class Cgroup:
    """One group in every tree: the processes of one container.

    Args:
        kernel: makes the writes.
        directories: controller → directory. In version 2 all are the same directory.
        created: directories that were made for it, outermost first; only these are removed.
        version: 1 or 2; 0 where there are no control groups at all.
    """

    def __init__(
        self, kernel: Kernel, directories: dict[str, str], created: Iterable[str], version: int
    ) -> None:
        self.kernel = kernel
        self.directories = directories
        self.created = list(created)
        self.version = version

    @classmethod
    def create(cls, kernel: Kernel, path: str, trees: list[Hierarchy]) -> Cgroup:
        """Make the group where it is missing.

        Args:
            kernel: makes the calls.
            path: absolute, from the mount points; or relative, from the caller's own group.
            trees: as ``hierarchies()`` found them.

        Raises:
            SyscallError: the kernel refused; what was made until then is removed.
        """
        directories: dict[str, str] = {}
        group = cls(kernel, directories, (), trees[0].version if trees else 0)
        try:
            for tree in trees:
                base = tree.mount_point if path.startswith("/") else tree.base
                directory = os.path.normpath(f"{base}/{path.strip('/')}")
                # The trees of cpu and cpuset lie side by side: with a slash, for no name is a part
                # of another.
                if not f"{directory}/".startswith(f"{tree.mount_point}/"):
                    raise UnsupportedHost(f"the control group {path} is outside the hierarchy")
                group._make_retrying(tree, directory)
                for controller in tree.controllers or ("",):
                    directories[controller] = directory
        except BaseException:
            group.remove()
            raise
        return group

    def _make_retrying(self, tree: Hierarchy, directory: str) -> None:
        """Make a group with its parents, one of which another container may just be removing."""
        for attempt in range(10):
            try:
                return self._make(tree, directory)
            except SyscallError as error:
                if error.errno != _NO_ENTRY or attempt == 9:
                    raise
        return None

    def _make(self, tree: Hierarchy, directory: str) -> None:
        below = os.path.relpath(directory, tree.mount_point)
        current = tree.mount_point
        for name in [] if below == "." else below.split("/"):
            if tree.version == 2:
                self._enable(current, tree.controllers)
            current = f"{current}/{name}"
            if not os.path.isdir(current):
                self._make_directory(current)
            if "cpuset" in tree.controllers and tree.version == 1:
                self._fill_cpuset(current)

    def _make_directory(self, directory: str) -> None:
        try:
            self.kernel.mkdir(directory, 0o755)
        except SyscallError as error:
            if error.errno == _EXISTS:
                return  # another container's creation was quicker
            raise
        self.created.append(directory)

    def _enable(self, directory: str, controllers: tuple[str, ...]) -> None:
        """Let the children of a version 2 group have controllers; those refused are left out."""
        enabled = _read(f"{directory}/cgroup.subtree_control").split()
        for controller in offered(directory):
            if controller in controllers and controller not in enabled:
                try:
                    self.kernel.write(f"{directory}/cgroup.subtree_control", f"+{controller}")
                except SyscallError as error:
                    if error.errno not in (_BUSY, _NO_ENTRY, 1, 13, 22, 95):
                        raise

    def _fill_cpuset(self, directory: str) -> None:
        """A version 1 cpuset takes no process before it has processors and memory nodes."""
        for name in ("cpuset.cpus", "cpuset.mems"):
            if not _read(f"{directory}/{name}").strip():
                inherited = _read(f"{os.path.dirname(directory)}/{name}").strip()
                if inherited:
                    self.kernel.write(f"{directory}/{name}", inherited)

    def below(self, paths: dict[str, str]) -> Cgroup:
        """Groups that the container has made inside this one, for a process to be put into.

        Args:
            paths: controller → path beneath the group; the empty name is for every controller
                that is not named.

        Raises:
            UnsupportedHost: no such controller here, or no such group beneath this one.
        """
        directories = {}
        for controller in paths:
            if controller and (self.version == 2 or controller not in self.directories):
                raise UnsupportedHost(f"there is no separate tree of control groups {controller}")
        for controller, directory in self.directories.items():
            path = paths.get(controller, paths.get("", "/"))
            inner = os.path.normpath(f"{directory}/{path.strip('/')}")
            inside = f"{inner}/".startswith(f"{directory}/") and ".." not in path.split("/")
            if not inside or not os.path.isdir(inner):
                raise UnsupportedHost(f"{path} is no control group of the container")
            directories[controller] = inner
        return Cgroup(self.kernel, directories, (), self.version)

    def add(self, pid: int) -> None:
        """Put a process, and the children it will have, into the group."""
        for directory in self._each():
            self.kernel.write(f"{directory}/cgroup.procs", str(pid))

    def join(self) -> None:
        """Put the calling process, which has one thread, into the group.

        Version 1 takes a thread that names itself at once. To move a process of somebody else it
        stops all processes of the machine from forking for a moment, and waits for that.
        """
        name = "cgroup.procs" if self.version == 2 else "tasks"
        for directory in self._each():
            self.kernel.write(f"{directory}/{name}", "0")

    def write(self, controller: str, name: str, value: str) -> None:
        """Set a parameter.

        Raises:
            UnsupportedHost: this machine has no such controller.
            SyscallError: the kernel refused the value.
        """
        directory = self.directory(controller)
        if directory is None:
            raise UnsupportedHost(
                f"this machine has no {controller} controller of control groups, so {name} "
                "cannot be set",
                hint="take the limit out of linux.resources",
            )
        self.kernel.write(f"{directory}/{name}", value)

    def read(self, controller: str, name: str) -> str:
        """A parameter without its line end; empty where there is none of that name."""
        directory = self.directory(controller)
        return "" if directory is None else _read(f"{directory}/{name}").strip()

    def has(self, controller: str, name: str) -> bool:
        """Whether the parameter exists here."""
        directory = self.directory(controller)
        return directory is not None and os.path.exists(f"{directory}/{name}")

    def directory(self, controller: str) -> str | None:
        """The group's directory in the tree of a controller; None where there is no such tree.

        ``cgroup`` and the empty name mean the core files of version 2.
        """
        if self.version == 2 and controller in ("cgroup", ""):
            return next(iter(self.directories.values()), None)
        return self.directories.get(controller)

    def pids(self) -> list[int]:
        """The processes in the group and in the groups below it."""
        # Any one tree tells; freezer or pids are the least likely to have been left by a process.
        for controller in ("freezer", "pids", *self.directories):
            if controller in self.directories:
                return sorted(set(_pids_in(self.directories[controller])))
        return []

    def frozen(self) -> bool:
        """Whether the group is frozen."""
        if self.version == 2:
            directory = self.directory("")
            return directory is not None and _read(f"{directory}/cgroup.freeze").strip() == "1"
        directory = self.directories.get("freezer")
        return directory is not None and _read(f"{directory}/freezer.state").strip() in (
            "FROZEN",
            "FREEZING",
        )

    def freeze(self, state: str) -> None:
        """Freeze or thaw all processes, and wait until it is so (at most 2 s).

        Raises:
            UnsupportedHost: no freezer here, or it did not come to rest.
        """
        if self.version == 2:
            self.write("", "cgroup.freeze", "1" if state == FROZEN else "0")
            done = f"frozen {1 if state == FROZEN else 0}"
            self._await("", "cgroup.events", done)
        else:
            self.write("freezer", "freezer.state", state.upper())
            self._await("freezer", "freezer.state", state.upper())

    def _await(self, controller: str, name: str, wanted: str) -> None:
        directory = self.directory(controller)
        for _ in range(200):
            if wanted in _read(f"{directory}/{name}"):
                return
            time.sleep(0.01)
        raise UnsupportedHost(f"{directory}/{name} did not become {wanted!r} within 2 seconds")

    def kill(self) -> None:
        """Kill every process of the group, also a frozen one."""
        if self.version == 2 and self.has("", "cgroup.kill"):
            self.write("", "cgroup.kill", "1")
            return
        for _ in range(100):
            pids = self.pids()
            if not pids:
                return
            for pid in pids:
                try:
                    self.kernel.kill(pid, 9)
                except SyscallError as error:
                    if error.errno != _NO_PROCESS:
                        raise
            if self.frozen():
                self.freeze(THAWED)
            time.sleep(0.01)

    def remove(self) -> None:
        """Remove the directories that were made for the group; others stay.

        A parent that is in use by another group by now stays too.

        Raises:
            SyscallError: the innermost one is still busy after a second.
        """
        innermost = set(self.directories.values())
        for directory in reversed(self.created):
            try:
                _remove_tree(directory, own=directory in innermost)
            except SyscallError as error:
                if directory in innermost or error.errno != _BUSY:
                    raise

    def _each(self) -> list[str]:
        return list(dict.fromkeys(self.directories.values()))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _pids_in(directory: str) -> list[int]:
    groups = [directory, *groups_below(directory)]
    return [int(pid) for path in groups for pid in _read(f"{path}/cgroup.procs").split()]


def _remove_tree(directory: str, *, own: bool) -> None:
    """rmdir; of the container's own group also those that it has made below, however deep."""
    for attempt in range(100):
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            return
        except OSError as error:
            # A killed process may take a moment to leave; groups below never leave by themselves.
            inner = groups_below(directory)[::-1]
            in_use = bool(inner) and not own
            if error.errno != _BUSY or attempt == 99 or in_use:
                raise SyscallError("rmdir", (directory,), error.errno or 0) from None
            for path in inner:
                _remove_tree(path, own=True)
            if not inner:
                time.sleep(0.01)
        else:
            return


def groups_below(directory: str) -> list[str]:
    """All of them, the upper before the lower; a container may have made very many."""
    found = [directory]
    for path in found:
        try:
            # Besides, a directory has a link for each directory in it.
            if os.stat(path).st_nlink != _LINKS_OF_LEAF:
                found += [entry.path for entry in os.scandir(path) if entry.is_dir()]
        except FileNotFoundError:
            continue
    return found[1:]
