"""What every field of config.json does, what applies it, and where the specification says so.

``[]`` stands for any member of an array, ``*`` for any key of an object with free keys. A test
holds that the table has every field that is known, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator

from ocinb.frozen import Frozen

CONFIG = "runtime-spec config.md"
LINUX = "runtime-spec config-linux.md"


class Explanation(Frozen):
    """One field.

    Attributes:
        field: its path.
        what: what it does.
        applied_by: the system call or the file that makes it so, or who else acts on it.
        citation: the section of the specification.
    """

    field: str
    what: str
    applied_by: str
    citation: str


Row = tuple[str, str, str]
"""Path below the prefix (empty: the prefix itself), what, applied by."""

_TOP: dict[str, tuple[str, str, str]] = {
    "ociVersion": (
        "the version of the specification that the document follows", "the runtime reads it",
        f"{CONFIG}#specification-version"),
    "root": ("the root filesystem", "mount(2), pivot_root(2)", f"{CONFIG}#root"),
    "root.path": (
        "the directory that becomes /; absolute, or relative to the bundle",
        "mount(MS_BIND), pivot_root(2)", f"{CONFIG}#root"),
    "root.readonly": (
        "whether / cannot be written; mounts below it keep their own options",
        "mount_setattr(MOUNT_ATTR_RDONLY)", f"{CONFIG}#root"),
    "hostname": (
        "the host's name as programs in the container see it; needs a uts namespace",
        "sethostname(2)", f"{CONFIG}#hostname"),
    "domainname": (
        "the NIS domain name as programs see it; needs a uts namespace", "setdomainname(2)",
        f"{CONFIG}#domainname"),
    "annotations": (
        "free pairs of text for whoever reads the container's state", "shown by state",
        f"{CONFIG}#annotations"),
    "hooks": (
        "programs that the runtime calls at moments of the container's life, each with the "
        "container's state on its standard input", "fork(2), execve(2)",
        f"{CONFIG}#posix-platform-hooks"),
    "linux": (
        "all that only Linux has", "see the fields below",
        f"{CONFIG}#platform-specific-configuration"),
}  # fmt: skip

_ID_MAP: tuple[Row, ...] = (
    ("[].containerID", "the first id inside", "as above"),
    ("[].hostID", "the first id outside that it stands for", "as above"),
    ("[].size", "how many ids in a row", "as above"),
)

_MOUNTS: tuple[Row, ...] = (
    ("", "what is mounted in the container, in this order", "mount(2), in a mount namespace"),
    ("[].destination", "where; a path inside the container, links in it are followed inside only",
     "openat2(RESOLVE_IN_ROOT), mkdirat(2)"),
    ("[].source", "a file or directory of the host for a bind mount, else a name or a device",
     "mount(2), open_tree(2)"),
    ("[].type", "the kind of filesystem: proc, tmpfs, …; bind mounts need none", "mount(2)"),
    ("[].options", "words of mount(8): flags, propagation, and what the filesystem itself takes",
     "mount(2), mount_setattr(2)"),
    ("[].uidMappings", "user ids of the source → of the mount", "mount_setattr(MOUNT_ATTR_IDMAP)"),
    *((f"[].uidMappings{path}", what, by) for path, what, by in _ID_MAP),
    ("[].gidMappings", "group ids of the source → of the mount", "mount_setattr(MOUNT_ATTR_IDMAP)"),
    *((f"[].gidMappings{path}", what, by) for path, what, by in _ID_MAP),
)  # fmt: skip

_PROCESS: tuple[Row, ...] = (
    ("", "the program; needed at start, not at create", "execve(2)"),
    (".terminal", "whether its standard streams are a terminal", "posix_openpt(3), /dev/console"),
    (".consoleSize", "the terminal's size", "ioctl(TIOCSWINSZ)"),
    (".consoleSize.height", "rows", "ioctl(TIOCSWINSZ)"),
    (".consoleSize.width", "columns", "ioctl(TIOCSWINSZ)"),
    (".cwd", "the working directory, absolute", "chdir(2)"),
    (".env", "the environment: NAME=value each", "execve(2)"),
    (".args", "the program and its arguments; without a slash the program is looked for in PATH",
     "execve(2)"),
    (".user", "whom the program runs as", "setresuid(2), setresgid(2)"),
    (".user.uid", "the user's number, inside the container", "setresuid(2)"),
    (".user.gid", "the group's number, inside the container", "setresgid(2)"),
    (".user.umask", "permissions that new files do not get", "umask(2)"),
    (".user.additionalGids", "groups that the user is in besides", "setgroups(2)"),
)  # fmt: skip

_POSIX_PROCESS: tuple[Row, ...] = (
    (".rlimits", "limits of the process and of those that it makes", "prlimit(2)"),
    (".rlimits[].type", "which limit, as in getrlimit(2): RLIMIT_NOFILE …", "prlimit(2)"),
    (".rlimits[].soft", "the limit that the kernel enforces", "prlimit(2)"),
    (".rlimits[].hard", "how far an ordinary process may raise it", "prlimit(2)"),
)  # fmt: skip

_LINUX_PROCESS: tuple[Row, ...] = (
    (".apparmorProfile", "the AppArmor profile", "/proc/self/attr/apparmor/exec"),
    (".selinuxLabel", "the SELinux label", "/proc/self/attr/exec"),
    (".capabilities", "the parts of the superuser's power that the program has", "capset(2)"),
    (".capabilities.bounding", "the most that it can ever get", "prctl(PR_CAPBSET_DROP)"),
    (".capabilities.effective", "what the kernel looks at", "capset(2)"),
    (".capabilities.inheritable", "what executed files may hand on", "capset(2)"),
    (".capabilities.permitted", "what it may make effective", "capset(2)"),
    (".capabilities.ambient", "what stays over execve(2) of an ordinary user",
     "prctl(PR_CAP_AMBIENT_RAISE)"),
    (".noNewPrivileges", "whether set-user-id programs and the like give nothing more",
     "prctl(PR_SET_NO_NEW_PRIVS)"),
    (".oomScoreAdj", "how gladly the kernel kills it when memory is short, -1000 … 1000",
     "/proc/self/oom_score_adj"),
    (".scheduler", "how the kernel gives it time", "sched_setattr(2)"),
    (".scheduler.policy", "SCHED_OTHER, SCHED_FIFO …", "sched_setattr(2)"),
    (".scheduler.nice", "-20 … 19 for the ordinary policies", "sched_setattr(2)"),
    (".scheduler.priority", "for the real-time policies", "sched_setattr(2)"),
    (".scheduler.flags", "SCHED_FLAG_…", "sched_setattr(2)"),
    (".scheduler.runtime", "nanoseconds in each period, for SCHED_DEADLINE", "sched_setattr(2)"),
    (".scheduler.deadline", "nanoseconds, for SCHED_DEADLINE", "sched_setattr(2)"),
    (".scheduler.period", "nanoseconds, for SCHED_DEADLINE", "sched_setattr(2)"),
    (".ioPriority", "its turn at disks", "ioprio_set(2)"),
    (".ioPriority.class", "real time, best effort or idle", "ioprio_set(2)"),
    (".ioPriority.priority", "0 (first) … 7 within the class", "ioprio_set(2)"),
    (".execCPUAffinity", "processors of a program that exec adds", "sched_setaffinity(2)"),
    (".execCPUAffinity.initial", "before it is moved into the container's control group",
     "sched_setaffinity(2)"),
    (".execCPUAffinity.final", "afterwards", "sched_setaffinity(2)"),
)  # fmt: skip

_STAGES = {
    "prestart": ("after the namespaces are made; deprecated", "the runtime's namespaces"),
    "createRuntime": (
        "after the namespaces are made, before pivot_root", "the runtime's namespaces"),
    "createContainer": ("the same moment", "the container's namespaces, the host's files"),
    "startContainer": ("just before the program", "the container's namespaces and files"),
    "poststart": ("after the program was started", "the runtime's namespaces"),
    "poststop": ("after the container is deleted", "the runtime's namespaces"),
}  # fmt: skip
"""Stage → when, where."""

_HOOK: tuple[Row, ...] = (
    ("[].path", "the program, absolute", "execve(2)"),
    ("[].args", "its arguments, its name first", "execve(2)"),
    ("[].env", "its whole environment", "execve(2)"),
    ("[].timeout", "seconds after which it is killed, which is a failure", "poll(2), kill(2)"),
)

_NAMESPACES: tuple[Row, ...] = (
    ("", "what the container sees of its own; what is not listed is the runtime's",
     "unshare(2), setns(2)"),
    ("[].type", "pid, network, mount, ipc, uts, user, cgroup or time", "unshare(CLONE_NEW…)"),
    ("[].path", "an existing one to join, as /proc/PID/ns/net", "setns(2)"),
)  # fmt: skip

_DEVICES: tuple[Row, ...] = (
    ("", "device nodes besides the default ones", "mknod(2)"),
    ("[].type", "c or u (character), b (block), p (a FIFO)", "mknod(2)"),
    ("[].path", "where, absolute", "mknodat(2)"),
    ("[].major", "the driver's number", "mknod(2)"),
    ("[].minor", "the device's number", "mknod(2)"),
    ("[].fileMode", "permissions", "mknod(2)"),
    ("[].uid", "the owner, inside", "chown(2)"),
    ("[].gid", "the owner's group, inside", "chown(2)"),
)

_ALLOWED: tuple[Row, ...] = (
    ("", "rules about devices, of which a later one overrules",
     "devices.allow and devices.deny; version 2: bpf(BPF_CGROUP_DEVICE)"),
    ("[].allow", "allow or deny", "as above"),
    ("[].type", "a (all), c or b", "as above"),
    ("[].major", "the driver's number; all where it is missing", "as above"),
    ("[].minor", "the device's number; all where it is missing", "as above"),
    ("[].access", "of r (read), w (write), m (mknod)", "as above"),
)  # fmt: skip

_MEMORY: tuple[Row, ...] = (
    ("", "memory of all processes together", "the memory controller"),
    (".limit", "bytes; above it something is killed",
     "memory.limit_in_bytes; version 2: memory.max"),
    (".reservation", "bytes that are left to it when others need some",
     "memory.soft_limit_in_bytes; version 2: memory.low"),
    (".swap", "bytes of memory and swap together",
     "memory.memsw.limit_in_bytes; version 2: memory.swap.max, of swap alone"),
    (".kernel", "bytes of the kernel for it; newer kernels have it no more",
     "memory.kmem.limit_in_bytes"),
    (".kernelTCP", "bytes of the kernel for its TCP", "memory.kmem.tcp.limit_in_bytes"),
    (".swappiness", "0 … 100: how gladly it is swapped out", "memory.swappiness"),
    (".disableOOMKiller", "wait instead of being killed above the limit", "memory.oom_control"),
    (".useHierarchy", "whether groups below count; kernels always do now",
     "memory.use_hierarchy"),
    (".checkBeforeUpdate", "refuse a new limit that is below what is used", "memory.current"),
)  # fmt: skip

_CPU: tuple[Row, ...] = (
    ("", "time of processors", "the cpu and cpuset controllers"),
    (".shares", "its part where others want time too, 2 … 262144",
     "cpu.shares; version 2: cpu.weight, 1 … 10000"),
    (".quota", "microseconds in each period, all processors together",
     "cpu.cfs_quota_us; version 2: cpu.max"),
    (".burst", "microseconds that it may save up", "cpu.cfs_burst_us; version 2: cpu.max.burst"),
    (".period", "microseconds of a period", "cpu.cfs_period_us; version 2: cpu.max"),
    (".realtimeRuntime", "microseconds of real-time in each period", "cpu.rt_runtime_us"),
    (".realtimePeriod", "microseconds of a real-time period", "cpu.rt_period_us"),
    (".cpus", "which processors: 0-2,4", "cpuset.cpus"),
    (".mems", "which memory nodes: 0,1", "cpuset.mems"),
    (".idle", "1: only what nobody else wants", "cpu.idle"),
)  # fmt: skip

_THROTTLES = {
    "throttleReadBpsDevice": ("bytes read in a second", "read_bps_device", "rbps"),
    "throttleWriteBpsDevice": ("bytes written in a second", "write_bps_device", "wbps"),
    "throttleReadIOPSDevice": ("reads in a second", "read_iops_device", "riops"),
    "throttleWriteIOPSDevice": ("writes in a second", "write_iops_device", "wiops"),
}

_NUMBERS: tuple[Row, ...] = (
    ("[].major", "the device's major number", "as above"),
    ("[].minor", "the device's minor number", "as above"),
)

_BLOCK_IO: tuple[Row, ...] = (
    ("", "disks", "the blkio controller; version 2: io"),
    (".weight", "its part where others want the disk too, 10 … 1000",
     "blkio.weight; version 2: io.bfq.weight"),
    (".leafWeight", "the same against its own groups below", "blkio.leaf_weight"),
    (".weightDevice", "the same for single devices",
     "blkio.weight_device; version 2: io.bfq.weight"),
    *((f".weightDevice{path}", what, by) for path, what, by in _NUMBERS),
    (".weightDevice[].weight", "10 … 1000", "as above"),
    (".weightDevice[].leafWeight", "10 … 1000, against groups below", "blkio.leaf_weight_device"),
    *(row for name, (what, file, key) in _THROTTLES.items() for row in (
        (f".{name}", f"limits of {what}", f"blkio.throttle.{file}; version 2: io.max, {key}"),
        *((f".{name}{path}", meaning, by) for path, meaning, by in _NUMBERS),
        (f".{name}[].rate", what, "as above"))),
)  # fmt: skip

_SECCOMP: tuple[Row, ...] = (
    ("", "a filter of system calls", "seccomp(SECCOMP_SET_MODE_FILTER)"),
    (".defaultAction", "what happens at a call that no rule is about: SCMP_ACT_…", "seccomp(2)"),
    (".defaultErrnoRet", "the error number of a default SCMP_ACT_ERRNO", "seccomp(2)"),
    (".architectures", "whose calls: SCMP_ARCH_…; the machine's own always", "seccomp_arch_add(3)"),
    (".flags", "SECCOMP_FILTER_FLAG_…", "seccomp(2)"),
    (".listenerPath", "a socket whose listener decides on SCMP_ACT_NOTIFY",
     "seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER), sendmsg(SCM_RIGHTS)"),
    (".listenerMetadata", "text that goes to the listener with it", "sendmsg(2)"),
    (".syscalls", "the rules", "seccomp_rule_add(3)"),
    (".syscalls[].names", "the calls; unknown names are left out", "seccomp_rule_add(3)"),
    (".syscalls[].action", "SCMP_ACT_ALLOW, SCMP_ACT_ERRNO …", "seccomp_rule_add(3)"),
    (".syscalls[].errnoRet", "the error number of SCMP_ACT_ERRNO and SCMP_ACT_TRACE",
     "seccomp_rule_add(3)"),
    (".syscalls[].args", "conditions on arguments, all of which must hold",
     "seccomp_rule_add(3)"),
    (".syscalls[].args[].index", "which argument, 0 … 5", "seccomp_rule_add(3)"),
    (".syscalls[].args[].value", "what it is compared with; for a masked comparison the mask",
     "seccomp_rule_add(3)"),
    (".syscalls[].args[].valueTwo", "for a masked comparison the value", "seccomp_rule_add(3)"),
    (".syscalls[].args[].op", "SCMP_CMP_EQ, SCMP_CMP_GT …", "seccomp_rule_add(3)"),
)  # fmt: skip

_REST: tuple[tuple[str, str, tuple[Row, ...]], ...] = (
    ("linux.timeOffsets", "offset-for-time-namespace", (
        ("", "offsets of clocks; needs a new time namespace", "/proc/self/timens_offsets"),
        (".*.secs", "seconds", "as above"),
        (".*.nanosecs", "nanoseconds", "as above"))),
    ("linux.netDevices", "network-devices", (
        ("", "network interfaces of the host that move into the container", "RTM_NEWLINK"),
        (".*.name", "what each is called inside; %d is the kernel's to fill in", "RTM_NEWLINK"))),
    ("linux.cgroupsPath", "cgroups-path", (
        ("", "the container's control group; from the tree's root, or from where the runtime "
             "says", "mkdir(2), cgroup.procs"),)),
    ("linux.resources", "control-groups", (
        ("", "limits for all processes of the container together", "control groups"),)),
    ("linux.resources.devices", "allowed-device-list", _ALLOWED),
    ("linux.resources.memory", "memory", _MEMORY),
    ("linux.resources.cpu", "cpu", _CPU),
    ("linux.resources.pids", "pids", (
        ("", "processes and threads", "the pids controller"),
        (".limit", "how many; -1 for any number", "pids.max"))),
    ("linux.resources.blockIO", "block-io", _BLOCK_IO),
    ("linux.resources.hugepageLimits", "huge-page-limits", (
        ("", "memory in huge pages", "the hugetlb controller"),
        ("[].pageSize", "as in 2MB", "hugetlb.SIZE.limit_in_bytes; version 2: hugetlb.SIZE.max"),
        ("[].limit", "bytes", "as above"))),
    ("linux.resources.network", "network", (
        ("", "marks for traffic; version 1 only", "the net_cls and net_prio controllers"),
        (".classID", "the class of its packets", "net_cls.classid"),
        (".priorities", "priorities of interfaces", "net_prio.ifpriomap"),
        (".priorities[].name", "the interface", "net_prio.ifpriomap"),
        (".priorities[].priority", "its priority", "net_prio.ifpriomap"))),
    ("linux.resources.rdma", "rdma", (
        ("", "limits of RDMA devices, by their names", "rdma.max"),
        (".*.hcaHandles", "handles", "rdma.max"),
        (".*.hcaObjects", "objects", "rdma.max"))),
    ("linux.resources.unified", "unified", (
        ("", "files of version 2 and what is written to each", "the file of that name"),)),
    ("linux.intelRdt", "intelrdt", (
        ("", "parts of caches and of memory bandwidth", "/sys/fs/resctrl"),
        (".closID", "the class of service", "/sys/fs/resctrl/ID"),
        (".schemata", "its lines", "/sys/fs/resctrl/ID/schemata"),
        (".enableMonitoring", "whether use is counted", "/sys/fs/resctrl/ID/mon_groups"))),
    ("linux.memoryPolicy", "memory-policy", (
        ("", "from which nodes memory is taken", "set_mempolicy(2)"),
        (".mode", "MPOL_BIND, MPOL_INTERLEAVE …", "set_mempolicy(2)"),
        (".nodes", "which nodes: 0-3,7", "set_mempolicy(2)"),
        (".flags", "MPOL_F_…", "set_mempolicy(2)"))),
    ("linux.sysctl", "sysctl", (
        ("", "kernel parameters; only such as a namespace keeps for itself", "/proc/sys"),)),
    ("linux.seccomp", "seccomp", _SECCOMP),
    ("linux.rootfsPropagation", "rootfs-mount-propagation", (
        ("", "whether mounts travel between / and the host: shared, slave, private, unbindable",
         "mount(2)"),)),
    ("linux.maskedPaths", "masked-paths", (
        ("", "paths that cannot be read: covered by nothing", "mount(2)"),)),
    ("linux.readonlyPaths", "readonly-paths", (
        ("", "paths that cannot be written", "mount_setattr(MOUNT_ATTR_RDONLY)"),)),
    ("linux.mountLabel", "mount-label", (
        ("", "the SELinux label of the mounts", "mount(2), context="),)),
    ("linux.personality", "personality", (
        ("", "how the kernel looks to the program", "personality(2)"),
        (".domain", "LINUX, or LINUX32 for a 32-bit one", "personality(2)"),
        (".flags", "more of them; none is defined yet", "personality(2)"))),
)  # fmt: skip


def _table() -> Iterator[Explanation]:
    for field, (what, by, citation) in _TOP.items():
        yield Explanation(field=field, what=what, applied_by=by, citation=citation)
    yield from _rows("mounts", f"{CONFIG}#mounts", _MOUNTS)
    yield from _rows("process", f"{CONFIG}#process", _PROCESS)
    yield from _rows("process", f"{CONFIG}#posix-process", _POSIX_PROCESS)
    yield from _rows("process", f"{CONFIG}#linux-process", _LINUX_PROCESS)
    for stage, (when, where) in _STAGES.items():
        citation = f"{CONFIG}#{stage.lower()}"
        citation += "" if stage in ("prestart", "poststart", "poststop") else "-hooks"
        head = ("", f"hooks that run {when}, in {where}", "fork(2), execve(2)")
        yield from _rows(f"hooks.{stage}", citation, (head, *_HOOK))
    yield from _rows("linux.namespaces", f"{LINUX}#namespaces", _NAMESPACES)
    for name, kind in (("uidMappings", "user"), ("gidMappings", "group")):
        head = ("", f"{kind} ids inside → outside, for a new user namespace",
                f"/proc/PID/{name[:3]}_map, or new{name[:3]}map(1)")  # fmt: skip
        yield from _rows(f"linux.{name}", f"{LINUX}#user-namespace-mappings", (head, *_ID_MAP))
    yield from _rows("linux.devices", f"{LINUX}#devices", _DEVICES)
    for prefix, anchor, rows in _REST:
        yield from _rows(prefix, f"{LINUX}#{anchor}", rows)


def _rows(prefix: str, citation: str, rows: tuple[Row, ...]) -> Iterator[Explanation]:
    above = ""
    for path, what, by in rows:
        above = by if by != "as above" else above
        yield Explanation(field=prefix + path, what=what, applied_by=above, citation=citation)


EXPLANATIONS = {explanation.field: explanation for explanation in _table()}
"""Field → its explanation, in the order of the specification."""
