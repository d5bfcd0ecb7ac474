"""A network of a test's own: what it does to links, addresses and filters is nobody else's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux.nftables import Tables
from ocinb.linux.rtnetlink import Interfaces
from ocinb.linux.syscalls import Kernel


@contextmanager
def own_network() -> Iterator[None]:
    """This thread, and the processes it starts, in a new network namespace; then back."""
    kernel = Kernel()
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        kernel.unshare(f.CLONE_NEWNET)
        with Interfaces() as interfaces:
            interfaces.set_up("lo")
        try:
            yield
        finally:
            kernel.setns(home, f.CLONE_NEWNET)
    finally:
        os.close(home)


def links_and_tables() -> list[str]:
    """What there is in this network besides its loopback."""
    with Interfaces() as interfaces:
        found = [f"link {link.name}" for link in interfaces.links() if link.name != "lo"]
    for version in (4, 6):
        try:
            with Tables(version) as tables:
                found += [f"table {name}" for name in tables.names()]
        except SyscallError:
            continue
    return found
