"""Platforms: which of several manifests runs on a machine.

Spec: image-spec image-index.md#image-index-property-descriptions
"""

from __future__ import annotations

import os

import msgspec

from ocinb.errors import DocumentError, PlatformNotFound
from ocinb.spec.document import View

_MACHINES = {
    "x86_64": ("amd64", None),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", None),
    "i386": ("386", None),
    "ppc64le": ("ppc64le", None),
    "s390x": ("s390x", None),
    "riscv64": ("riscv64", None),
    "loongarch64": ("loong64", None),
}
"""uname's machine → GOARCH and variant."""

_ALIASES = {
    ("x86_64", None): ("amd64", None),
    ("x86-64", None): ("amd64", None),
    ("aarch64", None): ("arm64", "v8"),
    ("arm64", None): ("arm64", "v8"),
    ("arm64", "8"): ("arm64", "v8"),
    ("armhf", None): ("arm", "v7"),
    ("armel", None): ("arm", "v6"),
    ("arm", None): ("arm", "v7"),
    ("arm", "5"): ("arm", "v5"),
    ("arm", "6"): ("arm", "v6"),
    ("arm", "7"): ("arm", "v7"),
    ("arm", "8"): ("arm", "v8"),
    ("amd64", "v1"): ("amd64", None),
    ("i386", None): ("386", None),
}


class Platform(View, frozen=True, kw_only=True):
    """The minimum that a machine must have to run an image.

    Spec: image-spec image-index.md#image-index-property-descriptions
    """

    architecture: str
    os: str
    os_version: str | None = msgspec.field(name="os.version", default=None)
    os_features: tuple[str, ...] | None = msgspec.field(name="os.features", default=None)
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``linux/arm64/v8``, ``linux/amd64`` or ``arm64`` (of this machine's system).

        Raises:
            DocumentError: none of these.
        """
        parts = text.split("/")
        if not all(parts) or len(parts) > 3:
            raise DocumentError(
                f"{text!r} is not a platform", hint="a platform looks like linux/amd64"
            )
        if len(parts) == 1:
            parts.insert(0, "linux")
        os_name, architecture, *variant = (part.lower() for part in parts)
        return cls(
            os=os_name, architecture=architecture, variant=variant[0] if variant else None
        ).normal()

    @classmethod
    def host(cls) -> Platform:
        """The platform of this machine."""
        machine = os.uname().machine
        architecture, variant = _MACHINES.get(machine, (machine, None))
        return cls(os="linux", architecture=architecture, variant=variant)

    def normal(self) -> Platform:
        """The same platform in the usual words: aarch64 is arm64/v8, x86_64 is amd64.

        Spec: image-spec image-index.md#platform-variants
        """
        key = (self.architecture.lower(), self.variant.lower() if self.variant else None)
        architecture, variant = _ALIASES.get(key, key)
        return msgspec.structs.replace(
            self, os=self.os.lower(), architecture=architecture, variant=variant
        )

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def rank(wanted: Platform, offered: Platform) -> int | None:
    """How well an offered platform serves: 0 is exact, more is worse, None does not run.

    An arm machine runs lower variants of its architecture and 64-bit arm runs 32-bit arm; an
    amd64 machine runs lower microarchitecture levels. An ``os.version`` that was asked for must
    agree in its first three numbers. Spec: none (containerd convention) for these orders.
    """
    wanted, offered = wanted.normal(), offered.normal()
    if wanted.os != offered.os or not _version_fits(wanted.os_version, offered.os_version):
        return None
    runs = _runs(wanted)
    candidate = (offered.architecture, offered.variant)
    return runs.index(candidate) if candidate in runs else None


def check_platform(name: str, wanted: Platform, offered: Platform) -> None:
    """See that an image of one platform only is for the one that was asked for.

    Args:
        name: of the image, for the error.
        offered: what its config says; one that does not say is taken for any.

    Raises:
        PlatformNotFound.

    Spec: image-spec config.md#properties (architecture, os)
    """
    if offered.architecture and offered.os and rank(wanted, offered) is None:
        raise PlatformNotFound(
            f"{name} is for {offered} only, not for {wanted}",
            hint="leave --platform out to take it as it is",
            citation="image-spec config.md#properties",
        )


def _runs(platform: Platform) -> list[tuple[str, str | None]]:
    architecture, variant = platform.architecture, platform.variant
    if architecture == "arm64":
        level = _level(variant, 8)
        arm64 = [("arm64", f"v{n}") for n in range(level, 7, -1)]
        return [*arm64, *(("arm", f"v{n}") for n in range(8, 4, -1))]
    if architecture == "arm":
        return [("arm", f"v{n}") for n in range(_level(variant, 7), 4, -1)]
    if architecture == "amd64":
        levels: list[tuple[str, str | None]] = [
            ("amd64", f"v{n}") for n in range(_level(variant, 1), 1, -1)
        ]
        return [*levels, ("amd64", None), ("386", None)]
    return list(dict.fromkeys([(architecture, variant), (architecture, None)]))


def _level(variant: str | None, default: int) -> int:
    digits = (variant or "").removeprefix("v").partition(".")[0]
    return int(digits) if digits.isdigit() and len(digits) < 3 else default


def _version_fits(wanted: str | None, offered: str | None) -> bool:
    if not wanted or not offered:
        return True
    return wanted.split(".")[:3] == offered.split(".")[:3]
