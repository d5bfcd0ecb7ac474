"""What a half-typed word may become; nothing is run, fetched, unpacked or changed for it.

A parameter is completed by its name: ``image`` is the name of an image in every command. The
shell's completion and the notebook's Tab both ask here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, ShellComplete

from ocinb.errors import OcinbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ocinb.commands.session import Session
    from ocinb.image import Image
    from ocinb.layer.stack import Stack

    Words = Callable[[Session, click.Context, str], Iterable[str]]

MOST = 500
"""Words that are offered; a list that is longer helps nobody."""

_STACKS_KEPT = 4


def complete(
    root: click.Command, arguments: Sequence[str], incomplete: str, session: Session | None = None
) -> list[str]:
    """What may stand in the place of the last word.

    Args:
        root: the tree of commands.
        arguments: the words before it, behind the program's name.
        incomplete: the word as far as it is typed.
        session: whose store and containers are looked at.
    """
    engine = ShellComplete(root, {"obj": session}, "ocinb", "")
    try:
        items = engine.get_completions(list(arguments), incomplete)
    except (OcinbError, click.ClickException, OSError):
        return []  # what stands before it is wrong: it will be told when the line is run
    return list(dict.fromkeys(str(item.value) for item in items))


def teach(parameters: Iterable[click.Parameter]) -> None:
    """Let each parameter be completed according to its name."""
    for parameter in parameters:
        by_name = OPTIONS if isinstance(parameter, click.Option) else ARGUMENTS
        words = by_name.get(parameter.name or "")
        kind = _KINDS.get(type(parameter.type))
        if words is not None and kind is not None:
            parameter.type = kind(words)


class _Taught:
    """Mixin for a type of click: completed by a function of ours."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def shell_complete(
        self, context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """As click asks for it."""
        found: list[CompletionItem] = []
        try:
            for word in self._words(_session(context), context, incomplete):
                if word.startswith(incomplete):
                    found.append(CompletionItem(word))
                if len(found) == MOST:
                    break
        except (OcinbError, OSError):
            return []  # no store yet, a document that is missing, an image of another platform
        return found


class _Text(_Taught, click.types.StringParamType):
    """A text."""


class _Number(_Taught, click.types.IntParamType):
    """A number."""


class _Words(_Taught, click.types.UnprocessedParamType):
    """The words of a container's command."""


_KINDS: dict[type, Callable[[Words], Any]] = {
    click.types.StringParamType: _Text,
    click.types.IntParamType: _Number,
    click.types.UnprocessedParamType: _Words,
}


def _session(context: click.Context) -> Session:
    from ocinb.commands.session import Session

    top = context.find_root()
    session: Session = context.obj or Session()
    return session.at(top.params.get("root"), top.params.get("run_root"))


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
        yield from sorted(whole for whole, _ in known)
    for repository, tags in sorted(session.remote_tags.items()):
        yield from (f"{repository}:{tag}" for tag in tags)


def containers(session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Names of containers; ids only where no name is meant."""
    records = session.engine.containers()
    yield from sorted(record.name for record in records)
    if incomplete:
        yield from sorted(record.id for record in records)


def images_and_containers(
    session: Session, context: click.Context, incomplete: str
) -> Iterator[str]:
    """For commands that take either."""
    yield from images(session, context, incomplete)
    yield from containers(session, context, incomplete)


def images_and_files(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """A path is meant where the word begins as one."""
    if incomplete.startswith((".", "/", "~")):
        yield from _files(incomplete)
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
        yield from _files(incomplete)
        return
    known = ("ocinb", "runc", "crun", "youki", "runsc", "kata-runtime")
    found = (name for name in known if name == "ocinb" or shutil.which(name))
    yield from dict.fromkeys((session.settings.runtime, *found))


def platforms(session: Session, context: click.Context, _incomplete: str) -> Iterator[str]:
    """Those that the image's index offers, or else the common ones."""
    from ocinb.spec.image_index import ImageIndex
    from ocinb.spec.reference import Reference

    offered: list[str] = []
    name = _given(context, "image", "reference")
    store = session.engine.store
    if name:
        target = dict(store.names.items()).get(str(Reference.parse(name)))
        if target is not None and target.is_index:
            index = ImageIndex.parse(store.read(target), target.media_type)
            offered = [str(each.platform) for each in index.manifests if each.platform]
    yield from offered or _PLATFORMS


def layers(session: Session, context: click.Context, _incomplete: str) -> Iterator[str]:
    """Numbers of an image's layers, the base being 1."""
    image = _image(session, context, _given(context, "image", "file").partition(":/")[0])
    yield from (str(number + 1) for number in range(len(image.local.manifest.layers)))


def digests(session: Session, context: click.Context, _incomplete: str) -> Iterator[str]:
    """Of an image's layers and config where one is named; else of all blobs."""
    if _given(context, "image"):
        manifest = _image(session, context).local.manifest
        yield from (blob.digest for blob in (*manifest.layers, manifest.config))
    else:
        yield from sorted(session.engine.store.digests())


def paths(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """Paths inside the image that the line names."""
    stack = _stack(session, _image(session, context))
    yield from _inside(stack, incomplete)


def commands(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """Words of a container's command: paths of the image."""
    if incomplete.startswith("/"):
        yield from paths(session, context, incomplete)


def image_and_path(session: Session, context: click.Context, incomplete: str) -> Iterator[str]:
    """``IMAGE:PATH``."""
    name, colon, path = incomplete.partition(":/")
    if not colon:
        name = incomplete.removesuffix(":")
        known = list(images(session, context, name))
        yield from (f"{each}:/" for each in known if each.startswith(name))
        return
    stack = _stack(session, _image(session, context, name))
    yield from (f"{name}:{found}" for found in _inside(stack, f"/{path}"))


def signals(_session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Names of signals."""
    import signal

    yield from (each.name.removeprefix("SIG") for each in signal.Signals)


def mount_targets(session: Session, _context: click.Context, _incomplete: str) -> Iterator[str]:
    """Where something of ours is mounted."""
    yield from (mount.target for mount in session.engine.mounts.list())


def config_fields(_session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Fields of config.json, one level at a time."""
    from ocinb.bundle.explanations import EXPLANATIONS

    deep = incomplete.count(".")
    yield from sorted({".".join(path.split(".")[: deep + 1]) for path in EXPLANATIONS if path})


def files(_session: Session, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Files and directories of this machine."""
    yield from _files(incomplete)


ARGUMENTS: dict[str, Words] = {
    "after": images_and_containers,
    "args": commands,
    "before": images,
    "container": containers,
    "containers": containers,
    "destination": images,
    "digest": digests,
    "directory": files,
    "field": config_fields,
    "file": image_and_path,
    "image": images,
    "images": images,
    "name": images_and_containers,
    "one": images_and_files,
    "other": images_and_files,
    "path": paths,
    "paths": paths,
    "reference": images,
    "registry": registries,
    "repository": repositories,
    "source": images_and_files,
    "target": mount_targets,
}
"""Name of an argument → what it may become."""

OPTIONS: dict[str, Words] = {
    "base": images,
    "directory": files,
    "env_file": files,
    "file": files,
    "label_file": files,
    "layer": layers,
    "new_base": images,
    "old_base": images,
    "output": files,
    "platform": platforms,
    "pull_through": registries,
    "runtime": runtimes,
    "signal": signals,
    "stop_signal": signals,
}
"""Name of an option's value → what it may become."""

_PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le",
              "linux/riscv64", "linux/s390x")  # fmt: skip


def _image(session: Session, context: click.Context, name: str = "") -> Image:
    from ocinb.image import Image

    platform = context.params.get("platform")
    wanted = name or _given(context, "image")
    return Image(session.engine, session.engine.image(wanted, platform))


def _given(context: click.Context, *names: str) -> str:
    """The value of the first of these arguments that was typed; empty if none was.

    Where the word to complete is an option's value, click has not given out the arguments yet.
    """
    known = (context.params.get(name) for name in names)
    return next((str(value) for value in (*known, *context.args[:1]) if value), "")


def _stack(session: Session, image: Image) -> Stack:
    """The image's files, as far as they are unpacked: nothing is unpacked for a Tab."""
    from ocinb.errors import LayerError
    from ocinb.layer.stack import Stack

    kept = session.stacks
    chain_ids = image.local.config.chain_ids
    key = chain_ids[-1] if chain_ids else ""
    if key not in kept:
        unpacked = session.engine.layers
        if not all(unpacked.get(chain_id) for chain_id in chain_ids):
            raise LayerError(f"{image.name} is not unpacked")
        while len(kept) >= _STACKS_KEPT:
            del kept[next(iter(kept))]
        kept[key] = Stack([unpacked.index(chain_id) for chain_id in chain_ids])
    return kept[key]


def _inside(stack: Stack, incomplete: str) -> Iterator[str]:
    """Names in the directory that a half-typed path is in; a directory ends with ``/``."""
    from ocinb.insight.contents import shown_path

    parent, _, _ = incomplete.rpartition("/")
    real = stack.resolve(parent) if parent.strip("/") else ""
    for name in stack.children(real):
        place = stack.shown[f"{real}/{name}".lstrip("/")]
        shown = shown_path(name).removeprefix("/")
        yield f"{parent}/{shown}{'/' if stack.kind(place) == 'd' else ''}"


def _files(incomplete: str) -> Iterator[str]:
    parent, slash, begun = incomplete.rpartition("/")
    with os.scandir(os.path.expanduser(parent) or slash or ".") as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries)
    for name, is_directory in found:
        if name.startswith(begun) and (begun or not name.startswith(".")):
            yield f"{parent}{slash}{name}{'/' if is_directory else ''}"
