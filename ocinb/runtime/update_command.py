"""The ``update`` command: other limits for a container that is there already.

Spec: none (runc convention); the document is runtime-spec config-linux.md#control-groups
"""

from __future__ import annotations

import sys

from ocinb.errors import CommandError, UnsupportedHost
from ocinb.plain_json import dumps
from ocinb.runtime import resources
from ocinb.runtime.command import Command, Context
from ocinb.runtime.configuration import parse_document, read_document
from ocinb.runtime.options import Option, Parsed
from ocinb.spec.runtime_config import check_resources
from ocinb.spec.runtime_state import CREATED, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NUMBERS = {
    "blkio_weight": ("blockIO", "weight"),
    "cpu_period": ("cpu", "period"),
    "cpu_quota": ("cpu", "quota"),
    "cpu_share": ("cpu", "shares"),
    "cpu_burst": ("cpu", "burst"),
    "cpu_idle": ("cpu", "idle"),
    "cpu_rt_period": ("cpu", "realtimePeriod"),
    "cpu_rt_runtime": ("cpu", "realtimeRuntime"),
    "pids_limit": ("pids", "limit"),
}
_SIZES = {
    "memory": ("memory", "limit"),
    "memory_reservation": ("memory", "reservation"),
    "memory_swap": ("memory", "swap"),
}
_TEXTS = {"cpuset_cpus": ("cpu", "cpus"), "cpuset_mems": ("cpu", "mems")}
_REFUSED = ("l3_cache_schema", "mem_bw_schema")
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}


def update(context: Context, options: Parsed) -> int:
    """Change the limits of a container; what is not mentioned stays as it is."""
    container_id = options.arguments[0]
    runtime = context.runtime(container_id)
    container = runtime.containers.load(container_id)
    wanted = _wanted(options)
    check_resources(wanted)
    container.lock()
    container.require("update", CREATED, RUNNING)
    config = container.config()
    linux = config.setdefault("linux", {})
    linux["resources"] = merged(linux.get("resources") or {}, wanted)
    # Some limits are written together, as quota and period are: so with what was there before.
    changed = {name: linux["resources"][name] for name, value in wanted.items() if value}
    runtime.recording.field = "linux.resources"
    group = container.cgroup(runtime.kernel)
    resources.apply(group, changed, devices=bool(wanted.get("devices")))
    # What later operations read is what holds now.
    container.write("config.json", dumps(config))
    return 0


def _wanted(options: Parsed) -> dict[str, Any]:
    for key in _REFUSED:
        if options.text(key):
            name = key.replace("_", "-")
            raise UnsupportedHost(f"--{name} is not supported: it needs Intel RDT")
    path = options.text("resources")
    if path:
        # Where a document is given, the other options do not count.
        document = (
            parse_document(sys.stdin.buffer.read(), "the standard input")
            if path == "-"
            else read_document(path)
        )
        if not isinstance(document, dict):
            raise CommandError(f"{path} does not hold an object")
        return document
    wanted: dict[str, Any] = {}
    for key, (group, name) in _NUMBERS.items():
        if options.text(key):
            wanted.setdefault(group, {})[name] = options.number(key, 0)
    for key, (group, name) in _SIZES.items():
        if options.text(key):
            wanted.setdefault(group, {})[name] = size(options.text(key))
    for key, (group, name) in _TEXTS.items():
        if options.text(key):
            wanted.setdefault(group, {})[name] = options.text(key)
    return wanted


def size(text: str) -> int:
    """Bytes, as in ``1048576``, ``1m`` or ``1MiB``; -1 for no limit.

    Raises:
        CommandError: it is none.
    """
    word = text.lower().removesuffix("ib") if text.lower().endswith("ib") else text.lower()
    word = word[:-1] if word[-1:] == "b" and not word[:-1].isdigit() else word
    number, unit = (word[:-1], word[-1:]) if word[-1:].isalpha() else (word, "")
    try:
        return int(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise CommandError(f"{text!r} is not a size", hint="for example 512m, or bytes") from None


def merged(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """One document over another, object by object; null changes nothing."""
    result = dict(before)
    for key, value in after.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif value is not None:
            result[key] = value
    return result


def _value(name: str, help_: str, value: str = "N") -> Option:
    return Option(names=(name,), value=value, help=help_)


COMMANDS = (
    Command(
        name="update",
        function=update,
        usage="ID",
        help="change a container's limits",
        options=(
            Option(
                names=("--resources", "-r"),
                value="FILE",
                help="linux.resources as a document; - is the standard input",
            ),
            _value("--blkio-weight", "weight of block I/O, 10 to 1000"),
            _value("--cpu-period", "period of the processor's quota, in µs"),
            _value("--cpu-quota", "the quota, in µs"),
            _value("--cpu-burst", "what may be saved up of it, in µs"),
            _value("--cpu-share", "weight among other groups"),
            _value("--cpu-idle", "1: only where nobody else wants the processor"),
            _value("--cpu-rt-period", "realtime period, in µs"),
            _value("--cpu-rt-runtime", "realtime runtime, in µs"),
            _value("--cpuset-cpus", "processors", "LIST"),
            _value("--cpuset-mems", "memory nodes", "LIST"),
            _value("--memory", "limit of memory", "BYTES"),
            _value("--memory-reservation", "soft limit of memory", "BYTES"),
            _value("--memory-swap", "limit of memory and swap together; -1 for none", "BYTES"),
            _value("--pids-limit", "how many processes; -1 for any number"),
            _value("--l3-cache-schema", "refused: needs Intel RDT", "TEXT"),
            _value("--mem-bw-schema", "refused: needs Intel RDT", "TEXT"),
        ),
    ),
)
