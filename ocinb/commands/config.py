"""``config``: how an image wants to be run, changed without building."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocinb.build.draft import Draft
    from ocinb.commands.session import Session
    from ocinb.image import Image


@click.command(cls=Command)
@click.argument("image")
@click.option("-t", "--tag", "name", metavar="NAME", help="Of the result; IMAGE if not given.")
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="NAME- takes it away.")
@click.option("-l", "--label", multiple=True, metavar="NAME=VALUE", help="NAME- takes it away.")
@click.option("--entrypoint", metavar="COMMAND", help="Words or a JSON array; '' for none.")
@click.option("--cmd", metavar="COMMAND", help="Words or a JSON array; '' for none.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Who runs it.")
@click.option("--workingdir", metavar="DIR", help="Where it begins.")
@click.option("-p", "--port", multiple=True, metavar="PORT[/PROTOCOL]", help="A port it opens.")
@click.option("-v", "--volume", multiple=True, metavar="PATH", help="A place for a volume.")
@click.option("--stop-signal", metavar="SIGNAL", help="What ends it.")
@click.option("--author", help="Of the image.")
@click.option("--created", metavar="TIME", help="RFC 3339.")
@platform_option
@click.pass_obj
def command(
    session: Session, /, image: str, name: str | None, platform: str | None, **wanted: Any
) -> Image:
    """Change the config of IMAGE: how it wants to be run. Its layers stay as they are."""
    from ocinb.image import Image
    from ocinb.workshop import change_image

    if not any(value not in (None, ()) for value in wanted.values()):
        raise CommandError(
            "config was not told what to change", hint=f"ocinb inspect {image} shows what there is"
        )
    local = change_image(
        session.engine, image, lambda draft: _change(draft, **wanted), name, platform
    )
    return Image(session.engine, local)


def _change(draft: Draft, **wanted: Any) -> None:
    from ocinb.build.wishes import Wishes

    wishes = Wishes(draft.execution)
    wishes.env(_pairs("--env", wanted["env"]))
    wishes.label(_pairs("--label", wanted["label"]))
    if wanted["entrypoint"] is not None:
        wishes.entrypoint(_words(wanted["entrypoint"]))
    if wanted["cmd"] is not None:
        wishes.cmd(_words(wanted["cmd"]))
    if wanted["user"] is not None:
        wishes.user(wanted["user"])
    if wanted["workingdir"] is not None:
        wishes.workdir(wanted["workingdir"])
    wishes.expose(wanted["port"])
    wishes.volume(wanted["volume"])
    if wanted["stop_signal"] is not None:
        wishes.stop_signal(wanted["stop_signal"])
    for field in ("author", "created"):
        if wanted[field] is not None:
            draft.config[field] = wanted[field]


def _pairs(option: str, texts: Iterable[str]) -> dict[str, str | None]:
    pairs: dict[str, str | None] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if equals and name:
            pairs[name] = value
        elif text.endswith("-") and len(text) > 1:
            pairs[text[:-1]] = None
        else:
            raise CommandError(f"{option} {text} is not NAME=VALUE", hint="NAME- takes it away")
    return pairs


def _words(text: str) -> list[str]:
    if text.startswith("["):
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return value
        raise CommandError(f"{text} is not a JSON array of texts")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CommandError(f"{text!r}: {str(error).lower()}") from error
