"""What a person may wish for a container, beyond what its image says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

NO_NETWORK = "none"
HOST_NETWORK = "host"
DEFAULT_SECCOMP, UNCONFINED = "default", "unconfined"
HOST, PRIVATE = "host", "private"
UNMASK_ALL = "ALL"
STOP_TIMEOUT = "ocinb.stopTimeout"
"""The annotation that says how many seconds ``stop`` waits."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume: a directory that we keep, not one that the person names.

    Attributes:
        name: among this user's volumes; empty for one that goes with its container.
        destination: absolute path in the container.
        options: of the bind mount, as in ``("ro",)``.
        copy: whether a volume that is empty gets what the image has at that place.
    """

    name: str
    destination: str
    options: Sequence[str] = ()
    copy: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Membership:
    """Wishes about a container's part in one network.

    Attributes:
        network: its name.
        ip: the container's address there, of version 4.
        ip6: that of version 6.
        mac_address: of its interface.
        aliases: further names there.
    """

    network: str
    ip: str | None = None
    ip6: str | None = None
    mac_address: str | None = None
    aliases: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Networking:
    """Wishes about a container's network, each as a person types it.

    Attributes:
        publish: ``[ADDRESS:][PORT:]PORT[/tcp|udp]`` each, ranges too.
        publish_all: publish the ports that the image exposes, on any free ones.
        dns: addresses of name servers in place of this machine's.
        dns_search: domains in place of this machine's; ``.`` is none.
        dns_options: of resolv.conf, in place of this machine's.
        add_hosts: ``NAME:ADDRESS`` each.
        ip: the container's address in its network.
        ip6: that of version 6.
        mac_address: of its interface.
        aliases: further names in all its networks.
        first_aliases: in that one only which the options name.
        further: networks of ours besides the one that the options name, each by an interface of
            its own.
    """

    publish: Sequence[str] = ()
    publish_all: bool = False
    dns: Sequence[str] = ()
    dns_search: Sequence[str] = ()
    dns_options: Sequence[str] = ()
    add_hosts: Sequence[str] = ()
    ip: str | None = None
    ip6: str | None = None
    mac_address: str | None = None
    aliases: Sequence[str] = ()
    first_aliases: Sequence[str] = ()
    further: Sequence[Membership] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Health:
    """Wishes about how a container's health is checked; what is None is left to the image.

    Attributes:
        off: it is not, whatever the image says.
        command: the program that is run in the container, and its arguments.
        interval: seconds between checks.
        timeout: seconds that one may take.
        start_period: seconds from the start in which a failure does not count.
        retries: failures, one after the other, that mean unhealthy.
    """

    off: bool = False
    command: Sequence[str] = ()
    interval: float | None = None
    timeout: float | None = None
    start_period: float | None = None
    retries: int | None = None

    @property
    def numbers(self) -> tuple[float | None, ...]:
        """All but what is run."""
        return self.interval, self.timeout, self.start_period, self.retries


@dataclasses.dataclass(frozen=True, kw_only=True)
class ContainerOptions:
    """Wishes; what is None or empty is left to the image, then to the defaults.

    Attributes:
        args: the command; replaces the image's Cmd, and follows its Entrypoint.
        entrypoint: replaces the image's Entrypoint, and drops its Cmd; empty: no entrypoint.
        env: ``NAME=value`` each, over the image's.
        cwd: working directory, absolute.
        user: ``user``, ``uid``, ``user:group`` … as in the image config.
        umask: file mode creation mask.
        hostname: name in the container's UTS namespace.
        additional_groups: names or numbers, besides the user's own.
        stop_signal: what asks the program to end, in place of the image's wish.
        stop_timeout: seconds that it has then.
        init: whether a small process of ours is the first, which collects orphans.
        terminal: whether standard input and outputs are a terminal.
        read_only: whether the root filesystem cannot be written.
        mounts: entries of config.json's ``mounts``; one with the destination of a default
            mount replaces it.
        volumes: mounts of volumes.
        shm_size: bytes of /dev/shm.
        devices: entries of config.json's ``linux.devices``.
        device_rules: entries of config.json's ``linux.resources.devices``, after the one that
            forbids all.
        add_capabilities: names, with or without ``CAP_``; ``ALL`` is all.
        drop_capabilities: likewise; dropping comes before adding.
        privileged: all capabilities and devices, and nothing masked, read-only or filtered.
        no_new_privileges: whether programs in the container may not gain privileges.
        oom_score_adj: the kernel's inclination to kill it, -1000 … 1000.
        rlimits: ``(type, soft, hard)``, as in ``("RLIMIT_NOFILE", 1024, 1024)``.
        resources: fields of config.json's ``linux.resources``, without devices.
        sysctl: kernel parameters of the container's namespaces.
        namespaces: type → ``host`` (none of its own), ``private``, or a path to join.
            ``container:NAME`` is for the engine, which makes a path of it.
        joined: the engine's note of whose namespaces those paths are: type → container's id.
        masked_paths: made unreadable besides those that always are.
        unmasked_paths: neither masked nor read-only; ``ALL`` is all.
        hooks: stage → entries of config.json's ``hooks``.
        annotations: over the image's labels.
        network: ``none`` (a network namespace with loopback only), ``host``, ``bridge``, the name
            of a network, ``container:NAME``, ``cni:NETWORK``, ``pasta`` or ``slirp4netns``.
        networking: what else is wished of the network.
        rootless: leave out what needs the real superuser: device rules, a place for cgroups.
        one_id: leave out further groups: the user namespace has the id 0 only.
        user_namespace: ask for a user namespace in which this user is the superuser, so that
            an ordinary user can run the bundle by hand. The engine does without: its monitor is
            in such a namespace already.
        seccomp: ``default`` (our profile), ``unconfined`` (no filter), or config.json's
            ``linux.seccomp`` itself.
        cgroup_parent: the control group in which the engine makes the container's.
        cgroups_path: config.json's ``linux.cgroupsPath``; None: the runtime chooses.
        restart: when the engine runs it again, as in ``on-failure:3``.
        strace: whether strace is attached to its program.
        health: how the engine checks its health.
    """

    args: Sequence[str] | None = None
    entrypoint: Sequence[str] | None = None
    env: Sequence[str] = ()
    cwd: str | None = None
    user: str | None = None
    additional_groups: Sequence[str] = ()
    stop_signal: str | None = None
    stop_timeout: int | None = None
    umask: int | None = None
    hostname: str | None = None
    init: bool = False
    terminal: bool = False
    read_only: bool = False
    mounts: Sequence[Mapping[str, Any]] = ()
    volumes: Sequence[Volume] = ()
    shm_size: int | None = None
    devices: Sequence[Mapping[str, Any]] = ()
    device_rules: Sequence[Mapping[str, Any]] = ()
    add_capabilities: Sequence[str] = ()
    drop_capabilities: Sequence[str] = ()
    privileged: bool = False
    no_new_privileges: bool = False
    oom_score_adj: int | None = None
    rlimits: Sequence[tuple[str, int, int]] = ()
    resources: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    sysctl: Mapping[str, str] = dataclasses.field(default_factory=dict)
    namespaces: Mapping[str, str] = dataclasses.field(default_factory=dict)
    joined: Mapping[str, str] = dataclasses.field(default_factory=dict)
    masked_paths: Sequence[str] = ()
    unmasked_paths: Sequence[str] = ()
    hooks: Mapping[str, Sequence[Mapping[str, Any]]] = dataclasses.field(default_factory=dict)
    annotations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    network: str = NO_NETWORK
    networking: Networking = Networking()
    rootless: bool = False
    one_id: bool = False
    user_namespace: bool = False
    seccomp: str | Mapping[str, Any] = DEFAULT_SECCOMP
    cgroup_parent: str | None = None
    cgroups_path: str | None = None
    restart: str = "no"
    strace: bool = False
    health: Health = Health()
