"""A container's part in a network: planned with the container, or begun and ended later.

What is changed later is written down twice: in the record of what was made, so that it is undone,
and in the bundle's ``network.json``, so that it is so again when the container is started again.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

from ocinb import plain_json
from ocinb.errors import NetworkError
from ocinb.frozen import Frozen
from ocinb.linux.rtnetlink import Interfaces
from ocinb.network import bridge, hook, resolving
from ocinb.network.attachments import Attachment
from ocinb.network.container_namespace import ContainerNamespace
from ocinb.network.leases import locked
from ocinb.network.subnets import to_number
from ocinb.network.undo import undo
from ocinb.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.bundle.options import Membership
    from ocinb.network.networks import Networks


class Member(Frozen):
    """A container that is there.

    Attributes:
        id: its ID.
        name: its name.
        pid: of its first process; 0: it has ended.
        directory: ``BUNDLE/network``.
        interpreter: the Python for the hook's program.
    """

    id: str
    name: str
    pid: int
    directory: str
    interpreter: str


def check(wish: Membership) -> None:
    """Raise ``NetworkError`` where a wish is malformed; this machine is not looked at."""
    for alias in wish.aliases:
        resolving.check_host_name("--network-alias", alias)
    if wish.mac_address is not None:
        resolving.hardware_address(wish.mac_address)
    if wish.ip is not None and to_number(wish.ip) is None:
        raise NetworkError(f"--ip {wish.ip} is not an IPv4 address")
    if wish.ip6 is not None and to_number(wish.ip6, 6) is None:
        raise NetworkError(f"--ip6 {wish.ip6} is not an IPv6 address")


def link_of(
    networks: Networks, container: str, names: Sequence[str], wish: Membership, interface: str
) -> dict[str, Any]:
    """An entry of ``links`` in ``network.json``.

    Args:
        networks: all of them.
        container: its ID.
        names: its names in every network.
        wish: which network, and what is wished there.
        interface: what it is called in the container.

    Raises:
        NetworkError: there is no such network, it cannot be used now, or an address is in use.
        StorageError.
    """
    network = networks.ready(wish.network)
    networks.check_address(network, wish.ip, wish.ip6)
    mac = None if wish.mac_address is None else resolving.hardware_address(wish.mac_address)
    return {
        "network": dict(network),
        "veth": networks.veth(container, network.name),
        "interface": interface,
        "names": list(dict.fromkeys([*names, *wish.aliases])),
        "ip": wish.ip,
        "ip6": wish.ip6,
        "mac": mac,
    }


def connect(networks: Networks, member: Member, wish: Membership) -> None:
    """Connect a container with a further network, at once if it runs.

    Where it was in none, its published ports lead through this one from now on.

    Raises:
        NetworkError: it is in the network, or has none of ours; see ``link_of``; or another has
            taken one of its ports meanwhile.
        SyscallError, StorageError.
    """
    check(wish)
    with locked(_there(member)):
        document = _document(member)
        links = document["links"]
        if any(link["network"]["name"] == wish.network for link in links):
            raise NetworkError(f"{member.name} is in network {wish.network} already")
        taken = {link["interface"] for link in links}
        interface = next(name for n in range(len(taken) + 1) if (name := f"eth{n}") not in taken)
        link = link_of(networks, member.id, document["names"], wish, interface)
        if member.pid:
            _connect_now(networks.state, member, dict(link))
        _change(member, document, [*links, link])


def disconnect(networks: Networks, member: Member, network: str) -> None:
    """Take a container out of a network, at once if it runs.

    Published ports that led through it lead through the first of the others from now on; where
    there is none they are not published, until it is in a network again, as with docker.

    Raises:
        NetworkError: it is not in it, or another has taken one of its ports meanwhile.
        SyscallError, StorageError.
    """
    with locked(_there(member)):
        document = _document(member)
        links = document["links"]
        left = [link for link in links if link["network"]["name"] != network]
        if len(left) == len(links):
            raise NetworkError(f"{member.name} is not in network {network}")
        if member.pid:
            _disconnect_now(networks.state, member, network)
        _change(member, document, left)


def rename(member: Member, new: str) -> None:
    """Have the others of a container's networks know it by another name, from its next start on.

    As long as it runs they know it by the name that it has begun with, as with podman.

    Args:
        member: with its name of before.
        new: its name from now on.

    Raises:
        StorageError.
    """
    if not os.path.exists(_path(member)):
        return
    with locked(member.directory), contextlib.suppress(NetworkError):  # of another kind: no names
        document = _document(member)
        for place in (document, *document["links"]):
            place["names"] = [new if name == member.name else name for name in place["names"]]
        write_whole(_path(member), plain_json.pretty(document) + "\n")


def _change(member: Member, document: dict[str, Any], links: list[dict[str, Any]]) -> None:
    """Write down in which networks a container is, and have its ports follow.

    Raises:
        NetworkError: they could not. StorageError.
    """
    front = document["links"][:1]
    write_whole(_path(member), plain_json.pretty({**document, "links": links}) + "\n")
    if not (member.pid and document["ports"]) or links[:1] == front:
        return
    done = subprocess.run(
        [member.interpreter, "-I", "-S", hook.__file__, "publish", _path(member)],
        input=plain_json.dumps({"id": member.id, "pid": member.pid}).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise NetworkError(f"the ports of {member.name} are not published any more: {said}")


def _connect_now(state: str, member: Member, link: dict[str, Any]) -> None:
    attachment = _attachment(state, member)
    attachment.values["links"].append(link)
    attachment.note()
    try:
        with ContainerNamespace(member.pid) as namespace, namespace.interfaces() as inside:
            bridge.join(attachment, link, inside, namespace.descriptor)
        attachment.note()
    except BaseException:
        _take_out(attachment, link)
        raise
    finally:
        if not os.path.exists(f"/proc/{member.pid}"):
            undo(state, member.id)  # it ended meanwhile: who undid its network knew less


def _disconnect_now(state: str, member: Member, network: str) -> None:
    attachment = _attachment(state, member)
    link = attachment.link(network)
    if link is None:
        return  # in the plan only
    _take_out(attachment, link)
    with ContainerNamespace(member.pid) as namespace, namespace.interfaces() as inside:
        bridge.give_way_out(attachment, attachment.values["links"], inside)


def _take_out(attachment: Attachment, link: dict[str, Any]) -> None:
    with Interfaces() as outside:
        bridge.leave(attachment, link, outside, staying=True)
    attachment.values["links"].remove(link)
    attachment.note()


def _attachment(state: str, member: Member) -> Attachment:
    found = Attachment.read(state, member.id)
    if found is None:
        raise NetworkError(f"nothing was made for the network of {member.name}")
    return found


def _there(member: Member) -> str:
    """The directory, whose lock lets one process at a time change a container's networks."""
    if not os.path.exists(_path(member)):
        raise _not_ours(member)
    return member.directory


def _document(member: Member) -> dict[str, Any]:
    try:
        with open(_path(member), "rb") as file:
            document = plain_json.loads(file.read())
    except (OSError, ValueError) as error:
        raise NetworkError(f"{_path(member)} cannot be read: {error}") from None
    if not isinstance(document, dict) or document.get("kind") != "bridge":
        raise _not_ours(member)
    return document


def _not_ours(member: Member) -> NetworkError:
    return NetworkError(
        f"the networks of {member.name} cannot be changed: it was not made with a bridge",
        hint="run it with --network bridge, or with a network of ocinb network create"
        if os.geteuid() == 0
        else "an ordinary user's containers have a network of their own each, without bridges",
    )


def _path(member: Member) -> str:
    return f"{member.directory}/network.json"
