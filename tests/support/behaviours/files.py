"""What the options do to the files that a container sees."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.behaviours.behaviour import Batch, Declared, Row

_EXEC = "its manual promises noexec, and docker does it; podman 4.3 does not"


def _source(place: Path) -> None:
    source = place / "source"
    source.mkdir(exist_ok=True)
    (source / "file").write_text("of the machine")
    (source / "inner").mkdir(exist_ok=True)
    (place / "with space").mkdir(exist_ok=True)
    (place / "with space/f").write_text("spaced")
    (place / "single").write_text("one file")
    (place / "ann").mkdir(exist_ok=True)
    os.chown(place / "ann", 1000, 1000)


BATCHES = [
    Batch(
        "bind mounts",
        "--volume {place}/source:/in -v {place}/source:/fixed:ro -v "
        "{place}/single:/etc/single -v '{place}/with space:/with space' -v "
        "{place}/source:/strict:ro,noexec,nosuid,nodev -v {place}/ann:/anns --mount "
        "'type=bind,src={place}/source,dst=/worded' --mount "
        "'type=bind,source={place}/source,target=/worded-ro,readonly' -v "
        "{place}/source:/seed -v {place}/source:/deep/new/place",
        [
            Row("--volume DIR: shows it", "cat /in/file", "of the machine"),
            Row("--volume DIR: can be written", "echo x > /in/written; cat /in/written", "x"),
            Row(
                "--volume DIR: is private",
                "sed -n 's|.* /in [^-]*||p' /proc/self/mountinfo | cut -c 1",
                "-",
            ),
            Row("--volume :ro: shows it", "cat /fixed/file", "of the machine"),
            Row("--volume :ro: cannot be written", "try touch /fixed/new", "fails"),
            Row("--volume FILE", "cat /etc/single", "one file"),
            Row("--volume with spaces", "cat '/with space/f'", "spaced"),
            Row("--volume :noexec", "has /strict noexec", "yes"),
            Row("--volume :nosuid", "has /strict nosuid", "yes"),
            Row("--volume :nodev", "has /strict nodev", "yes"),
            Row("--volume: owners are those of the machine", "stat -c %u:%g /anns", "1000:1000"),
            Row("--volume over what the image has", "ls /seed", "file\ninner\nwritten"),
            Row("--volume: places are made", "cat /deep/new/place/file", "of the machine"),
            Row("--mount type=bind", "cat /worded/file", "of the machine"),
            Row("--mount readonly", "try touch /worded-ro/x", "fails"),
        ],
        prepare=_source,
    ),
    Batch(
        "tmpfs",
        "--tmpfs /t --tmpfs /small:size=64k,mode=700 --tmpfs /run:exec --mount "
        "type=tmpfs,dst=/worded,tmpfs-size=1m,tmpfs-mode=755",
        [
            Row("--tmpfs: its type", "options /t | cut -d' ' -f 1", "tmpfs"),
            Row("--tmpfs: no setuid", "has /t nosuid", "yes"),
            Row("--tmpfs: no devices", "has /t nodev", "yes"),
            Row("--tmpfs: no programs", "has /t noexec", "yes", {"podman": Declared("no", _EXEC)}),
            Row("--tmpfs: everybody's", "stat -c %a /t", "1777"),
            Row(
                "--tmpfs size=",
                "dd if=/dev/zero of=/small/f bs=1k count=100 2>/dev/null; stat -c %s /small/f",
                "65536",
            ),
            Row("--tmpfs mode=", "stat -c %a /small", "700"),
            Row("--tmpfs exec", "has /run noexec", "no"),
            Row("--mount type=tmpfs: size", "has /worded size=1024k", "yes"),
            Row("--mount type=tmpfs: mode", "stat -c %a /worded", "755"),
        ],
    ),
    Batch(
        "a root that cannot be written",
        "--read-only --tmpfs /w --shm-size 1m",
        [
            Row("--read-only: the root", "try touch /new", "fails"),
            Row("--read-only: what is in it", "try touch /etc/new", "fails"),
            Row("--read-only: tmpfs can be written", "try touch /w/new", "works"),
            Row("--read-only: /dev/shm can be written", "try touch /dev/shm/new", "works"),
            Row("--read-only: volumes can be written", "try touch /volume/new", "works"),
            Row("--shm-size", "has /dev/shm size=1024k", "yes"),
        ],
    ),
    Batch(
        "devices",
        "--device /dev/null:/dev/other --device /dev/zero:/dev/read:r --device "
        "/dev/loop-control --device-cgroup-rule 'c 10:237 rwm'",
        [
            Row(
                "--device DEVICE:PATH",
                "stat -c '%F %t:%T' /dev/other",
                "character special file 1:3",
            ),
            Row("--device: can be used", "try sh -c 'echo x > /dev/other'", "works"),
            Row("--device :r: can be read", "head -c 2 /dev/read | wc -c", "2"),
            Row("--device: its own path", "stat -c %F /dev/loop-control", "character special file"),
            Row(
                "--device-cgroup-rule",
                "sed -n 's/^c 10:237 //p' /sys/fs/cgroup/devices/devices.list | head -n 1",
                "rwm",
            ),
        ],
    ),
]
