"""A registry of the distribution specification, to be run in a notebook or as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocinb.registry.app import Registry
    from ocinb.registry.serve import RegistryServer

__all__ = ["Registry", "RegistryServer"]


def __getattr__(name: str) -> object:
    """``Registry`` and ``RegistryServer``, imported (with uvicorn) when they are asked for."""
    if name == "RegistryServer":
        from ocinb.registry.serve import RegistryServer

        return RegistryServer
    if name == "Registry":
        from ocinb.registry.app import Registry

        return Registry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
