"""``--device`` and ``--device-cgroup-rule`` taken apart."""

from __future__ import annotations

import os
import re
from typing import Any

from ocinb.errors import BundleError, CommandError

_ACCESS = re.compile(r"[rwm]{1,3}")
_RULE = re.compile(r"([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})")

Found = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def device(text: str) -> Found:
    """``DEVICE[:PATH][:rwm]``: entries of ``linux.devices``, and rules that allow them.

    DEVICE may be a directory: then all devices in it.

    Raises:
        CommandError: it is not that, or there is no such device.

    Spec: runtime-spec config-linux.md#devices
    """
    from ocinb.bundle.devices import allowed, devices_at

    host, *rest = text.split(":")
    access, inside = "rwm", host
    if rest and _ACCESS.fullmatch(rest[-1]):
        access = rest.pop()
    if rest:
        inside = rest.pop()
    if rest or not host.startswith("/") or not inside.startswith("/") or "\0" in text:
        raise CommandError(
            f"--device {text} is not DEVICE[:PATH][:rwm]", hint="as in --device /dev/fuse"
        )
    inside = os.path.normpath(inside)
    if not inside.startswith("/dev/"):
        raise CommandError(f"--device {text}: {inside} is not below /dev")
    try:
        entries = devices_at(host, inside)
    except BundleError as error:
        raise CommandError(f"--device {text}: {error.message}") from None
    return entries, [allowed(entry, access) for entry in entries]


def device_rule(text: str) -> dict[str, Any]:
    """``TYPE MAJOR:MINOR ACCESS`` as a rule that allows.

    Raises:
        CommandError: it is not that.

    Spec: runtime-spec config-linux.md#allowed-device-list
    """
    found = _RULE.fullmatch(text)
    if not found:
        raise CommandError(
            f"--device-cgroup-rule {text!r} is not TYPE MAJOR:MINOR ACCESS", hint="as in 'c 1:3 rw'"
        )
    kind, major, minor, access = found.groups()
    rule: dict[str, Any] = {"allow": True, "type": kind, "access": access}
    if major != "*":
        rule["major"] = int(major)
    if minor != "*":
        rule["minor"] = int(minor)
    return rule
