"""How a step of a build is done: begun, looked for in the cache, made, told.

Spec: image-spec layer.md#creating
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ocinb.build.cache import Cached, StepCache, key_of
from ocinb.build.context import Context
from ocinb.build.draft import Draft, Written
from ocinb.build.facts import Owners
from ocinb.build.made import MadeLayer, make_layer, rfc3339, source_date_epoch
from ocinb.build.owners import LayerOwners
from ocinb.build.stack import Stack
from ocinb.build.wishes import Wishes
from ocinb.build.workplace import Workplace
from ocinb.bundle.options import NO_NETWORK
from ocinb.errors import BuildError, OcinbError, StorageError
from ocinb.events import StepBegun, StepBuilt
from ocinb.frozen import Frozen
from ocinb.layer.changeset import Entry
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.platform import Platform

COMMENT = "ocinb"
"""``comment`` of the history lines that we write."""


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


class Steps:
    """What every step of one image needs; see ``Build`` for the arguments."""

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
        return self._work.unpacked(self._draft)

    def tree(self) -> Stack:
        """What the image shows."""
        return self._work.tree(self._draft)

    def configure(self, text: str, change: Callable[[Wishes], object]) -> Step:
        """Any change of how the image wants to be run.

        Args:
            text: how history tells it; what counts for the cache.
        """
        return self._step(text, change=change)

    def at(self, line: int) -> None:
        """The line of the Dockerfile that the next step comes from, for events."""
        self._line = line

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
        with storage_errors():
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

    def _owners(self, upper: Path | None = None) -> Owners:
        return Owners.here(LayerOwners(self._work.layers, self._draft.chain_ids), upper)

    def _now(self) -> int:
        now = int(time.time())
        return now if self._epoch is None else min(now, self._epoch)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Errors of reading files become ours."""
    try:
        yield
    except OcinbError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{error.filename or 'a file'}: {reason}") from error
