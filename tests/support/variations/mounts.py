"""Variations of ``root`` and ``mounts``. Spec: runtime-spec config.md#mounts"""

from __future__ import annotations

from typing import Any

from tests.support.variations.variation import Place, Variation


def mount(destination: str, type: str, source: str, *options: str) -> dict[str, Any]:
    """One more mount."""
    entry = {"destination": destination, "type": type, "source": source}
    return {"mounts+": [{**entry, "options": list(options)} if options else entry]}


def tmpfs(*options: str) -> Variation:
    """A tmpfs on /mnt with these options."""
    return Variation(
        f"tmpfs: {','.join(options) or 'no options'}",
        mount("/mnt", "tmpfs", "tmpfs", *options, *_mode(options)),
    )


def _mode(options: tuple[str, ...]) -> list[str]:
    """A mode, for runc takes that of the directory where none is given."""
    return [] if any(word.startswith("mode=") for word in options) else ["mode=755"]


def bind(*options: str, source: str = "$SOURCE", extra: str = "") -> Variation:
    """Something of the host on /mnt with these options."""
    return Variation(
        f"bind {source}: {','.join(options)}",
        mount("/mnt", "bind", source, *options),
        extra or "ls /mnt; cat /mnt/file; /mnt/run; echo x > /mnt/new",
    )


TMPFS = [
    tmpfs(),
    Variation("tmpfs: no mode", mount("/mnt", "tmpfs", "tmpfs")),
    *(
        tmpfs(word)
        for word in (
            "ro",
            "rw",
            "nosuid",
            "suid",
            "nodev",
            "dev",
            "noexec",
            "exec",
            "noatime",
            "atime",
            "nodiratime",
            "diratime",
            "relatime",
            "norelatime",
            "strictatime",
            "nostrictatime",
            "sync",
            "async",
            "dirsync",
            "mand",
            "nomand",
            "iversion",
            "noiversion",
            "lazytime",
            "nolazytime",
            "silent",
            "loud",
            "defaults",
            "size=1m",
            "size=50%",
            "mode=700",
            "mode=1777",
            "nr_inodes=10",
            "uid=7",
            "gid=8",
            "nr_blocks=16",
            "huge=never",
        )
    ),
    tmpfs("ro", "rw"),
    tmpfs("rw", "ro"),
    tmpfs("noexec", "exec"),
    tmpfs("nosuid", "nodev", "noexec", "ro"),
    tmpfs("size=1m", "mode=755", "uid=1", "gid=2", "nosuid"),
    tmpfs("noatime", "relatime"),
    tmpfs("private"),
    tmpfs("shared"),
    tmpfs("slave"),
    tmpfs("unbindable"),
    tmpfs("rshared"),
    tmpfs("rprivate"),
    tmpfs("nosuch"),
    tmpfs("size=none"),
    Variation(
        "tmpfs: tmpcopyup", mount("/etc", "tmpfs", "tmpfs", "mode=755", "tmpcopyup"), "ls /etc"
    ),
    Variation("tmpfs: the source's name is shown", mount("/mnt", "tmpfs", "a-name", "mode=755")),
    Variation(
        "tmpfs: full",
        mount("/mnt", "tmpfs", "x", "size=8k", "mode=755"),
        "dd if=/dev/zero of=/mnt/x bs=4k count=9",
    ),
    Variation(
        "tmpfs: where there is no directory", mount("/made/here", "tmpfs", "tmpfs", "mode=755")
    ),
    Variation(
        "tmpfs: two on each other",
        {
            "mounts+": [
                {"destination": "/mnt", "type": "tmpfs", "source": "one", "options": ["mode=755"]},
                {"destination": "/mnt", "type": "tmpfs", "source": "two", "options": ["mode=755"]},
            ]
        },
    ),
    Variation(
        "tmpfs: one in another",
        {
            "mounts+": [
                {"destination": "/mnt", "type": "tmpfs", "source": "one", "options": ["mode=755"]},
                {
                    "destination": "/mnt/a/b",
                    "type": "tmpfs",
                    "source": "two",
                    "options": ["mode=755"],
                },
            ]
        },
    ),
]

BINDS = [
    *(
        bind("bind", *words)
        for words in (
            (),
            ("ro",),
            ("rw",),
            ("noexec",),
            ("nosuid",),
            ("nodev",),
            ("noatime",),
            ("ro", "noexec"),
            ("private",),
            ("shared",),
            ("slave",),
            ("unbindable",),
            ("rprivate",),
            ("rslave",),
            ("strictatime",),
            ("nodiratime",),
        )
    ),
    *(
        bind(
            *words,
            source="$TREE",
            extra="cd /mnt; ls . inner; for d in inner .; do echo x > $d/new && rm $d/new; done",
        )
        for words in (
            ("bind",),
            ("rbind",),
            ("rbind", "ro"),
            ("rbind", "rro"),
            ("rbind", "noexec"),
            ("rbind", "rnosuid"),
            ("rbind", "rprivate"),
            ("rbind", "rslave"),
            ("rbind", "rshared"),
            ("rbind", "slave"),
            ("rbind", "runbindable"),
        )
    ),
    bind("rbind", "ro", "nosuid", "nodev"),
    Variation("bind: a type that is not bind", mount("/mnt", "none", "$SOURCE", "bind", "ro")),
    Variation(
        "bind: no type",
        {"mounts+": [{"destination": "/mnt", "source": "$SOURCE", "options": ["bind"]}]},
    ),
    Variation("bind: the type alone", mount("/mnt", "bind", "$SOURCE"), "ls /mnt"),
    Variation(
        "bind: a file on a file",
        mount("/etc/other", "bind", "$SOURCE/file", "bind"),
        "cat /etc/other",
    ),
    Variation(
        "bind: a file where there is none",
        mount("/etc/made", "bind", "$SOURCE/file", "bind", "ro"),
        "cat /etc/made",
    ),
    Variation(
        "bind: a file in a new directory",
        mount("/made/here/file", "bind", "$SOURCE/file", "bind"),
        "cat /made/here/file",
    ),
    Variation("bind: a file on a directory", mount("/mnt", "bind", "$SOURCE/file", "bind")),
    Variation("bind: a directory on a file", mount("/etc/other", "bind", "$SOURCE", "bind")),
    Variation(
        "bind: a device",
        mount("/dev/other", "bind", "/dev/null", "bind"),
        "echo x > /dev/other && echo written",
    ),
    Variation("bind: a link is followed", mount("/mnt", "bind", "$SOURCE/link", "bind"), "ls /mnt"),
    Variation("bind: missing", mount("/mnt", "bind", "/no/such", "bind")),
    Variation(
        "bind: relative to the bundle", mount("/mnt", "bind", "../source", "bind"), "ls /mnt"
    ),
    Variation(
        "bind: twice the same source",
        {
            "mounts+": [
                {
                    "destination": "/mnt",
                    "source": "$SOURCE",
                    "type": "bind",
                    "options": ["bind", "ro"],
                },
                {"destination": "/tmp", "source": "$SOURCE", "type": "bind", "options": ["bind"]},
            ]
        },
        "echo x > /tmp/new; cat /mnt/new",
    ),
]


def links(place: Place) -> None:
    """Prepare links in the root filesystem that lead out of it, and in circles."""
    (place.rootfs / "absolute").symlink_to("/var/lib")
    (place.rootfs / "upwards").symlink_to("../../../../../../var/lib")
    (place.rootfs / "host").symlink_to("/usr/share")
    (place.rootfs / "circle").symlink_to("circle")
    (place.rootfs / "dangling").symlink_to("/made/by/link")


DESTINATIONS = [
    *(
        Variation(f"destination: {path}", mount(path, "tmpfs", "there", "mode=755"), prepare=links)
        for path in (
            "/absolute",
            "/upwards",
            "/absolute/in",
            "/host",
            "/circle",
            "/dangling",
            "/mnt/",
            "//mnt//.",
            "/var/../mnt",
            "/../../mnt",
            "mnt",
            "/a b",
            "/ä",
            "/",
        )
    ),
    Variation("destination: empty", mount("", "tmpfs", "there")),
    Variation("destination: a file", mount("/etc/other", "tmpfs", "there")),
]

FILESYSTEMS = [
    Variation("proc: options", {"mounts.0.options": ["nosuid", "noexec", "nodev"]}),
    Variation("proc: hidepid", {"mounts.0.options": ["hidepid=2"]}),
    Variation("proc: read-only", {"mounts.0.options": ["ro"]}),
    Variation("proc: missing", {"mounts.0-": None}),
    Variation("proc: elsewhere", mount("/mnt", "proc", "proc")),
    Variation(
        "proc: is a link",
        {},
        prepare=lambda place: (
            (place.rootfs / "proc").rmdir(),
            (place.rootfs / "proc").symlink_to("/tmp"),
        )[1],
    ),
    Variation("sysfs", mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")),
    Variation("mqueue", mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev")),
    Variation(
        "shm",
        mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=64k"),
    ),
    Variation(
        "devpts: a group",
        {"mounts.2.options": ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    ),
    Variation("devpts: missing", {"mounts.2-": None}),
    Variation("dev: another size", {"mounts.1.options": ["nosuid", "mode=755", "size=1m"]}),
    Variation("dev: read-only", {"mounts.1.options": ["nosuid", "mode=755", "ro"]}),
    Variation("dev: noexec", {"mounts.1.options": ["nosuid", "noexec", "mode=755"]}),
    Variation(
        "dev: not mounted", {"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}
    ),
    Variation(
        "dev: the host's",
        {
            "mounts.1": {
                "destination": "/dev",
                "type": "bind",
                "source": "/dev",
                "options": ["rbind"],
            }
        },
    ),
    Variation(
        "cgroup", mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid"), "ls /sys/fs/cgroup"
    ),
    Variation(
        "cgroup: with a namespace",
        {
            **mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid"),
            "linux.namespaces+": [{"type": "cgroup"}],
        },
        "ls /sys/fs/cgroup",
    ),
    Variation(
        "overlay", mount("/mnt", "overlay", "overlay", "lowerdir=$SOURCE:$ROOTFS/etc"), "ls /mnt"
    ),
    Variation("ramfs", mount("/mnt", "ramfs", "ramfs", "mode=700")),
    Variation("unknown", mount("/mnt", "nosuchfs", "x")),
    Variation("no mounts", {"mounts": []}),
    Variation(
        "a mount with ids of its own without a user namespace",
        {
            "mounts+": [
                {
                    "destination": "/mnt",
                    "type": "bind",
                    "source": "$SOURCE",
                    "options": ["bind"],
                    "uidMappings": [{"containerID": 0, "hostID": 5, "size": 9}],
                    "gidMappings": [{"containerID": 0, "hostID": 5, "size": 9}],
                }
            ]
        },
        "stat -c %u:%g /mnt/file",
    ),
]

ROOT = [
    Variation("root: writable", {"root.readonly": False}, "echo x > /new && echo written"),
    Variation(
        "root: readonly is not said", {"root.readonly-": None}, "echo x > /new && echo written"
    ),
    Variation(
        "root: read-only, a mount in it is not",
        mount("/mnt", "tmpfs", "x", "mode=755"),
        "echo x > /mnt/new; echo x > /new",
    ),
    Variation("root: relative to the bundle", {"root.path": "../rootfs"}, plain=True),
    Variation("root: missing", {"root.path": "/no/such"}),
    Variation("root: a file", {"root.path": "$SOURCE/file"}),
    Variation("root: not said", {"root-": None}),
    *(
        Variation(
            f"rootfsPropagation: {word}",
            {"linux.rootfsPropagation": word},
            plain=word.removeprefix("r") in ("slave", "private"),
        )
        for word in (
            "shared",
            "slave",
            "private",
            "unbindable",
            "rshared",
            "rslave",
            "rprivate",
            "nosuch",
        )
    ),
]

ROWS = [*TMPFS, *BINDS, *DESTINATIONS, *FILESYSTEMS, *ROOT]
