"""An image with busybox for everything, networks among it."""

from __future__ import annotations

from pathlib import Path

from ocinb.content.store import Store
from ocinb.spec.reference import Reference
from tests.support.archives import directory, member, symlink
from tests.support.layered import name_image
from tests.support.peers import require

_APPLETS = (
    "sh cat echo sleep true false ip ifconfig hostname httpd wget nc ping nslookup ls kill mkdir "
    "id env touch rm seq"
)


def busybox_image(store: Store, name: str = "box") -> None:
    """Put it into a store; it exposes the port 80."""
    binary = Path(require("busybox")).read_bytes()
    members = [
        *(directory(path) for path in ("bin", "etc", "proc", "sys", "dev", "tmp", "root", "www")),
        member("bin/busybox", data=binary, mode=0o755),
        *(symlink(f"bin/{applet}", "busybox") for applet in _APPLETS.split()),
        member("etc/passwd", data=b"root:x:0:0:root:/root:/bin/sh\n"),
        member("etc/group", data=b"root:x:0:\n"),
        member("www/index.html", data=b"served\n"),
    ]
    config = {"Env": ["PATH=/bin"], "ExposedPorts": {"80/tcp": {}}, "Cmd": ["/bin/sh"]}
    name_image(store, str(Reference.parse(name)), [members], config=config)
