"""The ``spec`` and ``features`` commands, which print documents, and those that are refused."""

from __future__ import annotations

import os
import sys

from ocinb.errors import CommandError, StorageError
from ocinb.plain_json import pretty
from ocinb.runtime.command import Command, Context
from ocinb.runtime.options import Option, Parsed


def spec(_: Context, options: Parsed) -> int:
    """Write a config.json to start from; one that is there already is never replaced.

    Spec: none (runc convention)
    """
    from ocinb.runtime.default_config import default_config

    directory = options.text("bundle") or "."
    path = os.path.join(directory, "config.json")
    document = default_config(rootless=options.given("rootless"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(path, flags, 0o666), "w", encoding="utf-8") as file:
            file.write(pretty(document, "\t") + "\n")
    except FileExistsError:
        raise CommandError(f"{path} exists already", hint="remove it first") from None
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{path} cannot be written: {reason}") from None
    return 0


def features(_: Context, __: Parsed) -> int:
    """Print what this runtime implements.

    Spec: runtime-spec features.md#features-structure
    """
    from ocinb.runtime.features import features as document

    sys.stdout.write(pretty(document()) + "\n")
    return 0


_NO_CHECKPOINTS = (
    "processes are not written to disk and brought back here (runc does it, with criu)"
)

COMMANDS = (
    Command(
        name="spec",
        function=spec,
        usage="",
        help="write a config.json to start from",
        options=(
            Option(names=("--bundle", "-b"), value="DIR", help="where (default: here)"),
            Option(names=("--rootless",), help="one that an ordinary user can run"),
        ),
        least=0,
        most=0,
    ),
    Command(
        name="features",
        function=features,
        usage="",
        help="print what this runtime implements",
        least=0,
        most=0,
    ),
    *(
        Command(name=name, function=spec, usage="", help="refused", refused=_NO_CHECKPOINTS)
        for name in ("checkpoint", "restore")
    ),
)
