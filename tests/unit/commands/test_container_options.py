"""What is typed becomes wishes, and sets the fields that its option names; or is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from ocinb.bundle.convert import runtime_config, wished_user
from ocinb.bundle.diff import diff
from ocinb.bundle.options import ContainerOptions, Volume
from ocinb.bundle.user import resolve
from ocinb.commands.container_options import SUBJECTS, container_options
from ocinb.errors import OcinbError
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.runtime_config import findings

OPTIONS = {opt: option for subject in SUBJECTS for option in subject.OPTIONS for opt in option.opts}


@click.command()
@click.argument("args", nargs=-1)
@container_options
def taken(options: ContainerOptions) -> ContainerOptions:
    return options


def wishes(*words: str) -> ContainerOptions:
    with taken.make_context("run", list(words)) as context:
        wished: ContainerOptions = taken.invoke(context)
    return wished


def config(tmp_path: Path, *words: str) -> dict[str, Any]:
    document = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Cmd": ["/bin/sh"], "Entrypoint": ["/entry"], "Env": ["A=1"]},
    }
    etc = tmp_path / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text("ann:x:7:8::/home/ann:/bin/sh\n")
    (etc / "group").write_text("audio:x:29:\n")
    image = ImageConfig.parse(json.dumps(document).encode())
    wished = wishes(*words)
    user = resolve(wished_user(image.execution, wished), tmp_path, wished.additional_groups)
    made = runtime_config(image, wished, user)
    assert findings(made) == []
    return made


def leaves(path: str, value: Any) -> Iterator[str]:
    """The fields below one that is new."""
    if not isinstance(value, dict) or not value:
        yield path
        return
    for name, inner in value.items():
        yield from leaves(f"{path}.{name}", inner)


SAMPLES = {
    "--env": "B=2", "--env-file": "{place}/file", "--workdir": "/srv", "--user": "ann",
    "--group-add": "audio", "--entrypoint": "/other", "--tty": None, "--umask": "077",
    "--ulimit": "nofile=10:20", "--oom-score-adj": "7", "--stop-signal": "USR1",
    "--stop-timeout": "3", "--volume": "{place}:/in", "--mount": "type=tmpfs,dst=/t",
    "--tmpfs": "/t:size=1m", "--shm-size": "1m", "--read-only": None, "--device": "/dev/null",
    "--device-cgroup-rule": "c 1:3 rw", "--memory": "64m", "--memory-swap": "-1",
    "--memory-swappiness": "5", "--memory-reservation": "1m", "--cpus": "1.5",
    "--cpu-shares": "100", "--cpu-quota": "5000", "--cpu-period": "5000", "--cpuset-cpus": "0",
    "--cpuset-mems": "0", "--pids-limit": "5", "--hostname": "h", "--cap-add": "sys_admin",
    "--cap-drop": "chown", "--privileged": None, "--security-opt": "no-new-privileges",
    "--sysctl": "net.ipv4.ip_forward=1", "--pid": "host", "--ipc": "host", "--uts": "host",
    "--cgroupns": "private", "--label": "a=b", "--label-file": "{place}/file",
    "--init": None, "--annotation": "a=b", "--hook": "poststop=/bin/true",
}  # fmt: skip
ELSEWHERE = {
    "--userns": "the default is the machine's already: host changes nothing",
    "--cgroup-parent": "the engine makes linux.cgroupsPath of it",
}
NETWORK = "tests of networks"


@pytest.mark.parametrize("option", sorted({o.opts[-1] for o in OPTIONS.values()}))
def test_an_option_sets_the_fields_that_it_names_and_no_other(option: str, tmp_path: Path) -> None:
    if option in ELSEWHERE or OPTIONS[option] in SUBJECTS[4].OPTIONS:
        return
    (tmp_path / "file").write_text("B=2\n")
    sample = SAMPLES[option]
    words = [option] if sample is None else [option, sample.format(place=tmp_path)]
    if option == "--security-opt":
        for more in ("seccomp=unconfined", "unmask=ALL"):
            words += [option, more]
    before, after = config(tmp_path), config(tmp_path, *words)
    changed = [leaf for path, _, now in diff(before, after) for leaf in leaves(path, now)]
    allowed = OPTIONS[option].sets
    if option == "--memory":
        allowed = (*allowed, "linux.resources.memory.swap")  # as its help says
    if option == "--user":
        allowed = (*allowed, "process.env", "process.capabilities")  # HOME, and what others lack
    if option == "--tty":
        allowed = (*allowed, "process.env")  # TERM
    if option == "--ipc":
        allowed = (*allowed, "mounts")
    if option == "--cap-add":
        allowed = (*allowed, "linux.seccomp")  # what the capability is needed for anyway
    assert changed
    assert [p for p in changed if not p.startswith(tuple(allowed))] == []
    named = [field for field in allowed if any(path.startswith(field) for path in changed)]
    assert set(OPTIONS[option].sets) <= {*named, "linux.resources.devices"}


def test_every_option_has_a_sample() -> None:
    names = {option.opts[-1] for option in OPTIONS.values() if option not in SUBJECTS[4].OPTIONS}
    assert names == SAMPLES.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--env", "=x"], "--env '=x' is not NAME=VALUE"),
        (["--env-file", "/nowhere"], "--env-file /nowhere cannot be read: no such file"),
        (["--workdir", "here"], "--workdir here is not an absolute path"),
        (["--entrypoint", "'"], "a quotation mark is not closed"),
        (["--entrypoint", "[sh, -c]"], "is not a JSON array of words"),
        (["--entrypoint", '["sh", 1]'], "is not a JSON array of words"),
        (["--umask", "8"], "--umask 8 is not an octal number"),
        (["--umask", "-1"], "--umask -1 is not an octal number"),
        (["--ulimit", "nofile"], "--ulimit nofile is not NAME=SOFT[:HARD]"),
        (["--ulimit", "files=1"], "there is no limit files"),
        (["--ulimit", "nofile=3:2"], "the soft limit is above the hard one"),
        (["--ulimit", "nofile=-2"], "is not NAME="),
        (["--oom-score-adj", "1001"], "is not between -1000 and 1000"),
        (["--stop-signal", "STOPP"], "'STOPP' is not a signal"),
        (["--stop-timeout", "-1"], "lies in the past"),
        (["--memory", "lots"], "--memory lots is not a size"),
        (["--memory", "-5"], "is not a size"),
        (["--memory-swap", "1g"], "--memory-swap needs --memory"),
        (["--memory", "2g", "--memory-swap", "1g"], "is less than --memory 2g"),
        (["--memory", "1m", "--memory-reservation", "2m"], "is more than --memory 1m"),
        (["--memory-swappiness", "101"], "is not between 0 and 100"),
        (["--cpus", "2", "--cpu-quota", "5000"], "--cpus says the same as"),
        (["--cpus", "-1"], "is not a number of processors"),
        (["--cpu-quota", "5"], "--cpu-quota 5 is below 1000"),
        (["--cpu-period", "5"], "is not between 1000 and 1000000"),
        (["--cpu-shares", "1"], "is not between 2 and 262144"),
        (["--cpuset-cpus", "0;1"], "is not a list of numbers"),
        (["--cpuset-mems", "../x"], "is not a list of numbers"),
        (["--pids-limit", "-2"], "is below -1"),
        (["--hostname", "a/b"], "is not a host name"),
        (["--hostname", "-x"], "is not a host name"),
        (["--hostname", "h\nh"], "is not a host name"),
        (["--hostname", "h", "--uts", "host"], "has a host name already"),
        (["--security-opt", "label=type:t"], "--security-opt label=type:t is not known"),
        (["--security-opt", "mask=relative"], "paths are absolute"),
        (["--security-opt", "seccomp=/nowhere"], "/nowhere cannot be read"),
        (["--security-opt", "seccomp=/etc/hostname"], "is not a JSON object"),
        (["--sysctl", "net.ipv4.ip_forward"], "is not NAME=VALUE"),
        (["--pid", "private:"], "--pid private: is not known"),
        (["--pid", "container:"], "is not known"),
        (["--userns", "auto"], "--userns auto is not known"),
        (["--cgroup-parent", "../up"], "is not a path of control groups"),
        (["--cgroup-parent", "/a/../../b"], "is not a path of control groups"),
        (["--cgroup-parent", "/a//b"], "is not a path of control groups"),
        (["--annotation", "x"], "--annotation x is not NAME=VALUE"),
        (["--label-file", "/nowhere"], "--label-file /nowhere cannot be read"),
        (["--hook", "later=/bin/true"], "is not STAGE=COMMAND"),
        (["--hook", "poststop=true"], "is not STAGE=COMMAND"),
        (["--hook", "poststop='"], "is not STAGE=COMMAND"),
        (["--volume", "/a:/b:/c:/d"], "is not [DIR|NAME:]PATH[:OPTIONS]"),
        (["--volume", ":/b"], "is not [DIR|NAME:]PATH[:OPTIONS]"),
        (["--volume", "data:b"], "is not [DIR|NAME:]PATH[:OPTIONS]"),
        (["--volume", "/nowhere:/b"], "/nowhere: no such file or directory"),
        (["--volume", "/etc:/b:upperdir=/x"], "'upperdir=/x' is not known"),
        (["--volume", "/etc:/b:ro,lowerdir=/"], "'lowerdir=/' is not known"),
        (["--volume", "../x:/b"], "no such file or directory"),
        (["--volume", "/etc:/b", "--tmpfs", "/b/"], "two mounts at /b"),
        (["--volume", "/etc:/b/../b", "--volume", "/etc:/b"], "two mounts at /b"),
        (["--volume", "/etc:/"], "nothing can be mounted over the root"),
        (["--volume", "/etc:/x/.."], "nothing can be mounted over the root"),
        (["--tmpfs", "t"], "is not an absolute path"),
        (["--tmpfs", "/t:size=much"], "'size=much' is no size"),
        (["--tmpfs", "/t:size=1m,context=x"], "'context=x' is not known"),
        (["--mount", "type=overlay,dst=/t"], "overlay is no type"),
        (["--mount", "type=bind,dst=/t"], "source= is missing"),
        (["--mount", "type=bind,src=/etc"], "destination= must be an absolute path"),
        (["--mount", "type=bind,src=/etc,dst=/t,size=3"], "a mount of type bind has no size"),
        (["--mount", "type=bind,src=/etc,dst=/t,propagation=x"], "'x' is not known"),
        (["--mount", "type=tmpfs,dst=/t,tmpfs-mode=0999"], "'mode=0999' is no mode"),
        (["--mount", "type=volume,src=../../etc,dst=/t"], "is not a volume's name"),
        (["--mount", "type=bind,src=/etc,src=/tmp,dst=/t"], "is there twice"),
        (["--device", "/etc/passwd:/dev/x"], "it is not a device"),
        (["--device", "/dev/nowhere"], "no such file or directory"),
        (["--device", "null"], "is not DEVICE[:PATH][:rwm]"),
        (["--device", "/dev/null:/etc/x"], "/etc/x is not below /dev"),
        (["--device", "/dev/null:/dev/../etc/x"], "/etc/x is not below /dev"),
        (["--device-cgroup-rule", "c 1:3 rwx"], "is not TYPE MAJOR:MINOR ACCESS"),
        (["--device-cgroup-rule", "c 1:3 rw\na *:* rwm"], "is not TYPE MAJOR:MINOR ACCESS"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_an_option_does_not_take_is_said(words: list[str], said: str) -> None:
    with pytest.raises(OcinbError) as caught:
        wishes(*words)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("64m", 64 << 20), ("1.5g", 3 << 29), ("512", 512), ("10KB", 10240), ("2GiB", 2 << 30)],
)
def test_sizes_are_powers_of_1024(text: str, bytes_: int) -> None:
    assert wishes("--memory", text).resources["memory"]["limit"] == bytes_


def test_no_value_becomes_another_ones_option() -> None:
    mount = wishes("--mount", "type=tmpfs,dst=/t:exec").mounts[0]
    assert (mount["destination"], "exec" in mount["options"]) == ("/t:exec", False)
    (mount,) = wishes("--mount", '"dst=/a,readonly",type=bind,src=/etc').mounts
    assert (mount["destination"], "ro" in mount["options"]) == ("/a,readonly", False)


def test_a_name_is_a_volume_and_a_path_is_a_directory(tmp_path: Path) -> None:
    wished = wishes("-v", "data:/d:ro,nocopy", "-v", "/anonymous", "-v", f"{tmp_path}:/in")
    assert wished.volumes == [
        Volume(name="data", destination="/d", options=("ro",), copy=False),
        Volume(name="", destination="/anonymous"),
    ]
    assert [mount["source"] for mount in wished.mounts] == [str(tmp_path)]


def test_a_relative_directory_counts_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert wishes("-v", "./data:/d").mounts[0]["source"] == str(tmp_path / "data")


def test_a_variable_that_is_not_set_here_is_not_set_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "x")
    assert wishes("-e", "HERE", "-e", "NOT_HERE_AT_ALL").env == ["HERE=x"]


def test_all_devices_of_a_directory(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("making device nodes needs the superuser")
    os.mknod(tmp_path / "one", 0o600 | 0o020000, os.makedev(1, 3))
    (tmp_path / "deep").mkdir()
    os.mknod(tmp_path / "deep/two", 0o600 | 0o060000, os.makedev(7, 1))
    wished = wishes("--device", f"{tmp_path}:/dev/mine:r")
    assert [(d["path"], d["type"], d["minor"]) for d in wished.devices] == [
        ("/dev/mine/deep/two", "b", 1),
        ("/dev/mine/one", "c", 3),
    ]
    assert [rule["access"] for rule in wished.device_rules] == ["r", "r"]
