"""The engine: from the name of an image to a process that has ended.

``Engine.run`` is the table of contents of this project: each of its lines is one stage of the
walk, and each stage is a room.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ocinb.bundle.convert import command
from ocinb.bundle.options import ContainerOptions
from ocinb.content.store import Store
from ocinb.engine import attached, ending, joining, rung_cache, stages
from ocinb.engine.attached import Ended
from ocinb.engine.changed import Changed, changed
from ocinb.engine.choose import choose, ladder
from ocinb.engine.connection import OutputCallback
from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.containers import ContainerRecord, Containers, record_of
from ocinb.engine.copying.copy import Root, archive_in, archive_out, copy_in, copy_out
from ocinb.engine.fitting import fit
from ocinb.engine.happenings import Happenings, note
from ocinb.engine.images import Images, LocalImage
from ocinb.engine.joining import FurtherProcess
from ocinb.engine.launch import Shim
from ocinb.engine.limits import Resources, update
from ocinb.engine.log_file import LogChunk, read_log
from ocinb.engine.log_following import follow_log, last_lines
from ocinb.engine.named_volumes import NamedVolumes
from ocinb.engine.networking import add_network
from ocinb.engine.operations import Operations
from ocinb.engine.plain_bundle import check_empty, make_bundle
from ocinb.engine.rung import Choice, Rung
from ocinb.engine.settle import settle
from ocinb.engine.volumes import mount_of, planned
from ocinb.engine.way import Way, find_way
from ocinb.errors import NameNotFound, SyscallError, UnsupportedHost
from ocinb.events import Warned, ignore
from ocinb.frozen import Frozen
from ocinb.layer.changeset import Limits
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.network.networks import Networks
from ocinb.overlay.manager import MountManager
from ocinb.private_directory import private_directory
from ocinb.spec.platform import Platform
from ocinb.spec.reference import Reference
from ocinb.spec.runtime_config import check
from ocinb.spec.runtime_state import STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ocinb.distribution.client import Client
    from ocinb.engine.repair import Repaired
    from ocinb.events import Event, Record
    from ocinb.overlay.records import Mount
    from ocinb.settings import Settings
    from ocinb.spec.runtime_state import State


class Finished(Frozen):
    """An attached container that has ended.

    Attributes:
        container: its id.
        exit_status: of its program, as a shell has it: 128 and the signal's number if killed.
        events: what happened to it, in order.
        interrupted: whether Ctrl-C was pressed while it ran. The program may have taken that as
            a request and have ended well, so it is for the caller to say what it means.
    """

    container: str
    exit_status: int
    events: tuple[Event, ...]
    interrupted: bool = False


class Engine:
    """Images and containers of this user.

    Args:
        settings: directories and defaults.
        record: told everything that happens.
        client: in place of one made for the settings.

    Attributes:
        store: the content store.
        layers: the unpacked layers.
        mounts: the mounts that people asked for; those of containers are their monitors'.
        volumes: the volumes that outlive containers.
        happenings: what became of containers, also of those that were removed.
        networks: those that containers can be connected with.

    Raises:
        StorageError: a directory of the settings is another user's, or others may write into it.
    """

    def __init__(
        self, settings: Settings, record: Record = ignore, *, client: Client | None = None
    ) -> None:
        self.settings = settings
        for directory in (settings.root, settings.run_root):
            with contextlib.suppress(OSError):  # many commands do without; the others will tell
                private_directory(directory)
        self.store = Store(settings.store, record)
        limits = Limits.parse(settings.layer_limits)
        self.layers = UnpackedLayers(settings.layers, record, limits=limits)
        self.mounts = MountManager(settings.mounts, record, scratch=settings.root)
        self.volumes = NamedVolumes(settings.volumes, settings.containers)
        self._record = record
        self._client = client
        self._told: set[str] = set()
        self.happenings = Happenings(settings.containers)
        self._containers = Containers(settings.containers)
        self.networks = Networks(settings.networks, settings.network_state)
        self._operations = Operations(
            self._containers, settings.runtime_state, settings.network_state, record
        )

    @cached_property
    def client(self) -> Client:
        """Speaks to registries, with the logins, mirrors, certificates and proxies of this user.

        Made when first needed, for many commands do without.

        Raises:
            InvalidDocument: a registries.conf that is malformed.
        """
        from ocinb.distribution.user import user_client

        insecure = self.settings.insecure_registries
        return self._client or user_client(os.environ, insecure=insecure, record=self._record)

    @cached_property
    def rung(self) -> Rung:
        """How containers can be run here.

        Raises:
            UnsupportedHost: not at all.
        """
        return self._choice.rung

    @cached_property
    def _choice(self) -> Choice:
        return choose(self.settings.root, self.settings.run_root)

    def ladder(self) -> list[Rung]:
        """Every way of running containers, best first, with what the kernel answered to each."""
        return ladder(self.settings.root)

    # images

    def pull(self, reference: str, platform: str | Platform | None = None) -> LocalImage:
        """Bring an image from its registry into the store and unpack its layers.

        Args:
            reference: as docker has it.
            platform: as in ``linux/arm64``; None: this machine's.

        Raises:
            DocumentError, DistributionError, ContentError, LayerError, StorageError.
        """
        return self._images.pull(Reference.parse(reference), _platform(platform))

    def image(self, reference: str, platform: str | Platform | None = None) -> LocalImage:
        """An image that is in the store.

        Raises:
            NameNotFound, PlatformNotFound, DocumentError.
        """
        return self._images.get(Reference.parse(reference), _platform(platform))

    def available(self, reference: str | LocalImage) -> LocalImage:
        """An image from the store, or else from its registry."""
        if isinstance(reference, LocalImage):
            return reference
        try:
            return self.image(reference)
        except NameNotFound:
            return self.pull(reference)

    def images(self) -> list[LocalImage]:
        """The images in the store that can be run on this machine, in the order of their names."""
        from ocinb.errors import OcinbError

        found = []
        for name, _ in sorted(self.store.names.items(), key=lambda item: item[0]):
            try:
                found.append(self.image(name))
            except OcinbError:
                continue  # of another platform only, an artifact, or incomplete
        return found

    def unpack(self, image: LocalImage) -> list[Path]:
        """The directories of the layers, bottom to top; unpacked where they are not yet.

        Raises:
            BlobNotFound, DigestMismatch, LayerError, StorageError.
        """
        return self._images.unpack(image)

    def mount(self, image: LocalImage, target: str | os.PathLike[str] | None = None) -> Mount:
        """Show the layers of an image as one read-only tree, until ``umount``.

        Programs in it give nobody the power of their owner, and its device nodes open nothing.

        Args:
            image: from ``pull`` or ``image``.
            target: a directory; None: one of our own.

        Raises:
            BundleError: something is mounted there. SyscallError, UnsupportedHost, StorageError.
        """
        if target is None:
            digest = image.manifest_descriptor.digest
            trees = self.settings.root / "trees"
            private_directory(trees)
            target = trees / f"{digest.short}-{os.urandom(3).hex()}"
        return self.mounts.mount(self.unpack(image), target, keep=True)

    def umount(self, target: str | os.PathLike[str]) -> None:
        """Undo ``mount``.

        Raises:
            BundleError: there is no mount of ours. SyscallError: it is in use.
        """
        self.mounts.unmount(target)

    def bundle(
        self, image: LocalImage, options: ContainerOptions, directory: str | os.PathLike[str]
    ) -> Path:
        """Make a bundle that any OCI runtime runs, also without us: config.json and a plain tree.

        Returns:
            The path of config.json.

        Raises:
            StorageError: the directory is not empty, or the disk refused.
            BundleError: the config.json that was wished for is not valid.

        Spec: runtime-spec bundle.md#container-format
        """
        path = Path(directory).absolute()
        check_empty(path)
        wished = settle(options, self._containers)
        layers = self.unpack(image)
        return make_bundle(
            path, image.config, layers, wished, self.volumes, self.networks, self._record
        )

    def describe(
        self, image: LocalImage, options: ContainerOptions, rootfs: Path
    ) -> dict[str, Any]:
        """The config.json that a container would have, with ``ID`` in the place of its id.

        Args:
            rootfs: a tree with the image's ``etc/passwd`` and ``etc/group``.

        Raises:
            BundleError: image and options together make none that is valid. UnsupportedHost.
        """
        wished = settle(options, self._containers)
        config = stages.config_of("ID", image, wished, rootfs, self.rung)
        fit(config, self.rung, self._record, groups=wished.additional_groups)
        files = ContainerFiles(str(self.settings.containers / "ID"))
        bundle = files.bundle
        for number, volume in enumerate(planned(config, image.config, wished.volumes)):
            source = self.volumes.path(volume.name) if volume.name else f"{bundle}/volumes/{number}"
            config["mounts"].append(mount_of(volume, str(source)))
        add_network(
            config, files, image, wished, self.rung, self.networks, self._record, write=False
        )
        check(config)
        return config

    # containers

    def run(
        self,
        image: str | LocalImage,
        options: ContainerOptions | None = None,
        *,
        name: str | None = None,
        runtime: str | None = None,
        detach: bool = False,
        output: OutputCallback | None = None,
        stdin: int | bytes | None = None,
        tty: bool = False,
        keep: bool | None = None,
        interactive: bool = False,
        claimed: Callable[[str], None] | None = None,
    ) -> Finished | ContainerRecord:
        """Run a container of an image, which is pulled if it is not there.

        Args:
            image: its name, or what ``pull`` and ``image`` return.
            options: what its config.json shall be, beyond the image's own wishes.
            name: of the container; None: one is made up.
            runtime: ``ocinb``, ``runc``, ``crun``, ``proot``, ``fakechroot`` or a path; None: as
                in the settings.
            detach: return as soon as the program runs.
            output: given chunks of output with 1 or 2 for the stream, in this thread, as they
                come; None: they go to the standard output and error of this process.
            stdin: a descriptor, or the bytes themselves; None: there is no input.
            tty: give the container a terminal, and put this process's at its disposal.
            keep: whether its record stays, to be asked with ``state`` and ``logs``, until
                ``delete``; None: only if detached.
            interactive: what it reads can be typed later too, by ``attach``.
            claimed: given the container's id as soon as it has one.

        Ctrl-C is sent to the program as SIGINT; if it does not end, it is killed. Whatever
        happens, what is not kept is gone when this returns.

        Raises:
            UnsupportedHost: the kernel refuses containers; the message says which permission.
            StepFailed: the runtime could not create or start it; see ``exit_status.of_error``.
            OcinbError: anything that goes wrong on the way there.
        """
        wished = settle(options or ContainerOptions(), self._containers, self._record)
        wished = dataclasses.replace(wished, terminal=wished.terminal or tty)
        keep = detach if keep is None else keep
        way = self._way(runtime)
        local = self.available(image)
        layers = self._layers(local, way.rung)
        files = self._claim(local, wished, name, way)
        events: list[Event] = []
        try:
            if claimed is not None:
                claimed(os.path.basename(files.directory))
            with self._monitor(files, events, output, stdin, detach) as shim:
                rootfs = self._stack(shim, layers, way.rung)
                config = self._describe(files, local, wished, rootfs, way.rung)
                stages.create(
                    shim, files, config, self.settings.runtime_state, interactive=interactive
                )
                if detach:
                    created = self.container(os.path.basename(files.directory))
                    shim.ask("start", remove=not keep)
                    shim.detach()
                    # One that is not kept may be gone by now.
                    return record_of(files) or created
                with attached.raw_terminal(shim, wanted=tty and output is None):
                    ended = attached.start_and_wait(shim, remove=not keep)
                if ended is None:
                    # The keys to detach were typed: from now on it is as if detached.
                    left = self.container(os.path.basename(files.directory))
                    shim.detach()
                    return left
        except BaseException:
            if not (keep and os.path.exists(files.started)):
                self._operations.discard(files)
            raise
        if not keep:
            self._containers.forget(files)
        container = os.path.basename(files.directory)
        return Finished(container=container, events=tuple(events), **dict(ended))

    def create(
        self,
        image: str | LocalImage,
        options: ContainerOptions | None = None,
        *,
        name: str | None = None,
        runtime: str | None = None,
        interactive: bool = False,
    ) -> ContainerRecord:
        """Make a container whose program waits for ``start``. Arguments and errors as for ``run``.

        Spec: runtime-spec runtime.md#create
        """
        wished = settle(options or ContainerOptions(), self._containers, self._record)
        way = self._way(runtime)
        local = self.available(image)
        layers = self._layers(local, way.rung)
        files = self._claim(local, wished, name, way)
        try:
            with self._monitor(files, [], None, None, True) as shim:
                rootfs = self._stack(shim, layers, way.rung)
                config = self._describe(files, local, wished, rootfs, way.rung)
                stages.create(
                    shim, files, config, self.settings.runtime_state, interactive=interactive
                )
                shim.detach()
        except BaseException:
            self._operations.discard(files)
            raise
        return self.container(read_json(files.record)["id"])

    def start(self, name: str) -> None:
        """Run the program of a container that was created, or that has ended.

        Raises:
            ContainerNotFound, StepFailed. InvalidStatus: it runs.
        """
        files, record = self._containers.find(name)
        if record.status != STOPPED:
            self._operations.start(name)
            return
        with ending.one_start(files):
            ending.forget_end(files)
            try:
                with self._monitor(files, [], None, None, True) as shim:
                    stages.make_again(shim, files)
                    shim.ask("start", remove=False)
                    shim.detach()
            except BaseException as error:
                ending.note_failure(files, error)
                raise
            note(files, "start")

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
        with _descriptor(stdin) as given:
            return joining.execute(
                self._containers, name, process, detach=detach, output=output, stdin=given
            )

    def attach(
        self,
        name: str,
        *,
        output: OutputCallback | None = None,
        stdin: int | bytes | None = None,
    ) -> Ended | None:
        """Share the streams of a running container. See ``joining.attach``."""
        with _descriptor(stdin) as given:
            return joining.attach(self._containers, name, output=output, stdin=given)

    def containers(self) -> list[ContainerRecord]:
        """All containers of this user, oldest first, as they are at this moment."""
        return self._containers.list()

    def container(self, name: str) -> ContainerRecord:
        """One container by name, id, or the beginning of its id.

        Raises:
            ContainerNotFound.
        """
        return self._containers.find(name)[1]

    def state(self, name: str) -> State:
        """The state of a container. See ``Operations.state``."""
        return self._operations.state(name)

    def kill(self, name: str, signal: str | int = "TERM") -> None:
        """Send a signal to a container. See ``Operations.kill``."""
        self._operations.kill(name, signal)

    def delete(self, name: str, force: bool = False) -> None:
        """Remove a container. See ``Operations.delete``."""
        self._operations.delete(name, force=force)

    def pause(self, name: str) -> None:
        """Freeze all processes of a container. See ``Operations.pause``."""
        self._operations.pause(name)

    def unpause(self, name: str) -> None:
        """Let a paused container go on. See ``Operations.resume``."""
        self._operations.resume(name)

    def rename(self, name: str, new: str) -> None:
        """Give a container another name. See ``Containers.rename``."""
        self._containers.rename(name, new)

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
        rung = self.rung
        return root_of(
            files, record, path, lambda: self._layers(self.image(record.image), rung), rung
        )

    def changed(self, name: str) -> AbstractContextManager[Changed]:
        """What a container has changed; a running one is paused meanwhile. See ``changed``."""
        return changed(self._containers, self._operations, name)

    def repair_networks(self) -> list[str]:
        """Remove what containers that are gone left of their networks; a line for each thing."""
        from ocinb.network.undo import repair

        alive = {record.id for record in self.containers() if record.status != STOPPED}
        return repair(str(self.settings.network_state), alive.__contains__)

    def repair(self) -> list[Mount]:
        """Remove what killed processes left half-made or half-removed; the mounts among it.

        Containers whose monitor was killed are not touched: ``containers`` shows them as they
        are, and ``delete`` removes them.
        """
        self._containers.sweep()
        return self.mounts.repair()

    def repair_all(self) -> list[Repaired]:
        """Undo all that crashes left. See ``repair.repair``."""
        from ocinb.engine.repair import repair

        return repair(self, self._operations)

    def logs(
        self, name: str, *, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogChunk]:
        """What a container's program has written so far.

        Args:
            follow: go on with what it writes, until it has ended.
            tail: how many lines of what is there already; None: all.

        Raises:
            ContainerNotFound.
        """
        files, _ = self._containers.find(name)
        if not follow:
            return (
                read_log(files.log) if tail is None else iter(last_lines(read_log(files.log), tail))
            )
        return follow_log(files.log, lambda: _ended(files), tail=tail)

    def events(self, name: str) -> list[Event]:
        """What happened to a container, in order.

        Raises:
            ContainerNotFound.
        """
        from ocinb.engine.events_file import EventsReader

        files, _ = self._containers.find(name)
        return EventsReader(files.events).new()

    # what runs begin with

    @cached_property
    def _images(self) -> Images:
        return Images(self.store, self.layers, lambda: self.client, self._record)

    def _stack(self, shim: Shim, layers: Sequence[Path], rung: Rung) -> Path:
        try:
            return stages.stack(shim, layers, rung)
        except (SyscallError, UnsupportedHost):
            # What was found out about this machine is not true any more: the next one asks anew.
            rung_cache.forget(self.settings.run_root)
            raise

    def _layers(self, image: LocalImage, rung: Rung) -> list[Path]:
        """What a container's tree is stacked of, bottom to top."""
        layers = self.unpack(image)
        if layers and os.geteuid() and rung.user_namespace and not rung.one_id:
            from ocinb.engine.owned_layer import owned_layer

            owned = owned_layer(self.settings.owned, self.layers, image.config.chain_ids)
            layers += [owned] if owned is not None else []
        return layers

    def _way(self, runtime: str | None) -> Way:
        """How a container is run; a person is told once where something is lost by it."""
        choice = Choice(rung=self.rung, better=self._choice.better)
        way = find_way(self.settings, choice, runtime)
        if way.notice and way.notice not in self._told:
            self._told.add(way.notice)
            self._record(Warned(message=way.notice))
        return way

    def _claim(
        self, image: LocalImage, options: ContainerOptions, name: str | None, way: Way
    ) -> ContainerFiles:
        """A directory for the container; what can be known to fail fails before it is there."""
        program = command(image.config.execution, options)
        return self._containers.claim(
            image=image.name,
            runtime=way.runtime.name,
            name=name,
            command=program,
            manifest=image.manifest_descriptor.digest,
            volumes=[volume.name for volume in options.volumes if volume.name],
        )

    def _describe(
        self,
        files: ContainerFiles,
        image: LocalImage,
        options: ContainerOptions,
        rootfs: Path,
        rung: Rung,
    ) -> dict[str, Any]:
        return stages.describe(
            files, image, options, rootfs, rung, self.volumes, self.networks, self._record
        )

    def _monitor(
        self,
        files: ContainerFiles,
        events: list[Event],
        output: OutputCallback | None,
        stdin: int | bytes | None,
        detach: bool,
    ) -> Shim:
        def tell(event: Event) -> None:
            events.append(event)
            self._record(event)

        with _descriptor(stdin) as given:
            return Shim(files, tell, output=output, stdin=given, detached=detach)


def _platform(platform: str | Platform | None) -> Platform | None:
    return Platform.parse(platform) if isinstance(platform, str) else platform


@contextlib.contextmanager
def _descriptor(stdin: int | bytes | None) -> Iterator[int | None]:
    """Bytes as a file without a name, to be read from its beginning; what is one stays one."""
    if not isinstance(stdin, bytes):
        yield stdin
        return
    with open(os.memfd_create("stdin"), "w+b", 0) as file:
        file.write(stdin)
        file.seek(0)
        yield file.fileno()


def _ended(files: ContainerFiles) -> bool:
    """Whether nobody writes to a container's log any more: its monitor does until it is tidy."""
    record = record_of(files)
    if record is None:
        return True
    monitor = files.read_process(files.monitor)
    return record.status == STOPPED and (
        "clean" in read_json(files.exit) or monitor is None or not monitor.alive
    )
