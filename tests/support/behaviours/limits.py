"""What the options do to the resources of a container, as its control groups tell."""

from __future__ import annotations

from tests.support.behaviours.behaviour import Batch, Row

BATCHES = [
    Batch(
        "limits",
        "--memory 64m --memory-swap 96m --memory-swappiness 7 --memory-reservation 48m "
        "--cpus 1.5 --cpu-shares 321 --cpuset-cpus 0 --cpuset-mems 0 --pids-limit 50",
        [
            Row("--memory", "cgroup memory/memory.limit_in_bytes", "67108864"),
            Row(
                "--memory-swap: both together",
                "cgroup memory/memory.memsw.limit_in_bytes",
                "100663296",
            ),
            Row("--memory-swappiness", "cgroup memory/memory.swappiness", "7"),
            Row("--memory-reservation", "cgroup memory/memory.soft_limit_in_bytes", "50331648"),
            Row("--cpus: the quota", "cgroup cpu/cpu.cfs_quota_us", "150000"),
            Row("--cpus: the period", "cgroup cpu/cpu.cfs_period_us", "100000"),
            Row("--cpu-shares", "cgroup cpu/cpu.shares", "321"),
            Row("--cpuset-cpus: the group", "cgroup cpuset/cpuset.cpus", "0"),
            Row("--cpuset-cpus: the process", "status Cpus_allowed_list; nproc", "0\n1"),
            Row("--cpuset-mems", "cgroup cpuset/cpuset.mems", "0"),
            Row("--pids-limit", "cgroup pids/pids.max", "50"),
            Row(
                "--pids-limit: is kept",
                "for i in $(seq 60); do sleep 20 & done 2>&1 | grep -c -i -m 1 fork",
                "1",
            ),
        ],
    ),
    Batch(
        "less memory than is asked for",
        "--memory 24m",
        [
            Row(
                "--memory: swap is as much again",
                "cgroup memory/memory.memsw.limit_in_bytes",
                "50331648",
            ),
            Row(
                "--memory: more is not to be had",
                "sh -c 'dd if=/dev/zero of=/dev/null bs=90M count=1' 2>/dev/null; echo $?",
                "137",
            ),
        ],
    ),
    Batch(
        "quota and period",
        "--cpu-quota 50000 --cpu-period 200000 --memory 32m --memory-swap -1 --pids-limit -1",
        [
            Row("--cpu-quota", "cgroup cpu/cpu.cfs_quota_us", "50000"),
            Row("--cpu-period", "cgroup cpu/cpu.cfs_period_us", "200000"),
            Row(
                "--memory-swap -1: no limit",
                "test $(cgroup memory/memory.memsw.limit_in_bytes) -gt 9000000000000 && echo none",
                "none",
            ),
            Row("--pids-limit -1: no limit", "cgroup pids/pids.max", "max"),
        ],
    ),
    Batch(
        "a parent group",
        "--cgroup-parent /ocinb-behaviours",
        [
            Row(
                "--cgroup-parent",
                "sed -n 's|.*:pids:/\\([^/]*\\)/.*|\\1|p' /proc/self/cgroup",
                "ocinb-behaviours",
            ),
        ],
    ),
]
