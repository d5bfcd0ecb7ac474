"""The plan of what the container's process does: for each row of ``init.py``, its calls. Pure."""

from __future__ import annotations

from ocinb.linux import flags as f
from ocinb.linux.flags import Named
from ocinb.runtime import id_mapped
from ocinb.runtime.mount_options import BINDS, parse
from ocinb.runtime.steps import (
    console,
    credentials,
    devices,
    labels,
    masks,
    mounts,
    names,
    program,
    rootfs,
    scheduling,
    session,
)
from ocinb.spec.runtime_config import namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ocinb.runtime.environment import Environment


class Context:
    """What a plan is made of."""

    def __init__(self, config: dict[str, Any], bundle: str, container: str) -> None:
        self.config = config
        self.process: dict[str, Any] = config.get("process") or {}
        self.linux: dict[str, Any] = config.get("linux") or {}
        self.namespaces = namespaces(config)
        self.bundle = bundle
        self.container = container


class Call:
    """A call.

    Attributes:
        name: of the system call.
        arguments: the principal ones.
        field: of config.json; None for the row's own.
        optional: made only if need be.
    """

    def __init__(
        self, name: str, arguments: str = "", field: str | None = None, *, optional: bool = False
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.field = field
        self.optional = optional


def named(prefix: str, value: int) -> str:
    """Flags by their names."""
    return str(Named(prefix, value))


def _nothing(_: Context) -> Iterator[Call]:
    return iter(())


def _lead_session(_: Context) -> Iterator[Call]:
    yield Call("setsid")
    yield Call("prctl", "PR_SET_DUMPABLE 0")


def _join_keyring(context: Context) -> Iterator[Call]:
    yield Call("keyctl", f"_ses.{context.container}", optional=True)


def _isolate_mounts(context: Context) -> Iterator[Call]:
    if "mount" in context.namespaces:
        wanted = (context.linux.get("rootfsPropagation") or "").removeprefix("r")
        kept_apart = wanted in ("private", "unbindable")
        yield Call("mount", f"/ MS_REC|{'MS_PRIVATE' if kept_apart else 'MS_SLAVE'}")


def _bind_root(context: Context) -> Iterator[Call]:
    if "mount" in context.namespaces:
        yield Call("mount", f"{context.config['root']['path']} MS_BIND|MS_REC")


def _mount_all(context: Context) -> Iterator[Call]:
    for number, entry in enumerate(context.config.get("mounts") or []):
        field = f"mounts[{number}] ({entry['destination']})"
        for call in _mount(context, entry):
            call.field = field
            yield call


def _mount(context: Context, entry: dict[str, Any]) -> Iterator[Call]:
    options = parse(entry.get("options") or [])
    target = entry["destination"]
    attributes = bool(options.set or options.clear)
    below = bool(options.set_below or options.clear_below)
    if not options.remount:
        yield Call("mkdirat", target, optional=True)
    if options.bind:
        mapped = id_mapped.wanted(entry, options)
        if not options.remount and context.namespaces.get("user") != "" and not mapped:
            recursive = "AT_RECURSIVE" if options.recursive else ""
            yield Call("open_tree", f"{entry.get('source') or ''} {recursive}".rstrip())
        if attributes or below:
            yield Call("mount_setattr", " ".join(entry.get("options") or []))
        if not options.remount:
            yield Call("move_mount", target)
    elif options.remount:
        yield Call("mount", f"{target} MS_REMOUNT")
    elif entry.get("type") == "cgroup":
        yield Call("mount", f"{target} cgroup")
        for name in ("mount", "open_tree", "mount_setattr", "move_mount", "symlinkat"):
            yield Call(name, f"each control group below {target}", optional=True)
    elif entry.get("type") == "tmpfs" and options.copy_up:
        for name in ("fsopen", "fsconfig", "fsmount"):
            yield Call(name, "tmpfs")
        if attributes:
            yield Call("mount_setattr", " ".join(entry.get("options") or []))
        yield Call("move_mount", target)
    else:
        yield Call("mount", f"{entry.get('type') or ''} {target} {named('MS_', options.flags)}")
    if below and (not options.bind or options.remount):
        yield Call("mount_setattr", f"{target} AT_RECURSIVE")
    for propagation in options.propagation:
        yield Call("mount", f"{target} {named('MS_', propagation)}")


def _make_tmpfs_readonly(context: Context) -> Iterator[Call]:
    for number, entry in enumerate(context.config.get("mounts") or []):
        options = parse(entry.get("options") or [])
        if entry.get("type") == "tmpfs" and not options.bind and options.flags & f.MS_RDONLY:
            field = f"mounts[{number}] ({entry['destination']})"
            yield Call("mount_setattr", "MOUNT_ATTR_RDONLY", field)


def _host_dev(context: Context) -> bool:
    for entry in context.config.get("mounts") or []:
        if "/" + entry["destination"].strip("/") == "/dev":
            return any(word in BINDS for word in entry.get("options") or [])
    return False


def _node(path: str, kind: str, major: int, minor: int, field: str) -> Iterator[Call]:
    yield Call("mknodat", f"{path} {kind} {major}:{minor}", field)
    yield Call("fchownat", path, field, optional=True)
    # In a user namespace the host's own node is bound instead.
    yield Call("open_tree", path, field, optional=True)
    yield Call("mount_setattr", "MOUNT_ATTR_NOSUID|MOUNT_ATTR_NOEXEC", field, optional=True)
    yield Call("move_mount", path, field, optional=True)


def _make_default(context: Context) -> Iterator[Call]:
    listed = {device["path"] for device in context.linux.get("devices") or []}
    for device in () if _host_dev(context) else devices.DEFAULTS:
        if device.path not in listed:
            yield from _node(
                device.path,
                device.kind,
                device.major,
                device.minor,
                f"default device {device.path}",
            )


def _make_listed(context: Context) -> Iterator[Call]:
    for number, device in enumerate(context.linux.get("devices") or []):
        if not _host_dev(context):
            field = f"linux.devices[{number}] ({device['path']})"
            numbers = (device.get("major") or 0, device.get("minor") or 0)
            yield from _node(device["path"], device["type"], *numbers, field)


def _link(_: Context) -> Iterator[Call]:
    for target, path in devices.LINKS:
        yield Call("symlinkat", f"{target} {path}", optional=True)


def _link_ptmx(context: Context) -> Iterator[Call]:
    if not _host_dev(context):
        yield Call("unlinkat", "/dev/ptmx")
        yield Call("symlinkat", "pts/ptmx /dev/ptmx")


def _set_hostname(context: Context) -> Iterator[Call]:
    if context.config.get("hostname"):
        yield Call("sethostname", context.config["hostname"])


def _set_domainname(context: Context) -> Iterator[Call]:
    if context.config.get("domainname"):
        yield Call("setdomainname", context.config["domainname"])


def _set_parameters(context: Context) -> Iterator[Call]:
    for name, value in (context.linux.get("sysctl") or {}).items():
        yield Call("write", f"{name} {value}", f"linux.sysctl.{name}")


def _attach_console(context: Context) -> Iterator[Call]:
    if context.process.get("terminal"):
        yield Call("open_tree", "the pseudoterminal")
        yield Call("move_mount", "/dev/console")


def _make_paths_readonly(context: Context) -> Iterator[Call]:
    for number, path in enumerate(context.linux.get("readonlyPaths") or []):
        for name in ("open_tree", "mount_setattr", "move_mount"):
            yield Call(name, path, f"linux.readonlyPaths[{number}] ({path})", optional=True)


def _mask_paths(context: Context) -> Iterator[Call]:
    for number, path in enumerate(context.linux.get("maskedPaths") or []):
        for name in ("mount", "open_tree", "move_mount"):
            yield Call(name, path, f"linux.maskedPaths[{number}] ({path})", optional=True)


def _make_readonly(context: Context) -> Iterator[Call]:
    if context.config["root"].get("readonly"):
        yield Call("mount_setattr", "/ MOUNT_ATTR_RDONLY")


def _change_root(context: Context) -> Iterator[Call]:
    if "mount" not in context.namespaces:
        yield Call("chroot", ".")
        return
    yield Call("pivot_root", ". .")
    yield Call("mount", "the old root MS_REC|MS_SLAVE")
    yield Call("umount2", "the old root MNT_DETACH")


def _set_propagation(context: Context) -> Iterator[Call]:
    if context.linux.get("rootfsPropagation"):
        yield Call("mount", f"/ {context.linux['rootfsPropagation']}")


def _if_given(document: str, key: str, call: str) -> Callable[[Context], Iterator[Call]]:
    """A planner of one call for one object of ``process`` or ``linux``."""

    def planner(context: Context) -> Iterator[Call]:
        wanted = (context.config.get(document) or {}).get(key)
        if wanted:
            yield Call(call, " ".join(str(value) for value in wanted.values()))

    return planner


def _enter_cwd(context: Context) -> Iterator[Call]:
    if context.process:
        yield Call("chdir", context.process["cwd"])


def _limit_bounding_set(context: Context) -> Iterator[Call]:
    if context.process:
        kept = (context.process.get("capabilities") or {}).get("bounding") or []
        yield Call("prctl", f"PR_CAPBSET_DROP all but {', '.join(kept) or 'none'}")


def _become_user(context: Context) -> Iterator[Call]:
    if not context.process:
        return
    user = context.process.get("user") or {"uid": 0, "gid": 0}
    yield Call("prctl", "PR_SET_KEEPCAPS 1")
    yield Call("fchown", "the standard streams", optional=True)
    yield Call("setgroups", str(user.get("additionalGids") or []), optional=True)
    yield Call("setresgid", str(user["gid"]))
    yield Call("setresuid", str(user["uid"]))
    yield Call("prctl", "PR_SET_KEEPCAPS 0")
    if user.get("umask") is not None:
        yield Call("umask", oct(user["umask"]))


def _set_capabilities(context: Context) -> Iterator[Call]:
    if context.process:
        sets = context.process.get("capabilities") or {}
        yield Call("capset", ", ".join(sets.get("effective") or []) or "none")
        ambient = ", ".join(sets.get("ambient") or []) or "none"
        yield Call("prctl", f"PR_CAP_AMBIENT {ambient}")


def _forbid_privileges(context: Context) -> Iterator[Call]:
    if context.process.get("noNewPrivileges"):
        yield Call("prctl", "PR_SET_NO_NEW_PRIVS 1")


def _set_labels(context: Context) -> Iterator[Call]:
    for name in ("apparmorProfile", "selinuxLabel"):
        if context.process.get(name):
            yield Call("openat", "attr/exec", f"process.{name}", optional=True)


def _close_descriptors(_: Context) -> Iterator[Call]:
    yield Call("close_range", "from 3 on CLOSE_RANGE_CLOEXEC")


def _execute(context: Context) -> Iterator[Call]:
    filtered = context.linux.get("seccomp")
    field = "linux.seccomp" if filtered else None
    if filtered:
        yield Call("seccomp", filtered["defaultAction"], field)
    if context.process:
        yield Call("execve", " ".join(context.process["args"]), field)


PLANNERS: dict[Callable[[Environment], None], Callable[[Context], Iterator[Call]]] = {
    session.forbid_imports: _nothing,
    session.lead_session: _lead_session,
    session.join_keyring: _join_keyring,
    rootfs.isolate_mounts: _isolate_mounts,
    rootfs.bind_root: _bind_root,
    mounts.mount_all: _mount_all,
    mounts.make_tmpfs_readonly: _make_tmpfs_readonly,
    devices.make_default: _make_default,
    devices.make_listed: _make_listed,
    devices.link: _link,
    devices.link_ptmx: _link_ptmx,
    rootfs.make_cwd: _nothing,
    names.set_hostname: _set_hostname,
    names.set_domainname: _set_domainname,
    names.set_parameters: _set_parameters,
    console.attach_console: _attach_console,
    masks.make_paths_readonly: _make_paths_readonly,
    masks.mask_paths: _mask_paths,
    rootfs.make_readonly: _make_readonly,
    rootfs.change_root: _change_root,
    rootfs.set_propagation: _set_propagation,
    credentials.check_ids: _nothing,
    scheduling.set_personality: _if_given("linux", "personality", "personality"),
    scheduling.set_io_priority: _if_given("process", "ioPriority", "ioprio_set"),
    scheduling.set_scheduler: _if_given("process", "scheduler", "sched_setattr"),
    scheduling.set_memory_policy: _if_given("linux", "memoryPolicy", "set_mempolicy"),
    program.set_variables: _nothing,
    program.enter_cwd: _enter_cwd,
    credentials.warn_of_ungranted: _nothing,
    credentials.limit_bounding_set: _limit_bounding_set,
    credentials.become_user: _become_user,
    program.enter_cwd_as_user: _nothing,
    credentials.set_capabilities: _set_capabilities,
    credentials.forbid_privileges: _forbid_privileges,
    program.find: _nothing,
    program.refuse_runtime: _nothing,
    labels.set_labels: _set_labels,
    program.close_descriptors: _close_descriptors,
    program.execute: _execute,
}
"""What a row of ``init.py`` does → the calls it will make. Every row has an entry."""
