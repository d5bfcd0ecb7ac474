"""Files into and out of containers, also of those that have ended or mean harm."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions, Volume
from ocinb.engine import Engine
from ocinb.engine.container_files import read_json, write_json
from ocinb.engine.containers import ContainerRecord, Containers
from ocinb.errors import ContainerError
from ocinb.events import Recorder, Warned
from tests.support.archives import Member, archive, directory, hardlink, member, symlink
from tests.support.workplace import until

pytestmark = pytest.mark.root


@pytest.fixture
def web(engine: Engine) -> Iterator[str]:
    """A container that runs, with a tmpfs and a volume."""
    options = ContainerOptions(
        args=["sleep", "1000"],
        mounts=[{"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": []}],
        volumes=[Volume(name="data", destination="/data")],
    )
    engine.run("demo", options, name="web", detach=True)
    yield "web"
    engine.containers.delete("web", force=True)
    engine.volumes.remove("data")


@pytest.fixture
def source(place: Path) -> Path:
    """A directory with a file, links to it, and a directory that not everybody may enter."""
    root = place / "source"
    (root / "private").mkdir(parents=True)
    (root / "file").write_text("content")
    (root / "link").symlink_to("file")
    (root / "hard").hardlink_to(root / "file")
    (root / "private").chmod(0o700)
    os.utime(root / "file", (1000, 1000))
    return root


def inside(engine: Engine, path: str) -> str:
    """What a file of the container holds, by the container's own mount namespace."""
    pid = engine.containers.get("web").pid
    return Path(f"/proc/{pid}/root{path}").read_text()


def stop(engine: Engine) -> None:
    engine.containers.kill("web", "KILL")
    until(lambda: engine.containers.get("web").status == "stopped")


@pytest.mark.parametrize("target", ["/srv", "/t", "/data"], ids=["root", "tmpfs", "volume"])
def test_a_directory_goes_in_and_comes_back_the_same(
    engine: Engine, web: str, source: Path, place: Path, target: str
) -> None:
    engine.containers.copy_in(web, str(source), target)
    assert inside(engine, f"{target}/source/file") == "content"
    engine.containers.copy_out(web, f"{target}/source", str(place / "back"))
    back = place / "back"
    assert (back / "file").read_text() == "content"
    assert (back / "file").stat().st_mtime == 1000
    assert (back / "file").samefile(back / "hard")
    assert os.readlink(back / "link") == "file"
    assert (back / "private").stat().st_mode & 0o7777 == 0o700


def test_what_a_name_means_is_as_cp_has_it(
    engine: Engine, web: str, source: Path, place: Path
) -> None:
    engine.containers.copy_in(web, str(source / "file"), "/t/other")
    assert inside(engine, "/t/other") == "content"
    engine.containers.copy_in(web, str(source / "file"), "/t/")
    assert inside(engine, "/t/file") == "content"
    engine.containers.copy_in(web, f"{source}/.", "/t")
    assert inside(engine, "/t/hard") == "content"
    engine.containers.copy_in(web, str(source), "/t/new")
    assert inside(engine, "/t/new/file") == "content"
    engine.containers.copy_out(web, "/t/new/.", str(place))
    assert (place / "hard").read_text() == "content"
    engine.containers.copy_out(web, "/t/new/link", str(place / "link"))
    assert os.readlink(place / "link") == "file"
    engine.containers.copy_out(web, "/t/new/link", str(place / "followed"), follow=True)
    assert (place / "followed").read_text() == "content"


@pytest.mark.parametrize(
    ("source_path", "target", "said"),
    [
        ("/nowhere", "{place}/x", "no such file or directory"),
        ("/etc/passwd/", "{place}/x", "not a directory"),
        ("/etc/passwd", "{place}/missing/x", "there is no directory {place}/missing"),
        ("/etc/passwd", "{place}/missing/", "there is no directory {place}/missing/"),
        ("/etc", "{place}/source/file", "is not a directory"),
    ],
)
def test_what_cannot_be_copied_is_said(
    engine: Engine,
    web: str,
    source: Path,
    place: Path,
    source_path: str,
    target: str,
    said: str,
) -> None:
    with pytest.raises(ContainerError) as caught:
        engine.containers.copy_out(web, source_path, target.format(place=place))
    assert said.format(place=place) in caught.value.message


def test_owners_are_those_of_the_target_unless_they_are_to_stay(
    engine: Engine, web: str, source: Path, place: Path
) -> None:
    os.chown(source / "file", 1234, 1234)
    engine.containers.copy_in(web, str(source / "file"), "/srv/as-root")
    engine.containers.copy_in(web, str(source / "file"), "/srv/as-it-was", owners=True)
    engine.containers.copy_out(web, "/srv/as-it-was", str(place / "mine"))
    engine.containers.copy_out(web, "/srv/as-it-was", str(place / "theirs"), owners=True)
    root = f"/proc/{engine.containers.get(web).pid}/root/srv"
    assert [Path(root, name).stat().st_uid for name in ("as-root", "as-it-was")] == [0, 1234]
    assert [(place / name).stat().st_uid for name in ("mine", "theirs")] == [0, 1234]


def test_a_container_that_has_ended_is_read_and_written(
    engine: Engine, web: str, source: Path, place: Path
) -> None:
    engine.containers.copy_in(web, str(source), "/srv/before")
    stop(engine)
    engine.containers.copy_out(web, "/srv/before/file", str(place / "back"))
    assert (place / "back").read_text() == "content"
    engine.containers.copy_in(web, str(source), "/srv/after")
    engine.containers.copy_out(web, "/srv/after/link", str(place / "linked"), follow=True)
    engine.containers.copy_in(web, str(source / "file"), "/data/kept")
    assert (engine.volumes.get("data").path / "kept").read_text() == "content"
    assert list((engine.settings.root / "looking").iterdir()) == []


@pytest.mark.parametrize("path", ["/data/f", "//data/f", "/./data/f", "/x/../data//f", "/data/./f"])
def test_however_a_path_is_written_it_leads_into_the_volume_of_one_that_has_ended(
    engine: Engine, web: str, source: Path, place: Path, path: str
) -> None:
    stop(engine)
    engine.containers.copy_in(web, str(source / "file"), path)
    assert (engine.volumes.get("data").path / "f").read_text() == "content"
    engine.containers.copy_out(web, path, str(place / "back"))
    assert (place / "back").read_text() == "content"
    with pytest.raises(ContainerError, match=r"web:/data/f/ could not .*not a directory"):
        engine.containers.copy_out(web, f"{path}/", str(place / "x"))


def test_a_volume_of_one_that_has_ended_is_copied_by_its_name(
    engine: Engine, web: str, source: Path, place: Path
) -> None:
    engine.containers.copy_in(web, f"{source}/.", "/data")
    stop(engine)
    engine.containers.copy_out(web, "/data", str(place))
    assert (place / "data/file").read_text() == "content"
    engine.containers.copy_out(web, "//data/.", str(place))
    assert (place / "file").read_text() == "content"


@pytest.mark.parametrize("running", [True, False], ids=["running", "ended"])
def test_a_read_only_root_is_not_written(
    engine: Engine, source: Path, place: Path, running: bool
) -> None:
    (place / "mine").mkdir()
    bound = {"type": "bind", "source": str(place / "mine"), "options": ["bind"]}
    mounts = [{**bound, "destination": "/rw"}]
    options = ContainerOptions(args=["sleep", "1000"], mounts=mounts, read_only=True)
    engine.run("demo", options, name="web", detach=True)
    if not running:
        stop(engine)
    with pytest.raises(ContainerError, match=r"web:/.*read-only"):
        engine.containers.copy_in("web", str(source / "file"), "/new")
    with pytest.raises(ContainerError, match=r"web:/.*read-only"):
        engine.containers.archive_in("web", io.BytesIO(archive([member("f")])), "/")
    engine.containers.copy_in("web", str(source / "file"), "/rw")
    assert (place / "mine/file").read_text() == "content"
    with pytest.raises(ContainerError, match="new"):
        engine.containers.copy_out("web", "/new", str(place))
    engine.containers.delete("web", force=True)


@pytest.mark.parametrize("running", [True, False], ids=["running", "ended"])
def test_what_the_container_may_not_write_is_not_written(
    engine: Engine, source: Path, place: Path, running: bool
) -> None:
    (place / "mine").mkdir()
    bound = {"type": "bind", "source": str(place / "mine")}
    mounts = [
        {**bound, "destination": "/ro", "options": ["bind", "ro"]},
        {**bound, "destination": "/rw", "options": ["bind", "ro", "rw"]},
    ]
    options = ContainerOptions(args=["sleep", "1000"], mounts=mounts)
    engine.run("demo", options, name="web", detach=True)
    if not running:
        stop(engine)
    for target in ("/ro/", "/ro/f", "/ro/../ro/."):
        with pytest.raises(ContainerError, match=r"web:/ro.*read-only"):
            engine.containers.copy_in("web", str(source / "file"), target)
    with pytest.raises(ContainerError, match=r"web:/ro.*read-only"):
        engine.containers.archive_in("web", io.BytesIO(archive([member("f")])), "/ro")
    assert list((place / "mine").iterdir()) == []
    engine.containers.copy_in("web", str(source / "file"), "/rw")
    engine.containers.copy_out("web", "/ro/file", str(place / "back"))
    assert (place / "back").read_text() == "content"
    engine.containers.delete("web", force=True)


def test_a_process_that_has_the_number_later_is_not_the_container(
    engine: Engine, web: str, source: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.containers.copy_in(web, str(source), "/srv")
    files, record = Containers(engine.settings.containers).find(web)
    stop(engine)
    ended = read_json(files.init)
    engine.run("demo", ContainerOptions(args=["sleep", "1000"]), name="other", detach=True)
    # It was found running, ended just then, and its number was given to another process.
    pid = engine.containers.get("other").pid
    found = ContainerRecord(**{**dict(record), "pid": pid})
    write_json(files.init, {**ended, "pid": pid})
    monkeypatch.setattr(Containers, "find", lambda *_: (files, found))
    engine.containers.copy_out(web, "/srv/source/file", str(place / "back"))
    assert (place / "back").read_text() == "content"
    monkeypatch.undo()
    write_json(files.init, ended)
    engine.containers.delete("other", force=True)


def test_what_a_killed_copy_left_goes_with_the_next_one(
    engine: Engine, web: str, place: Path
) -> None:
    stop(engine)
    left = engine.settings.root / "looking/left"
    (left / "bundle/rootfs").mkdir(parents=True)
    (left / "rw").symlink_to(place)
    used = engine.settings.root / "looking/used"
    used.mkdir()
    lock = os.open(used, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    engine.containers.copy_out(web, "/etc/passwd", str(place / "passwd"))
    os.close(lock)
    assert list((engine.settings.root / "looking").iterdir()) == [used]
    assert (place / "passwd").exists()


def test_an_archive_is_written_and_unpacked(engine: Engine, web: str) -> None:
    engine.containers.archive_in(
        web, io.BytesIO(archive([directory("d"), member("d/f", data=b"x")])), "/t"
    )
    out = io.BytesIO()
    engine.containers.archive_out(web, "/t/d", out)
    out.seek(0)
    with tarfile.open(fileobj=out) as entries:
        assert [entry.name for entry in entries] == ["d", "d/f"]
    with pytest.raises(ContainerError, match="not a tar archive"):
        engine.containers.archive_in(web, io.BytesIO(b"x" * 2000), "/t")
    with pytest.raises(ContainerError, match="is not a directory"):
        engine.containers.archive_in(web, io.BytesIO(archive([])), "/etc/passwd")


def test_what_comes_out_gives_nobody_power(
    engine: Engine, web: str, place: Path, recorder: Recorder
) -> None:
    disk = {"devmajor": 7, "devminor": 0, "mode": 0o666}
    members = [
        directory("d", mode=0o7777),
        member("d/program", data=b"#!", mode=0o6755),
        member("d/disk", tarfile.BLKTYPE, **disk),
        member("d/terminal", tarfile.CHRTYPE, **disk),
        hardlink("d/again", "d/disk"),
        member("d/pipe", tarfile.FIFOTYPE),
        hardlink("d/same", "d/program"),
    ]
    engine.containers.archive_in(web, io.BytesIO(archive(members)), "/srv")
    engine.containers.copy_out(web, "/srv/d", str(place / "out"))
    modes = {path.name: path.lstat().st_mode for path in (place / "out").iterdir()}
    assert sorted(modes) == ["pipe", "program", "same"]
    assert stat.S_IMODE((place / "out").stat().st_mode) == 0o1777
    assert stat.S_IMODE(modes["program"]) == stat.S_IMODE(modes["same"]) == 0o755
    assert [event.message for event in recorder.events if isinstance(event, Warned)] == [
        "'d/again' and 2 more not copied: devices are with --archive only"
    ]


def test_who_wants_all_as_it_is_gets_all(
    engine: Engine, web: str, place: Path, recorder: Recorder
) -> None:
    null = member("d/null", tarfile.CHRTYPE, devmajor=1, devminor=3)
    program = member("d/program", data=b"#!", mode=0o4755)
    engine.containers.archive_in(web, io.BytesIO(archive([directory("d"), null, program])), "/srv")
    engine.containers.copy_out(web, "/srv/d", str(place / "out"), owners=True)
    assert (place / "out/null").stat().st_rdev == os.makedev(1, 3)
    assert (place / "out/program").stat().st_mode & 0o7777 == 0o4755
    assert not any(isinstance(event, Warned) for event in recorder.events)


def test_what_no_archive_can_say_is_said_of_its_entry(engine: Engine, web: str) -> None:
    odd = {
        "nobody": member("nobody", pax_headers={"uid": str(2**40)}),
        "never": member("never", pax_headers={"mtime": "nan"}),
        "what": member("what", b"Z"),
        "link": hardlink("link", "/"),
    }
    for name, one in odd.items():
        with pytest.raises(ContainerError, match=f"web:/t could not be copied: .*'{name}'"):
            engine.containers.archive_in(web, io.BytesIO(archive([one])), "/t")


HOSTILE = {
    "..": [member("../../out", data=b"!")],
    "a link, then a file behind it": [symlink("l", "{place}"), member("l/out", data=b"!")],
    "a link upwards": [symlink("l", "../../../../../../..{place}"), member("l/out", data=b"!")],
    "a hard link to a file of the machine": [hardlink("h", "{place}/secret")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_no_archive_leads_out_of_the_container(
    engine: Engine, web: str, place: Path, members: list[Member]
) -> None:
    (place / "secret").write_text("key")
    placed = [_placed(info, data, place) for info, data in members]
    with contextlib.suppress(ContainerError):
        engine.containers.archive_in(web, io.BytesIO(archive(placed)), "/t")
    assert not (place / "out").exists()
    root = f"/proc/{engine.containers.get(web).pid}/root"
    assert not os.path.exists(f"{root}/t/h") or Path(f"{root}/t/h").read_text() != "key"


def test_links_of_the_container_do_not_lead_out(
    engine: Engine, web: str, source: Path, place: Path
) -> None:
    (place / "secret").write_text("key")
    root = f"/proc/{engine.containers.get(web).pid}/root"
    os.symlink(str(place), f"{root}/t/outside")
    os.symlink("../../../../../../.." + str(place), f"{root}/t/upwards")
    for link in ("outside", "upwards"):
        with pytest.raises(ContainerError, match="no such file"):
            engine.containers.copy_out(web, f"/t/{link}/secret", str(place / "stolen"))
        with pytest.raises(ContainerError, match="there is no directory"):
            engine.containers.copy_in(web, str(source / "file"), f"/t/{link}/written")
    assert sorted(path.name for path in place.iterdir() if path.name in ("stolen", "written")) == []


def test_a_link_that_is_in_the_way_is_replaced_not_followed(
    engine: Engine, web: str, source: Path, place: Path
) -> None:
    root = f"/proc/{engine.containers.get(web).pid}/root"
    os.mkdir(f"{root}/t/source")
    os.symlink("/etc/passwd", f"{root}/t/source/file")
    before = inside(engine, "/etc/passwd")
    engine.containers.copy_in(web, str(source), "/t")
    assert inside(engine, "/etc/passwd") == before
    assert inside(engine, "/t/source/file") == "content"


def test_what_comes_out_stays_in_its_directory(engine: Engine, web: str, place: Path) -> None:
    root = f"/proc/{engine.containers.get(web).pid}/root"
    os.mkdir(f"{root}/t/d")
    os.symlink(str(place / "victim"), f"{root}/t/d/l")
    (place / "victim").mkdir()
    engine.containers.copy_out(web, "/t/d", str(place / "back"))
    assert os.readlink(place / "back/l") == str(place / "victim")
    os.unlink(f"{root}/t/d/l")
    os.mkdir(f"{root}/t/d/l")
    Path(f"{root}/t/d/l/f").write_text("!")
    # A second copy meets the link of the first one, and does not write behind it.
    engine.containers.copy_out(web, "/t/d/.", str(place / "back"))
    assert list((place / "victim").iterdir()) == []
    assert (place / "back/l/f").read_text() == "!"


def _placed(info: tarfile.TarInfo, data: bytes, place: Path) -> Member:
    info = copy.copy(info)
    info.linkname = info.linkname.format(place=place)
    return info, data


def test_a_file_is_written_to_where_a_link_leads(engine: Engine, web: str, place: Path) -> None:
    (place / "new").write_text("new")
    for number, link in enumerate(["/etc/os-release", "os-release", "../etc/os-release"]):
        (place / "a-link").unlink(missing_ok=True)
        (place / "a-link").symlink_to(link)
        engine.containers.copy_in(web, str(place / "a-link"), f"/etc/link{number}")
        (place / "new").write_text(f"new {number}")
        engine.containers.copy_in(web, str(place / "new"), f"/etc/link{number}")
        assert inside(engine, "/etc/os-release") == f"new {number}"
    (place / "real").write_text("old")
    (place / "link").symlink_to("real")
    engine.containers.copy_out(web, "/etc/os-release", str(place / "link"))
    assert (place / "link").is_symlink()
    assert (place / "real").read_text() == "new 2"


@pytest.mark.parametrize("paths", [("", "/srv"), ("web:/srv", "")])
def test_an_empty_path_is_nothing_to_copy(engine: Engine, web: str, paths: tuple[str, str]) -> None:
    # Of a shell's variable that is not set; it must not be taken for the root, or for here.
    with pytest.raises(ContainerError, match="one of the paths is empty"):
        if paths[1]:
            engine.containers.copy_in(web, *paths)
        else:
            engine.containers.copy_out(web, "/srv", paths[1])


def test_what_the_kernel_shows_of_itself_is_left_out(engine: Engine, web: str, place: Path) -> None:
    engine.containers.copy_out(web, "/", str(place / "all"))
    found = {path.name for path in (place / "all").iterdir()}
    assert {"bin", "etc", "dev"} <= found
    assert not {"proc", "sys"} & found
    engine.containers.copy_out(web, "/proc/1/limits", str(place / "limits"))  # asked for by name


def test_what_could_not_be_copied_is_named_as_people_know_it(
    engine: Engine, web: str, source: Path
) -> None:
    with pytest.raises(ContainerError, match="could not be copied: new: no such file or directory"):
        engine.containers.copy_in(web, str(source / "file"), "/proc/new")


class _Interrupted(io.RawIOBase):
    """An archive of which somebody sends a part only, and then presses Ctrl-C."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        data = self._data.read(size)
        if not data:
            raise KeyboardInterrupt
        return data


def test_an_interrupted_copy_leaves_nothing_half_done(engine: Engine, web: str) -> None:
    pid = engine.containers.get("web").pid
    before = os.listdir(f"/proc/{pid}/root/srv")
    whole = archive([member("big", data=b"x" * (4 << 20))])
    with pytest.raises(KeyboardInterrupt):
        engine.containers.archive_in(web, _Interrupted(whole[: 2 << 20]), "/srv")  # type: ignore[arg-type]
    assert os.listdir(f"/proc/{pid}/root/srv") == before
