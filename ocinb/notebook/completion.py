"""Tab behind ``%oci``: the words of the command tree, and nothing of Python's among them."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from ocinb.commands import tree
from ocinb.commands.completion import complete

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from ocinb.commands.session import Session

IDENTIFIER = "ocinb"

_LINE = re.compile(r"(?:^\s*%{0,2}|[=(,]\s*%)oci\s+(?P<words>.*)$")
"""Also without a per cent sign, as IPython's automagic takes it."""
_NAME = re.compile(r"\$([^\W\d]\w*)\Z")


def install(shell: InteractiveShell, session: Callable[[], Session]) -> None:
    """Complete the lines of this shell.

    Args:
        session: asked at each Tab, for it may be another one by then.
    """
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher(identifier=IDENTIFIER, priority=200)  # type: ignore[untyped-decorator]
    def matcher(context: CompletionContext) -> dict[str, Any]:
        line = context.full_text.split("\n")[context.cursor_line][: context.cursor_position]
        found = words(line, session, shell.user_ns)
        if found is None:
            return {"completions": [], "suppress": False}
        fragment, possible = found
        return {
            "completions": [SimpleCompletion(text=word, type=_type(word)) for word in possible],
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    completer: Any = shell.Completer
    uninstall(shell)
    completer.custom_matchers.append(matcher)


def uninstall(shell: InteractiveShell) -> None:
    """Leave Tab as it was."""
    completer: Any = shell.Completer
    completer.custom_matchers[:] = [
        matcher
        for matcher in completer.custom_matchers
        if getattr(matcher, "matcher_identifier", "") != IDENTIFIER
    ]


def words(
    line: str, session: Callable[[], Session], names: Mapping[str, Any]
) -> tuple[str, list[str]] | None:
    """The half-typed word at the end of a line, and what it may become; None: no line of ours.

    Args:
        line: up to the cursor.
        names: variables, of which texts and numbers are filled in for ``$name``; no property is
            read and no expression is evaluated.
    """
    found = _LINE.search(line)
    if found is None:
        return None
    text = found["words"]
    fragment = re.split(r"\s", text)[-1]
    if fragment.startswith("$"):
        known = (name for name, value in names.items() if name[0] != "_" and _is_plain(value))
        return fragment, sorted(f"${name}" for name in known if f"${name}".startswith(fragment))
    try:
        before = shlex.split(text.removesuffix(fragment))
    except ValueError:
        return fragment, []  # within quotes
    arguments = [_filled_in(word, names) for word in before]
    return fragment, complete(tree.root, arguments, fragment, session())


def _filled_in(word: str, names: Mapping[str, Any]) -> str:
    found = _NAME.fullmatch(word)
    value = names.get(found[1]) if found else None
    return str(value) if _is_plain(value) else word


def _is_plain(value: object) -> bool:
    return type(value) in (str, int)


def _type(word: str) -> str:
    """What a front end shows beside it."""
    if word.startswith("-"):
        return "param"
    return "path" if "/" in word else "function" if word in tree.COMMANDS else "instance"
