"""The engine: from the name of an image to a process that has ended.

``Engine.run`` is the table of contents of this project: each of its lines is one stage of the
walk, and each stage is a room.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ocinb.bundle.options import ContainerOptions
from ocinb.content.store import Store
from ocinb.engine import attached, networking, stages
from ocinb.engine.attached import input_of
from ocinb.engine.choose import choose, ladder
from ocinb.engine.containers import ContainerRecord, Containers, record_of
from ocinb.engine.existing_containers import ExistingContainers
from ocinb.engine.happenings import Happenings
from ocinb.engine.image_users import ImageUsers
from ocinb.engine.images import Images, LocalImage
from ocinb.engine.launch import Shim
from ocinb.engine.named_volumes import NamedVolumes
from ocinb.engine.operations import Operations
from ocinb.engine.past_events import PastEvents
from ocinb.engine.restarting import refuse_restart
from ocinb.engine.rung import Choice, Rung
from ocinb.engine.settle import settle
from ocinb.engine.stacked import Stacked
from ocinb.engine.strace_output import traced
from ocinb.engine.way import Way, find_way
from ocinb.events import Warned, ignore
from ocinb.frozen import Frozen
from ocinb.layer.changeset import Limits
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.network.networks import Networks
from ocinb.overlay.manager import MountManager
from ocinb.private_directory import private_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ocinb.bundle.options import Membership
    from ocinb.distribution.client import Client
    from ocinb.engine.connection import OutputCallback
    from ocinb.events import Event, Record
    from ocinb.settings import Settings


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
    events: Sequence[Event]
    interrupted: bool = False


class Engine:
    """Images and containers of this user.

    Args:
        settings: directories and defaults.
        record: told everything that happens, but for the system calls of containers.
        client: in place of one made for the settings.

    Attributes:
        store: the content store.
        layers: the unpacked layers.
        images: what is in the store by name, and how more of them come there.
        containers: those that exist.
        mounts: the mounts that people asked for; those of containers are their monitors'.
        volumes: the volumes that outlive containers.
        happenings: what became of containers, also of those that were removed.
        networks: those that containers can be connected with.
        users: who runs in the containers of which image.

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
        self.record = record
        self._client = client
        self.users = ImageUsers()
        self._told: set[str] = set()
        self.happenings = Happenings(settings.containers)
        self._containers = Containers(settings.containers, settings.runtime_state)
        self.networks = Networks(settings.networks, settings.network_state)
        self._operations = Operations(
            self._containers, settings.runtime_state, settings.network_state, record
        )
        self.images = Images(
            settings, self.store, self.layers, self.mounts, lambda: self.client, record
        )
        self.containers = ExistingContainers(
            self._containers, self._operations, self.images, self.volumes, lambda: self.rung, record
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
        return self._client or user_client(os.environ, insecure=insecure, record=self.record)

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
        pass_on: bool | None = None,
        volatile: bool | None = None,
    ) -> Finished | ContainerRecord:
        """Run a container of an image, which is pulled if it is not there.

        Args:
            image: its name, or what ``images.pull`` and ``images.get`` return.
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
            pass_on: whether other signals than that of Ctrl-C go to the program as well; see
                ``attached.wait_for_end``.
            volatile: whether the files that it writes may be lost with this machine, so that
                nothing waits for the disk; None: if it is not kept. Volumes are not meant.

        Ctrl-C is sent to the program as SIGINT; if it does not end, it is killed. Whatever
        happens, what is not kept is gone when this returns, but for files that its monitor removes.

        Raises:
            UnsupportedHost: the kernel refuses containers; the message says which permission.
            StepFailed: the runtime could not create or start it; see ``exit_status.of_error``.
            OcinbError: anything that goes wrong on the way there.
        """
        wished = settle(options or ContainerOptions(), self._containers, self.record)
        wished = dataclasses.replace(wished, terminal=wished.terminal or tty)
        keep = detach if keep is None else keep
        if not keep:
            refuse_restart(wished.restart)
        way = self._way(runtime)
        shares_output = output is None and not detach
        with input_of(stdin) as given:
            local = self.images.available(image)
            layers = self.images.layers_for(local, way.rung)
            files = stages.claim(self._containers, local, wished, name, way)
            try:
                if claimed is not None:
                    claimed(os.path.basename(files.directory))
                with Shim(
                    files, self.record, output=output, stdin=given, shares_output=shares_output
                ) as shim:
                    stacked, order = self._creation(
                        shim,
                        local,
                        layers,
                        wished,
                        way,
                        interactive,
                        keep=keep,
                        volatile=not keep if volatile is None else volatile,
                    )
                    if detach:
                        os.fspath(stacked)  # what could not be mounted is not created
                        shim.ask("create", **order)
                        created = self.containers.get(os.path.basename(files.directory))
                        shim.ask("start", remove=not keep)
                        shim.detach()
                        # One that is not kept may be gone by now.
                        return record_of(files) or created
                    ended = attached.run_and_wait(
                        shim,
                        stacked,
                        order,
                        remove=not keep,
                        pass_on=pass_on,
                        raw=tty and output is None,
                    )
                    if ended is None:
                        # The keys to detach were typed: from now on it is as if detached.
                        left = self.containers.get(os.path.basename(files.directory))
                        shim.detach()
                        return left
                    events = PastEvents(files.events, traced(files))
                    if not keep:
                        self._containers.forget(files, rest=False)
            except BaseException:
                if not (keep and os.path.exists(files.started)):
                    self._operations.discard(files)
                raise
        container = os.path.basename(files.directory)
        return Finished(container=container, events=events, **dict(ended))

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
        wished = settle(options or ContainerOptions(), self._containers, self.record)
        way = self._way(runtime)
        local = self.images.available(image)
        layers = self.images.layers_for(local, way.rung)
        files = stages.claim(self._containers, local, wished, name, way)
        try:
            with Shim(files, self.record) as shim:
                stacked, order = self._creation(shim, local, layers, wished, way, interactive)
                os.fspath(stacked)
                shim.ask("create", **order)
                shim.detach()
        except BaseException:
            self._operations.discard(files)
            raise
        return self.containers.get(os.path.basename(files.directory))

    def connect(self, name: str, wish: Membership) -> None:
        """Connect a container with a further network. See ``networking.connect``."""
        networking.connect(self._containers, self.networks, name, wish)

    def disconnect(self, name: str, network: str) -> None:
        """Take a container out of a network. See ``networking.disconnect``."""
        networking.disconnect(self._containers, self.networks, name, network)

    def _creation(
        self,
        shim: Shim,
        image: LocalImage,
        layers: Sequence[Path],
        wished: ContainerOptions,
        way: Way,
        interactive: bool,
        *,
        keep: bool = True,
        volatile: bool = False,
    ) -> tuple[Stacked, dict[str, Any]]:
        """From unpacked layers, which are being stacked, to a bundle; the order that makes a
        container of it.
        """
        stacked = Stacked(shim, layers, way.rung, self.settings.run_root, volatile=volatile)
        config = stages.describe(
            shim.files,
            image,
            wished,
            stacked,
            way.rung,
            self.volumes,
            self.networks,
            self.users,
            self.record,
        )
        order = stages.creation(
            shim.files,
            stacked,
            config,
            self.settings.runtime_state,
            interactive=interactive,
            keep=keep,
        )
        return stacked, order

    def _way(self, runtime: str | None) -> Way:
        """How a container is run; a person is told once where something is lost by it."""
        choice = Choice(rung=self.rung, better=self._choice.better)
        way = find_way(self.settings, choice, runtime)
        if way.notice and way.notice not in self._told:
            self._told.add(way.notice)
            self.record(Warned(message=way.notice))
        return way
