"""Options of ``run`` about a container's network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.field_option import FieldOption

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = (
    FieldOption(
        "--network",
        type=click.Choice(["none", "host"]),
        default="none",
        help="none: loopback only; host: that of this machine.",
        sets="linux.namespaces",
    ),
)


def wishes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``ContainerOptions`` by what was typed."""
    return {"network": values["network"]}
