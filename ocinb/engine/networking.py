"""A container's network as the engine sees it: planned before the container is made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.happenings import note
from ocinb.engine.runtime_process import interpreter
from ocinb.errors import UnsupportedHost
from ocinb.events import Warned
from ocinb.network import membership, user_space
from ocinb.network.attachments import Attachment
from ocinb.network.cni_config import CNI
from ocinb.network.membership import Member
from ocinb.network.networks import DEFAULT
from ocinb.network.plan import Container, add_to, plan, write_files
from ocinb.network.wishes import CONTAINER, HOST, NONE, check

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions, Membership
    from ocinb.engine.containers import ContainerRecord, Containers
    from ocinb.engine.images import LocalImage
    from ocinb.engine.rung import Rung
    from ocinb.events import Record
    from ocinb.network.networks import Networks
    from ocinb.spec.image_config import ImageConfig


def check_network(options: ContainerOptions, networks: Networks) -> None:
    """See what can be known to be wrong with a container's network before anything is made.

    Raises:
        NetworkError: wishes contradict each other, or a network is not there.
    """
    check(options.network, options.networking)
    for name in (options.network, *(wish.network for wish in options.networking.further)):
        ours = name not in (NONE, HOST, DEFAULT, *user_space.KINDS)
        if ours and not name.startswith((CONTAINER, CNI)):
            networks.get(name)


def add_network(
    config: dict[str, Any],
    files: ContainerFiles,
    image: LocalImage,
    options: ContainerOptions,
    rung: Rung,
    networks: Networks,
    record: Record,
    *,
    write: bool = True,
) -> None:
    """Plan a container's network, and add its hooks and mounts to config.json.

    Args:
        config: config.json; changed.
        record: told ``Warned`` for what the person should know.
        write: whether the files of the plan are written into the bundle, too.

    Raises:
        NetworkError: a wish cannot be fulfilled, as where a port is in use.
        UnsupportedHost: not by this user. StorageError: the disk refused.
    """
    network = options.network
    published = options.networking.publish
    if rung.emulated and published:
        raise UnsupportedHost(
            f"--publish {published[0]}: containers by {rung.name} have the network of this machine",
            hint="leave it out: a port that the program listens on is this machine's",
        )
    if rung.emulated and network not in (NONE, HOST):
        raise UnsupportedHost(
            f"--network {network}: containers by {rung.name} have the network of this machine",
            hint="--network host says so",
        )
    container = _container(config, files, image, options, rung)
    _add(config, container, options, networks, record, write=write)


def add_network_to_bundle(
    config: dict[str, Any],
    directory: Path,
    image: ImageConfig,
    options: ContainerOptions,
    networks: Networks,
    record: Record,
) -> None:
    """The same for a bundle that a person starts by hand, with whatever runtime and ID.

    Args:
        directory: the bundle.

    Raises:
        NetworkError, UnsupportedHost, StorageError: as for ``add_network``.
    """
    network = options.network
    if os.geteuid() != 0 and network not in (NONE, HOST):
        raise UnsupportedHost(
            f"--network {network}: the hooks of an ordinary user's bundle have no power over its "
            "network namespace",
            hint="ocinb run connects the container; a bundle can have --network none or host",
        )
    container = Container(
        id=str(directory),
        name=directory.name,
        hostname=config.get("hostname", ""),
        bundle=directory,
        events="",
        exposed=tuple(image.execution.exposed_ports or ()),
        rootless=False,
        joined=None,
        interpreter=interpreter(),
    )
    _add(config, container, options, networks, record, write=True)


def connect(containers: Containers, networks: Networks, name: str, wish: Membership) -> None:
    """Connect a container with a further network. See ``network.membership.connect``.

    Raises:
        ContainerNotFound. NetworkError, SyscallError, StorageError: as there.
    """
    files, member = _member(containers, name)
    membership.connect(networks, member, wish)
    note(files, "connect", detail=wish.network)


def disconnect(containers: Containers, networks: Networks, name: str, network: str) -> None:
    """Take a container out of a network. See ``network.membership.disconnect``.

    Raises:
        ContainerNotFound. NetworkError, SyscallError, StorageError: as there.
    """
    files, member = _member(containers, name)
    membership.disconnect(networks, member, network)
    note(files, "disconnect", detail=network)


def networks_of(networks: Networks, container: str) -> list[dict[str, Any]]:
    """In which networks a container is at this moment, and what it is known by there.

    Args:
        container: its ID.
    """
    attachment = Attachment.read(networks.state, container)
    links = attachment.values.get("links") or [] if attachment is not None else []
    return [
        {
            "network": link["network"]["name"],
            "interface": link["interface"],
            "ip": link.get("address"),
            "ip6": link.get("address6"),
            "gateway": link["network"]["gateway"] or None,
            "gateway6": link["network"].get("gateway6") or None,
            "mac": link["mac"],
            "names": link["names"],
        }
        for link in links
    ]


def rename_member(files: ContainerFiles, record: ContainerRecord, new: str) -> None:
    """Have a container's networks know it by another name. See ``membership.rename``."""
    membership.rename(_member_of(files, record), new)


def _member(containers: Containers, name: str) -> tuple[ContainerFiles, Member]:
    files, record = containers.find(name)
    return files, _member_of(files, record)


def _member_of(files: ContainerFiles, record: ContainerRecord) -> Member:
    return Member(
        id=record.id,
        name=record.name,
        pid=record.pid,
        directory=f"{files.bundle}/network",
        interpreter=interpreter(),
    )


def _add(
    config: dict[str, Any],
    container: Container,
    options: ContainerOptions,
    networks: Networks,
    record: Record,
    *,
    write: bool,
) -> None:
    made = plan(options, container, networks)
    for warning in made.warnings:
        record(Warned(message=warning))
    if write:
        write_files(made, container)
    add_to(config, made, container)


def _container(
    config: dict[str, Any],
    files: ContainerFiles,
    image: LocalImage,
    options: ContainerOptions,
    rung: Rung,
) -> Container:
    directory = Path(files.directory)
    document = read_json(files.record)
    joined = None
    if options.network.startswith(CONTAINER):
        other = directory.parent / options.network.removeprefix(CONTAINER)
        joined = Path(ContainerFiles(str(other)).bundle) / "network"
    return Container(
        id=directory.name,
        name=document.get("name", ""),
        hostname=config.get("hostname", ""),
        bundle=Path(files.bundle),
        events=files.events,
        exposed=tuple(image.config.execution.exposed_ports or ()),
        rootless=rung.user_namespace,
        joined=joined,
        interpreter=interpreter(),
    )
