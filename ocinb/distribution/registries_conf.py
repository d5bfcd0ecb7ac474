"""Mirrors and other settings of registries, from a file like podman's registries.conf.

The subset of containers-registries.conf(5), version 2, that is read::

    [[registry]]
    prefix = "docker.io/library"      # longest match wins; default: location
    location = "docker.io/library"    # where it is in fact; default: prefix
    insecure = false                  # true: plain HTTP; false: HTTPS even on loopback
    skip-verify = false               # ours: HTTPS without verifying the certificate
    blocked = false
    mirror-by-digest-only = false
    [[registry.mirror]]               # in the order to try; the registry itself comes last
    location = "mirror.example:5000/hub"
    insecure = false
    skip-verify = false
    pull-from-mirror = "all"          # or digest-only, tag-only

Other keys are ignored: short names are always Docker's.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from ocinb.errors import InvalidDocument
from ocinb.frozen import Frozen


class RegistryEntry(Frozen):
    """A registry, a namespace of it, or a mirror.

    Attributes:
        insecure: None where the file does not say.
        use: of a mirror: ``all``, ``digest-only`` or ``tag-only``.
    """

    prefix: str
    location: str
    insecure: bool | None = None
    skip_verify: bool = False
    blocked: bool = False
    use: str = "all"
    mirrors: tuple[RegistryEntry, ...] = ()

    def serves(self, *, by_digest: bool) -> bool:
        """Whether this mirror is to be asked for a digest, or for a tag."""
        return self.use in ("all", "digest-only" if by_digest else "tag-only")


class RegistriesConf:
    """What such a file says; nothing at all without one."""

    def __init__(self, entries: tuple[RegistryEntry, ...] = (), path: Path | None = None) -> None:
        self.path = path
        self._entries = sorted(entries, key=lambda entry: -len(entry.prefix))

    @classmethod
    def read(cls, path: Path) -> RegistriesConf:
        """Read a file; where it is missing, nothing is configured.

        Raises:
            InvalidDocument: not TOML, or a value of the wrong kind; ``path`` names it.
        """
        try:
            document = tomllib.loads(path.read_text())
        except FileNotFoundError:
            return cls(path=path)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise InvalidDocument(f"{path} cannot be read: {reason}") from error
        except ValueError as error:
            raise InvalidDocument(f"{path} is not TOML: {error}") from error
        tables = document.get("registry", [])
        if not isinstance(tables, list):
            raise InvalidDocument(f"registry in {path} is not written [[registry]]")
        entries = tuple(
            _entry(path, f"registry[{number}]", table) for number, table in enumerate(tables)
        )
        return cls(entries, path)

    def entry(self, name: str) -> RegistryEntry | None:
        """The entry with the longest prefix of ``registry/repository``."""
        for entry in self._entries:
            if name == entry.prefix or name.startswith(f"{entry.prefix}/"):
                return entry
        return None

    def host(self, host: str) -> RegistryEntry | None:
        """The entry or mirror whose location is on ``host[:port]``."""
        for entry in self._entries:
            for place in (entry, *entry.mirrors):
                if place.location.partition("/")[0] == host:
                    return place
        return None


def _entry(path: Path, field: str, table: Any, *, is_mirror: bool = False) -> RegistryEntry:
    if not isinstance(table, dict):
        raise InvalidDocument(f"{field} in {path} is not a table", path=field)

    def value(key: str, kind: type, default: Any) -> Any:
        found = table.get(key, default)
        if found is not default and not isinstance(found, kind):
            raise InvalidDocument(
                f"{field}.{key} in {path} is not a {kind.__name__}", path=f"{field}.{key}"
            )
        return found

    location = value("location", str, "").rstrip("/")
    prefix = "" if is_mirror else value("prefix", str, location).rstrip("/")
    if not (location or prefix):
        raise InvalidDocument(f"{field} in {path} has no location", path=f"{field}.location")
    by_digest = value("mirror-by-digest-only", bool, False)
    use = value("pull-from-mirror", str, "all")
    if use not in ("all", "digest-only", "tag-only"):
        raise InvalidDocument(
            f"{field}.pull-from-mirror in {path} is {use!r}, not all, digest-only or tag-only",
            path=f"{field}.pull-from-mirror",
        )
    mirrors = tuple(
        _entry(
            path,
            f"{field}.mirror[{number}]",
            {"pull-from-mirror": "digest-only", **mirror} if by_digest else mirror,
            is_mirror=True,
        )
        for number, mirror in enumerate(value("mirror", list, []))
    )
    return RegistryEntry(
        prefix=prefix,
        location=location or prefix,
        insecure=value("insecure", bool, None),
        skip_verify=value("skip-verify", bool, False),
        blocked=value("blocked", bool, False),
        use=use,
        mirrors=mirrors,
    )
