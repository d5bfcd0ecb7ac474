"""What of containers' networks works on this machine, found out by trying in a new namespace."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from ocinb.errors import OcinbError
from ocinb.frozen import Frozen
from ocinb.linux import flags as f
from ocinb.linux import nftables as nft
from ocinb.linux.rtnetlink import Interfaces
from ocinb.linux.syscalls import Kernel
from ocinb.network import user_space

_BRIDGE = "ocinb-probe"
_ADDRESS = "02:0c:00:00:00:01"


class Tried(Frozen):
    """Something that was tried.

    Attributes:
        what: as ``doctor`` calls it.
        works: whether the kernel allowed it.
        answer: what it said, or what is lost without.
        enable: what would make it work, where that is known.
    """

    what: str
    works: bool
    answer: str
    enable: str = ""


def probe() -> list[Tried]:
    """A bridge and a packet filter as the superuser has them; for others a program's interface."""
    if os.geteuid() != 0:
        return [_user_space()]
    return [*_in_new_namespace(), _user_space()]


def _in_new_namespace() -> list[Tried]:
    """In a child: this process may have threads, and stays where it is."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, json.dumps([dict(tried) for tried in _try_all()]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as said:
        found = said.read()
    os.waitpid(child, 0)
    return [Tried(**each) for each in json.loads(found or "[]")]


def _try_all() -> list[Tried]:
    try:
        Kernel().unshare(f.CLONE_NEWNET)
    except OcinbError as error:
        return [Tried(what="network bridge", works=False, answer=error.message)]
    return [
        _try("network bridge", _bridge, "containers have addresses and reach each other"),
        _try("network filter", _filter, "containers reach what this machine reaches, and back"),
    ]


def _try(what: str, attempt: Callable[[], None], allows: str) -> Tried:
    try:
        attempt()
    except OcinbError as error:
        return Tried(what=what, works=False, answer=f"{error.message}: without it not: {allows}")
    return Tried(what=what, works=True, answer=allows)


def _bridge() -> None:
    with Interfaces() as interfaces:
        interfaces.add_bridge(_BRIDGE, address=_ADDRESS)
        bridge = interfaces.find(_BRIDGE)
        home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        interfaces.add_veth(
            "ocinbvprobe",
            "ocinbvpeer",
            namespace=home,
            master=bridge.index if bridge else 0,
            address=_ADDRESS,
            alias="",
        )


def _filter() -> None:
    rule = [*nft.source_in("10.0.0.0", 8), *nft.masquerade()]
    port = [*nft.port_is(nft.TCP, 1), *nft.destination_is_local(), *nft.send_to("10.0.0.1", 1)]
    state = [*nft.belongs_to_a_connection(), *nft.accept()]
    chains = [
        nft.Chain("nat", "postrouting", "srcnat", [rule]),
        nft.Chain("nat", "prerouting", "dstnat", [port]),
        nft.Chain("filter", "forward", "filter", [state]),
    ]
    with nft.Tables() as tables:
        tables.add(_BRIDGE, chains, comment="")


def _user_space() -> Tried:
    what = "network of an ordinary user"
    warnings: list[str] = []
    chosen = user_space.choose(None, warnings)
    if warnings:
        enable = user_space.ENABLE_TUN if user_space.tun_problem() else user_space.INSTALL
        return Tried(what=what, works=False, answer=warnings[0], enable=enable)
    return Tried(what=what, works=True, answer=f"through {chosen['kind']}")
