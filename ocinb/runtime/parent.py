"""Create, as the runtime sees it: fork, answer the container's process, run hooks.

The other side of this conversation is ``container_process.py``.
"""

from __future__ import annotations

import os

from ocinb.errors import StepFailed, SyscallError
from ocinb.frozen import Frozen
from ocinb.linux import flags as f
from ocinb.linux import processes
from ocinb.linux.cgroup import Cgroup, hierarchies
from ocinb.linux.id_maps import IdMap, write_maps
from ocinb.linux.namespaces import in_user_namespace
from ocinb.runtime import entering, id_mapped, resources
from ocinb.runtime.bind_source import open_source
from ocinb.runtime.container_process import live
from ocinb.runtime.environment import Environment, close_all
from ocinb.runtime.failures import rebuilt
from ocinb.runtime.from_outside import prepare_filter, set_rlimit
from ocinb.runtime.hooks import hooks_ran, run_hooks
from ocinb.runtime.host_root import bind_root, unbind_root
from ocinb.runtime.mount_options import parse
from ocinb.runtime.start_gate import Gate
from ocinb.runtime.steps import labels
from ocinb.runtime.sync import (
    ENVIRONMENT,
    FAILED,
    INIT,
    MAP_IDS,
    PROCEED,
    READY,
    Channel,
    host_is_waited_for,
)
from ocinb.spec.runtime_state import CREATING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.log import Log
    from ocinb.runtime.recording import Recording
    from ocinb.runtime.standby import Standby

_NOT_ALLOWED = (1, 2, 13, 30)  # EPERM, ENOENT, EACCES, EROFS
_SIGKILL = 9


class CreateOptions(Frozen):
    """What create's caller says beside the bundle.

    Attributes:
        console: descriptor of a connected Unix socket for the terminal's master; -1 for none.
        preserve: descriptors from 3 on that the program shall have.
        pivot: False to move the root instead (``--no-pivot``).
        keyring: False to keep the caller's session keyring.
        rootless: this user cannot have control groups of the host: True, False, None to find out.
        forked: told the number of the container's process as soon as that is written down.
        standby: a process that waits to be the container's; None: there is none.
    """

    console: int = -1
    preserve: int = 0
    pivot: bool = True
    keyring: bool = True
    rootless: bool | None = None
    forked: Callable[[int], None] = lambda _: None
    standby: Standby | None = None


class Creation:
    """One container in the making.

    Args:
        container: claimed.
        config: config.json, checked.
        options: of the caller.
        recording: records steps and system calls.
        log: takes warnings.
    """

    def __init__(
        self,
        container: Container,
        config: dict[str, Any],
        options: CreateOptions,
        recording: Recording,
        log: Log,
    ) -> None:
        self.container = container
        self.config = config
        self.options = options
        self.recording = recording
        self.kernel = recording.kernel
        self.log = log
        self.cgroup: Cgroup | None = None
        self._children: list[int] = []
        rootless = options.rootless
        self._rootless = (
            (os.geteuid() != 0 or in_user_namespace()) if rootless is None else rootless
        )

    def make(self) -> None:
        """Steps 1 to 5 of the lifecycle; afterwards the container's process waits for start.

        Raises:
            OcinbError: a step failed; ``undo`` is to be called.
        """
        environment = self._environment()
        gate = Gate.make(self.container)
        try:
            ours, theirs = Channel.pair()
        except OSError:
            # Undoing takes descriptors, of which there may be no others.
            gate.leave()
            raise
        try:
            try:
                child = self._begin(environment, theirs, gate)
                self._children.append(child)
            finally:
                theirs.close()
                gate.leave()
                close_all(*environment.sources.values(), *environment.listeners())
            # It enters its namespaces meanwhile.
            self._make_cgroup(environment, ours)
            if not entering.needs_another(environment.namespaces):
                self._remember(child)
            self._converse(ours, child)
        finally:
            ours.close()

    def _begin(self, environment: Environment, channel: Channel, gate: Gate) -> int:
        """Have the container's process, or the one that must go between; its pid."""
        if entering.needs_another(environment.namespaces):
            # The container's process becomes our child when the process between us ends.
            self.recording.field = ""
            self.kernel.prctl(f.PR_SET_CHILD_SUBREAPER, 1)
        self.recording.field = "linux.namespaces"
        standby = self.options.standby
        if standby is not None and (pid := standby.become(environment, channel, gate)):
            return pid
        self.recording.flush()
        child = self.kernel.fork(entering.made_by_fork(environment.namespaces))
        if child == 0:
            live(environment, channel, gate)
        return child

    def _environment(self) -> Environment:
        data = self.container.data
        environment = Environment(
            config=self.config,
            process=self.config.get("process"),
            bundle=data["bundle"],
            rootfs=data["rootfs"],
            recording=self.recording,
            log=self.log,
            state=self.container.state(CREATING),
        )
        environment.console_socket = self.options.console
        environment.preserve = self.options.preserve
        environment.pivot = self.options.pivot
        environment.keyring = self.options.keyring
        if not os.path.isdir(environment.rootfs):
            raise StepFailed(
                f"root.path {environment.rootfs} is not a directory",
                citation="runtime-spec config.md#root",
            )
        prepare_filter(environment)
        labels.check(environment)
        if not environment.own_mounts:
            bind_root(self.container, self.recording, self.log)
        self._open_sources(environment)
        return environment

    def _open_sources(self, environment: Environment) -> None:
        """Open what only the host's superuser can: sources that the superuser of a new user
        namespace may not reach, and those whose ids are mapped.
        """
        own_ids = environment.namespaces.get("user") == "" and not self._rootless
        for number, entry in enumerate(self.config.get("mounts") or []):
            options = parse(entry.get("options") or [])
            if not options.bind or options.remount:
                continue
            self.recording.field = f"mounts[{number}] ({entry['destination']})"
            mapped = id_mapped.wanted(entry, options)
            if own_ids or mapped:
                tree = environment.sources[number] = open_source(
                    environment.kernel, environment.bundle, entry, options
                )
                if mapped:
                    id_mapped.apply(environment, tree, entry, options)

    def _make_cgroup(self, environment: Environment, channel: Channel) -> None:
        """The container's control groups, which its process then joins; without the right to make
        any, none are needed as long as no limit is asked for.

        Spec: runtime-spec config-linux.md#cgroups-path
        """
        linux = self.config.get("linux") or {}
        path = linux.get("cgroupsPath") or self.container.id
        self.recording.field = "linux.cgroupsPath"
        trees = hierarchies()
        try:
            self.cgroup = Cgroup.create(self.kernel, path, trees)
        except SyscallError as error:
            limits = resources.asks_for_limits(linux.get("resources") or {})
            if not self._rootless or limits or error.errno not in _NOT_ALLOWED:
                raise
            self.cgroup = Cgroup(self.kernel, {}, (), 0)
        if self.cgroup.frozen():
            raise StepFailed(
                f"the control group {path} is frozen: nothing in it would ever run",
                citation="runtime-spec config-linux.md#control-groups",
            )
        self.container.amend(
            cgroup=self.cgroup.directories,
            cgroup_created=self.cgroup.created,
            cgroup_version=self.cgroup.version,
        )
        seen = None
        if environment.namespaces.get("mount") == "":  # it has the same mounts as we
            seen = [dict(tree.seen_by(self.cgroup)) for tree in trees]
        channel.send(
            PROCEED, directories=self.cgroup.directories, version=self.cgroup.version, trees=seen
        )

    def _converse(self, channel: Channel, child: int) -> None:
        """Answer the child until it is ready."""
        while True:
            message = channel.receive()
            if message is None:
                raise StepFailed(f"the container's process ended during create: {self._reap()}")
            kind = message["kind"]
            if kind == FAILED:
                raise rebuilt(message)
            if kind == READY:
                return
            if kind == INIT:
                self._adopt(child, message["pid"])
                channel.send(PROCEED)
            elif kind == MAP_IDS:
                self._map_ids(child)
                channel.send(PROCEED)
            elif kind == ENVIRONMENT:
                self._limit()
                if host_is_waited_for(self.config):
                    self._host_side()
                    channel.send(PROCEED)

    def _map_ids(self, child: int) -> None:
        linux = self.config["linux"]
        self.recording.field = "linux.uidMappings"
        write_maps(
            self.kernel,
            child,
            _maps(linux["uidMappings"]),
            _maps(linux["gidMappings"]),
        )

    def _adopt(self, child: int, pid: int) -> None:
        """Take the container's process as our child; the one between us has ended."""
        self._children.append(pid)
        os.waitpid(child, 0)
        self._children.remove(child)
        self._remember(pid)

    def _remember(self, pid: int) -> None:
        self.container.amend(pid=pid, start_time=processes.start_time(pid))
        self.options.forked(pid)

    def _limit(self) -> None:
        """Limit the control groups, once the environment is made."""
        assert self.cgroup is not None
        linux = self.config.get("linux") or {}
        self.recording.field = "linux.resources"
        if self.cgroup.version:
            resources.apply(self.cgroup, linux.get("resources") or {}, devices=not self._rootless)

    def _host_side(self) -> None:
        """What else the host does then, for which the container's process waits: limits of its
        own and interfaces, then steps 3 and 4.
        """
        linux = self.config.get("linux") or {}
        self._set_rlimits()
        if linux.get("netDevices"):
            from ocinb.runtime.net_devices import move_devices

            move_devices(self.recording, linux["netDevices"], self.container.pid)
        state = self.container.state(CREATING, self.container.pid)
        for number, stage in ((3, "prestart"), (4, "createRuntime")):
            with self.recording.step(number) as step:
                hooks, bundle = self.config.get("hooks"), self.container.data["bundle"]
                ran = run_hooks(self.recording, hooks, stage, state, directory=bundle)
                step.detail = hooks_ran(ran)

    def _set_rlimits(self) -> None:
        """Spec: runtime-spec config.md#posix-process (rlimits)"""
        process = self.config.get("process") or {}
        for number, limit in enumerate(process.get("rlimits") or []):
            self.recording.field = f"process.rlimits[{number}]"
            set_rlimit(self.recording, self.container.pid, limit)

    def undo(self) -> None:
        """Kill what was forked and remove the control groups; may be called twice."""
        for pid in self._children:
            try:
                self.kernel.kill(pid, _SIGKILL)
            except SyscallError:
                continue
        self._reap()
        if self.cgroup is not None:
            if self.cgroup.created:
                self.cgroup.kill()
            self.cgroup.remove()
        unbind_root(self.container, self.kernel)

    def _reap(self) -> str:
        """Wait for our children; returns how the last one ended."""
        ended = ""
        # Others may have become ours, such as what a hook left behind: they are not waited for.
        for pid in self._children:
            try:
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            except ChildProcessError:
                continue
            ended = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
        self._children.clear()
        return ended


def _maps(entries: list[dict[str, int]]) -> list[IdMap]:
    return [
        IdMap(inside=entry["containerID"], outside=entry["hostID"], size=entry["size"])
        for entry in entries
    ]
