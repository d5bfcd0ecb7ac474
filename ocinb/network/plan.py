"""From a person's wishes to what the hooks will do: ``network.json``, and what config.json says.

Everything that can be known to be wrong is said here, before anything is made: a port in use, an
address that is taken, a network that is not there, a user who may not have a bridge.

::

    network.json  kind        bridge, cni, pasta, slirp4netns, or ports (published ports only)
                  state       RUN_ROOT/networks
                  events      the container's file of events; may be empty
                  ports       those published
                  published   the file in which their numbers are written down
                  names       under which others of its networks know the container
                  hosts       its hosts file; empty: none is kept
                  base_hosts  the lines of it that do not change
                  ip, mac     wished for, or null
                  table       of kind bridge: its ports' name in the packet filter
                  links       of kind bridge, one for each network: network (its name, bridge,
                              subnets, internal), veth (the link on this machine), interface,
                              names, ip, ip6, mac; once made: address, address6
                  cni         of kind cni: the configuration list, where plugins are
                  program     of kinds pasta and slirp4netns: its path
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb import plain_json
from ocinb.errors import NetworkError, StorageError, UnsupportedHost
from ocinb.frozen import Frozen
from ocinb.network import listeners, resolving, user_space
from ocinb.network.cni_config import CNI, find_plugins, load_network
from ocinb.network.membership import link_of
from ocinb.network.ports import PublishedPort
from ocinb.network.publish import exposed, parse_all
from ocinb.network.wishes import CONTAINER, HOST, NONE, check, first_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ocinb.bundle.options import ContainerOptions, Networking
    from ocinb.network.networks import Networks

_HOOK = Path(__file__).with_name("hook.py")
_PATIENCE = 60
"""Seconds after which a runtime gives a hook up."""

_FILES = {"hosts": "/etc/hosts", "resolv.conf": "/etc/resolv.conf", "hostname": "/etc/hostname"}
"""File in ``BUNDLE/network`` → where the container sees it."""


class Container(Frozen):
    """What the plan of a container's network depends on, besides wishes.

    Attributes:
        id: its ID; of a bundle that is started by hand its directory, which names its link.
        name: its name.
        hostname: in its UTS namespace.
        bundle: its directory, absolute.
        events: its file of events; empty: none.
        exposed: ports that its image exposes, as ``80/tcp``.
        rootless: whether an ordinary user's.
        joined: ``BUNDLE/network`` of the container whose network it shares, or None.
        interpreter: the Python for the hooks.
    """

    id: str
    name: str
    hostname: str
    bundle: Path
    events: str
    exposed: tuple[str, ...]
    rootless: bool
    joined: Path | None
    interpreter: str


class Plan:
    """What is to be done for a container's network.

    Attributes:
        document: ``network.json``; None: there is nothing to do for hooks.
        files: name in ``BUNDLE/network`` → text.
        binds: path in the container → file of this machine.
        warnings: what the person should know, sentences.
    """

    def __init__(self) -> None:
        self.document: dict[str, Any] | None = None
        self.files: dict[str, str] = {}
        self.binds: dict[str, str] = {}
        self.warnings: list[str] = []


def plan(options: ContainerOptions, container: Container, networks: Networks) -> Plan:
    """What is to be done for a container's network.

    Raises:
        NetworkError: a wish cannot be fulfilled. UnsupportedHost: not by this user.
        StorageError: the disk refused.
    """
    check(options.network, options.networking)
    made = Plan()
    network, wishes = options.network, options.networking
    ports = parse_all(wishes.publish)
    if wishes.publish_all:
        ports += [port for text in container.exposed if (port := exposed(text)) is not None]
    if network == HOST and ports:
        made.warnings.append("published ports have no meaning with --network host: it has them all")
    if network.startswith(CONTAINER):
        _share_files(made, container)
        return made
    if network in (NONE, HOST):
        if network == HOST or _wants_files(wishes):
            _add_files(made, container, wishes, host=network == HOST, gateway=None)
        return made
    _connect(made, options, container, networks, ports)
    return made


def write_files(made: Plan, container: Container) -> None:
    """Write what a plan needs into the bundle.

    Raises:
        StorageError: the disk refused.
    """
    directory = container.bundle / "network"
    files = dict(made.files)
    if made.document is not None:
        files["network.json"] = plain_json.pretty(made.document) + "\n"
    if not files:
        return
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
            if name in made.files:
                (directory / name).chmod(0o644)  # for all users of a container, whatever our umask
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{directory} cannot be written: {reason}") from error


def add_to(config: dict[str, Any], made: Plan, container: Container) -> None:
    """Add a plan's hooks and mounts to config.json. What is mounted in their places stays.

    Spec: runtime-spec config.md#posix-platform-hooks
    """
    taken = {mount["destination"] for mount in config["mounts"]}
    for destination, source in made.binds.items():
        if destination not in taken:
            config["mounts"].append(
                {
                    "destination": destination,
                    "type": "bind",
                    "source": source,
                    "options": ["bind", "rw", "nosuid", "nodev", "noexec"],
                }
            )
    if made.document is not None:
        hooks = config.setdefault("hooks", {})
        path = str(container.bundle / "network" / "network.json")
        attach, detach = (_hook(container, word, path) for word in ("attach", "detach"))
        hooks["createRuntime"] = [attach, *hooks.get("createRuntime", [])]
        hooks["poststop"] = [*hooks.get("poststop", []), detach]


def _connect(
    made: Plan,
    options: ContainerOptions,
    container: Container,
    networks: Networks,
    ports: Sequence[PublishedPort],
) -> None:
    """Have the hooks connect the container."""
    wishes, network = options.networking, options.network
    listeners.close(listeners.listen(ports)[0])
    directory = container.bundle / "network"
    mac = None if wishes.mac_address is None else resolving.hardware_address(wishes.mac_address)
    document: dict[str, Any] = {
        "state": networks.state,
        "events": container.events,
        "ports": [dict(port) for port in ports],
        "names": _names(container, wishes),
        "hosts": str(directory / "hosts"),
        "published": str(directory / "ports"),
        "ip": wishes.ip,
        "mac": mac,
    }
    gateway = None
    if network.startswith(CNI):
        document |= _by_plugins(network.removeprefix(CNI), container, wishes, ports)
    elif network in user_space.KINDS or (
        container.rootless and network == "bridge" and not wishes.further
    ):
        document |= user_space.choose(None if network == "bridge" else network, made.warnings)
    else:
        found = _bridges(network, container, wishes, networks, document["names"])
        first = found["links"][0]["network"]
        gateway = first["gateway"] or first["gateway6"]
        document |= found
    servers = [user_space.SLIRP_SERVER] if document["kind"] == "slirp4netns" else []
    _add_files(made, container, wishes, host=False, gateway=gateway, servers=servers)
    document["base_hosts"] = made.files["hosts"].splitlines()
    made.document = document


def _bridges(
    name: str, container: Container, wishes: Networking, networks: Networks, names: Sequence[str]
) -> dict[str, Any]:
    first = first_of(name, wishes)
    if container.rootless:
        named = ", ".join([name, *(wish.network for wish in wishes.further)])
        raise UnsupportedHost(
            f"network {named}: an ordinary user may not make a bridge on this machine",
            hint="--network bridge connects the container through pasta or slirp4netns instead",
        )
    links = [
        link_of(networks, container.id, names, wish, f"eth{number}")
        for number, wish in enumerate([first, *wishes.further])
    ]
    return {"kind": "bridge", "links": links, "table": networks.table(container.id)}


def _by_plugins(
    name: str, container: Container, wishes: Networking, ports: Sequence[PublishedPort]
) -> dict[str, Any]:
    if container.rootless:
        raise UnsupportedHost(
            f"network cni:{name}: its plugins need the superuser",
            hint="--network bridge connects the container through pasta or slirp4netns instead",
        )
    network = load_network(name, os.environ)
    plugins = find_plugins(network, os.environ)
    if ports and not network.can("portMappings"):
        raise NetworkError(
            f"no plugin of the network cni:{name} publishes ports",
            hint="add the plugin portmap with the capability portMappings to its list",
        )
    if wishes.mac_address and not network.can("mac"):
        raise NetworkError(f"no plugin of the network cni:{name} sets a hardware address")
    return {"kind": "cni", "cni": {"list": network.document, "path": plugins}}


def _names(container: Container, wishes: Networking) -> list[str]:
    short = container.id[:12] if container.id.isalnum() else ""  # a bundle's is not known yet
    found = [container.name, container.hostname, short, *wishes.aliases]
    return list(dict.fromkeys(name for name in found if name))


def _wants_files(wishes: Networking) -> bool:
    return bool(wishes.dns or wishes.dns_search or wishes.dns_options or wishes.add_hosts)


def _add_files(
    made: Plan,
    container: Container,
    wishes: Networking,
    *,
    host: bool,
    gateway: str | None,
    servers: Sequence[str] = (),
) -> None:
    """The container's own hosts, resolv.conf and hostname."""
    own = resolving.read_of_this_machine
    lines = resolving.hosts_lines(
        wishes.add_hosts,
        gateway="127.0.0.1" if host else gateway,
        host=own("/etc/hosts") if host else None,
    )
    made.files = {
        "hosts": "".join(f"{line}\n" for line in lines),
        "hostname": f"{container.hostname}\n",
        "resolv.conf": resolving.resolv_conf(
            own("/etc/resolv.conf"),
            servers=wishes.dns or servers,
            search=wishes.dns_search,
            options=wishes.dns_options,
            own_loopback=not host,
        ),
    }
    if not container.hostname:
        del made.files["hostname"]  # it shares another's
    directory = container.bundle / "network"
    made.binds = {_FILES[name]: str(directory / name) for name in made.files}


def _share_files(made: Plan, container: Container) -> None:
    """Names are looked up as in the container whose network is shared."""
    for name, place in _FILES.items():
        if name != "hostname" and container.joined is not None:
            source = container.joined / name
            if source.is_file():
                made.binds[place] = str(source)


def _hook(container: Container, operation: str, path: str) -> Mapping[str, Any]:
    args = [container.interpreter, "-I", "-S", str(_HOOK), operation, path]
    return {"path": args[0], "args": args, "timeout": _PATIENCE}
