"""What a container is when nothing is wished."""

from __future__ import annotations

from tests.support.behaviours.behaviour import Batch, Declared, Pattern, Row

_FEWER = "Debian's podman 4.3 has docker's list; newer ones left out MKNOD, NET_RAW, AUDIT_WRITE"
_PODMAN_TERM = Declared("xterm", "podman sets TERM without a terminal, docker and we do not")

BATCHES = [
    Batch(
        "nothing wished",
        "",
        [
            Row("program: its arguments", "tr '\\0' ' ' < /proc/1/cmdline | head -n 1", "sh -c "),
            Row("program: it is process 1", "cat /proc/1/comm", "sh"),
            Row("env: the image's", 'echo "$FROM_IMAGE"', "image"),
            Row("env: PATH is the image's", 'echo "$PATH"', "/bin"),
            Row("env: HOME is the user's", 'echo "$HOME"', "/root"),
            Row("env: TERM", 'echo "$TERM"', "", {"podman": _PODMAN_TERM}),
            Row("env: HOSTNAME", 'echo "$HOSTNAME"', Pattern("[0-9a-f]{12}")),
            Row("workdir: the image's", "pwd", "/srv"),
            Row("user: the superuser", "id", "uid=0(root) gid=0(root)"),
            Row("user: no further groups", "echo $(status Groups)", ""),
            Row("umask", "umask", "0022"),
            Row("hostname: the id", "hostname", Pattern("[0-9a-f]{12}")),
            Row("stdin: empty", "cat; echo end", "end"),
            Row("tty: none", "tty; test -t 1; echo $?", "not a tty\n1"),
            Row("root: can be written", "echo x > /new; cat /new", "x"),
            Row("root: deletes what the image has", "rm /etc/plain; ls /etc | grep -c plain", "0"),
            Row(
                "caps: those of podman",
                "status CapEff",
                "00000000800405fb",
                {"podman": Declared("00000000a80425fb", _FEWER)},
            ),
            Row(
                "caps: bounding",
                "status CapBnd",
                "00000000800405fb",
                {"podman": Declared("00000000a80425fb", _FEWER)},
            ),
            Row("caps: none is inheritable", "status CapInh", "0000000000000000"),
            Row("caps: none is ambient", "status CapAmb", "0000000000000000"),
            Row("no new privileges: off", "status NoNewPrivs", "0"),
            Row("seccomp: a filter", "status Seccomp", "2"),
            Row("seccomp: no new namespaces", "try unshare -m true", "fails"),
            Row("caps: no mounts", "try mount -t tmpfs none /mnt", "fails"),
            Row(
                "caps: no device nodes",
                "try mknod /tmp/node c 1 3",
                "fails",
                {"podman": Declared("works", _FEWER)},
            ),
            Row("caps: ownership", "touch /tmp/f; chown 7:8 /tmp/f; stat -c %u:%g /tmp/f", "7:8"),
            Row("proc: of its own", "options /proc", Pattern("proc rw,nosuid,nodev,noexec.*")),
            Row("proc: timers are masked", "wc -c < /proc/timer_list", "0"),
            Row("proc: keys are masked", "mounted /proc/keys", "yes"),
            Row(
                "proc: parameters are read-only",
                "try sh -c 'echo 1 > /proc/sys/vm/swappiness'",
                "fails",
            ),
            Row("proc: sysrq is read-only", "try sh -c 'echo h > /proc/sysrq-trigger'", "fails"),
            Row("proc: few processes", "ls /proc | grep -c '^[0-9]*$'", Pattern("[3-6]")),
            Row(
                "parameters: ping needs no capability",
                "cat /proc/sys/net/ipv4/ping_group_range",
                "0\t2147483647",
                {
                    "podman": Declared(
                        "1\t0", "by the settings of these tests; by its own it is 0 0"
                    )
                },
            ),
            Row(
                "parameters: low ports need no power",
                "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
                "0",
                {"podman": Declared("1024", "docker has them open, podman leaves it as it is")},
            ),
            Row("sys: read-only", "has /sys ro", "yes"),
            Row("sys: firmware is masked", "ls /sys/firmware | wc -l", "0"),
            Row("cgroup: read-only", "try mkdir /sys/fs/cgroup/memory/more", "fails"),
            Row(
                "dev: of its own",
                "options /dev",
                Pattern("tmpfs rw,nosuid.*size=65536k,mode=755.*"),
            ),
            Row("dev: null", "stat -c '%F %t:%T %a' /dev/null", "character special file 1:3 666"),
            Row("dev: zero", "head -c 3 /dev/zero | od -An -tx1", " 00 00 00"),
            Row("dev: full", "try sh -c 'echo x > /dev/full'", "fails"),
            Row("dev: random", "head -c 4 /dev/urandom | wc -c", "4"),
            Row("dev: tty", "stat -c %t:%T /dev/tty", "5:0"),
            Row(
                "dev: links",
                "for name in fd stdin stdout stderr; do readlink /dev/$name; done",
                "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2",
            ),
            Row("dev: ptmx", "readlink /dev/ptmx", "pts/ptmx"),
            Row("dev: no disks", "find /dev -type b | wc -l", "0"),
            Row(
                "dev: shm",
                "options /dev/shm",
                Pattern("tmpfs rw,nosuid,nodev,noexec.*(65536|64000)k.*"),
            ),
            Row("dev: shm is everybody's", "stat -c %a /dev/shm", "1777"),
            Row("dev: mqueue", "options /dev/mqueue", Pattern("mqueue rw,nosuid,nodev,noexec.*")),
            Row("dev: pts", "options /dev/pts", Pattern("devpts .*gid=5,mode=620,ptmxmode=666.*")),
            Row("network: loopback only", "ls /sys/class/net", "lo"),
            Row(
                "network: loopback is up",
                "ifconfig lo | sed -n 's/.*inet addr:\\([^ ]*\\).*/\\1/p'",
                "127.0.0.1",
            ),
            Row("volume of the image: a copy", "cat /volume/file", "of the volume"),
            Row("volume of the image: a mount", "mounted /volume", "yes"),
            Row("volume of the image: its mode", "stat -c %a /volume", "700"),
            Row("volume of the image: no devices", "has /volume nodev", "yes"),
            Row("oom score: 0", "cat /proc/self/oom_score_adj", "0"),
            Row("descriptors: three", "ls /proc/1/fd | tr '\\n' ' '", "0 1 2 "),
            Row(
                "signals: none is ignored",
                "status SigIgn",
                # But for 32 and 33, glibc's own: see ``tests.support.signals``.
                Pattern("0{7}[01][08]0{7}"),
            ),
            Row(
                "signals: none is blocked",
                "status SigBlk",
                "0000000000000000",
            ),
            Row("session: of its own", "cut -d' ' -f 6 /proc/1/stat", "1"),
        ],
    ),
]
