"""Containers that exist, whoever made them: what can be asked of them, and done to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, BinaryIO

from ocinb.engine import ending, joining, stages
from ocinb.engine.attached import Ended, input_of
from ocinb.engine.changed import Changed, changed
from ocinb.engine.copying.copy import Root, archive_in, archive_out, copy_in, copy_out
from ocinb.engine.health_once import check_now
from ocinb.engine.joining import FurtherProcess
from ocinb.engine.launch import Shim
from ocinb.engine.limits import Resources, update
from ocinb.engine.log_file import LogChunk, read_log
from ocinb.engine.log_following import follow_log, is_quiet, last_lines
from ocinb.engine.networking import rename_member
from ocinb.engine.one_start import one_start
from ocinb.engine.settle import settle
from ocinb.engine.start_attached import start_attached
from ocinb.engine.strace_output import traced
from ocinb.spec.runtime_state import STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ocinb.bundle.options import ContainerOptions
    from ocinb.engine.connection import OutputCallback
    from ocinb.engine.container_files import ContainerFiles
    from ocinb.engine.containers import ContainerRecord, Containers
    from ocinb.engine.images import Images
    from ocinb.engine.named_volumes import NamedVolumes
    from ocinb.engine.operations import Operations
    from ocinb.engine.restarting import RestartPolicy
    from ocinb.engine.rung import Rung
    from ocinb.events import Event, Record
    from ocinb.spec.runtime_state import State


class ExistingContainers:
    """All containers of a user, each known by its name, its id, or the beginning of its id.

    Args:
        containers: their directories.
        operations: what runtimes do to them.
        images: those that they were made of.
        volumes: those that outlive them.
        rung: how containers can be run here, when that is needed.
        record: told everything that happens.
    """

    def __init__(
        self,
        containers: Containers,
        operations: Operations,
        images: Images,
        volumes: NamedVolumes,
        rung: Callable[[], Rung],
        record: Record,
    ) -> None:
        self._containers = containers
        self._operations = operations
        self._images = images
        self._volumes = volumes
        self._rung = rung
        self._record = record

    def all(self) -> list[ContainerRecord]:
        """Oldest first, as they are at this moment."""
        return self._containers.list()

    def get(self, name: str) -> ContainerRecord:
        """One container.

        Raises:
            ContainerNotFound: there is none. ContainerError: there are several.
        """
        return self._containers.find(name)[1]

    def start(self, name: str) -> None:
        """Run the program of a container that was created, or that has ended.

        Raises:
            ContainerNotFound, StepFailed. InvalidStatus: it runs.
        """
        files, record = self._containers.find(name)
        if record.status != STOPPED:
            ending.start_created(self._operations, files, name)
            return
        with one_start(files, STOPPED):
            ending.forget_end(self._operations, files)
            try:
                with Shim(files, self._record) as shim:
                    stages.make_again(shim, files)
                    shim.ask("start", remove=False)
                    shim.detach()
            except BaseException as error:
                ending.note_failure(files, error)
                raise

    def start_attached(
        self,
        name: str,
        *,
        output: OutputCallback | None = None,
        stdin: int | bytes | None = None,
        pass_on: bool | None = None,
    ) -> Ended | None:
        """The same, and wait for its end. See ``start_attached.start_attached``."""
        with input_of(stdin) as given:
            return start_attached(
                self._containers,
                self._operations,
                name,
                self._record,
                output=output,
                stdin=given,
                pass_on=pass_on,
            )

    def wait(self, name: str, seconds: float | None = None) -> int | None:
        """Wait until a container has ended; its exit status. See ``ending.wait``."""
        return ending.wait(self._containers, name, seconds)

    def stop(self, name: str, grace: float | None = None) -> None:
        """End a container gently. See ``ending.stop``."""
        ending.stop(self._containers, self._operations, name, grace)

    def restart(self, name: str, grace: float | None = None) -> None:
        """End a container's program if it runs, and run it again, on the same files.

        Raises:
            OcinbError: as for ``stop`` and ``start``.
        """
        self.stop(name, grace)
        self.start(name)

    def exec(
        self,
        name: str,
        process: FurtherProcess,
        *,
        detach: bool = False,
        output: OutputCallback | None = None,
        stdin: int | bytes | None = None,
    ) -> Ended | None:
        """Run a further process in a container. See ``joining.execute``."""
        with input_of(stdin) as given:
            return joining.execute(
                self._containers, name, process, detach=detach, output=output, stdin=given
            )

    def attach(
        self,
        name: str,
        *,
        output: OutputCallback | None = None,
        stdin: int | bytes | None = None,
        pass_on: bool | None = None,
    ) -> Ended | None:
        """Share the streams of a running container. See ``joining.attach``."""
        with input_of(stdin) as given:
            return joining.attach(
                self._containers, name, output=output, stdin=given, pass_on=pass_on
            )

    def state(self, name: str) -> State:
        """The state of a container. See ``Operations.state``."""
        return self._operations.state(name)

    def kill(self, name: str, signal: str | int = "TERM") -> None:
        """Send a signal to a container. See ``Operations.kill``."""
        self._operations.kill(name, signal)

    def delete(self, name: str, force: bool = False, *, volumes: bool = True) -> None:
        """Remove a container. See ``Operations.delete``.

        Args:
            volumes: with the volumes that its image asked for; else they stay.
        """
        self._operations.delete(name, force=force, keep=None if volumes else self._volumes.keep)

    def pause(self, name: str) -> None:
        """Freeze all processes of a container. See ``Operations.pause``."""
        self._operations.pause(name)

    def unpause(self, name: str) -> None:
        """Let a paused container go on. See ``Operations.resume``."""
        self._operations.resume(name)

    def rename(self, name: str, new: str) -> None:
        """Give a container another name. See ``Containers.rename`` and ``membership.rename``."""
        files, before = self._containers.find(name)
        self._containers.rename(name, new)
        rename_member(files, before, new)

    def update(self, name: str, resources: Resources) -> dict[str, Any]:
        """Change a container's limits. See ``limits.update``."""
        return update(self._containers, self._operations, name, resources)

    def copy_out(
        self, name: str, source: str, target: str, *, follow: bool = False, owners: bool = False
    ) -> None:
        """Copy from a container to this machine. See ``copying.copy.copy_out``."""
        with self._root_of(name, source) as (root, path):
            copy_out(root, path, target, follow=follow, owners=owners, record=self._record)

    def copy_in(
        self, name: str, source: str, target: str, *, follow: bool = False, owners: bool = False
    ) -> None:
        """Copy from this machine into a container. See ``copying.copy.copy_in``."""
        with self._root_of(name, target) as (root, path):
            copy_in(root, source, path, follow=follow, owners=owners)

    def archive_out(self, name: str, source: str, out: BinaryIO, *, follow: bool = False) -> None:
        """Write files of a container as a tar archive. See ``copying.copy.archive_out``."""
        with self._root_of(name, source) as (root, path):
            archive_out(root, path, out, follow=follow)

    def archive_in(self, name: str, archive: BinaryIO, target: str) -> None:
        """Unpack a tar archive in a container. See ``copying.copy.archive_in``."""
        with self._root_of(name, target) as (root, path):
            archive_in(root, archive, path)

    def _root_of(self, name: str, path: str) -> AbstractContextManager[tuple[Root, str]]:
        from ocinb.engine.copying.root import root_of

        files, record = self._containers.find(name)
        rung = self._rung()

        def layers() -> Sequence[Path]:
            return self._images.layers_for(self._images.get(record.image), rung)

        return root_of(files, record, path, layers, rung)

    def changed(self, name: str) -> AbstractContextManager[Changed]:
        """What a container has changed; a running one is paused meanwhile. See ``changed``."""
        return changed(self._containers, self._operations, name)

    def logs(
        self,
        name: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        until: float | None = None,
    ) -> Iterator[LogChunk]:
        """What a container's program has written so far.

        Args:
            follow: go on with what it writes, until it has ended.
            tail: how many lines of what is there already; None: all.
            until: when to stop following at the latest, seconds since the epoch.

        Raises:
            ContainerNotFound.
        """
        files, _ = self._containers.find(name)
        if not follow:
            return (
                read_log(files.log) if tail is None else iter(last_lines(read_log(files.log), tail))
            )

        def over() -> bool:
            return is_quiet(files) or (until is not None and time.time() >= until)

        return follow_log(files.log, over, tail=tail)

    def events(self, name: str) -> list[Event]:
        """What happened to a container, in order.

        Raises:
            ContainerNotFound.
        """
        from ocinb.event_log import EventsReader

        files, _ = self._containers.find(name)
        return [*EventsReader(files.events).new(), *traced(files)]

    def settle(self, options: ContainerOptions) -> ContainerOptions:
        """Wishes that name other containers. See ``settle.settle``."""
        return settle(options, self._containers)

    def check_free(self, name: str) -> None:
        """See whether a new container may have a name. See ``Containers.check_free``."""
        self._containers.check_free(name)

    def tidy(self, files: ContainerFiles) -> None:
        """Undo what was made for a container that has ended. See ``Operations.tidy``."""
        self._operations.tidy(files)

    def check_health(self, name: str) -> dict[str, Any]:
        """Check a container's health now. See ``health_once.check_now``."""
        return check_now(self._containers, name)

    def set_restart(self, name: str, policy: RestartPolicy) -> None:
        """Have a container run again by another policy. See ``Containers.set_restart``."""
        self._containers.set_restart(name, policy)

    def note_start(self, files: ContainerFiles, record: ContainerRecord) -> bool:
        """Write down a start that nobody did. See ``Operations.note_start``."""
        return self._operations.note_start(files, record)

    def sweep(self) -> None:
        """Remove what is left of containers whose removal was itself killed."""
        self._containers.sweep()
