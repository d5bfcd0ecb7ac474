"""Networks by CNI: configuration lists on disk, and the plugins that they name.

Spec: CNI 1.0.0 SPEC.md#section-1-network-configuration-format
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ocinb.errors import NetworkError

CNI = "cni:"
VERSIONS = ("0.3.0", "0.3.1", "0.4.0", "1.0.0")
"""Of the protocol, which we speak; oldest first."""

_CHECK_SINCE = "0.4.0"
_CONFIGURATIONS = "/etc/cni/net.d"
_PLUGINS = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_TYPE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


class CniNetwork:
    """A configuration list; a single configuration is a list of one.

    Args:
        document: the JSON object.
        path: where it was read, for messages.

    Attributes:
        name: of the network.
        version: of the protocol: the newest that it names and we speak.
        plugins: the configuration of each plugin, in their order.

    Raises:
        NetworkError: it is not what the specification describes.
    """

    def __init__(self, document: Mapping[str, Any], path: str) -> None:
        if "plugins" not in document:
            document = {
                **{key: document[key] for key in ("cniVersion", "name") if key in document},
                "plugins": [document],
            }
        self.document = dict(document)
        self.name = str(document.get("name") or "")
        plugins = document["plugins"]
        if not _NAME.fullmatch(self.name):
            raise NetworkError(f"{path}: {self.name!r} is not the name of a network")
        if not isinstance(plugins, list) or not plugins:
            raise NetworkError(f"{path}: $.plugins is not a list of plugins")
        for number, plugin in enumerate(plugins):
            kind = plugin.get("type") if isinstance(plugin, dict) else None
            if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
                raise NetworkError(f"{path}: $.plugins[{number}].type is not the name of a plugin")
            if not isinstance(plugin.get("capabilities") or {}, dict):
                raise NetworkError(f"{path}: $.plugins[{number}].capabilities is not an object")
        self.plugins: list[dict[str, Any]] = plugins
        self.version = _version(document, path)

    @property
    def may_be_checked(self) -> bool:
        """Whether the runtime may ask by CHECK; it came with version 0.4.0."""
        old = VERSIONS.index(self.version) < VERSIONS.index(_CHECK_SINCE)
        return not old and self.document.get("disableCheck") is not True

    def can(self, capability: str) -> bool:
        """Whether a plugin of the list has said that it takes that part of a runtimeConfig."""
        return any((plugin.get("capabilities") or {}).get(capability) for plugin in self.plugins)


def load_network(name: str, environment: Mapping[str, str]) -> CniNetwork:
    """The network of a name, from ``NETCONFPATH`` or /etc/cni/net.d.

    Raises:
        NetworkError: there is none, or its file is not what the specification describes.
    """
    problems = []
    for path, found in networks(environment):
        if isinstance(found, NetworkError):
            problems.append(found.message)
        elif found.name == name:
            return found
        del path
    directory = environment.get("NETCONFPATH") or _CONFIGURATIONS
    raise NetworkError(
        f"there is no CNI network {name} in {directory}",
        hint="; ".join(problems) or "a file there that ends in .conflist describes one",
    )


def networks(environment: Mapping[str, str]) -> Iterator[tuple[Path, CniNetwork | NetworkError]]:
    """Every configuration file, in the order of their names, with what it says or why not."""
    directory = Path(environment.get("NETCONFPATH") or _CONFIGURATIONS)
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    for file in names:
        path = directory / file
        if path.suffix in (".conflist", ".conf", ".json"):
            try:
                yield path, _load(path)
            except NetworkError as error:
                yield path, error


def find_plugins(network: CniNetwork, environment: Mapping[str, str]) -> list[str]:
    """The directories of plugins; each that the network names is in one of them.

    Raises:
        NetworkError: one is not.

    Spec: CNI 1.0.0 SPEC.md#adding-an-attachment (step 1)
    """
    given = [each for each in environment.get("CNI_PATH", "").split(":") if each]
    directories = given or [each for each in _PLUGINS if os.path.isdir(each)]
    for plugin in network.plugins:
        kind = plugin["type"]
        if not plugin_path(kind, directories):
            raise NetworkError(
                f"the plugin {kind} of CNI network {network.name} is not installed"
                f" in {', '.join(directories or _PLUGINS)}",
                hint="apt-get install containernetworking-plugins",
            )
    return directories


def plugin_path(kind: str, directories: list[str]) -> str | None:
    """The program of a plugin."""
    for directory in directories:
        path = os.path.join(directory, kind)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _load(path: Path) -> CniNetwork:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise NetworkError(f"{path} cannot be read: {reason}") from None
    except (ValueError, RecursionError):
        raise NetworkError(f"{path} is not JSON") from None
    if not isinstance(document, dict):
        raise NetworkError(f"{path} is not a JSON object")
    return CniNetwork(document, str(path))


def _version(document: Mapping[str, Any], path: str) -> str:
    """Spec: CNI 1.1.0 SPEC.md#version-considerations (a list of versions came with 1.1.0)"""
    named = [document.get("cniVersion") or "0.3.0", *(document.get("cniVersions") or ())]
    known = [version for version in VERSIONS if version in named]
    if not known:
        raise NetworkError(
            f"{path} is of CNI version {', '.join(map(str, named))}",
            hint=f"known are {', '.join(VERSIONS)}; $.cniVersions may name several",
        )
    return known[-1]
