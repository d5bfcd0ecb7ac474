"""Which OCI runtimes engines are configured with, as their configuration files say."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Document = dict[str, Any]

PLACES = {
    "containerd": ("/etc/containerd/config.toml",),
    "dockerd": ("/etc/docker/daemon.json",),
    "podman": ("/usr/share/containers/containers.conf", "/etc/containers/containers.conf"),
    "crio": ("/etc/crio/crio.conf", "/etc/crio/crio.conf.d/*.conf"),
}
"""Engine → its configuration's usual places; a later one wins."""

_OPTIONS = {"containerd": ("--config", "-c"), "dockerd": ("--config-file",), "crio": ("--config",)}
"""Options of a daemon's command line that name another place."""


def runtimes(engine: str, command: Sequence[str] = ()) -> list[str]:
    """The runtimes by name, each as ``name → program``, the default one first.

    Args:
        engine: a key of ``PLACES``.
        command: the command line of the daemon that runs, which may name another file.
    """
    documents = [document for path in _places(engine, command) for document in _read(path)]
    found: dict[str, str] = {}
    default = ""
    for document in documents:
        names, chosen = _READERS[engine](document)
        found |= names
        default = chosen or default
    first = [default] if default else []
    return [
        f"{name} → {found[name]}" if found.get(name) else name
        for name in dict.fromkeys([*first, *found])
    ]


def _places(engine: str, command: Sequence[str]) -> Iterator[Path]:
    for option in _OPTIONS.get(engine, ()):
        for at, word in enumerate(command):
            if word == option and at + 1 < len(command):
                yield Path(command[at + 1])
                return
            if word.startswith(f"{option}="):
                yield Path(word.partition("=")[2])
                return
    own = os.environ.get("CONTAINERS_CONF") if engine == "podman" else None
    for place in PLACES[engine]:
        pattern = Path(place)
        yield from sorted(pattern.parent.glob(pattern.name))
    if own:
        yield Path(own)


def _read(path: Path) -> Iterator[Document]:
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError):
        return  # not there, not ours to read, or nothing that its engine could read either
    if isinstance(document, dict):
        yield document


def _containerd(document: Document) -> tuple[dict[str, str], str]:
    found: dict[str, str] = {}
    default = ""
    for name, plugin in _table(document, "plugins").items():
        if not isinstance(plugin, dict) or "cri" not in name:
            continue
        section = _table(plugin, "containerd")
        default = str(section.get("default_runtime_name") or default)
        for runtime, each in _table(section, "runtimes").items():
            if isinstance(each, dict):
                program = _table(each, "options").get("BinaryName")
                found[runtime] = str(program or each.get("runtime_type") or "")
    return found, default


def _dockerd(document: Document) -> tuple[dict[str, str], str]:
    found = {
        name: str(each.get("path") or each.get("runtimeType") or "")
        for name, each in _table(document, "runtimes").items()
        if isinstance(each, dict)
    }
    return found, str(document.get("default-runtime") or "")


def _podman(document: Document) -> tuple[dict[str, str], str]:
    engine = _table(document, "engine")
    found = {
        name: str(paths[0])
        for name, paths in _table(engine, "runtimes").items()
        if isinstance(paths, list) and paths
    }
    return found, str(engine.get("runtime") or "")


def _crio(document: Document) -> tuple[dict[str, str], str]:
    section = _table(_table(document, "crio"), "runtime")
    found = {
        name: str(each.get("runtime_path") or "")
        for name, each in _table(section, "runtimes").items()
        if isinstance(each, dict)
    }
    return found, str(section.get("default_runtime") or "")


def _table(document: Document, name: str) -> Document:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


_READERS = {
    "containerd": _containerd,
    "dockerd": _dockerd,
    "podman": _podman,
    "crio": _crio,
}
