"""The options of ``run``, ``create`` and ``bundle`` that become fields of config.json.

Each subject has a module with ``OPTIONS``, which say what field they set, and ``wishes``, which
makes fields of ``ContainerOptions`` of what was typed.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ocinb.commands import (
    document_options,
    filesystem_options,
    isolation_options,
    network_options,
    process_options,
    resource_options,
)
from ocinb.commands.field_option import with_options

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorated = Callable[..., Any]

SUBJECTS = (
    process_options,
    filesystem_options,
    resource_options,
    isolation_options,
    network_options,
    document_options,
)


def container_options(function: Decorated) -> Decorated:
    """Adds the options, and passes them as one ``options`` of type ``ContainerOptions``.

    The command must have an argument ``args``: the words behind the image.
    """
    known = [option for subject in SUBJECTS for option in subject.OPTIONS]

    @functools.wraps(function)
    def run(*positional: Any, args: tuple[str, ...], **values: Any) -> Any:
        from ocinb.bundle.options import ContainerOptions

        own = {str(option.name): values.pop(str(option.name)) for option in known}
        found: dict[str, Any] = {"args": list(args) or None}
        for subject in SUBJECTS:
            found |= subject.wishes(own)
        return function(*positional, options=ContainerOptions(**found), **values)

    return with_options(run, known)
