"""Options of ``run`` and ``update`` that limit resources: config.json's ``linux.resources``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ocinb.commands.field_option import FieldOption
from ocinb.commands.quantities import size
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEMORY, _CPU = "linux.resources.memory", "linux.resources.cpu"

OPTIONS = (
    FieldOption("-m", "--memory", metavar="SIZE", help="Most memory.", sets=f"{_MEMORY}.limit"),
    FieldOption(
        "--memory-swap", metavar="SIZE",
        help="Most memory and swap together; -1: no limit. Twice --memory if not given.",
        sets=f"{_MEMORY}.swap",
    ),
    FieldOption(
        "--memory-swappiness", type=int, metavar="0..100", help="Inclination to swap.",
        sets=f"{_MEMORY}.swappiness",
    ),
    FieldOption(
        "--memory-reservation", metavar="SIZE", help="Memory when it is scarce.",
        sets=f"{_MEMORY}.reservation",
    ),
    FieldOption(
        "--cpus", type=float, metavar="NUMBER", help="Processors, as in 1.5.",
        sets=f"{_CPU}.quota {_CPU}.period",
    ),
    FieldOption(
        "-c", "--cpu-shares", type=int, metavar="NUMBER", help="Weight beside others.",
        sets=f"{_CPU}.shares",
    ),
    FieldOption(
        "--cpu-quota", type=int, metavar="MICROSECONDS", help="Time in each period.",
        sets=f"{_CPU}.quota",
    ),
    FieldOption(
        "--cpu-period", type=int, metavar="MICROSECONDS", help="Length of a period.",
        sets=f"{_CPU}.period",
    ),
    FieldOption(
        "--cpuset-cpus", metavar="LIST", help="Processors, as in 0-2,7.", sets=f"{_CPU}.cpus"
    ),
    FieldOption(
        "--cpuset-mems", metavar="LIST", help="Memory nodes, as in 0.", sets=f"{_CPU}.mems"
    ),
    FieldOption(
        "--pids-limit", type=int, metavar="NUMBER", help="Most processes; -1: no limit.",
        sets="linux.resources.pids.limit",
    ),
)  # fmt: skip

_LIST = re.compile(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*")
_PERIOD = 100_000
"""Microseconds; the kernel's own."""
_PERIODS = range(1_000, 1_000_001)


def wishes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``ContainerOptions`` by what was typed; what was not typed is left out.

    Raises:
        CommandError: a value is not what its option takes, or two contradict each other.

    Spec: runtime-spec config-linux.md#control-groups
    """
    found = {"memory": _memory(values), "cpu": _cpu(values)}
    pids = values["pids_limit"]
    if pids is not None:
        if pids < -1:
            raise CommandError(f"--pids-limit {pids} is below -1", hint="-1 is no limit")
        # 0 means "no limit" to podman and docker; to the specification it is a limit of none.
        found["pids"] = {"limit": pids or -1}
    return {"resources": {kind: fields for kind, fields in found.items() if fields}}


def _memory(values: Mapping[str, Any]) -> dict[str, Any]:
    """Spec: runtime-spec config-linux.md#memory"""
    given, both, soft = values["memory"], values["memory_swap"], values["memory_reservation"]
    memory: dict[str, Any] = {}
    limit = None if given is None else size("--memory", given)
    if limit:
        # Docker's convention: as much swap as memory, unless something else was said.
        memory |= {"limit": limit, "swap": min(2 * limit, 2**63 - 1)}
    if both == "-1":
        memory["swap"] = -1
    elif both is not None and (total := size("--memory-swap", both)):
        if not limit:
            raise CommandError("--memory-swap needs --memory: it is the sum of both")
        if total < limit:
            raise CommandError(
                f"--memory-swap {both} is less than --memory {given}: it is the sum of both"
            )
        memory["swap"] = total
    if soft is not None:
        memory["reservation"] = size("--memory-reservation", soft)
        if limit and memory["reservation"] > limit:
            raise CommandError(f"--memory-reservation {soft} is more than --memory {given}")
    swappiness = values["memory_swappiness"]
    if swappiness is not None and swappiness != -1:
        if not 0 <= swappiness <= 100:
            raise CommandError(f"--memory-swappiness {swappiness} is not between 0 and 100")
        memory["swappiness"] = swappiness
    return memory


def _cpu(values: Mapping[str, Any]) -> dict[str, Any]:
    """Spec: runtime-spec config-linux.md#cpu"""
    cpu: dict[str, Any] = {}
    cpus, quota, period = values["cpus"], values["cpu_quota"], values["cpu_period"]
    if cpus:
        if quota is not None or period is not None:
            raise CommandError(
                "--cpus says the same as --cpu-quota and --cpu-period", hint="leave one out"
            )
        if not 0.01 <= cpus <= 10_000:
            raise CommandError(f"--cpus {cpus:g} is not a number of processors", hint="as in 1.5")
        cpu |= {"quota": round(cpus * _PERIOD), "period": _PERIOD}
    if period:
        if period not in _PERIODS:
            raise CommandError(f"--cpu-period {period} is not between 1000 and 1000000")
        cpu["period"] = period
    if quota:
        if quota != -1 and quota < 1_000:
            raise CommandError(f"--cpu-quota {quota} is below 1000", hint="-1 is no limit")
        cpu["quota"] = quota
    shares = values["cpu_shares"]
    if shares:
        if not 2 <= shares <= 262_144:
            raise CommandError(f"--cpu-shares {shares} is not between 2 and 262144")
        cpu["shares"] = shares
    for option, name in (("cpuset_cpus", "cpus"), ("cpuset_mems", "mems")):
        text = values[option]
        if text:
            if not _LIST.fullmatch(text):
                flag = f"--{option.replace('_', '-')}"
                raise CommandError(f"{flag} {text} is not a list of numbers", hint="as in 0-2,7")
            cpu[name] = text
    return cpu
