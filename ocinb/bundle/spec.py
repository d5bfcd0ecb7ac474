"""A config.json to start from, as ``runc spec`` writes one."""

from __future__ import annotations

from typing import Any

from ocinb.bundle.convert import runtime_config
from ocinb.bundle.options import UNCONFINED, ContainerOptions
from ocinb.spec.image_config import ImageConfig, RootFS


def spec(*, rootless: bool = False) -> dict[str, Any]:
    """A config.json that runs ``sh`` on a terminal in ``rootfs`` beside it.

    Args:
        rootless: for an ordinary user: with a user namespace, without what needs more.
    """
    from ocinb.bundle.user import User
    from ocinb.spec.platform import Platform

    host = Platform.host()
    nothing = RootFS(type="layers", diff_ids=())
    image = ImageConfig(architecture=host.architecture, os=host.os, rootfs=nothing)
    options = ContainerOptions(
        args=["sh"],
        terminal=True,
        read_only=True,
        hostname="ocinb",
        no_new_privileges=True,
        rootless=rootless,
        one_id=rootless,
        user_namespace=rootless,
        seccomp=UNCONFINED,
    )
    config = runtime_config(image, options, User(uid=0, gid=0))
    del config["annotations"]
    return config
