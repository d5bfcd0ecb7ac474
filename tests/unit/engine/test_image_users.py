"""Who runs in an image's containers is looked up once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.bundle.options import ContainerOptions
from ocinb.bundle.user import User
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.engine.image_users import ImageUsers
from ocinb.engine.images import LocalImage
from ocinb.errors import SyscallError, UnknownUser
from ocinb.linux.beneath import Beneath
from ocinb.settings import Settings
from ocinb.spec.reference import Reference


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    settings = Settings(root=tmp_path / "root", run_root=tmp_path / "run")
    store = Store(settings.store)
    store.names.set(str(Reference.parse("demo")), demo_image(store))
    return Engine(settings).images.get("demo")


class Counted(os.PathLike[str]):
    """A tree that counts how often it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path, self.asked = path, 0

    def __fspath__(self) -> str:
        self.asked += 1
        return str(self.path)


def test_the_second_time_nothing_is_looked_at(image: LocalImage, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("ann:x:7:8::/home/ann:/bin/sh\n")
    users, tree = ImageUsers(), Counted(tmp_path)
    wished = ContainerOptions(user="ann")
    assert users.find(image, wished, tree) == User(uid=7, gid=8, home="/home/ann")
    asked = tree.asked
    assert users.find(image, wished, tree) == User(uid=7, gid=8, home="/home/ann")
    assert tree.asked == asked > 0
    with_groups = ContainerOptions(user="ann", additional_groups=["9"])
    assert users.find(image, with_groups, tree).additional_gids == (9,)
    assert users.find(image, ContainerOptions(user="7:1"), tree).gid == 1


def test_who_is_not_there_is_looked_for_again(image: LocalImage, tmp_path: Path) -> None:
    users, wished = ImageUsers(), ContainerOptions(user="ann")
    for _ in range(2):
        with pytest.raises(UnknownUser, match="'ann' is not in the image"):
            users.find(image, wished, tmp_path)


def test_a_tree_that_vanished_is_no_answer(image: LocalImage, tmp_path: Path) -> None:
    users, tree = ImageUsers(), tmp_path / "tree"
    assert users.find(image, ContainerOptions(), tree).home == "/"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    assert users.find(image, ContainerOptions(), tree).home == "/root"


def test_what_could_not_be_seen_is_an_error_and_no_answer(
    image: LocalImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Beneath, path: str, *_: object, **__: object) -> int:
        raise SyscallError("openat2", (path,), errno.EMFILE)

    users, wished = ImageUsers(), ContainerOptions(user="7")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("ann:x:7:8::/home/ann:/bin/sh\n")
    with monkeypatch.context() as broken, pytest.raises(SyscallError, match="openat2"):
        broken.setattr(Beneath, "open", refuse)
        users.find(image, wished, tmp_path)
    assert users.find(image, wished, tmp_path).gid == 8


def test_a_tree_that_could_not_be_mounted_is_the_error(image: LocalImage) -> None:
    class Unmounted(os.PathLike[str]):
        def __fspath__(self) -> str:
            raise SyscallError("mount", ("overlay",), errno.EINVAL)

    with pytest.raises(SyscallError, match="mount"):
        ImageUsers().find(image, ContainerOptions(user="nobody-here"), Unmounted())
