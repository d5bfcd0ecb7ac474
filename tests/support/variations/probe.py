"""The program that each variation runs, and its output made comparable.

Everything that it can see is told in sections; what is different in every run (numbers of
namespaces, directories, ids of mounts) is replaced by words.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.support.variations.variation import Place

KINDS = ("pid", "net", "mnt", "ipc", "uts", "user", "cgroup", "time")

SCRIPT = r"""
exec 2>&1
umask=$(umask)
PATH=/bin
echo @arguments; echo "$#: $0 $*"
echo @environment; tr '\0' '\n' < /proc/$$/environ
echo @ids; id; echo umask $umask; grep -E '^(Uid|Gid|Groups):' /proc/self/status
echo @capabilities; grep -E '^(Cap|NoNew)' /proc/self/status
echo @seccomp; grep '^Seccomp:' /proc/self/status
echo @signals; grep -E '^Sig(Blk|Ign)' /proc/$$/status
echo @limits; cat /proc/self/limits
echo @cwd; readlink /proc/self/cwd
echo @names; hostname; cat /proc/sys/kernel/domainname
echo @oom; cat /proc/self/oom_score_adj
echo @namespaces; for kind in pid net mnt ipc uts user cgroup time; do
readlink /proc/self/ns/$kind; done
echo @maps; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
echo @scheduling; cat /proc/self/personality; grep -E '^Cpus_allowed_list' /proc/self/status
set -- $(cat /proc/$$/stat)
echo group $(($5-$1)) session $(($6-$1)) tty $7 priority ${18} nice ${19} rt ${40} policy ${41}
echo @descriptors; for fd in /proc/$$/fd/*; do echo ${fd##*/}; done
echo @dev; cd /dev && stat -c '%N %A %u:%g %t:%T' * pts/*; cd /
echo @root; stat -c '%N %A %u:%g' /* /etc/*
echo @network; busybox ip -o link show lo
echo @cgroup; sort /proc/self/cgroup
echo @mounts; cat /proc/self/mountinfo
echo @extra
"""
"""``sh -c SCRIPT + the row's own commands``."""


def observed(output: str, status: int, place: Place, group: str) -> dict[str, str]:
    """What a run showed: section → text. A container that did not start has only ``refused``."""
    seen: dict[str, str] = {}
    for part in re.split(r"^@(?=[a-z]+$)", output, flags=re.MULTILINE)[1:]:
        name, _, text = part.partition("\n")
        seen[name] = text
    if not seen:
        return {"refused": "yes" if status else "no", "output": _named(output, place, group)}
    normal = {
        "namespaces": lambda text: _namespaces(text, place.holder),
        "mounts": _mounts,
        "cgroup": lambda text: re.sub(r"^\d+:", "", text, flags=re.MULTILINE),
    }
    for name, text in seen.items():
        seen[name] = _named(normal.get(name, str)(text), place, group)
    return {"status": str(status), **seen}


def _named(text: str, place: Place, group: str) -> str:
    text = text.replace(str(place.directory), "PLACE").replace(str(place.tree), "TREE")
    return text.replace(group.lstrip("/"), "GROUP")


def _namespaces(text: str, holder: int) -> str:
    """Whose each namespace is: the host's, that of the process to be joined, or a new one."""
    lines = []
    for kind, link in zip(KINDS, text.splitlines(), strict=False):
        owner = "new"
        if link == _link("self", kind):
            owner = "host"
        elif link in (_link(str(holder), kind), _link(str(holder), f"{kind}_for_children")):
            owner = "joined"
        lines.append(f"{kind} {owner}")
    return "\n".join(lines)


def _link(process: str, kind: str) -> str:
    try:
        return os.readlink(f"/proc/{process}/ns/{kind}")
    except OSError:
        return ""


def _mounts(text: str) -> str:
    """A line for each mount without what the kernel numbers: where, options, propagation, what."""
    lines = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, (fstype, source, options) = before.split(), after.split(" ", 2)
        root = fields[3]
        if fields[4] == "/mnt/unified":
            continue  # the tests hide this tree from crun 1.8.1, which does not work where it is
        if root == "/null":
            # Of the host's /dev or of the container's, and with whose options, is open.
            lines.append(f"{fields[4]} is the null device")
            continue
        shared = " ".join(re.sub(r":\d+", "", word) for word in fields[6:])
        options = ",".join(sorted(options.split(",")))
        lines.append(f"{fields[4]} {root} {fields[5]} {shared} {fstype} {source} {options}")
    return "".join(f"{line}\n" for line in sorted(lines))


def files(directory: Path) -> str:
    """What there is below a directory: what a runtime left behind in a root filesystem."""
    lines = []
    for path in sorted(directory.rglob("*")):
        info = path.lstat()
        if "bin" not in path.parts[len(directory.parts) :]:
            lines.append(
                f"{path.relative_to(directory)} {info.st_mode:o} {info.st_uid}:{info.st_gid}"
            )
    return "\n".join(lines)
