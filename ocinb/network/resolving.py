"""What a container's /etc/resolv.conf, /etc/hosts and /etc/hostname say.

Spec: none (Docker convention)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ocinb.errors import NetworkError
from ocinb.network.subnets import to_number

HOST_GATEWAY = "host-gateway"
"""In ``--add-host NAME:host-gateway``: this machine, as the container sees it."""

_LOCALHOST = ("127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback")
_HOST_NAME = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9_])?")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def resolv_conf(
    host: str,
    *,
    servers: Sequence[str],
    search: Sequence[str],
    options: Sequence[str],
    own_loopback: bool,
) -> str:
    """The text of resolv.conf.

    Args:
        host: this machine's.
        servers: name servers in place of its; empty: its own.
        search: domains in place of its; ``.`` alone is none.
        options: in place of its.
        own_loopback: whether the container's loopback address is not this machine's, so that
            a name server there cannot be reached.
    """
    lines: dict[str, list[str]] = {"nameserver": [], "search": [], "options": []}
    for line in host.splitlines():
        word, *rest = line.split("#")[0].split() or [""]
        if word == "nameserver" and rest and not (own_loopback and _is_loopback(rest[0])):
            lines["nameserver"].append(rest[0])
        elif word in ("search", "domain") and rest:
            lines["search"] = rest
        elif word == "options":
            lines["options"] += rest
    if servers:
        lines["nameserver"] = [*servers]
    if search:
        lines["search"] = [domain for domain in search if domain != "."]
    if options:
        lines["options"] = [*options]
    text = [f"nameserver {server}" for server in lines["nameserver"]]
    text += [f"{word} {' '.join(lines[word])}" for word in ("search", "options") if lines[word]]
    return "".join(f"{line}\n" for line in text)


def hosts_lines(added: Iterable[str], *, gateway: str | None, host: str | None = None) -> list[str]:
    """The lines of a hosts file that do not change.

    Args:
        added: ``NAME:ADDRESS`` each.
        gateway: what ``host-gateway`` is; None: there is none.
        host: this machine's own hosts file, for who shares its network.

    Raises:
        NetworkError: one is not of that form.
    """
    lines = [line for line in host.splitlines() if line.strip()] if host else [*_LOCALHOST]
    for text in added:
        name, address = parse_host(text)
        if address == HOST_GATEWAY:
            if gateway is None:
                raise NetworkError(
                    f"--add-host {text}: this network has no gateway", hint="give an address"
                )
            address = gateway
        lines.append(f"{address}\t{name}")
    return lines


def parse_host(text: str) -> tuple[str, str]:
    """Name and address of one ``--add-host``.

    Raises:
        NetworkError: it is not ``NAME:ADDRESS``.
    """
    name, _, address = text.partition(":")
    check_host_name(f"--add-host {text}", name)
    bare = address.removeprefix("[").removesuffix("]")
    if address != HOST_GATEWAY and not is_address(bare):
        raise NetworkError(
            f"--add-host {text} is not NAME:ADDRESS",
            hint=f"as in db:10.0.0.5 or here:{HOST_GATEWAY}",
        )
    return name, bare


def check_host_name(where: str, name: str) -> None:
    """Raise ``NetworkError`` where a name could not stand in a hosts file as one word."""
    if not _HOST_NAME.fullmatch(name):
        raise NetworkError(
            f"{where}: {name!r} is not a host name", hint="letters, digits, '-', '_', '.'"
        )


def check_server(option: str, address: str) -> None:
    """Raise ``NetworkError`` where that is no address of a name server."""
    if not is_address(address):
        raise NetworkError(f"{option} {address} is not an IP address")


def check_domain(option: str, domain: str) -> None:
    """Raise ``NetworkError`` where that is no search domain."""
    if domain != ".":
        check_host_name(option, domain.removesuffix("."))


def hardware_address(text: str) -> str:
    """A hardware address that an interface may have, in its usual writing.

    Raises:
        NetworkError: it is none, or one of a group.
    """
    clean = text.lower().replace("-", ":")
    if not _MAC.fullmatch(clean):
        raise NetworkError(
            f"--mac-address {text} is not a hardware address", hint="as in 02:42:0a:57:00:02"
        )
    if int(clean[:2], 16) & 1 or clean == "00:00:00:00:00:00":
        raise NetworkError(f"--mac-address {text} is not the address of one interface")
    return clean


def is_address(text: str) -> bool:
    """Whether that is an IPv4 or IPv6 address."""
    if to_number(text) is not None:
        return True
    import socket

    try:
        socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return False
    return True


def read_of_this_machine(path: str) -> str:
    """A file of this machine; empty where it has none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"
