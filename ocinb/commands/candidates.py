"""The words that a parameter may become: names of the store, of containers, paths inside images.

Each function is given the session, click's context of the line as far as it is typed, and the
half-typed word; what does not begin with that word is left out by who asks. Nothing is run,
fetched, unpacked or changed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ocinb.commands.candidate_paths import (
    commands,
    files,
    files_here,
    files_of_containers,
    given,
    image_of,
    paths,
    paths_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import click

    from ocinb.commands.session import Session

    Words = Callable[[Session, click.Context, str], Iterable[str]]


def images(session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Names of images as people write them; whole ones where that is what was begun; digests."""
    from ocinb.spec.reference import Reference

    known = session.engine.store.names.items()
    short = [Reference.parse(name).familiar for name, _ in known]
    name, at, _ = incomplete.partition("@")
    if at:
        for familiar, (whole, descriptor) in zip(short, known, strict=True):
            reference = Reference.parse(whole)
            if name in (familiar, whole, reference.name, familiar.rpartition(":")[0]):
                yield f"{name}@{descriptor.digest}"
        return
    yield from sorted({*short})
    if not any(familiar.startswith(incomplete) for familiar in short):
        yield from sorted(_last_parts(session, [whole for whole, _ in known]))
        yield from sorted(whole for whole, _ in known)
    for repository, tags in sorted(session.remote_tags.items()):
        yield from (f"{repository}:{tag}" for tag in tags)


def _last_parts(session: Session, known: list[str]) -> Iterator[str]:
    """Names without their registries that can be nothing else; see ``content.short_names``."""
    from ocinb.content.short_names import resolve
    from ocinb.errors import OcinbError
    from ocinb.spec.reference import DEFAULT_TAG, Reference

    names = session.engine.store.names
    for whole in known:
        reference = Reference.parse(whole)
        last = reference.repository.rpartition("/")[2]
        word = last if reference.tag in (None, DEFAULT_TAG) else f"{last}:{reference.tag}"
        with contextlib.suppress(OcinbError):
            if resolve(names, word) == whole:
                yield word


def containers(session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Names of containers; ids only where no name is meant."""
    records = session.engine.containers.all()
    yield from sorted(record.name for record in records)
    if incomplete:
        yield from sorted(record.id for record in records)


def images_and_containers(
    session: Session, context: click.Context, incomplete: str
) -> Iterator[str]:
    """For commands that take either."""
    yield from images(session, context, incomplete)
    yield from containers(session, context, incomplete)


def image_and_path(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """``IMAGE:PATH``."""
    name, colon, path = incomplete.partition(":/")
    if colon:
        yield from (f"{name}:{found}" for found in paths_in(session, context, name, f"/{path}"))
        return
    name = incomplete.removesuffix(":")
    yield from (f"{each}:/" for each in images(session, context, name) if each.startswith(name))


def images_and_files(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """A path is meant where the word begins as one."""
    if incomplete.startswith((".", "/", "~")):
        yield from files_here(incomplete)
    else:
        yield from images(session, context, incomplete)


def repositories(session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Names without tags."""
    from ocinb.spec.reference import Reference

    names = {Reference.parse(name) for name, _ in session.engine.store.names.items()}
    yield from sorted({name.familiar.removesuffix(f":{name.tag}") for name in names})
    yield from sorted(session.remote_tags)


def registries(session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Hosts that images of the store came from."""
    from ocinb.spec.reference import DEFAULT_REGISTRY, Reference

    names = [Reference.parse(name) for name, _ in session.engine.store.names.items()]
    yield from sorted({DEFAULT_REGISTRY, *(name.registry for name in names)})


def runtimes(session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """``ocinb``, the runtimes that are installed, or a path."""
    import shutil

    if "/" in incomplete:
        yield from files_here(incomplete)
        return
    known = ("ocinb", "runc", "crun", "youki", "runsc", "kata-runtime")
    found = (name for name in known if name == "ocinb" or shutil.which(name))
    yield from dict.fromkeys((session.settings.runtime, *found))


def platforms(session: Session, context: click.Context, _incomplete: str) -> Iterator[str]:
    """Those that the image's index offers, or else the common ones."""
    from ocinb.content.short_names import resolve
    from ocinb.spec.image_index import ImageIndex

    offered: list[str] = []
    name = given(context, "image", "reference")
    store = session.engine.store
    if name:
        target = dict(store.names.items()).get(resolve(store.names, name))
        if target is not None and target.is_index:
            index = ImageIndex.parse(store.read(target), target.media_type)
            offered = [str(each.platform) for each in index.manifests if each.platform]
    yield from offered or _PLATFORMS


def networks(session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """What a container can be connected with."""
    yield from ("none", "host", "bridge")
    yield from sorted({network.name for network in session.engine.networks} - {"bridge"})
    yield from _of_others(session)


def namespaces(session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Whose namespace can be shared."""
    yield "host"
    yield from _of_others(session)


def _of_others(session: Session) -> Iterator[str]:
    found = session.engine.containers.all()
    yield from sorted(f"container:{record.name}" for record in found if record.pid)


def volumes(session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """``NAME:`` of volumes, or a directory of this machine."""
    if incomplete.startswith((".", "/", "~")):
        yield from files_here(incomplete)
    else:
        yield from (f"{volume.name}:" for volume in session.engine.volumes.all())


def layers(session: Session, context: click.Context, _incomplete: str) -> Iterator[str]:
    """Numbers of an image's layers, the base being 1."""
    image = image_of(session, context, given(context, "image", "file").partition(":/")[0])
    yield from (str(number + 1) for number in range(len(image.local.manifest.layers)))


def digests(session: Session, context: click.Context, _incomplete: str) -> Iterator[str]:
    """Of an image's layers and config where one is named; else of all blobs."""
    if given(context, "image"):
        manifest = image_of(session, context).local.manifest
        yield from (blob.digest for blob in (*manifest.layers, manifest.config))
    else:
        yield from sorted(session.engine.store.digests())


def names(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """Those of volumes or networks, as the command is; else of images and containers."""
    words = context.command_path.split()
    if "volume" in words:
        yield from sorted(volume.name for volume in session.engine.volumes.all())
    elif "network" in words:
        yield from own_networks(session, context, incomplete)
    else:
        yield from images_and_containers(session, context, incomplete)


def own_networks(session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Names of networks that were made here."""
    yield from sorted(network.name for network in session.engine.networks)


def copied(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """What is copied, or put on: files and containers' files for ``cp``, images, files."""
    if context.info_name == "cp":
        yield from files_of_containers(session, context, incomplete)
    elif context.info_name == "umount":
        yield from (mount.target for mount in session.engine.mounts.list())
    elif context.info_name == "mount":
        yield from files_here(incomplete)
    else:
        yield from images_and_files(session, context, incomplete)


def signals(_session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Names of signals."""
    import signal

    yield from (each.name.removeprefix("SIG") for each in signal.Signals)


def filters(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """What a listing may be narrowed by; behind the equals sign its values."""
    from ocinb.commands import event_filters, filters

    listing = event_filters if context.info_name == "events" else filters
    known = listing.known(session.engine)
    name, equals, _ = incomplete.partition("=")
    if equals:
        yield from (f"{name}={value}" for value in known.get(name, ()))
    else:
        yield from (f"{each}=" for each in known)


def sections(_session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Sections of the specifications, and the words that they are known by."""
    from ocinb.insight.where import index

    found = {row[0].partition(" ")[2] for row in index()}
    yield from sorted(found | {section.partition("#")[2] for section in found} - {""})


def config_fields(_session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Fields of config.json, one level at a time."""
    from ocinb.bundle.explanations import EXPLANATIONS

    deep = incomplete.count(".")
    yield from sorted({".".join(path.split(".")[: deep + 1]) for path in EXPLANATIONS if path})


def lessons(_session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Numbers of the course's lessons."""
    from ocinb.course.shelf import lessons as on_the_shelf

    yield from (lesson.number for lesson in on_the_shelf())


def exercises(_session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Names of the course's exercises, once a lesson's number is there; else lessons."""
    from ocinb.course.exercises import exercises as of_lesson

    if len(incomplete) < len("00"):
        yield from lessons(_session, _context, incomplete)
    else:
        yield from (exercise.name for exercise in of_lesson(incomplete[:2]))


ARGUMENTS: dict[str, Words] = {
    "after": images_and_containers,
    "args": commands,
    "bundle": files,
    "before": images,
    "container": containers,
    "containers": containers,
    "destination": images,
    "digest": digests,
    "directory": files,
    "exercise": exercises,
    "field": config_fields,
    "file": image_and_path,
    "image": images,
    "images": images,
    "lesson": lessons,
    "name": names,
    "names": names,
    "network": own_networks,
    "one": images_and_files,
    "other": images_and_files,
    "path": paths,
    "paths": paths,
    "reference": images,
    "registry": registries,
    "repository": repositories,
    "source": copied,
    "target": copied,
    "term": sections,
}
"""Name of an argument → what it may become."""

OPTIONS: dict[str, Words] = {
    "base": images,
    "directory": files,
    "env_file": files,
    "file": files,
    "filters": filters,
    "input": files,
    "ipc": namespaces,
    "label_file": files,
    "layer": layers,
    "network": networks,
    "new_base": images,
    "old_base": images,
    "output": files,
    "pid": namespaces,
    "platform": platforms,
    "pull_through": registries,
    "runtime": runtimes,
    "signal": signals,
    "stop_signal": signals,
    "userns": namespaces,
    "uts": namespaces,
    "volume": volumes,
}
"""Name of an option's value → what it may become."""

_PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le",
              "linux/riscv64", "linux/s390x")  # fmt: skip
