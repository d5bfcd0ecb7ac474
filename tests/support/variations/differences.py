"""The declared differences: what runc or crun shows otherwise than ours, and why ours is right.

A row of the table that differs otherwise is a failure, and so is a declared difference that does
not show any more.
"""

from __future__ import annotations

from dataclasses import dataclass

REFUSED = ("refused",)
BOTH = ("runc", "crun")


@dataclass(frozen=True)
class Difference:
    """One difference of one or more rows.

    Attributes:
        rows: names of variations.
        peers: ``runc``, ``crun``, or both.
        keys: the observations that differ; ``refused``: one of the two does not run it at all.
        reason: why ours is right.
        section: of the runtime specification; ``none`` where it leaves it open.
        ours: regular expression for what ours shows: in its error where it refuses, else in one
            of the observations. Required where both peers differ, for then nobody else says what
            is right.
    """

    rows: tuple[str, ...]
    peers: tuple[str, ...]
    keys: tuple[str, ...]
    reason: str
    section: str = "none"
    ours: str = ""


def _row(
    rows: str | tuple[str, ...],
    peers: str | tuple[str, ...],
    keys: str | tuple[str, ...],
    reason: str,
    section: str = "none",
    ours: str = "",
) -> Difference:
    rows = (rows,) if isinstance(rows, str) else rows
    peers = (peers,) if isinstance(peers, str) else peers
    keys = (keys,) if isinstance(keys, str) else keys
    return Difference(rows, peers, keys, reason, section, ours)


_PROCESS = (
    _row("PATH has an empty entry", BOTH, ("refused", "output"),
         "an empty entry of PATH means the working directory, as for execvp",
         "config.md#process", ours="here"),
    _row("env: HOME is empty", "crun", "environment",
         "an empty HOME is replaced, as runc does"),
    _row(("env: no name", "env: no equals sign"), "crun", REFUSED,
         "env has the semantics of IEEE Std 1003.1-2008's environ: NAME=value",
         "config.md#process", ours=r"must look like NAME=value"),
    _row("cwd: relative", "crun", REFUSED, "cwd MUST be an absolute path",
         "config.md#process", ours="process.cwd .* absolute"),
    _row("user: more groups of the superuser", "runc", "ids",
         "the groups are given as they are listed", "config.md#posix-platform-user"),
    _row("user: large ids", "runc", REFUSED, "uid and gid are unsigned 32-bit numbers",
         "config.md#posix-platform-user"),
    _row("user: large ids", "crun", "environment",
         "a user without passwd entry has / for its home, as in runc"),
    _row("capabilities: lower case", "crun", "capabilities",
         "capabilities(7) writes them in capitals: this is an unknown one, which is left out",
         "config.md#linux-process"),
    _row("capabilities: one that this machine cannot give", BOTH, REFUSED,
         "a capability that cannot be granted MUST be a warning, not an error",
         "config.md#linux-process", ours=r"CapPrm:\s+0000000000000020"),
    _row("apparmorProfile: empty", "crun", REFUSED, "an empty string is no profile"),
    _row("ioPriority", BOTH, "extra", "of version 1.1 of the specification, which they lack",
         "config.md#linux-process", ours="best-effort: prio 6"),
    _row("scheduler", BOTH, "scheduling", "of version 1.1 of the specification, which they lack",
         "config.md#linux-process", ours="nice 5 rt 0 policy 3"),
)  # fmt: skip

_MOUNTS = (
    _row("tmpfs: no mode", "runc", "mounts",
         "a tmpfs has the mode of the directory under it; ours with the mount, runc's later"),
    _row("tmpfs: no mode", "crun", ("root", "mounts"),
         "a tmpfs has the mode of the directory under it, as in runc and in newer crun",
         ours="755"),
    _row("tmpfs: mode=1777", "runc", "root",
         "runc 1.1.5 gives a tmpfs the mode of the directory under it, whatever is asked",
         "config.md#linux-mount-options"),
    _row("tmpfs: mode=700", "runc", "root",
         "runc 1.1.5 gives a tmpfs the mode of the directory under it, whatever is asked",
         "config.md#linux-mount-options"),
    _row(("tmpfs: iversion", "tmpfs: noiversion", "tmpfs: silent", "tmpfs: loud"), "crun", REFUSED,
         "a runtime MUST know these options", "config.md#linux-mount-options"),
    _row("tmpfs: defaults", "runc", REFUSED,
         "a runtime MUST know this option", "config.md#linux-mount-options"),
    _row(("tmpfs: ro,rw", "tmpfs: noexec,exec"), "crun", "mounts",
         "of two options that contradict each other the later one holds, as in mount(8)",
         "config.md#linux-mount-options"),
    _row(("tmpfs: shared", "tmpfs: rshared", "tmpfs: unbindable", "bind $SOURCE: bind,shared",
          "bind $SOURCE: bind,unbindable", "bind $TREE: rbind,rshared",
          "bind $TREE: rbind,runbindable"), "crun", "mounts",
         "crun makes everything private again afterwards", "config.md#linux-mount-options"),
    _row(("bind: a file where there is none", "bind: a file in a new directory"), BOTH, "left",
         "the mode of the mount point that is made is open: a plain file", ours=r"100644 0:0"),
    _row(("destination: /host", "destination: /dangling"), "crun", REFUSED,
         "a link is followed inside the root filesystem, and what is missing there is made",
         "config.md#mounts"),
    _row(("proc: read-only", "sysfs"), "crun", "mounts",
         "crun makes the mount read-only and leaves the filesystem: no difference to a program"),
    _row(("proc: missing", "no mounts"), "runc", REFUSED,
         "no mount is required of config.json", "config.md#mounts"),
    _row("cgroup", BOTH, "mounts",
         "version 1 is made of several mounts, and how the directory of them looks is open; "
         "asked for nosuid and ro it is that",
         ours=r"/sys/fs/cgroup / ro,nosuid,relatime +tmpfs"),
    _row("cgroup: with a namespace", BOTH, "mounts",
         "asked for nosuid and ro, each tree is that",
         ours=r"/sys/fs/cgroup/pids / ro,nosuid,relatime +cgroup"),
    _row(("cgroup", "cgroup: with a namespace"), "crun", "extra",
         "crun makes links of controllers that this machine has not got"),
    _row("no mounts", "crun", "left",
         "the links of /dev point into /proc: without it they are not made",
         "runtime-linux.md#dev-symbolic-links"),
    _row("a mount with ids of its own without a user namespace", "runc",
         ("root", "mounts", "extra"),
         "of version 1.1 of the specification, which runc 1.1 lacks", "config.md#mounts"),
    _row(("rootfsPropagation: shared", "rootfsPropagation: rshared"), "runc", "mounts",
         "the root is shared when it is asked to be",
         "config-linux.md#rootfs-mount-propagation"),
    _row("rootfsPropagation: unbindable", "runc", REFUSED, "unbindable is one of the four values",
         "config-linux.md#rootfs-mount-propagation"),
    _row("rootfsPropagation: nosuch", "crun", REFUSED, "a value that is not listed is an error",
         "config-linux.md#rootfs-mount-propagation", ours="rootfsPropagation"),
)  # fmt: skip

_LINUX = (
    _row("namespaces: twice", "crun", REFUSED,
         "a second namespace of a type MUST be an error", "config-linux.md#namespaces",
         ours="second ipc namespace"),
    _row("namespaces: an empty path", "crun", REFUSED,
         "an empty path is how Go leaves it out: the namespace is new",
         "config-linux.md#namespaces"),
    _row(("namespaces: user, one id", "namespaces: user, many ids",
          "namespaces: user, another user inside"), "runc", "mounts",
         "device nodes bound from the host are neither executed nor set-user-id, as in crun"),
    _row("namespaces: user, without ids", "crun", REFUSED,
         "crun makes up mappings; nothing in a namespace without ids could run",
         "config-linux.md#user-namespace-mappings", ours="linux.uidMappings"),
    _row("namespaces: ids without a user namespace", BOTH, REFUSED,
         "mappings without the namespace that they are for would be left out silently",
         "config-linux.md#user-namespace-mappings", ours="needs a user namespace"),
    _row("domainname", "runc", "names", "of version 1.1 of the specification, which runc 1.1 lacks",
         "config.md#domainname"),
    _row("device: null, again", "runc", REFUSED,
         "runc 1.1.5 makes the device, and its own device rules then refuse it"),
    _row("device: a file is there", BOTH, REFUSED,
         "what is there and is not the device MUST be an error", "config-linux.md#devices",
         ours="is not the device c 10:229"),
    _row("device: unknown type", "crun", REFUSED, "the type is one of c, b, u, p",
         "config-linux.md#devices", ours="devices.0..type"),
    _row("device: without numbers", BOTH, REFUSED, "major and minor are REQUIRED unless type is p",
         "config-linux.md#devices", ours="devices.0..major"),
    _row("device: relative path", "runc", REFUSED, "path is a full path",
         "config-linux.md#devices", ours="absolute"),
    _row("maskedPaths: /etc/other/x", BOTH, REFUSED,
         "what cannot be there need not be masked, as with a path that is missing",
         ours=r"@status 0"),
    _row("maskedPaths: relative", BOTH, REFUSED, "the paths MUST be absolute",
         "config-linux.md#masked-paths", ours="absolute"),
    _row(("readonlyPaths: /dev", "readonlyPaths: keeps other options"), "crun", "mounts",
         "becoming read-only must not take nosuid and noexec away",
         "config-linux.md#readonly-paths"),
    _row("readonlyPaths: and masked", "crun", "mounts",
         "crun masks both the covered and the covering directory"),
    _row("personality: LINUX32", "runc", ("scheduling", "extra"), "runc 1.1.5 does not apply it",
         "config-linux.md#personality"),
    _row("intelRdt", BOTH, REFUSED, "what cannot be applied MUST be an error, and is not here",
         "runtime.md#create", ours="linux.intelRdt"),
    _row("seccomp: with a flag", "runc", REFUSED,
         "the flags are part of the field; runc 1.1.5 refuses all of them",
         "config-linux.md#seccomp"),
    _row("seccomp: no default action", "runc", REFUSED, "defaultAction is REQUIRED",
         "config-linux.md#seccomp", ours="defaultAction"),
    _row("seccomp: nobody to notify", "crun", REFUSED,
         "SCMP_ACT_NOTIFY without listenerPath leaves every such call without an answer",
         "config-linux.md#seccomp", ours="listenerPath"),
    _row("timeOffsets", BOTH, REFUSED, "runc 1.1 has no time namespaces; crun 1.8.1 fails here",
         "config-linux.md#namespaces", ours="time new"),
    _row(("ociVersion: 1.2.0", "ociVersion: 1.3.0"), "crun", REFUSED,
         "minor versions are compatible", "config.md#specification-version"),
    _row("ociVersion: 1.0", BOTH, REFUSED, "it MUST be a semantic version: three numbers",
         "config.md#specification-version", ours="ociVersion"),
    _row(("ociVersion: 2.0.0", "ociVersion: 0.9.0", "ociVersion: ", "ociVersion: x",
          "no ociVersion"), "runc", REFUSED,
         "it is REQUIRED, and MUST be a version that the runtime supports",
         "config.md#specification-version", ours="ociVersion"),
    _row("windows and solaris", "crun", REFUSED,
         "other platforms' objects mean nothing here", "config.md#platform-specific-configuration"),
)  # fmt: skip

_CGROUPS = (
    _row("resources: memory limit 0", "crun", REFUSED,
         "0 is how Go leaves a limit out, as in runc; crun sets it, and cannot start"),
    _row("resources: memory kernelTCP", "runc", "extra", "runc 1.1.5 has dropped it",
         "config-linux.md#memory"),
    _row(("resources: cpu shares below the least", "resources: cpu shares beyond the most"),
         "runc", REFUSED, "the kernel takes the nearest value that it has", "config-linux.md#cpu"),
    _row("resources: cpu no quota", "crun", REFUSED, "-1 is the kernel's own word for no quota",
         "config-linux.md#cpu"),
    _row("resources: cpu idle", "runc", "extra",
         "of version 1.1 of the specification, which runc 1.1 lacks", "config-linux.md#cpu"),
    _row("resources: cpu burst", BOTH, "extra",
         "of version 1.1 of the specification, which they lack", "config-linux.md#cpu",
         ours=r"@extra 10000"),
    _row("resources: pids unlimited", "crun", REFUSED, "-1 means no limit",
         "config-linux.md#pids"),
    _row("resources: pids 0", BOTH, REFUSED,
         "0 SHOULD be treated as the limit that it is: nothing more can be started",
         "config-linux.md#pids", ours="can't fork"),
    _row(("resources: devices all denied", "resources: devices one allowed",
          "resources: devices one denied", "resources: devices a whole major",
          "resources: devices blocks"), "runc", "extra",
         "the default devices have /dev/console (5:1) among them, and not /dev/net/tun (10:200)",
         "config-linux.md#default-devices"),
    _row("resources: devices access is not said", BOTH, REFUSED, "access is OPTIONAL",
         "config-linux.md#allowed-device-list", ours=r"c 10:229 rwm"),
    _row("resources: blockIO weight", "crun", REFUSED,
         "crun 1.8.1 knows a file of the name that it had before Linux 5.0",
         "config-linux.md#block-io"),
    _row("resources: rdma", "crun", REFUSED,
         "a limit that cannot be set MUST be an error; crun drops it without a word",
         "runtime.md#create", ours="rdma"),
    _row(("cgroupsPath: relative", "cgroupsPath: not said"), "crun", "cgroup",
         "a relative path starts where the runtime says: at its caller's group, as in runc",
         "config-linux.md#cgroups-path"),
    _row("cgroupsPath: outside", "runc", REFUSED,
         "runc takes the dots away; a path outside the tree is a mistake, and told",
         "config-linux.md#cgroups-path", ours="outside the hierarchy"),
)  # fmt: skip

_HOOKS = (
    _row(("hooks: prestart", "hooks: createRuntime", "hooks: a timeout that is kept",
          "hooks: two of a stage", "hooks: startContainer"), "crun", "hooks",
         "the status is creating until create is over, then created; crun says created, starting",
         "runtime.md#state"),
    _row("hooks: createContainer", BOTH, "hooks",
         "still creating, and in the runtime's namespace of files before pivot_root: the bundle; "
         "crun says created, runc is in the root filesystem", "config.md#createcontainer-hooks",
         ours="createContainer creating root= cwd=bundle"),
    _row("hooks: poststart", "runc", "hooks",
         "the program runs by then; runc says created", "config.md#poststart"),
    _row("hooks: all in their order", BOTH, "hooks", "the differences of each, together",
         "config.md#posix-platform-hooks", ours=r"poststart running[\s\S]*poststop stopped"),
    _row(("hooks: prestart fails", "hooks: createRuntime fails", "hooks: createContainer fails"),
         "crun", "hooks", "after the failure the lifecycle goes on at step 12, then 13: poststop",
         "runtime.md#lifecycle"),
    _row("hooks: poststart fails", "crun", ("refused", "hooks"),
         "it is an error, and the container is stopped", "runtime.md#lifecycle"),
    _row("hooks: poststop fails", "runc", "hooks", "the hooks after it are run",
         "runtime.md#lifecycle"),
    _row("hooks: no environment", "crun", "hooks", "the environment is what env says: nothing",
         "config.md#posix-platform-hooks"),
)  # fmt: skip

DIFFERENCES = (*_PROCESS, *_MOUNTS, *_LINUX, *_CGROUPS, *_HOOKS)


def declared(row: str, peer: str) -> list[Difference]:
    """The differences of a row from a peer."""
    return [d for d in DIFFERENCES if row in d.rows and peer in d.peers]
