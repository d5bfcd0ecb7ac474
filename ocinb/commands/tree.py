"""The root of the commands, loaded when used, and ``call``, which runs one."""

from __future__ import annotations

import difflib
import importlib
import itertools
import re
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ocinb import __version__
from ocinb.commands.completion import teach
from ocinb.commands.many_options import ManyOptions
from ocinb.commands.values import Help
from ocinb.errors import CommandError, NameNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ocinb.commands.session import Session

SECTIONS: dict[str, tuple[str, ...]] = {
    "Images": (
        "pull",
        "push",
        "copy",
        "tag",
        "images",
        "inspect",
        "rmi",
        "load",
        "save",
        "usage",
        "gc",
    ),
    "Look into images": (
        "layers",
        "history",
        "files",
        "tree",
        "cat",
        "why",
        "waste",
        "diff",
        "ledger",
        "graph",
        "compare",
        "explore",
        "mount",
        "umount",
        "mounts",
    ),
    "Registries": (
        "tags",
        "catalog",
        "manifest",
        "referrers",
        "login",
        "logout",
        "http",
        "registry",
    ),
    "Containers": (
        "run",
        "create",
        "start",
        "exec",
        "attach",
        "wait",
        "stop",
        "restart",
        "kill",
        "pause",
        "unpause",
        "update",
        "rename",
        "ps",
        "logs",
        "top",
        "stats",
        "port",
        "healthcheck",
        "cp",
        "rm",
        "delete",
        "prune",
        "volume",
        "network",
    ),
    "Look into containers": (
        "state",
        "lifecycle",
        "step",
        "trace",
        "events",
        "namespaces",
        "limits",
        "components",
        "dashboard",
        "bundle",
        "edit",
    ),
    "The chain above": (
        "stack",
        "cri",
        "conform",
    ),
    "Make images": (
        "build",
        "commit",
        "append",
        "squash",
        "rebase",
        "annotate",
        "config",
    ),
    "Learn": (
        "lesson",
        "check",
        "live",
    ),
    "This machine": (
        "demo",
        "doctor",
        "kernel",
        "explain",
        "debug",
        "where",
        "version",
    ),
}
"""The commands as the help has them: ``ocinb/commands/NAME.py`` defines ``command``."""

COMMANDS = tuple(itertools.chain.from_iterable(SECTIONS.values()))

_MODULES = {"tree": "file_tree", "delete": "rm"}
"""Commands whose module has another name: it would hide ours, or does the same."""

OTHER_WORDS = {
    "flatten": "squash",
    "mutate": "config",
    "bud": "build",
    "list": "ps",
    "ls": "images",
    "unmount": "umount",
    "df": "usage",
    "export": "save",
    "import": "load",
    "dive": "waste",
    "which": "why",
    "blame": "why",
    "info": "doctor",
    "lookup": "why",
    "digests": "ledger",
    "verify": "ledger",
    "crictl": "cri",
    "kubelet": "cri",
    "ns": "namespaces",
    "discover": "referrers",
    "untag": "rmi",
    "resume": "unpause",
    "volumes": "volume",
    "remove": "rm",
}
"""Words of other tools → ours, for the hint."""

LONG_FORMS: dict[str, dict[str, tuple[str, ...]]] = {
    "image": {
        "build": ("build",),
        "history": ("history",),
        "inspect": ("inspect",),
        "list": ("images",),
        "load": ("load",),
        "ls": ("images",),
        "mount": ("mount",),
        "prune": ("prune", "images"),
        "pull": ("pull",),
        "push": ("push",),
        "rm": ("rmi",),
        "save": ("save",),
        "tag": ("tag",),
        "unmount": ("umount",),
    },
    "container": {
        **{
            name: (name,)
            for name in (
                "attach", "commit", "cp", "create", "diff", "exec", "inspect", "kill", "logs",
                "pause", "port", "ps", "rename", "restart", "rm", "run", "start", "stats", "stop",
                "top", "unpause", "update", "wait",
            )
        },
        "list": ("ps",),
        "ls": ("ps",),
        "prune": ("prune", "containers"),
    },
    "system": {
        "df": ("usage",),
        "events": ("events",),
        "info": ("doctor",),
        "prune": ("prune",),
    },
}  # fmt: skip
"""Commands as docker and podman also have them, ``image ls`` → words of ours."""

_SCRIPT = "ocinb.script"
"""Key of ``click.Context.meta`` under which a cell's text lies."""


def cell_script(context: click.Context) -> str | None:
    """The text of the cell under a ``%%oci`` line, or None."""
    script: str | None = context.meta.get(_SCRIPT)
    return script


class HelpAsked(Exception):
    """``--help`` was given; carries the text."""


def _help(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        raise HelpAsked(context.get_help())


def _version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        raise HelpAsked(f"ocinb {__version__}")


class _HelpAsValue:
    """Mixin: ``--help`` raises ``HelpAsked`` where click would print and exit."""

    _asks: click.Option | None = None

    def get_help_option(self, context: click.Context) -> click.Option | None:
        """As click has it, with our callback."""
        if self._asks is None:  # click asks for it several times a call
            self._asks = click.Option(
                list(self.get_help_option_names(context)),  # type: ignore[attr-defined]
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_help,
                help="Show this text.",
            )
        return self._asks


class Command(_HelpAsValue, ManyOptions):
    """A command whose help is a value.

    Attributes:
        takes_cell: whether it has a use for the text of a ``%%oci`` cell.
        failed_status: a shell's exit status where it is called in a way that it does not take.
    """

    takes_cell = False
    failed_status = 1

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        teach(self.params)

    def invoke(self, context: click.Context) -> Any:
        """Run it.

        Raises:
            CommandError: it was called by ``%%oci`` and has no use for the cell's text.
        """
        if cell_script(context) is not None and not self.takes_cell:
            raise CommandError(
                f"{context.info_name} takes no cell", hint="write %oci with one per cent sign"
            )
        return super().invoke(context)


class CellCommand(Command):
    """A command that takes the text of a ``%%oci`` cell; see ``cell_script``."""

    takes_cell = True


class Group(_HelpAsValue, ManyOptions, click.Group):
    """A command with commands below it; without one it answers with its help."""

    command_class = Command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """As click does; nothing at all asks for help."""
        if not args and not context.resilient_parsing:
            raise HelpAsked(context.get_help())
        return super().parse_args(context, args)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; an unknown command suggests the nearest.

        Raises:
            CommandError: unknown.
        """
        name = args[0]
        if self.get_command(context, name) is None and name[:1] != "-":
            path, known = context.command_path, self.list_commands(context)
            other = OTHER_WORDS.get(name)
            raise CommandError(
                f"there is no command {name}",
                hint=(f"did you mean {other}?" if other in known else None)
                or _nearest(name, known)
                or f"{path} --help".strip() + " lists the commands",
            )
        return super().resolve_command(context, args)


class Root(Group):
    """The command ``ocinb``: imports a command's module when it is needed."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """All of them."""
        return list(COMMANDS)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As ``Group`` does; ``image ls`` is ``images``.

        Raises:
            CommandError: unknown.
        """
        below = LONG_FORMS.get(args[0])
        if below is not None and args[1:2] and args[1] in below:
            args = [*below[args[1]], *args[2:]]
        elif below is not None:
            name = " ".join(word for word in args[:2] if word[:1] != "-")
            raise CommandError(
                f"there is no command {name}",
                hint=f"there are {context.command_path} {args[0]} {', '.join(below)}",
            )
        return super().resolve_command(context, args)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """The command of that name, or None."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"ocinb.commands.{_MODULES.get(name, name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """A list for each section, their columns beneath each other."""
        widest = max(map(len, COMMANDS))
        room = formatter.width - formatter.current_indent - widest - 4
        for section, names in SECTIONS.items():
            rows = []
            for name in names:
                command = self.get_command(context, name)
                assert command is not None
                rows.append((name.ljust(widest), command.get_short_help_str(room)))
            with formatter.section(section):
                formatter.write_dl(rows)

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names alone, without the lines of help for which every command would be imported."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, context, incomplete)
        return [CompletionItem(name) for name in COMMANDS if name.startswith(incomplete)]


@click.group(cls=Root)
@click.option("--root", metavar="DIR", help="Where images and containers are kept (OCINB_ROOT).")
@click.option("--run-root", metavar="DIR", help="Where state and mounts lie (OCINB_RUN_ROOT).")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version; the command version shows more.",
)
@click.pass_context
def root(context: click.Context, root: str | None, run_root: str | None) -> None:
    """OCI images and containers, from a name to a process.

    The same commands work in a shell (ocinb CMD) and in a notebook (%oci CMD).
    """
    context.obj = context.obj.at(root, run_root)


def as_typed(hint: str, program: str) -> str:
    """A hint whose commands are as this person types them: ``ocinb ps`` or ``%oci ps``.

    Args:
        hint: as the rooms below give it, who do not know by which door the person came.
        program: ``ocinb`` or ``%oci``, or nothing in the OCI kernel.
    """
    return _OURS.sub(f"{program} ".lstrip(), hint)


_OURS = re.compile(rf"\bocinb (?=(?:{'|'.join(COMMANDS)})\b)")


def call(
    arguments: Sequence[str],
    session: Session,
    *,
    program: str = "ocinb",
    script: str | None = None,
    width: int = 80,
) -> Any:
    """Run one command and return its value.

    Args:
        arguments: words behind the program's name; ``help CMD`` is ``CMD --help``.
        program: how the person called us, for help and hints: ``ocinb`` or ``%oci``.
        script: the cell's text, for commands that take one.
        width: columns that help may use.

    Raises:
        CommandError: unknown command or option, or a value that is not taken.
        OcinbError: what the command raises.
    """
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    try:
        context = root.make_context(
            program,
            list(arguments),
            obj=session,
            max_content_width=min(width, 100),
            terminal_width=min(width, 100),
        )
        context.meta[_SCRIPT] = script
        with context:
            return root.invoke(context)
    except HelpAsked as asked:
        return Help(asked.args[0])
    except click.ClickException as error:
        raise _command_error(error, program) from error
    except NameNotFound as error:
        brings, lists = (f"{program} {word}".strip() for word in ("pull", "images"))
        error.hint = error.hint or f"{brings} brings an image, {lists} lists them"
        raise
    except (OSError, MemoryError) as error:
        from ocinb.commands import exhaustion

        exhausted = exhaustion.told(error)
        if exhausted is None:
            raise
        raise exhausted from error


def _command_error(error: click.ClickException, program: str) -> CommandError:
    context = getattr(error, "ctx", None)
    path: str = context.command_path if context else program
    command = path.removeprefix(program).strip()
    asking = f"{path} --help".strip()
    if isinstance(error, click.NoSuchOption):
        said = f"{command or 'the program'} has no option {error.option_name}"
        near = _nearest(error.option_name, _options(context))
        found: Any = CommandError(said, hint=near or f"{asking} lists its options")
    else:
        message = " ".join(error.format_message().split()).rstrip(".")
        message = f"{message[:1].lower()}{message[1:]}"
        said = f"{command}: {message}" if command else message
        asked = "templates are not understood: --format json is for scripts"
        found = CommandError(
            said, hint=asked if "{." in message else f"{asking} shows what it takes"
        )
    found.exit_status = getattr(context.command if context else None, "failed_status", 1)
    wrong: CommandError = found
    return wrong


def _options(context: click.Context | None) -> list[str]:
    parameters = context.command.get_params(context) if context else []
    return [name for parameter in parameters for name in parameter.opts if name[:2] == "--"]


def _nearest(word: str, known: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else None
