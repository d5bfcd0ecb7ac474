"""Where images are built: the engine runs the commands, ``build`` makes layers of what they change.

Both are of one tier and know nothing of each other; this joins them.
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ocinb.build.build import Build as _Build
from ocinb.build.cache import StepCache
from ocinb.build.commit import commit
from ocinb.build.draft import Draft, Written
from ocinb.build.operations import append_directory, append_file, rebase, squash
from ocinb.build.recipe import Recipe, build
from ocinb.build.rewrite import annotate, rewrite
from ocinb.build.run_options import with_parents
from ocinb.build.steps import Step
from ocinb.build.workplace import Found, Ran, Workplace
from ocinb.content.short_names import resolve
from ocinb.engine.changed import Changed, own_tree
from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.emulated.launch_plan import FAKECHROOT
from ocinb.engine.engine import Engine, Finished
from ocinb.engine.images import LocalImage
from ocinb.engine.own_changes import take_changes
from ocinb.errors import BuildError, UnsupportedHost
from ocinb.events import ignore
from ocinb.spec import annotations as keys
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.document import MAX_DOCUMENT, parse_object
from ocinb.spec.platform import Platform
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.events import Record
    from ocinb.image import Image

    Output = Callable[[bytes, int], None]

UNNAMED = "localhost/build"
"""What an image is called that has no name yet."""


def workplace(engine: Engine, output: Output | None = None, record: Record = ignore) -> Workplace:
    """Where a build works with an engine.

    Args:
        output: takes what commands write, and the stream's number; to ``sys.stderr`` if not given,
            for standard output belongs to a command's answer.
        record: told of each step.
    """

    def find(name: str, platform: Platform | None) -> Found:
        local = engine.images.get(name, platform) if _is_here(engine, name) else None
        local = local or engine.images.pull(name, platform)
        return Found(name=local.name, manifest=local.manifest_descriptor)

    @contextmanager
    def run(image: Written, options: ContainerOptions, stdin: bytes | None = None) -> Iterator[Ran]:
        if engine.rung.name == FAKECHROOT:
            raise UnsupportedHost(
                "what a command changes is not known under fakechroot, which changes files, too",
                hint="steps that run nothing can be built all the same; see ocinb doctor",
            )
        if engine.rung.emulated:  # a host name is not to be had, and nobody asked for it
            options = dataclasses.replace(options, hostname=None)
        done = engine.run(
            _to_run(image),
            options,
            output=output or _to_stderr,
            stdin=stdin,
            keep=True,
            volatile=True,  # what becomes a layer is written out with that
        )
        assert isinstance(done, Finished)  # it was not detached
        files = ContainerFiles(str(engine.settings.containers / done.container))
        try:
            if done.interrupted:
                raise KeyboardInterrupt
            upper, copied = own_tree(files, engine.containers.get(done.container))
            take_changes(str(upper))
            mounts = read_json(f"{files.bundle}/config.json").get("mounts") or ()
            yield Ran(
                exit_status=done.exit_status,
                upper=upper,
                copied=copied,
                mount_points=frozenset(str(mount["destination"]) for mount in mounts),
            )
        finally:
            engine.containers.delete(done.container, force=True)

    return Workplace(
        store=engine.store,
        layers=engine.layers,
        find=find,
        run=run,
        cache=engine.settings.root / "build-cache",
        record=record,
    )


def forget_steps(
    engine: Engine, *, grace: float, gone: Sequence[Digest], dry_run: bool = False
) -> list[tuple[str, int]]:
    """Forget cached steps of builds whose layers garbage collection took; see ``StepCache.sweep``.

    Args:
        grace: seconds for which files are left alone.
        gone: what was taken, or would be.
    """
    work = workplace(engine)
    before = time.time() - grace
    return StepCache(work.cache, work.store).sweep(before, gone=gone, dry_run=dry_run)


def build_named(
    engine: Engine,
    recipe: Recipe,
    *names: str,
    output: Output | None = None,
    record: Record = ignore,
) -> LocalImage:
    """Build a Dockerfile, and give the image its names; it is known by the first.

    Raises:
        BuildError, OcinbError: see ``ocinb.build.recipe.build``; InvalidReference: not a name.
    """
    wanted = [str(Reference.parse(name)) for name in names]
    with engine.store.lease():
        step = build(workplace(engine, output, record), recipe)
        local = local_image(step.image, wanted[0] if wanted else UNNAMED)
        for name in wanted:
            engine.store.names.set(name, local.target)
    return local


def commit_container(
    engine: Engine,
    container: str,
    name: str | None = None,
    *,
    changes: Sequence[str] = (),
    message: str = "",
    author: str = "",
    record: Record = ignore,
) -> LocalImage:
    """Make an image of what a container has changed, and give it a name.

    Args:
        changes: instructions as in a Dockerfile, as in ``CMD ["/bin/sh"]``.
        message, author: for history.

    Raises:
        ContainerNotFound, ContainerError: see ``Engine.changed``. BuildError: a change is
            malformed. BlobNotFound: its image is no longer in the store.
    """
    work = workplace(engine, record=record)
    reference = Reference.parse(name) if name else None
    with engine.store.lease(), engine.containers.changed(container) as changed:
        draft = Draft.load(engine.store, _base_of(engine, changed))
        commit(
            work,
            draft,
            changed.upper,
            changes=changes,
            message=message,
            author=author,
            created_by=shlex.join(changed.command),
            mount_points=with_parents(changed.mount_points),
            copied=changed.copied,
        )
        local = local_image(draft.write(engine.store), str(reference or UNNAMED))
        if reference is not None:
            engine.store.names.set(local.name, local.target)
    return local


def change_image(
    engine: Engine,
    source: str,
    change: Callable[[Draft], object],
    name: str | None = None,
    platform: str | None = None,
) -> LocalImage:
    """Change an image of the store, whole: an index around it is written anew.

    Args:
        source: the image.
        change: given it, to change it.
        name: of the result; the image's own if not given.

    Raises:
        NameNotFound, PlatformNotFound; whatever ``change`` raises.
    """
    with engine.store.lease():
        local = engine.images.get(source, platform)
        target = rewrite(engine.store, local.target, local.manifest_descriptor, change)
        return _named(engine, name or local.name, target, local.config.platform)


def annotate_image(
    engine: Engine,
    source: str,
    annotations: dict[str, str | None],
    name: str | None = None,
    platform: str | None = None,
) -> Descriptor:
    """Set annotations of what a name points at, or of its image for one platform.

    Returns:
        What the name points at then.

    Raises:
        NameNotFound, PlatformNotFound, InvalidDocument.
    """
    whole = resolve(engine.store.names, source)
    with engine.store.lease():
        if platform is not None:
            changed = change_image(
                engine, source, lambda draft: draft.annotate(annotations), name, platform
            )
            return changed.target
        target = annotate(engine.store, engine.store.names.get(whole), annotations)
        engine.store.names.set(str(Reference.parse(name)) if name else whole, target)
    return target


def squash_image(engine: Engine, source: str, name: str | None, *, keep: int = 0) -> LocalImage:
    """Make one layer of all above the lowest ``keep``. See ``build.operations.squash``."""
    work = workplace(engine)
    return change_image(engine, source, lambda draft: squash(work, draft, keep=keep), name)


def append_layers(
    engine: Engine,
    paths: Sequence[Path],
    name: str,
    base: str | None = None,
    platform: str | None = None,
) -> LocalImage:
    """Put archives and directories on an image as layers; without one, on nothing.

    Raises:
        LayerError: an archive is none, or breaks a rule. NameNotFound, StorageError.
    """

    def append(draft: Draft) -> None:
        for path in paths:
            add = append_directory if path.is_dir() else append_file
            add(engine.store, draft, path)

    if base is not None:
        return change_image(engine, base, append, name, platform)
    with engine.store.lease():
        wanted = Platform.parse(platform) if platform else Platform.host()
        draft = Draft.scratch(wanted)
        append(draft)
        return _named(engine, name, draft.write(engine.store).descriptor, wanted)


def rebase_image(
    engine: Engine, source: str, new_base: str, name: str | None, old_base: str | None = None
) -> LocalImage:
    """Put an image's own layers on another base.

    Args:
        old_base: the base that it was built on; as the image's annotations say if not given.

    Raises:
        BuildError: it was not built on that base, or its annotations do not say on which.
        NameNotFound: a base is not in the store.
    """
    local, new = engine.images.get(source), engine.images.get(new_base)
    if old_base is not None:
        old = Draft.load(engine.store, engine.images.get(old_base).manifest_descriptor)
    else:
        old = _annotated_base(engine, local)
    fresh = Draft.load(engine.store, new.manifest_descriptor)
    digest = new.manifest_descriptor.digest
    return change_image(
        engine,
        source,
        lambda draft: rebase(draft, old, fresh, name=new.name, digest=digest),
        name,
    )


def local_image(
    written: Written, name: str = UNNAMED, target: Descriptor | None = None
) -> LocalImage:
    """An image that was made, as the engine has images."""
    return LocalImage(
        name=str(Reference.parse(name)),
        target=target or written.descriptor,
        manifest_descriptor=written.descriptor,
        manifest=written.manifest,
        config=written.config,
    )


class Build(_Build):
    """An image built step by step with this user's engine; see ``ocinb.build.build.Build``.

    Args:
        context: the directory that ``copy`` reads.
        engine: made for this user's settings if not given.
        output: see ``workplace``.
        record: told of each step.
        more: as ``ocinb.build.build.Build`` takes it.
    """

    def __init__(
        self,
        context: str | Path | None = None,
        *,
        engine: Engine | None = None,
        output: Output | None = None,
        record: Record = ignore,
        **more: Any,
    ) -> None:
        from ocinb.settings import Settings

        self._engine = engine or Engine(Settings.from_environment(), record)
        super().__init__(workplace(self._engine, output, record), context=context, **more)

    def look(self, step: Step | None = None) -> Image:
        """The image after a step, the last if not given: to be run, mounted, and looked at."""
        from ocinb.image import Image

        return Image(self._engine, local_image(step.image if step else self.image))

    def tag(self, name: str) -> Image:
        """Give the image of the last step a name in the store."""
        from ocinb.image import Image

        local = local_image(self.image, name)
        self._engine.store.names.set(local.name, local.target)
        return Image(self._engine, local)


def _base_of(engine: Engine, changed: Changed) -> Descriptor:
    """The manifest that a container was made from, also when its name has moved on."""
    if not changed.manifest:
        return engine.images.get(changed.image).manifest_descriptor
    return _manifest(engine, Digest(changed.manifest))


def _annotated_base(engine: Engine, local: LocalImage) -> Draft:
    annotations = local.manifest.annotations or {}
    digest, name = annotations.get(keys.BASE_DIGEST), annotations.get(keys.BASE_NAME)
    if digest is not None and engine.store.has(Digest(digest)):
        return Draft.load(engine.store, _manifest(engine, Digest(digest)))
    if name is not None:
        return Draft.load(engine.store, engine.images.get(name).manifest_descriptor)
    raise BuildError(
        f"{local.name} does not say on which image it was built",
        hint="name it by --old-base",
        citation="image-spec annotations.md#pre-defined-annotation-keys",
    )


def _manifest(engine: Engine, digest: Digest) -> Descriptor:
    """The descriptor of a manifest of which only the digest is known."""
    with engine.store.open(digest) as blob:
        data = blob.read(MAX_DOCUMENT)
    kind = parse_object(data, f"the manifest {digest}").get("mediaType")
    media_type = kind if isinstance(kind, str) else media_types.IMAGE_MANIFEST
    return Descriptor(media_type=media_type, digest=digest, size=len(data))


def _named(engine: Engine, name: str, target: Descriptor, platform: Platform) -> LocalImage:
    """Give a name to what was made, and find it again under it."""
    engine.store.names.set(str(Reference.parse(name)), target)
    return engine.images.get(name, platform)


def _is_here(engine: Engine, name: str) -> bool:
    return resolve(engine.store.names, name) in engine.store.names


def _to_run(image: Written) -> LocalImage:
    """The image without volumes: what a command writes there belongs into the image."""
    execution = msgspec.structs.replace(image.config.execution, volumes=None)
    config = msgspec.structs.replace(image.config, config=execution)
    return LocalImage(**{**dict(local_image(image)), "config": config})


def _to_stderr(data: bytes, _stream: int) -> None:
    sys.stderr.write(data.decode(errors="replace"))
    sys.stderr.flush()
