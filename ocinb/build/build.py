"""Building an image step by step: after each there is an image that can be looked at and run.

A ``Build`` is one stage. Each method is one step: it makes at most one layer, remembers it in the
cache, and returns what there is now. Nothing is done ahead, so a lesson can stop anywhere.

Spec: image-spec layer.md#creating
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ocinb.build.archive import archive_tree
from ocinb.build.cache import Cached, StepCache, key_of
from ocinb.build.context import Context, has_glob, matches
from ocinb.build.diff import diff
from ocinb.build.draft import Draft, Written, layer_of
from ocinb.build.facts import Owners
from ocinb.build.made import MadeLayer, make_layer, rfc3339, source_date_epoch
from ocinb.build.owners import LayerOwners, owner_named
from ocinb.build.placing import Dress, Placing, content_digest, readable_entries
from ocinb.build.run_options import mount_points, run_options
from ocinb.build.stack import Stack
from ocinb.build.wishes import Wishes
from ocinb.build.workplace import Workplace
from ocinb.bundle.options import NO_NETWORK
from ocinb.errors import BuildError, OcinbError, StorageError
from ocinb.events import StepBegun, StepBuilt
from ocinb.frozen import Frozen
from ocinb.layer.changeset import Entry
from ocinb.spec import annotations as keys
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.platform import Platform

COMMENT = "ocinb"
"""``comment`` of the history lines that we write."""


DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""``PATH`` of an image that is begun with nothing. Spec: none (Docker convention)"""


class Step(Frozen):
    """What one step of a build made.

    Attributes:
        number: from 1.
        instruction: as history tells it.
        image: the image after this step.
        layer: the layer that it made; None where it made none.
        cached: whether it was found in the cache.
        seconds: how long it took.
    """

    number: int
    instruction: str
    image: Written
    layer: MadeLayer | None
    cached: bool
    seconds: float


class Build:
    """One image being built.

    Args:
        workplace: where.
        context: the directory that ``copy`` reads, or what ``Context`` makes of it; None: none.
        platform: of the images that ``from_`` takes; None: this machine's.
        network: of the commands that ``run`` runs: ``none``, or ``host``.
        use_cache: whether steps of earlier builds are used.
        epoch: no time in the image is later, seconds since the epoch; None: as
            ``SOURCE_DATE_EPOCH`` says, or no limit.
        stage: how this stage is called in events.

    Attributes:
        steps: those that were done.
        hidden: variables that ``run`` sees, and that change nothing for the cache: proxies.
    """

    def __init__(
        self,
        workplace: Workplace,
        *,
        context: Path | str | Context | None = None,
        platform: Platform | None = None,
        network: str = NO_NETWORK,
        use_cache: bool = True,
        epoch: int | None = None,
        stage: str = "",
        numbers: Iterator[int] | None = None,
        total: int = 0,
    ) -> None:
        self.steps: list[Step] = []
        self.hidden: dict[str, str] = {}
        self._work = workplace
        self._context = Context(context) if isinstance(context, Path | str) else context
        self._platform = platform
        self._network = network
        self._cache = StepCache(workplace.cache, workplace.store)
        self._use_cache = use_cache
        self._epoch = source_date_epoch() if epoch is None else epoch
        self._stage = stage
        self._numbers = numbers or itertools.count(1)
        self._total = total
        self._draft = Draft.scratch(platform or Platform.host())
        self._author = ""
        self._key = ""
        self._arguments: dict[str, str] = {}
        self._cmd_is_ours = False
        self._line = 0

    # what there is

    @property
    def image(self) -> Written:
        """The image after the last step.

        Raises:
            BuildError: there was none.
        """
        if not self.steps:
            raise BuildError("nothing is built yet", hint="begin with from_")
        return self.steps[-1].image

    @property
    def wishes(self) -> Wishes:
        """How the image wants to be run, to be read."""
        return Wishes(self._draft.copy().execution)

    @property
    def arguments(self) -> dict[str, str]:
        """Variables of the build alone: ``run`` sees them, the image does not have them."""
        return dict(self._arguments)

    def directories(self) -> list[Path]:
        """The directories of its layers, bottom to top, unpacked where they are not yet.

        Raises:
            BlobNotFound, LayerError, DigestMismatch, StorageError.
        """
        return unpacked(self._work, self._draft)

    def tree(self) -> Stack:
        """What the image shows."""
        return Stack(self.directories())

    # steps

    def from_(self, image: str | Step | Build, *, text: str = "") -> Step:
        """Begin with an image: a name, ``scratch``, or what another build has made.

        Raises:
            BuildError: something was built already. DistributionError, NameNotFound: no such
                image.
        """
        if self.steps:
            raise BuildError("from_ is the first step", hint="another image is another Build")
        shown = image if isinstance(image, str) else f"stage {_written(image).descriptor.digest}"
        began = self._begin(text or f"FROM {shown}")
        name = ""
        if isinstance(image, str) and image == "scratch":
            self._key = key_of("scratch", str(self._platform or Platform.host()))
            Wishes(self._draft.execution).env({"PATH": DEFAULT_PATH})
        elif isinstance(image, str):
            found = self._work.find(image, self._platform)
            name, base = found.name, found.manifest
            self._start_from(base)
            self._draft.annotate({keys.BASE_NAME: name, keys.BASE_DIGEST: base.digest})
        else:
            self._start_from(_written(image).descriptor)
            inherited = _written(image).manifest.annotations or {}
            base_keys = (keys.BASE_NAME, keys.BASE_DIGEST)
            self._draft.annotate({key: inherited[key] for key in base_keys if key in inherited})
        return self._end(began, self._draft, None, cached=False)

    def run(
        self,
        *command: str,
        network: str | None = None,
        shell: bool | None = None,
        script: bytes | None = None,
        text: str = "",
    ) -> Step:
        """Run a command in a container of the image; what it changes is the layer.

        Args:
            command: one text is given to the shell, several words are run as they are.
            network: ``none`` or ``host``, in place of the build's.
            shell: whether the command is given to the shell, in place of what ``command`` says.
            script: a program text with ``#!`` to run in the place of a command.
            text: how history tells it.

        Raises:
            BuildError: it ended with another status than 0. UnsupportedHost: no containers here.
        """
        in_shell = len(command) == 1 if shell is None else shell
        argv = [*self.wishes.shell_words(), *command] if in_shell else list(command)
        told = text or f"RUN {command[0] if in_shell else json.dumps(command)}"
        where = network or self._network

        def make() -> MadeLayer | None:
            hidden = [f"{name}={value}" for name, value in self.hidden.items()]
            variables = [*hidden, *self._draft_variables()]
            options = run_options(argv, variables, where, script)
            with options as ready, self._work.run(self._current(), ready) as ran:
                if ran.exit_status:
                    raise BuildError(
                        f"the command ended with status {ran.exit_status}: {told[:200]}"
                    )
                below = self.tree()
                changes = diff(
                    below,
                    below.over(ran.upper),
                    owners=self._owners(),
                    epoch=self._epoch,
                    unless_filled=mount_points(ready),
                    root_time=False,
                )
                return self._layer(changes)

        environment = sorted(self._draft_variables())
        script_key = script.decode("latin-1") if script else ""
        return self._step(told, make=make, extra=[argv, environment, where, script_key])

    def copy(
        self,
        *sources: str,
        to: str,
        from_: Build | Step | Path | str | None = None,
        chown: str | None = None,
        chmod: int | None = None,
        texts: Mapping[str, bytes] | None = None,
        unpack: bool = False,
        text: str = "",
    ) -> Step:
        """Copy files of the context, or of another image, into the image.

        Args:
            sources: paths and patterns; of a directory, what is in it is copied.
            to: where; with ``/`` at its end it is a directory. Relative to the working directory.
            from_: an image's name, a build, a step, or a directory in place of the context.
            chown: who owns the copies: names of the image, or numbers; the superuser if not given.
            chmod: permission bits of the copies.
            texts: files that are given here: name → content.
            unpack: whether an archive is unpacked, as ``ADD`` does.
            text: how history tells it.

        Raises:
            BuildError: nothing is there under a source's name, or it does not fit what is in the
                image. UnknownUser: no such user in the image. LayerError: a malformed archive.

        Spec: none (Dockerfile reference, COPY)
        """
        given = texts or {}
        if not sources and not given:
            raise BuildError("there is nothing to copy")
        word = "ADD" if unpack else "COPY"
        told = text or " ".join([word, *sources, *given, to])
        tree = self._source(from_)
        below = self.tree()
        placing = Placing(below, self._owners(), self._now(), replace=unpack)
        owner = owner_named(chown, below) if chown else (0, 0)
        dress = Dress(owner=owner, mode=chmod)
        target = _Target(placing, self.wishes.working_directory(), to)
        with archive_tree() as archives:
            paths = [(pattern, matches(tree, pattern)) for pattern in sources]
            target.check(paths, len(given))
            for pattern, found in paths:
                if not found:
                    raise BuildError(
                        f"nothing in {_named(from_)} is called {pattern}",
                        hint="or .dockerignore leaves it out" if from_ is None else None,
                    )
                for path in found:
                    node = tree.follow(path)
                    assert node is not None  # it was found
                    archive = archives.open(node) if unpack and node.is_file else None
                    if archive is not None:
                        kept = Dress(owner=owner if chown else None, mode=chmod)
                        placing.directory(target.real, dress)
                        placing.tree(archive, archive.root, target.real, kept, archives.owners)
                    elif node.is_directory:
                        placing.directory(target.real, dress)
                        placing.tree(tree, node, target.real, dress)
                    else:
                        placing.copy(node, target.of(path), dress)
            for name, data in given.items():
                placing.text(target.of(name), data, dress)
            entries = placing.entries
            with _storage_errors():
                digest = content_digest(entries)
            return self._step(
                told,
                make=lambda: self._layer(readable_entries(entries, self._epoch)),
                extra=[digest],
            )

    def add(self, *sources: str, to: str, **more: Any) -> Step:
        """As ``copy``; a local archive is unpacked."""
        return self.copy(*sources, to=to, unpack=True, **more)

    def workdir(self, path: str, *, text: str = "") -> Step:
        """Set the working directory, and make it where it is missing."""
        made = Wishes(self._draft.copy().execution).workdir(path)

        def make() -> MadeLayer | None:
            placing = Placing(self.tree(), self._owners(), self._now())
            real = placing.real(made)
            if placing.is_directory(real):
                return None
            placing.directory(real, Dress())
            return self._layer(readable_entries(placing.entries, self._epoch))

        return self._step(
            text or f"WORKDIR {path}", change=lambda wishes: wishes.workdir(path), make=make
        )

    def env(self, **variables: str) -> Step:
        """Set variables of the environment."""
        told = " ".join(["ENV", *(f"{name}={value}" for name, value in variables.items())])
        return self.configure(told, lambda wishes: wishes.env(variables))

    def label(self, labels: Mapping[str, str]) -> Step:
        """Set labels."""
        told = " ".join(["LABEL", *(f"{name}={value}" for name, value in labels.items())])
        return self.configure(told, lambda wishes: wishes.label(labels))

    def user(self, user: str) -> Step:
        """Set who runs the program."""
        return self.configure(f"USER {user}", lambda wishes: wishes.user(user))

    def entrypoint(self, *command: str) -> Step:
        """Set the entrypoint; a command that the base image had is gone then."""

        def change(wishes: Wishes) -> None:
            wishes.entrypoint(command)
            if not self.cmd_is_ours:
                wishes.cmd(None)

        return self.configure(f"ENTRYPOINT {json.dumps(command)}", change)

    def cmd(self, *command: str) -> Step:
        """Set the default command."""
        self.cmd_is_ours = True
        return self.configure(f"CMD {json.dumps(command)}", lambda wishes: wishes.cmd(command))

    def expose(self, *ports: str) -> Step:
        """Tell ports."""
        return self.configure(f"EXPOSE {' '.join(ports)}", lambda wishes: wishes.expose(ports))

    def volume(self, *paths: str) -> Step:
        """Tell paths for volumes."""
        return self.configure(f"VOLUME {' '.join(paths)}", lambda wishes: wishes.volume(paths))

    def stop_signal(self, signal: str) -> Step:
        """Set the signal that ends the program."""
        return self.configure(f"STOPSIGNAL {signal}", lambda wishes: wishes.stop_signal(signal))

    def configure(self, text: str, change: Callable[[Wishes], object]) -> Step:
        """Any change of how the image wants to be run.

        Args:
            text: how history tells it; what counts for the cache.
        """
        return self._step(text, change=change)

    def declare(self, variables: Mapping[str, str], *, text: str = "") -> Step:
        """Set variables for the commands of this build; the image does not have them."""
        told = text or " ".join(["ARG", *(f"{name}={value}" for name, value in variables.items())])
        step = self._step(told, extra=sorted(variables.items()))
        self._arguments |= variables
        return step

    def author(self, author: str) -> Step:
        """Set the author."""
        self._author = author
        self._draft.config["author"] = author
        return self._step(f"MAINTAINER {author}", extra=[author])

    def take_triggers(self) -> list[str]:
        """Instructions that the base image has for builds from it; see ``Wishes.on_build``."""
        return Wishes(self._draft.execution).take_triggers()

    def at(self, line: int) -> None:
        """The line of the Dockerfile that the next step comes from, for events."""
        self._line = line

    # how a step is done

    @property
    def cmd_is_ours(self) -> bool:
        """Whether this build has set the command itself."""
        return self._cmd_is_ours

    @cmd_is_ours.setter
    def cmd_is_ours(self, value: bool) -> None:
        self._cmd_is_ours = value

    def _step(
        self,
        text: str,
        *,
        change: Callable[[Wishes], object] | None = None,
        make: Callable[[], MadeLayer | None] | None = None,
        extra: Iterable[object] = (),
    ) -> Step:
        if not self.steps:
            raise BuildError("there is no image to build on yet", hint="begin with from_")
        began = self._begin(text)
        draft = self._draft.copy()
        if change is not None:
            change(Wishes(draft.execution))
        execution = json.dumps(draft.execution, sort_keys=True)
        key = key_of(self._key, text, execution, list(extra), self._epoch)
        known = self._cache.get(key) if self._use_cache else None
        made = known or Cached(created=rfc3339(self._now()), layer=make() if make else None)
        draft.add(
            made.layer, created=made.created, created_by=text, comment=COMMENT, author=self._author
        )
        if known is None:
            self._cache.put(key, made)
        self._key = key
        return self._end(began, draft, made.layer, cached=known is not None)

    def _begin(self, text: str) -> tuple[int, str, float]:
        number = next(self._numbers)
        self._work.record(
            StepBegun(
                number=number,
                total=self._total,
                instruction=text,
                stage=self._stage,
                line=self._line,
            )
        )
        return number, text, time.monotonic()

    def _end(
        self, began: tuple[int, str, float], draft: Draft, layer: MadeLayer | None, *, cached: bool
    ) -> Step:
        number, text, start = began
        written = draft.write(self._work.store)
        self._draft = draft
        step = Step(
            number=number,
            instruction=text,
            image=written,
            layer=layer,
            cached=cached,
            seconds=time.monotonic() - start,
        )
        self.steps.append(step)
        self._work.record(
            StepBuilt(
                number=number,
                instruction=text,
                cached=cached,
                digest=layer.descriptor.digest if layer else "",
                size=layer.descriptor.size if layer else 0,
                image=written.descriptor.digest,
                seconds=step.seconds,
                stage=self._stage,
                line=self._line,
            )
        )
        return step

    def _start_from(self, base: Descriptor) -> None:
        draft = Draft.load(self._work.store, base)
        # What the base's manifest says of itself is not true of what is built on it.
        draft.manifest = {"schemaVersion": 2}
        self._draft = draft
        self._key = key_of("image", base.digest)

    def _layer(self, entries: Iterable[Entry]) -> MadeLayer | None:
        """A layer of these entries; None where there are none."""
        with _storage_errors():
            changes = iter(entries)
            first = next(changes, None)
            if first is None:
                return None
            # The generator is gone through once: the first entry's file is still readable.
            return make_layer(self._work.store, itertools.chain([first], changes))

    def _current(self) -> Written:
        return self.steps[-1].image

    def _draft_variables(self) -> list[str]:
        """Arguments that no variable of the environment overrides, as ``run`` sees them."""
        set_already = self.wishes.variables()
        return [f"{k}={v}" for k, v in self._arguments.items() if k not in set_already]

    def _owners(self) -> Owners:
        return Owners.here(LayerOwners(self._work.layers, self._draft.chain_ids))

    def _now(self) -> int:
        now = int(time.time())
        return now if self._epoch is None else min(now, self._epoch)

    def _source(self, source: Build | Step | Path | str | None) -> Stack:
        if source is None:
            if self._context is None:
                raise BuildError("there is no context to copy from", hint="Build(context=DIR)")
            return self._context
        if isinstance(source, Path):
            return Context(source)
        if isinstance(source, Build):
            return source.tree()
        if isinstance(source, str):
            manifest = self._work.find(source, self._platform).manifest
        else:
            manifest = source.image.descriptor
        return Stack(unpacked(self._work, Draft.load(self._work.store, manifest)))


class _Target:
    """Where copies go."""

    def __init__(self, placing: Placing, working_directory: str, to: str) -> None:
        self._to = to
        self._ends_in_slash = to.endswith("/") or to in ("", ".") or to.endswith("/.")
        absolute = to if to.startswith("/") else f"{working_directory}/{to}"
        self.real = placing.real(absolute)
        self._is_directory = self._ends_in_slash or placing.is_directory(self.real)

    def check(self, paths: Sequence[tuple[str, list[str]]], texts: int) -> None:
        """Several files need a directory to go to."""
        files = sum(len(found) if has_glob(pattern) else 1 for pattern, found in paths) + texts
        if files > 1 and not self._is_directory:
            raise BuildError(
                f"{self._to} is to take {files} files, so it must be a directory",
                hint=f"write {self._to}/",
            )

    def of(self, path: str) -> str:
        """Where one file goes."""
        if not self._is_directory:
            return self.real
        name = path.rpartition("/")[2]
        return f"{self.real}/{name}" if self.real else name


def unpacked(work: Workplace, draft: Draft) -> list[Path]:
    """The directories of an image's layers, bottom to top.

    Raises:
        BlobNotFound, LayerError, DigestMismatch, StorageError.
    """
    made: list[Path] = []
    for number, chain_id in enumerate(draft.chain_ids):
        layer = layer_of(draft, number)
        with work.store.open(layer.descriptor.digest) as blob:
            made.append(work.layers.add(chain_id, layer.descriptor, layer.diff_id, blob, made))
    return made


def _written(source: Step | Build) -> Written:
    return source.image


def _named(source: Build | Step | Path | str | None) -> str:
    if source is None:
        return "the context"
    return str(source) if isinstance(source, Path | str) else "the stage"


class _storage_errors:  # noqa: N801 - used as a statement
    """Errors of reading files become ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, OcinbError):
            raise StorageError(f"{error.filename}: {error.strerror}".lower()) from error
