"""``--volume``, ``--mount`` and ``--tmpfs`` taken apart.

Words that are passed on are those of a list: nothing that a person types reaches the kernel as
an option that was not meant.
"""

from __future__ import annotations

import csv
import os
import re
from typing import TYPE_CHECKING, Any

from ocinb.commands.quantities import size
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocinb.bundle.options import Volume

    Entry = dict[str, Any] | Volume

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_PROPAGATION = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_FLAGS = ("ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", *_PROPAGATION)
_BIND = (*_FLAGS, "bind", "rbind")
_LABELS = ("z", "Z")
"""For SELinux, which we do not know: what is asked for is true where it is not used."""

_TMPFS_FLAGS = (
    *_FLAGS, "atime", "noatime", "diratime", "nodiratime", "relatime", "strictatime", "sync",
    "async", "mand", "nomand",
)  # fmt: skip
_TMPFS_VALUES = {  # what such a value looks like, and one
    "size": (r"\d+[kmgKMG%]?", "size=64m"),
    "nr_inodes": (r"\d+[kmgKMG]?", "nr_inodes=10k"),
    "nr_blocks": (r"\d+[kmgKMG]?", "nr_blocks=1k"),
    "mode": (r"[0-7]{1,4}", "mode=1777"),
    "uid": (r"\d{1,10}", "uid=1000"),
    "gid": (r"\d{1,10}", "gid=1000"),
}
_TMPFS_DEFAULTS = ("nosuid", "nodev", "noexec", "mode=1777")

_KEYS = {
    "src": "source", "target": "destination", "dst": "destination", "ro": "readonly",
    "bind-propagation": "propagation", "volume-nocopy": "nocopy", "tmpfs-size": "size",
    "tmpfs-mode": "mode",
}  # fmt: skip
_ALLOWED = {
    "bind": ("source", "destination", "readonly", "propagation", "bind-nonrecursive"),
    "volume": ("source", "destination", "readonly", "nocopy"),
    "tmpfs": ("destination", "readonly", "size", "mode"),
}


def volume(text: str) -> Entry:
    """``[DIR|NAME:]PATH[:OPTIONS]``. Spec: none (Docker convention)

    Raises:
        CommandError: it is not that, or DIR is not there.
    """
    parts = text.split(":")
    if len(parts) > 3 or "\0" in text:
        raise _not_volume(text)
    source, destination = ("", parts[0]) if len(parts) == 1 else parts[:2]
    words = [word for word in (parts[2] if len(parts) == 3 else "").split(",") if word]
    option = f"--volume {text}"
    if not destination.startswith("/") or (len(parts) > 1 and not source):
        raise _not_volume(text)
    if not source or _NAME.fullmatch(source):
        _known(option, words, (*_FLAGS, *_LABELS, "copy", "nocopy"))
        return _volume(option, source, destination, words)
    _known(option, words, (*_BIND, *_LABELS))
    return _bind(option, source, destination, words, recursive="bind" not in words)


def mount(text: str) -> Entry:
    """``type=bind|volume|tmpfs,source=…,destination=…[,…]``. Spec: none (Docker convention)

    Raises:
        CommandError: it is not that, or the source is not there.
    """
    option = f"--mount {text}"
    given = _fields(option, text)
    kind = given.pop("type", "volume")
    if kind not in _ALLOWED:
        raise CommandError(f"{option}: {kind} is no type", hint="bind, volume or tmpfs")
    for key in given:
        if key not in _ALLOWED[kind]:
            raise CommandError(f"{option}: a mount of type {kind} has no {key}")
    destination = given.get("destination", "")
    if not destination.startswith("/"):
        raise CommandError(f"{option}: destination= must be an absolute path")
    words = ["ro"] if _yes(option, given, "readonly") else []
    if kind == "tmpfs":
        if "size" in given:
            words.append(f"size={size(option + ': size', given['size'])}")
        words += [f"mode={given['mode']}"] if "mode" in given else []
        return _tmpfs(option, destination, words)
    source = given.get("source", "")
    if kind == "volume":
        if source and not _NAME.fullmatch(source):
            raise CommandError(
                f"{option}: {source} is not a volume's name", hint="type=bind is for paths"
            )
        words += ["nocopy"] if _yes(option, given, "nocopy") else []
        return _volume(option, source, destination, words)
    if not source:
        raise CommandError(f"{option}: source= is missing")
    propagation = given.get("propagation", "rprivate")
    _known(option, [propagation], _PROPAGATION)
    recursive = not _yes(option, given, "bind-nonrecursive")
    return _bind(option, source, destination, [*words, propagation], recursive=recursive)


def tmpfs(text: str) -> dict[str, Any]:
    """``PATH[:OPTIONS]``.

    Raises:
        CommandError: the path is not absolute, or an option is not one of a tmpfs.
    """
    destination, _, options = text.partition(":")
    if not destination.startswith("/") or "\0" in text:
        raise CommandError(f"--tmpfs {text} is not an absolute path", hint="as in --tmpfs /tmp")
    words = [word for word in options.split(",") if word]
    return _tmpfs(f"--tmpfs {text}", destination, words)


def unique(entries: Iterable[Entry]) -> None:
    """Raise ``CommandError`` where two are to be mounted at one place."""
    from ocinb.bundle.filesystems import clean_path

    seen = set()
    for entry in entries:
        path = entry["destination"] if isinstance(entry, dict) else entry.destination
        clean = clean_path(path)
        if clean in seen:
            raise CommandError(f"two mounts at {clean}", hint="leave one of them out")
        if clean == "/":
            raise CommandError("nothing can be mounted over the root filesystem of a container")
        seen.add(clean)


def _tmpfs(option: str, destination: str, words: list[str]) -> dict[str, Any]:
    for word in words:
        name, _, value = word.partition("=")
        if name not in _TMPFS_VALUES:
            _known(option, [word], (*_TMPFS_FLAGS, *(f"{known}=…" for known in _TMPFS_VALUES)))
            continue
        pattern, example = _TMPFS_VALUES[name]
        if not re.fullmatch(pattern, value):
            raise CommandError(f"{option}: {word!r} is no {name}", hint=f"as in {example}")
    named = {word.partition("=")[0].removeprefix("no") for word in words}
    defaults = [w for w in _TMPFS_DEFAULTS if w.partition("=")[0].removeprefix("no") not in named]
    return {
        "destination": destination,
        "type": "tmpfs",
        "source": "tmpfs",
        "options": [*defaults, *words],
    }


def _bind(
    option: str, source: str, destination: str, words: list[str], *, recursive: bool
) -> dict[str, Any]:
    path = os.path.abspath(os.path.expanduser(source))
    try:
        os.stat(path)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise CommandError(
            f"{option}: {path}: {reason}", hint="make it first" if missing else None
        ) from None
    kept = [word for word in words if word not in (*_LABELS, "bind", "rbind")]
    if not any(word in _PROPAGATION for word in kept):
        kept.append("rprivate")
    options = ["rbind" if recursive else "bind", *kept]
    return {"destination": destination, "type": "bind", "source": path, "options": options}


def _volume(option: str, name: str, destination: str, words: list[str]) -> Volume:
    from ocinb.bundle.options import Volume

    if len(name) > 255:
        raise CommandError(f"{option}: a volume's name has at most 255 characters")
    kept = tuple(word for word in words if word not in (*_LABELS, "copy", "nocopy"))
    return Volume(name=name, destination=destination, options=kept, copy="nocopy" not in words)


def _fields(option: str, text: str) -> dict[str, str]:
    """Values with a comma in them stand in quotation marks, as a CSV file has them."""
    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise CommandError(f"{option} cannot be taken apart at its commas") from None
    given: dict[str, str] = {}
    for part in row:
        name, equals, value = part.partition("=")
        key = _KEYS.get(name, name)
        if "\0" in part or not key or key in given:
            raise CommandError(f"{option}: {part!r} is there twice, or no KEY=VALUE")
        given[key] = value if equals else "true"
    return given


def _yes(option: str, given: dict[str, str], key: str) -> bool:
    word = given.get(key, "false").lower()
    if word not in ("true", "false", "1", "0"):
        raise CommandError(f"{option}: {key} is true or false, not {word}")
    return word in ("true", "1")


def _known(option: str, words: list[str], known: tuple[str, ...]) -> None:
    for word in words:
        if word not in known:
            raise CommandError(
                f"{option}: {word!r} is not known", hint=f"one of {', '.join(known)}"
            )


def _not_volume(text: str) -> CommandError:
    return CommandError(
        f"--volume {text} is not [DIR|NAME:]PATH[:OPTIONS]",
        hint="as in --volume ./data:/data:ro, or --volume data:/data",
    )
