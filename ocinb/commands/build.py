"""``build``: an image from a Dockerfile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.quantities import pairs
from ocinb.commands.tree import CellCommand, cell_script
from ocinb.commands.values import Lines
from ocinb.errors import BuildError, CommandError, StorageError
from ocinb.events import StepBegun, StepBuilt

if TYPE_CHECKING:
    from ocinb.commands.session import Output, Session
    from ocinb.events import Event

NAMES = ("Dockerfile", "Containerfile")


@click.command(cls=CellCommand)
@click.argument("directory", metavar="CONTEXT", required=False)
@click.option(
    "-t",
    "--tag",
    "names",
    multiple=True,
    metavar="NAME",
    help="What the image is called in the store; can be repeated.",
)
@click.option("-f", "--file", metavar="FILE", help="The Dockerfile; '-' is standard input.")
@click.option("--target", default="", metavar="STAGE", help="Stop after this stage.")
@click.option("--build-arg", "arguments", multiple=True, metavar="NAME[=VALUE]", help="For ARG.")
@click.option(
    "-l",
    "--label",
    "labels",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="Of the image, over LABEL of the Dockerfile; can be repeated.",
)
@click.option("--platform", metavar="OS/ARCH[/VARIANT]", help="Of the images it begins with.")
@click.option("--no-cache", is_flag=True, help="Do every step again.")
@click.option(
    "--network",
    type=click.Choice(["none", "host"]),
    default="none",
    help="Of RUN. none: loopback only; host: that of this machine.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only the digest of the image.")
@click.pass_context
def command(
    context: click.Context,
    directory: str | None,
    names: tuple[str, ...],
    file: str | None,
    target: str,
    arguments: tuple[str, ...],
    labels: tuple[str, ...],
    platform: str | None,
    no_cache: bool,
    network: str,
    quiet: bool,
) -> Any:
    """Build an image from a Dockerfile and the files of a directory.

    Steps that an earlier build has done on the same image are taken from the cache. Commands of
    RUN have no network unless --network host is given. In a notebook the text of a %%oci build
    cell is the Dockerfile.
    """
    from ocinb.build.recipe import Recipe
    from ocinb.image import Image
    from ocinb.spec.platform import Platform
    from ocinb.workshop import build_named

    session: Session = context.obj
    place = _context(directory, needed=cell_script(context) is None and file is None)
    text, called, path = _dockerfile(place, file, cell_script(context))
    recipe = Recipe(
        text=text,
        file=called,
        context=place,
        ignore_of=path,
        target=target,
        arguments=dict(map(_argument, arguments)),
        platform=Platform.parse(platform) if platform else None,
        network=network,
        use_cache=not no_cache,
        labels=pairs("--label", labels, bare=True),
    )
    if quiet:
        session.hush.set()
    sink = _quiet if quiet else session.output or _to_stderr
    teller = _Teller(sink)
    stop = session.recorder.subscribe(teller)
    try:
        local = build_named(session.engine, recipe, *names, output=sink, record=session.recorder)
    finally:
        stop()
    if quiet or not names:
        return Lines([local.target.digest])
    return Image(session.engine, local)


class _Teller:
    """Writes a line for each step where commands write, so that both stand in their order.

    Warnings are told by whoever tells those of every command.
    """

    def __init__(self, sink: Output) -> None:
        self._sink = sink

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepBegun):
            self._say(f"[{event.stage} {event.number}/{event.total}] {_short(event.instruction)}")
        elif isinstance(event, StepBuilt) and event.cached:
            self._say("  cached")
        elif isinstance(event, StepBuilt) and event.digest:
            self._say(f"  {event.digest[7:19]} {event.size:,} bytes, {event.seconds:.1f} s")

    def _say(self, line: str) -> None:
        self._sink(f"{line}\n".encode(errors="replace"), 2)


def _short(instruction: str) -> str:
    line, *more = instruction.split("\n")
    return f"{line[:100]} …" if more or len(line) > 100 else line


def _context(text: str | None, *, needed: bool) -> Path | None:
    if text is None:
        if needed:
            raise CommandError("build needs the directory of its files", hint="ocinb build .")
        return None
    place = Path(text)
    if not place.is_dir():
        raise CommandError(f"{text} is not a directory", hint="contexts are local directories")
    return place


def _dockerfile(
    context: Path | None, file: str | None, cell: str | None
) -> tuple[str, str, Path | None]:
    """The text, what it is called in errors, and its path where it has one."""
    if cell is not None:
        if file is not None:
            raise CommandError("the cell is the Dockerfile, so --file has no use here")
        return cell, "cell", None
    if file == "-":
        return sys.stdin.read(), "standard input", None
    candidates = [Path(file)] if file else [(context or Path()) / name for name in NAMES]
    for path in candidates:
        try:
            return path.read_text(encoding="utf-8"), str(path), path
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}".lower()) from error
        except UnicodeDecodeError:
            raise BuildError(f"{path} is not text in UTF-8") from None
    if file:
        raise BuildError(f"there is no file {file}")
    raise BuildError(
        f"{context} has no Dockerfile and no Containerfile", hint="name another file by --file"
    )


def _argument(text: str) -> tuple[str, str]:
    """``NAME`` alone takes the value it has here. Spec: none (Docker convention)"""
    import os

    name, equals, value = text.partition("=")
    if not name:
        raise CommandError(f"--build-arg {text} has no name", hint="NAME=VALUE")
    return name, value if equals else os.environ.get(name, "")


def _quiet(_data: bytes, _stream: int) -> None:
    return


def _to_stderr(data: bytes, _stream: int) -> None:
    sys.stderr.write(data.decode(errors="replace"))
    sys.stderr.flush()
