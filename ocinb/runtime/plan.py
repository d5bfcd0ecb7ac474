"""What would be done for a config.json: the calls, in order, each with the field it is for.

Pure: nothing is looked at but the document, so it needs no privileges and no root filesystem.
Where what is done depends on what is found (a masked path that is not there is passed over), the
call is marked as optional. The tests compare a plan with the events of a real run.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

import os

from ocinb.frozen import Frozen
from ocinb.linux.flags import CLONE_NEWCGROUP
from ocinb.runtime import entering, id_mapped, init, resources
from ocinb.runtime.entering import KINDS
from ocinb.runtime.mount_options import parse
from ocinb.runtime.plan_rows import PLANNERS, Context, named
from ocinb.runtime.rows import PROCESS_ROWS, PROGRAM_ROWS, Row
from ocinb.spec.lifecycle import step as lifecycle_step
from ocinb.spec.runtime_config import namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_HOST_HOOKS = ((3, "prestart"), (4, "createRuntime"))


class Planned(Frozen):
    """A call that would be made.

    Attributes:
        step: number of the lifecycle's step.
        process: who makes it: ``runtime``, ``between`` (see ``entering``) or ``container``.
        call: the system call; ``hook`` for a program of the caller.
        arguments: the principal ones, readable.
        field: the field of config.json it is for; empty where no field asks for it.
        citation: the rule, as in ``config.md#mounts``.
        optional: made only if need be.
    """

    step: int
    process: str
    call: str
    arguments: str = ""
    field: str = ""
    citation: str = ""
    optional: bool = False


def plan(
    config: dict[str, Any], *, bundle: str, container: str, cgroup_version: int = 1
) -> list[Planned]:
    """The calls of create and start, in order.

    Args:
        config: config.json, checked.
        bundle: absolute path.
        container: the id.
        cgroup_version: of the machine it is for: 1, 2, or 0 for none.

    Raises:
        InvalidConfig: limits that this version of control groups cannot express.
    """
    return [
        *_runtime_side(config, bundle, container, cgroup_version),
        *_entering(config, container, cgroup_version),
        *_rows(2, config, bundle, container, init.ENVIRONMENT_ROWS),
        *_host_side(config, cgroup_version),
        *_hooks(config, 5, "createContainer", "container"),
        *_rows(2, config, bundle, container, init.ROOT_ROWS),
        *_rows(2, config, bundle, container, PROCESS_ROWS),
        *_hooks(config, 7, "startContainer", "container"),
        *_rows(8, config, bundle, container, PROGRAM_ROWS),
        *_hooks(config, 9, "poststart", "runtime"),
    ]


def _runtime_side(
    config: dict[str, Any], bundle: str, container: str, version: int
) -> Iterator[Planned]:
    """What the runtime does until it has a process, and while that enters its namespaces."""
    if "mount" not in namespaces(config):
        rootfs = os.path.normpath(os.path.join(bundle, config["root"]["path"]))
        yield Planned(
            step=2, process="runtime", call="mount", arguments=f"{rootfs} MS_BIND|MS_REC",
            field="root.path", citation="config.md#root",
        )  # fmt: skip
    for number, entry in enumerate(config.get("mounts") or []):
        options = parse(entry.get("options") or [])
        if not opened_by_runtime(config, entry):
            continue
        field = f"mounts[{number}] ({entry['destination']})"
        yield Planned(
            step=2, process="runtime", call="open_tree", arguments=entry.get("source") or "",
            field=field, citation="config.md#mounts",
        )  # fmt: skip
        if id_mapped.wanted(entry, options):
            yield Planned(
                step=2, process="runtime", call="mount_setattr", arguments="MOUNT_ATTR_IDMAP",
                field=field, citation="config.md#linux-mount-options",
            )  # fmt: skip
    have = namespaces(config)
    if entering.needs_another(have):
        yield Planned(step=2, process="runtime", call="prctl", arguments="PR_SET_CHILD_SUBREAPER 1")
    new = entering.made_by_fork(have)
    if new:
        yield Planned(
            step=2, process="runtime", call="clone", arguments=named("CLONE_", new),
            field="linux.namespaces", citation="config-linux.md#namespaces",
        )  # fmt: skip
    if version:
        yield Planned(
            step=2, process="runtime", call="mkdirat", arguments=_cgroups_path(config, container),
            field="linux.cgroupsPath", citation="config-linux.md#cgroups-path", optional=True,
        )  # fmt: skip


def _cgroups_path(config: dict[str, Any], container: str) -> str:
    path: str = (config.get("linux") or {}).get("cgroupsPath") or container
    return path


def opened_by_runtime(config: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether a bind source is opened before any namespace is entered."""
    options = parse(entry.get("options") or [])
    if not options.bind or options.remount:
        return False
    return namespaces(config).get("user") == "" or id_mapped.wanted(entry, options)


def _entering(config: dict[str, Any], container: str, version: int) -> Iterator[Planned]:
    """What the container's process does first, or one that goes between: it enters."""
    have = namespaces(config)
    itself = "between" if entering.needs_another(have) else "container"

    def planned(call: str, arguments: str, field: str, citation: str, who: str = itself) -> Any:
        citation = citation or "config-linux.md#namespaces"
        return Planned(
            step=2, process=who, call=call, arguments=arguments, field=field, citation=citation
        )

    def joined_groups() -> Iterator[Planned]:
        if version:
            file = "tasks" if version == 1 else "cgroup.procs"
            path = f"{_cgroups_path(config, container)} {file}"
            yield planned("write", path, "linux.cgroupsPath", "config-linux.md#cgroups-path")

    score = (config.get("process") or {}).get("oomScoreAdj")
    if score is not None:
        citation = "config.md#linux-process"
        yield planned("write", f"oom_score_adj {score}", "process.oomScoreAdj", citation)
    all_new = entering.all_new(have)
    if not all_new:
        yield from joined_groups()
    joined = [name for name, path in have.items() if path]
    for name in [n for n in joined if n not in ("user", "mount")]:
        yield planned("setns", have[name], f"linux.namespaces ({KINDS[name]})", "")
    if "user" in have:
        field = "linux.namespaces (user)"
        if have["user"]:
            yield planned("setns", have["user"], field, "")
        else:
            yield planned("prctl", "PR_SET_DUMPABLE 1", field, "")
            yield planned("unshare", "CLONE_NEWUSER", field, "")
            maps = "config-linux.md#user-namespace-mappings"
            for name in ("gid_map", "uid_map"):
                yield planned("write", name, "linux.uidMappings", maps, "runtime")
        yield planned("setresgid", "0", field, "")
        yield planned("setresuid", "0", field, "")
    yield planned("prctl", "PR_SET_DUMPABLE 0", "", "")
    if "mount" in joined:
        yield planned("setns", have["mount"], "linux.namespaces (mnt)", "")
    new = entering.made_by_itself(have)
    later = new & CLONE_NEWCGROUP if all_new else 0
    yield planned("unshare", named("CLONE_", new & ~later), "linux.namespaces", "")
    for clock in (config.get("linux") or {}).get("timeOffsets") or {}:
        field = f"linux.timeOffsets.{clock}"
        yield planned("write", "timens_offsets", field, "config-linux.md#offset-for-time-namespace")
    if all_new:
        yield from joined_groups()
    if later:
        field = "linux.namespaces (cgroup)"
        yield planned("unshare", named("CLONE_", later), field, "")


def _rows(
    step: int, config: dict[str, Any], bundle: str, container: str, rows: Iterable[Row]
) -> Iterator[Planned]:
    for row in rows:
        for call in PLANNERS[row.function](Context(config, bundle, container)):
            yield Planned(
                step=step,
                process="container",
                call=call.name,
                arguments=call.arguments,
                field=call.field if call.field is not None else row.field,
                citation=row.citation,
                optional=call.optional,
            )


def _host_side(config: dict[str, Any], version: int) -> Iterator[Planned]:
    """What the host does once the environment is made."""
    wanted = (config.get("linux") or {}).get("resources") or {}
    for write in resources.planned(wanted, version) if version else []:
        yield Planned(
            step=2, process="runtime", call="write", arguments=f"{write.file} {write.value}",
            field=write.field, citation="config-linux.md#control-groups",
        )  # fmt: skip
    if version == 2 and wanted.get("devices"):
        yield Planned(
            step=2, process="runtime", call="bpf", arguments=f"{len(wanted['devices'])} rules",
            field="linux.resources.devices", citation="config-linux.md#allowed-device-list",
        )  # fmt: skip
    for number, limit in enumerate((config.get("process") or {}).get("rlimits") or []):
        yield Planned(
            step=2, process="runtime", call="prlimit64",
            arguments=f"{limit['type']} {limit['soft']} {limit['hard']}",
            field=f"process.rlimits[{number}]", citation="config.md#posix-process",
        )  # fmt: skip
    for name, wish in ((config.get("linux") or {}).get("netDevices") or {}).items():
        yield Planned(
            step=2, process="runtime", call="sendto",
            arguments=f"RTM_NEWLINK {name} as {wish.get('name') or name}, RTM_NEWADDR, up",
            field=f"linux.netDevices.{name}", citation="config-linux.md#network-devices",
        )  # fmt: skip
    for number, stage in _HOST_HOOKS:
        yield from _hooks(config, number, stage, "runtime")


def _hooks(config: dict[str, Any], step: int, stage: str, process: str) -> Iterator[Planned]:
    for number, hook in enumerate((config.get("hooks") or {}).get(stage) or []):
        yield Planned(
            step=step, process=process, call="hook", arguments=hook["path"],
            field=f"hooks.{stage}[{number}]", citation="config.md#posix-platform-hooks",
        )  # fmt: skip


def lines(planned: list[Planned]) -> Iterator[str]:
    """The plan for people: a line a call, under the lifecycle's steps."""
    step = 0
    width = max((len(entry.call) for entry in planned), default=0)
    for entry in planned:
        if entry.step != step:
            step = entry.step
            yield f"step {step}: {lifecycle_step(step).title}"
        # A tilde before what is done only if need be.
        mark = "~" if entry.optional else " "
        said = f"{entry.process:9} {mark}{entry.call:{width}} {entry.arguments}".rstrip()
        yield f"  {said:70}  {entry.field or '—'}".rstrip()
