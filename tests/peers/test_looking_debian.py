"""What we say of a real image is what tar, umoci and podman say."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ocinb.image import Image
from tests.support.debian import TAG, debian_layout, run
from tests.support.door import Door
from tests.support.peers import require
from tests.support.podman import Podman
from tests.support.workplace import until

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]

NAME = f"localhost/debian:{TAG}"
CHANGES = """
set -e
echo hi > /etc/new
mkdir -p /opt/a/b && ln -s ../x /opt/a/b/link
rm /etc/issue
rm -r /usr/share/doc
chmod 700 /usr/bin/env
echo more >> /etc/profile
rm -r /var/lib/dpkg/info && mkdir /var/lib/dpkg/info && echo 1 > /var/lib/dpkg/info/only
"""


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    door = Door(tmp_path_factory.mktemp("door"))
    assert door("load", debian_layout(), "--name", "localhost/debian") == [NAME]
    yield door
    for name in door("ps", "--all", "--quiet"):
        door("delete", "--force", name)


@pytest.fixture(scope="module")
def image(door):
    return Image(door.session.engine, door.session.engine.images.get(NAME))


def test_the_files_of_a_layer_are_those_that_tar_lists(door, image):
    require("tar")
    for number, layer in enumerate(image.local.manifest.layers, 1):
        blob = door.session.engine.store.path(layer.digest)
        argv = ["tar", "-tzf", blob, "--quoting-style=literal", "--null"]
        listed = subprocess.run(argv, capture_output=True, check=True).stdout.decode()
        # The only name with a line break in it is our own.
        names = listed.replace("ä b\nc", "ä b c").splitlines()
        theirs = {
            "/" + name.strip("/").removeprefix(".") if name == "." else f"/{name.strip('/')}"
            for name in names
        }
        ours = set()
        for record in image.files_table(layer=number).records():
            parent, _, name = record["path"].replace("ä b\nc", "ä b c").rpartition("/")
            if record["kind"] == "whiteout":
                name = f".wh.{name}"
            if record["kind"] == "opaque":
                ours.add(f"{parent}/{name}/.wh..wh..opq")
            if not record["implied"]:
                ours.add(f"{parent}/{name}")
        # umoci also removes what was in a directory that is a link now: nothing is left to remove.
        links = [r["path"] for r in image.files_table(layer=number).records() if r["target"]]
        assert ours == {path for path in theirs if path.rpartition("/")[0] not in links}


def test_the_files_of_the_stack_are_those_that_umoci_unpacks(image, tmp_path):
    run("umoci", "unpack", "--image", f"{debian_layout()}:{TAG}", tmp_path / "bundle")
    root = tmp_path / "bundle/rootfs"
    theirs = {}
    for here, directories, files in os.walk(root):
        for path in (Path(here), *(Path(here, name) for name in (*directories, *files))):
            status = path.lstat()
            mode, regular = status.st_mode, stat.S_ISREG(status.st_mode)
            name = "/" + str(path.relative_to(root)) if path != root else "/"
            theirs[name] = (
                stat.filemode(mode),
                status.st_uid,
                status.st_gid,
                status.st_size if regular else None,
                os.readlink(path) if stat.S_ISLNK(mode) else "",
            )
    ours = {
        r["path"]: (
            r["mode"],
            r["uid"],
            r["gid"],
            r["size"],
            r["target"] if r["kind"] == "symlink" else "",
        )
        for r in image.files_table().records()
    }
    assert len(ours) > 5000
    assert ours == theirs
    for name in ("/etc/os-release", "/usr/bin/dpkg", "/bin/sh"):
        inside = os.path.realpath(f"{root}{name}").removeprefix(str(root))
        assert image.read(name) == Path(f"{root}{inside}").read_bytes()
    shutil.rmtree(tmp_path / "bundle")


def test_a_container_differs_from_its_image_as_podman_says(door, tmp_path):
    podman = Podman(tmp_path / "podman")
    podman("pull", "--quiet", f"--signature-policy={podman.policy}", f"oci:{debian_layout()}:{TAG}")
    (found,) = json.loads(podman("images", "--format", "json").stdout)
    podman("run", "--name", "c", "--network=none", found["Id"], "sh", "-c", CHANGES)
    theirs = json.loads(podman("diff", "--format", "json", "c").stdout)
    podman("rm", "--force", "c")
    door("run", "--detach", "--name", "c", NAME, "sh", "-c", CHANGES + "sleep 1000")

    def all_of_them():
        rows = door("diff", "c", "--only", "file").records()
        return rows if any(row["name"] == "/var/lib/dpkg/info/only" for row in rows) else None

    rows = until(all_of_them, 60)
    ours = {change: set() for change in ("added", "removed", "changed")}
    for row in rows:
        ours[row["change"]].add(row["name"])
    assert ours["added"] == _without_podmans(theirs["added"])
    # Podman names a directory that is gone, we all that was in it.
    assert _tops(ours["removed"]) == _tops(theirs["deleted"])
    # Podman counts every parent of a change as changed.
    directories = {path.rpartition("/")[0] for path in ours["added"] | ours["removed"]}
    for path in [*directories, *ours["changed"]]:
        while path := path.rpartition("/")[0]:
            directories.add(path)
    assert ours["changed"] == {"/usr/bin/env", "/etc/profile"}
    # Two names of one file in an image: overlayfs copies one of them up, vfs changes both.
    directories.add("/usr/bin/env-hard-link")
    assert _without_podmans(theirs["changed"]) - ours["changed"] <= directories


def _without_podmans(paths: list[str]) -> set[str]:
    """Podman makes mount points in the image's tree, for what it mounts there itself."""
    return {path for path in paths if path not in ("/run/.containerenv", "/run/secrets", "/run")}


def _tops(paths: set[str] | list[str]) -> set[str]:
    known = set(paths)
    return {path for path in known if path.rpartition("/")[0] not in known}
