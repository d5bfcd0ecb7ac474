"""Building an image step by step: after each there is an image that can be looked at and run.

A ``Build`` is one stage. Each method is one step: it makes at most one layer, remembers it in the
cache, and returns what there is now. Nothing is done ahead, so a lesson can stop anywhere.

Spec: image-spec layer.md#creating
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocinb.build.archive import archive_tree
from ocinb.build.cache import key_of
from ocinb.build.context import Context
from ocinb.build.copying import Copying
from ocinb.build.diff import diff
from ocinb.build.draft import Draft, Written
from ocinb.build.facts import readable_entries
from ocinb.build.made import MadeLayer
from ocinb.build.owners import owner_named
from ocinb.build.placing import Dress, Placing, content_digest
from ocinb.build.run_options import mount_points, run_options, with_parents
from ocinb.build.stack import Stack
from ocinb.build.steps import Step, Steps, storage_errors
from ocinb.build.wishes import Wishes
from ocinb.errors import BuildError
from ocinb.spec import annotations as keys
from ocinb.spec.platform import Platform

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""``PATH`` of an image that is begun with nothing. Spec: none (Docker convention)"""


class Build(Steps):
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
                # A copy is without what could not be kept, and that is no change.
                below = Stack(self.directories()) if ran.copied else self.tree()
                changes = diff(
                    below,
                    Stack([ran.upper], marks=False) if ran.copied else below.over(ran.upper),
                    owners=self._owners(ran.upper),
                    epoch=self._epoch,
                    unless_filled=mount_points(ready) | with_parents(ran.mount_points),
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
        told = text or " ".join(["ADD" if unpack else "COPY", *sources, *given, to])
        below = self.tree()
        copying = Copying(
            Placing(below, self._owners(), self._now(), replace=unpack),
            working_directory=self.wishes.working_directory(),
            to=to,
            owner=owner_named(chown, below) if chown else None,
            mode=chmod,
        )
        with archive_tree() as archives, storage_errors():
            entries = copying.entries(
                self._source(from_), sources, given, archives if unpack else None
            )
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
        return self._work.tree(Draft.load(self._work.store, manifest))


def _written(source: Step | Build) -> Written:
    return source.image
