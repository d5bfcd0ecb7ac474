"""What the options do to what keeps a container apart."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.support.behaviours.behaviour import Batch, Pattern, Row

_HOST = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in
         ("pid", "ipc", "uts", "net", "user", "mnt", "cgroup")}  # fmt: skip


def _filter(place: Path) -> None:
    rules = [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]
    (place / "filter.json").write_text(
        json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})
    )


BATCHES = [
    Batch(
        "capabilities",
        "--cap-drop chown --cap-drop CAP_SETFCAP --cap-add NET_ADMIN --cap-add cap_mknod",
        [
            Row("--cap-drop: lower case", "holds 0", "no"),
            Row("--cap-drop: with CAP_", "holds 31", "no"),
            Row("--cap-drop: has an effect", "touch f; try chown 7:7 f", "fails"),
            Row("--cap-add", "holds 12", "yes"),
            Row("--cap-add: lower case, with CAP_", "holds 27", "yes"),
            Row("--cap-add NET_ADMIN: has an effect", "try ifconfig lo mtu 1400", "works"),
            Row("--cap-add MKNOD: has an effect", "try mknod /n c 1 3", "works"),
            Row("--cap-add: others stay", "holds 5 6 7", "yes\nyes\nyes"),
        ],
    ),
    Batch(
        "no capabilities but one",
        "--cap-drop all --cap-add net_bind_service",
        [
            Row("--cap-drop ALL", "status CapEff", "0000000000000400"),
            Row("--cap-drop ALL: bounding", "status CapBnd", "0000000000000400"),
            Row("--cap-drop ALL: cannot change users", "try chown 1 /tmp", "fails"),
        ],
    ),
    Batch(
        "privileged",
        "--privileged",
        [
            Row("--privileged: capabilities", "holds 0 1 12 21 27", "yes\nyes\nyes\nyes\nyes"),
            Row("--privileged: no filter", "status Seccomp", "0"),
            Row("--privileged: mounts", "try mount -t tmpfs none /tmp", "works"),
            Row("--privileged: namespaces", "try unshare -m true", "works"),
            Row("--privileged: nothing is masked", "mounted /proc/timer_list", "no"),
            Row("--privileged: nothing is read-only", "has /proc/sys ro", "no"),
            Row("--privileged: sys can be written", "has /sys ro", "no"),
            Row("--privileged: devices", "stat -c %t:%T /dev/loop-control", "a:ed"),
            Row(
                "--privileged: every device",
                "sed -n 1p /sys/fs/cgroup/devices/devices.list",
                "a *:* rwm",
            ),
            Row(
                "--privileged: namespaces of its own all the same",
                "ls /proc | grep -c '^[0-9]*$'",
                Pattern("[3-7]"),
            ),
        ],
    ),
    Batch(
        "no new privileges",
        "--security-opt no-new-privileges --user ann",
        [
            Row("no-new-privileges: the flag", "status NoNewPrivs", "1"),
            Row("no-new-privileges: setuid has no effect", "geteuid; echo $?", "232"),
        ],
    ),
    Batch(
        "privileges by set-user-id",
        "--user ann",
        [Row("a set-user-id program", "geteuid; echo $?", "0")],
    ),
    Batch(
        "a filter of one's own",
        "--security-opt 'seccomp={place}/filter.json'",
        [
            Row(
                "seccomp=FILE: is used",
                "mkdir /x 2>&1 | grep -c 'Not supported\\|not supported'",
                "1",
            ),
            Row("seccomp=FILE: and no other", "try unshare -m true", "fails"),
        ],
        prepare=_filter,
    ),
    Batch(
        "no filter",
        "--security-opt seccomp=unconfined",
        [Row("seccomp=unconfined", "status Seccomp", "0")],
    ),
    Batch(
        "masks",
        "--security-opt mask=/srv:/etc/plain --security-opt unmask=/proc/sys",
        [
            Row("mask=: a directory", "ls /srv | wc -l; try touch /srv/x", "0\nfails"),
            Row("mask=: a file", "wc -c < /etc/plain", "0"),
            Row("unmask=: can be written", "has /proc/sys ro", "no"),
            Row("unmask=: others stay", "wc -c < /proc/timer_list", "0"),
        ],
    ),
    Batch(
        "no masks",
        "--security-opt unmask=ALL",
        [
            Row("unmask=ALL: nothing is masked", "mounted /proc/timer_list", "no"),
            Row("unmask=ALL: nothing is read-only", "has /proc/sys ro", "no"),
        ],
    ),
    Batch(
        "names and parameters",
        "--hostname name.example --sysctl net.ipv4.ip_unprivileged_port_start=80 "
        "--sysctl kernel.msgmax=12345 --sysctl fs.mqueue.msg_max=7",
        [
            Row("--hostname", "hostname", "name.example"),
            Row("--hostname: HOSTNAME", 'echo "$HOSTNAME"', "name.example"),
            Row("--hostname: in the kernel", "cat /proc/sys/kernel/hostname", "name.example"),
            Row("--sysctl net.", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "80"),
            Row("--sysctl kernel.", "cat /proc/sys/kernel/msgmax", "12345"),
            Row("--sysctl fs.mqueue.", "cat /proc/sys/fs/mqueue/msg_max", "7"),
        ],
    ),
    Batch(
        "namespaces of the machine",
        "--pid host --ipc host --uts host --network host",
        [
            Row("--pid host", "namespace pid", _HOST["pid"]),
            Row("--pid host: sees this test", f"grep -c . /proc/{os.getpid()}/comm", "1"),
            Row("--ipc host", "namespace ipc", _HOST["ipc"]),
            Row("--uts host", "namespace uts", _HOST["uts"]),
            Row("--uts host: its name", "hostname", os.uname().nodename),
            Row("--network host", "namespace net", _HOST["net"]),
            Row(
                "mount: of its own all the same",
                f"test $(namespace mnt) = {_HOST['mnt']}; echo $?",
                "1",
            ),
            Row("--userns: the machine's is the default", "namespace user", _HOST["user"]),
        ],
    ),
    Batch(
        "namespaces of its own",
        "--userns host",
        [
            Row(f"{kind}: of its own", f"test $(namespace {kind}) = {_HOST[kind]}; echo $?", "1")
            for kind in ("pid", "ipc", "uts", "net", "mnt")
        ],
    ),
    Batch(
        "names of other machines",
        "--network host --add-host db:192.0.2.9 --dns 192.0.2.53 --dns 192.0.2.54 "
        "--dns-search example.org --dns-option ndots:3",
        [
            Row("--add-host", "grep db /etc/hosts | tr '\\t' ' '", "192.0.2.9 db"),
            Row(
                "--add-host: this machine stays",
                "grep -c localhost /etc/hosts | head -c 1",
                Pattern("[1-9]"),
            ),
            Row(
                "--dns",
                "grep nameserver /etc/resolv.conf",
                "nameserver 192.0.2.53\nnameserver 192.0.2.54",
            ),
            Row("--dns-search", "grep search /etc/resolv.conf", "search example.org"),
            Row("--dns-option", "grep options /etc/resolv.conf", "options ndots:3"),
        ],
    ),
    Batch(
        "no network",
        "--network none",
        [
            Row("--network none: loopback only", "ls /sys/class/net", "lo"),
            Row("--network none: no routes", "route -n | wc -l", "2"),
            Row(
                "--network none: loopback works",
                "nc -l -p 77 < /etc/passwd >/dev/null & for _ in $(seq 50); do "
                "seen=$(nc -w 1 127.0.0.1 77 < /dev/null 2>/dev/null | head -n 1 | cut -c 1-4); "
                '[ "$seen" ] || ! kill -0 $! && break; sleep 0.1; done; echo "$seen"',
                "root",
            ),
        ],
    ),
]
