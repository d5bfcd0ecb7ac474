"""Who runs in the containers of an image: looked up in its files once, for layers never change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ocinb.bundle.convert import wished_user
from ocinb.bundle.user import User, resolve

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.engine.images import LocalImage

_MOST = 100
"""Answers that are kept."""


class ImageUsers:
    """Remembers what ``resolve`` has found."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, tuple[str, ...]], User] = {}

    def find(
        self, image: LocalImage, options: ContainerOptions, rootfs: str | os.PathLike[str]
    ) -> User:
        """The user that runs in a container.

        Args:
            image: the container's.
            options: the person's wishes for it.
            rootfs: a tree of the image, not looked at where the answer is known.

        Raises:
            UnknownUser, SyscallError: as for ``resolve``.
            OcinbError: the tree is not there.
        """
        who, groups = wished_user(image.config.execution, options), options.additional_groups
        key = (image.manifest_descriptor.digest, who, tuple(groups))
        known = self._known.get(key)
        if known is None:
            root = os.fspath(rootfs)  # where it cannot be there, that is the error
            known = resolve(who, root, groups)
            if os.path.isdir(root):  # else its monitor was killed: nobody has seen the files
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = known
        return known
