"""The Container Runtime Interface, from the kubelet's side.

``Client`` makes the calls; ``messages`` is the interface itself, as a table; ``Pods`` does what a
kubelet does with them.
"""

from __future__ import annotations

from ocinb.cri.client import SOCKETS, Client

__all__ = ["SOCKETS", "Client"]
