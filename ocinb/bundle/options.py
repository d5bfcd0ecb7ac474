"""What a person may wish for a container, beyond what its image says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

NO_NETWORK = "none"
HOST_NETWORK = "host"
DEFAULT_SECCOMP, UNCONFINED = "default", "unconfined"


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
        terminal: whether standard input and outputs are a terminal.
        read_only: whether the root filesystem cannot be written.
        mounts: entries of config.json's ``mounts``; one with the destination of a default
            mount replaces it.
        add_capabilities: names, with or without ``CAP_``; ``ALL`` is all.
        drop_capabilities: likewise; dropping comes before adding.
        no_new_privileges: whether programs in the container may not gain privileges.
        oom_score_adj: the kernel's inclination to kill it, -1000 … 1000.
        rlimits: ``(type, soft, hard)``, as in ``("RLIMIT_NOFILE", 1024, 1024)``.
        sysctl: kernel parameters of the container's namespaces.
        hooks: stage → entries of config.json's ``hooks``.
        annotations: over the image's labels.
        network: ``none`` (a network namespace with loopback only) or ``host``.
        rootless: leave out what needs the real superuser: groups, device rules, cgroups.
        user_namespace: ask for a user namespace in which this user is the superuser, so that
            an ordinary user can run the bundle by hand. The engine does without: its monitor is
            in such a namespace already.
        seccomp: ``default`` (our profile), ``unconfined`` (no filter), or config.json's
            ``linux.seccomp`` itself.
        cgroups_path: config.json's ``linux.cgroupsPath``; None: the runtime chooses.
    """

    args: Sequence[str] | None = None
    entrypoint: Sequence[str] | None = None
    env: Sequence[str] = ()
    cwd: str | None = None
    user: str | None = None
    umask: int | None = None
    hostname: str | None = None
    terminal: bool = False
    read_only: bool = False
    mounts: Sequence[Mapping[str, Any]] = ()
    add_capabilities: Sequence[str] = ()
    drop_capabilities: Sequence[str] = ()
    no_new_privileges: bool = False
    oom_score_adj: int | None = None
    rlimits: Sequence[tuple[str, int, int]] = ()
    sysctl: Mapping[str, str] = dataclasses.field(default_factory=dict)
    hooks: Mapping[str, Sequence[Mapping[str, Any]]] = dataclasses.field(default_factory=dict)
    annotations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    network: str = NO_NETWORK
    rootless: bool = False
    user_namespace: bool = False
    seccomp: str | Mapping[str, Any] = DEFAULT_SECCOMP
    cgroups_path: str | None = None
