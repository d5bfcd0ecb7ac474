"""Errors that travel from one process to another: as messages, and back."""

from __future__ import annotations

from ocinb import errors
from ocinb.errors import HookFailed, OcinbError, StepFailed, SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def described(error: BaseException, field: str) -> dict[str, Any]:
    """An error as a message to another process."""
    if isinstance(error, OcinbError):
        kind, text = type(error).__name__, error.message
        if isinstance(error, SyscallError):
            kind, text = "StepFailed", f"{field}: {text}" if field else text
        elif isinstance(error, errors.InvalidConfig) and field:
            text = f"{field}: {text}"
        return {"error": kind, "message": text, "hint": error.hint, "citation": error.citation}
    text = f"{type(error).__name__}: {error}"
    return {"error": "StepFailed", "message": f"{field}: {text}", "hint": None, "citation": None}


def rebuilt(message: dict[str, Any]) -> OcinbError:
    """The error that another process described."""
    kinds: dict[str, type[OcinbError]] = {
        kind.__name__: kind
        for kind in (HookFailed, StepFailed, errors.InvalidConfig, errors.UnsupportedHost)
    }
    kind = kinds.get(message["error"], StepFailed)
    return kind(message["message"], hint=message["hint"], citation=message["citation"])
