"""``compare``: two images, two containers, or two bundles side by side."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocinb.bundle.options import ContainerOptions
from ocinb.commands.drawing import drawing
from ocinb.commands.tree import Command
from ocinb.errors import CommandError, ContainerNotFound

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.container import Container
    from ocinb.table import Table


@click.command(cls=Command)
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    metavar="RUNTIME",
    help="Given twice: run ONE by both. ocinb, runc, crun or a path.",
)
@click.argument("one")
@click.argument("other", nargs=-1)
@drawing("comparison")
@click.pass_obj
def command(session: Session, one: str, other: tuple[str, ...], runtimes: tuple[str, ...]) -> Table:
    """Show two images, containers, bundles or runtimes side by side.

    ONE and OTHER are of the same kind; a bundle is a directory with a config.json. With --runtime
    twice ONE, a bundle or an image, is run by both: what came of it, how long each operation took,
    and, for the superuser where strace is installed, the system calls. Words behind an image are
    its command: compare --runtime runc --runtime ocinb demo -- sh -c id.
    """
    if runtimes:
        return _by_two_runtimes(session, runtimes, one, other)
    if len(other) != 1:
        raise CommandError(
            f"compare takes two, not {len(other) + 1}",
            hint="or one with --runtime RUNTIME --runtime RUNTIME, which is run by both",
        )
    return _side_by_side(session, one, other[0])


def _side_by_side(session: Session, one: str, other: str) -> Table:
    from ocinb.image import Image
    from ocinb.insight.comparison import compare_bundles

    bundles = [Path(name, "config.json").is_file() for name in (one, other)]
    if all(bundles):
        return compare_bundles(Path(one), Path(other))
    first, second = (_container(session, name) for name in (one, other))
    if first is not None and second is not None:
        return first.compare_table(second)
    if any(bundles) or first is not None or second is not None:
        raise CommandError(
            f"{one} and {other} are not of the same kind",
            hint="two images, two containers, or two directories with a config.json",
        )
    engine = session.engine
    images = [Image(engine, engine.images.get(name)) for name in (one, other)]
    return images[0].compare_table(images[1])


def _by_two_runtimes(
    session: Session, names: tuple[str, ...], subject: str, args: tuple[str, ...]
) -> Table:
    from ocinb.bundle.validate import read_config
    from ocinb.engine.planning import bundle_of
    from ocinb.engine.trials.place import place, runtimes
    from ocinb.engine.trials.trial import try_runtimes
    from ocinb.insight.comparison import compare_trials

    if len(names) != 2:
        raise CommandError(
            f"--runtime is given {len(names)} times", hint="two are compared, or none"
        )
    bundle = Path(subject).absolute()
    given = (bundle / "config.json").is_file()
    if given and args:
        raise CommandError(
            f"{subject} is a bundle: its config.json says what is run", hint="edit process.args"
        )
    with place(session.settings.root / "trials") as directory:
        found = runtimes(directory, [_ALIASES.get(name, name) for name in names])
        if not given:
            bundle = directory / "bundle"
            engine = session.engine
            bundle_of(
                engine,
                engine.images.available(subject),
                ContainerOptions(args=args or None),
                bundle,
            )
        process = read_config(bundle).get("process", {})
        if process.get("terminal"):
            raise CommandError(
                f"the program of {subject} wants a terminal, which there is none of here",
                hint="set process.terminal to false in config.json",
            )
        command = shlex.join(map(str, process.get("args", ())))
        facts = {"bundle" if given else "image": subject, "command": command}
        first, second = try_runtimes(found, bundle, directory)
        return compare_trials(first, second, facts)


_ALIASES = {"ocinb-runtime": "ocinb"}
"""Ours is a program of that name, which need not be on PATH."""


def _container(session: Session, name: str) -> Container | None:
    from ocinb.container import Container

    try:
        return Container.find(session.engine, name)
    except ContainerNotFound:
        return None
