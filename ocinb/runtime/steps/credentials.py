"""Who the user's program runs as: ids, groups, capabilities, and no way to more.

The order matters: the bounding set can be cut only while CAP_SETPCAP is there, ids can be
changed only while CAP_SETUID is there, and the kernel clears the effective set with the ids.
"""

from __future__ import annotations

import os

from ocinb.errors import StepFailed
from ocinb.linux import capabilities
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")


def limit_bounding_set(env: Environment) -> None:
    """Drop what the program shall never have.

    Spec: runtime-spec config.md#linux-process (capabilities)
    """
    if not env.process:
        return
    capabilities.drop_bounding(env.kernel, wanted_sets(env)["bounding"])


def become_user(env: Environment) -> None:
    """Change groups, gid and uid, keeping the permitted capabilities across it.

    Spec: runtime-spec config.md#posix-platform-user
    """
    if not env.process:
        return
    user, kernel = env.user, env.kernel
    kernel.prctl(f.PR_SET_KEEPCAPS, 1)
    _give_stdio(env)
    _set_groups(env, user.get("additionalGids") or [])
    kernel.setresgid(user["gid"], user["gid"], user["gid"])
    kernel.setresuid(user["uid"], user["uid"], user["uid"])
    kernel.prctl(f.PR_SET_KEEPCAPS, 0)
    if user.get("umask") is not None:
        kernel.umask(user["umask"])


def _set_groups(env: Environment, groups: list[int]) -> None:
    denied = _own(env, "setgroups").strip() == "deny"
    if not denied:
        env.kernel.setgroups(groups)
    elif any(group != env.user["gid"] for group in groups):
        # Its own group it has in any case; podman names it among the additional ones.
        raise StepFailed(
            "process.user.additionalGids cannot be set in this user namespace",
            hint="map ids with newuidmap and newgidmap (linux.gidMappings of more than one id)",
        )


def _own(env: Environment, name: str) -> str:
    """A file of this process, from the host's /proc: the container's may be made up."""
    try:
        flags = os.O_RDONLY | os.O_CLOEXEC
        with open(os.open(f"self/{name}", flags, dir_fd=env.host_proc), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _give_stdio(env: Environment) -> None:
    """Make the user the owner of its standard streams, so that /dev/stdout can be reopened.

    Spec: none (runc convention)
    """
    if env.user["uid"] == 0:
        return
    null = os.makedev(1, 3)
    for fd in (0, 1, 2):
        try:
            info = os.fstat(fd)
            if info.st_rdev != null and info.st_uid != env.user["uid"]:
                env.kernel.chown(fd, env.user["uid"], info.st_gid)
        except OSError:
            continue  # a read-only file system, an unmapped owner: then it stays as it is


def set_capabilities(env: Environment) -> None:
    """Give exactly the four other sets.

    Spec: runtime-spec config.md#linux-process (capabilities)
    """
    if not env.process:
        return
    sets = wanted_sets(env)
    kept = filter_capability(env)
    env.kernel.capset(sets["effective"] | kept, sets["permitted"] | kept, sets["inheritable"])
    refused = capabilities.set_ambient(env.kernel, sets["ambient"])
    if refused:
        # As with runc nothing is said of it: a capability is not ambient without inheritable.
        env.log.debug(f"not granted as ambient: {', '.join(capabilities.names(refused))}")


def filter_capability(env: Environment) -> int:
    """What must be kept until a filter of system calls is loaded, which comes last of all:
    CAP_SYS_ADMIN, unless the process gives up all further privileges. No hook inherits it, for
    it stays out of the bounding set.
    """
    if env.filter is None or env.process.get("noNewPrivileges"):
        return 0
    return capabilities.mask(["CAP_SYS_ADMIN"]) & env.kernel.capget()[1]


def forbid_privileges(env: Environment) -> None:
    """No program that is executed from here on gains anything by set-user-id or file caps.

    Spec: runtime-spec config.md#linux-process (noNewPrivileges)
    """
    if env.process.get("noNewPrivileges"):
        env.kernel.prctl(f.PR_SET_NO_NEW_PRIVS, 1)


def wanted_sets(env: Environment) -> dict[str, int]:
    """The five sets as masks, cut to what this process can grant. No object: no capabilities.

    What cannot be granted is a warning, never an error.

    Spec: runtime-spec config.md#linux-process (capabilities)
    """
    asked: dict[str, list[str]] = env.process.get("capabilities") or {}
    grantable = env.kernel.capget()[1]
    return {name: _mask(asked.get(name) or [], grantable) for name in SETS}


def warn_of_ungranted(env: Environment) -> None:
    """Log the capabilities that are unknown, or that this process has not got to give.

    Spec: runtime-spec config.md#linux-process (capabilities)
    """
    asked: dict[str, list[str]] = env.process.get("capabilities") or {}
    grantable = capabilities.names(env.kernel.capget()[1])
    wanted = dict.fromkeys(name for names in asked.values() for name in names or [])
    missing = [name for name in wanted if name not in grantable]
    if missing:
        env.log.warning(
            f"process.capabilities: {', '.join(missing)} cannot be granted and is left out"
        )


def _mask(names: list[str], grantable: int) -> int:
    return capabilities.mask(name for name in names if name in capabilities.NAMES) & grantable


def check_ids(env: Environment) -> None:
    """Fail early, with a sentence, for ids that the user namespace does not map."""
    if not env.process or "user" not in env.namespaces:
        return
    for name, kind in (("uid", "uid_map"), ("gid", "gid_map")):
        wanted = env.user[name]
        ranges = [tuple(map(int, line.split())) for line in _own(env, kind).splitlines()]
        if ranges and not any(first <= wanted < first + size for first, _, size in ranges):
            raise StepFailed(f"process.user.{name} {wanted} is not mapped in the user namespace")
