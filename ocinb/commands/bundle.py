"""``bundle``: config.json and a root filesystem, for any OCI runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.container_options import container_options
from ocinb.commands.default_group import DefaultGroup
from ocinb.commands.options import listing, platform_option
from ocinb.commands.tree import CellCommand, cell_script
from ocinb.commands.values import Document, Done
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.commands.session import Session


class _BundleGroup(DefaultGroup):
    default = "create"


@click.group(cls=_BundleGroup)
def command() -> None:
    """Make a bundle of an image; validate, explain, edit config.json."""


@command.command(context_settings={"allow_interspersed_args": False})
@platform_option
@container_options
@click.argument("image")
@click.argument("directory")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def create(
    session: Session, image: str, directory: str, options: ContainerOptions, platform: str | None
) -> Done:
    """Make a bundle of IMAGE in DIRECTORY, to look at, to edit, and to run by hand.

    The word create can be left out.
    """
    from ocinb.engine.planning import bundle_of

    engine = session.engine
    local = engine.images.get(image, platform) if platform else engine.images.available(image)
    path = bundle_of(engine, local, options, directory)
    parent = path.parent
    return Done(str(parent), f"{path} is written; run it: ocinb-runtime run --bundle {parent} ID")


@command.command()
@click.argument("directory", required=False)
@click.option("--rootless", is_flag=True, help="For an ordinary user: with a user namespace.")
def spec(directory: str | None, rootless: bool) -> Document | Done:
    """Show a config.json to start from, or write it to DIRECTORY."""
    from ocinb.bundle.spec import spec
    from ocinb.bundle.validate import CONFIG
    from ocinb.bundle.write import write_bundle
    from ocinb.errors import CommandError

    config = spec(rootless=rootless)
    if directory is None:
        return Document(config, title=CONFIG)
    if (Path(directory) / CONFIG).exists():
        raise CommandError(
            f"{directory} has a {CONFIG} already", hint="remove it, or choose another directory"
        )
    path = write_bundle(Path(directory), config)
    return Done(str(path), f"{path} is written")


@command.command()
@click.argument("directory")
@listing
def validate(directory: str) -> Table:
    """List what is wrong with the bundle in DIRECTORY: field, message, section.

    Nothing: a runtime can run it.
    """
    from ocinb.bundle.validate import cited, validate

    rows = cited(validate(Path(directory)))
    title = f"{directory}: {len(rows) or 'nothing'} wrong"
    return Table(columns("field message section"), rows, title=title, exit_status=1 if rows else 0)


@command.command()
@click.argument("field", default="")
@listing
def explain(field: str) -> Table:
    """Tell what FIELD of config.json does, what applies it, and which section says so.

    FIELD is a path such as process.user.uid or mounts[0].options; without it the fields at the
    top are listed.
    """
    from ocinb.bundle.explain import explain

    rows = [(one.field, one.what, one.applied_by, one.citation) for one in explain(field)]
    names = columns("field what applied_by section")
    return Table(names, rows, title=field or "config.json")


@command.command()
@click.argument("one")
@click.argument("other")
@listing
def diff(one: str, other: str) -> Table:
    """List the fields in which two bundles differ; where order means nothing it does not count."""
    from ocinb.bundle.diff import diff
    from ocinb.bundle.validate import read_config

    found = diff(read_config(Path(one)), read_config(Path(other)))
    rows = [(path, _shown(a), _shown(b)) for path, a, b in found]
    return Table(columns("field one other"), rows, title=f"{one} and {other}")


@command.command(cls=CellCommand)
@click.argument("directory")
@click.argument("assignments", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--remove", multiple=True, metavar="FIELD", help="Take a field out.")
@click.pass_context
def edit(
    context: click.Context, directory: str, assignments: tuple[str, ...], remove: tuple[str, ...]
) -> Done:
    """Change fields of config.json in DIRECTORY; all others stay, unknown ones too.

    VALUE is JSON, or text where it is none. mounts[+] is one more mount. The JSON of a %%oci
    bundle edit cell is merged into config.json; null takes a field out.
    """
    from ocinb.bundle.edit import assignment, merge, remove_field, set_field
    from ocinb.bundle.validate import read_config
    from ocinb.bundle.write import write_bundle
    from ocinb.errors import CommandError
    from ocinb.spec.document import parse_object

    cell = cell_script(context)
    if not assignments and not remove and cell is None:
        raise CommandError("edit: nothing to change", hint="as in process.cwd=/tmp")
    config = read_config(Path(directory))
    if cell is not None:
        merge(config, parse_object(cell.encode(), "the cell"))
    for text in assignments:
        set_field(config, *assignment(text))
    for field in remove:
        remove_field(config, field)
    path = write_bundle(Path(directory), config)
    return Done(str(path), f"{path} is written")


def _shown(value: Any) -> str:
    """A value in a cell: as JSON; what is not there as a dash."""
    import json

    from ocinb.bundle.diff import MISSING

    return repr(value) if value is MISSING else json.dumps(value, ensure_ascii=False)
