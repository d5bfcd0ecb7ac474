"""A container's published ports, once the network that they lead through is another one, or none.

The hook's program does it, not whoever asked: what it forks serves the ports as long as the
container lives, and must hold nothing of a notebook's kernel.
"""

from __future__ import annotations

from ocinb.network.bridge import lead_ports
from ocinb.network.filters import remove_table
from ocinb.network.serving import Served
from ocinb.network.undo import end_processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.network.attachments import Attachment


def republish(attachment: Attachment, pid: int) -> None:
    """Have the ports of a running container lead through the first of its networks; those who are
    connected with them are cut off. Without networks the ports are free for others.

    Args:
        attachment: as it is written down, of kind bridge.
        pid: the container's first process.

    Raises:
        NetworkError: another has taken a port meanwhile. SyscallError, StorageError.
    """
    end_processes(attachment)
    attachment.note(processes=[])
    remove_table(attachment, attachment.values["table"])
    with Served(attachment) as served:
        lead_ports(attachment, served, pid)
