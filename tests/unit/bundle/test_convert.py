"""Image config and wishes become config.json (image-spec conversion.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocinb.bundle.capabilities import capabilities
from ocinb.bundle.convert import command, environment, runtime_config, wished_user
from ocinb.bundle.options import ContainerOptions
from ocinb.bundle.spec import spec
from ocinb.bundle.user import resolve
from ocinb.errors import BundleError
from ocinb.spec.image_config import Execution, ImageConfig
from ocinb.spec.runtime_config import findings


def image(**fields: Any) -> ImageConfig:
    document = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Cmd": ["/bin/sh"]},
    }
    return ImageConfig.parse(json.dumps(document | fields).encode())


def convert(
    tmp_path: Path, options: ContainerOptions | None = None, **fields: Any
) -> dict[str, Any]:
    read, wished = image(**fields), options or ContainerOptions()
    user = resolve(wished_user(read.execution, wished), tmp_path, wished.additional_groups)
    config = runtime_config(read, wished, user)
    assert findings(config) == []
    return config


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "options", "expected"),
    [
        (["/e", "-x"], ["a", "b"], {}, ["/e", "-x", "a", "b"]),
        (None, ["/c", "b"], {}, ["/c", "b"]),
        (["/e"], None, {}, ["/e"]),
        (["/e"], ["a"], {"args": ["z"]}, ["/e", "z"]),
        (["/e"], ["a"], {"args": []}, ["/e"]),
        (["/e"], ["a"], {"entrypoint": ["/f"]}, ["/f"]),
        (["/e"], ["a"], {"entrypoint": ["/f"], "args": ["z"]}, ["/f", "z"]),
        (["/e"], ["a"], {"entrypoint": [], "args": ["/z"]}, ["/z"]),
    ],
)
def test_entrypoint_and_command_make_the_arguments(
    entrypoint: list[str] | None,
    cmd: list[str] | None,
    options: dict[str, Any],
    expected: list[str],
) -> None:
    execution = Execution(
        entrypoint=tuple(entrypoint) if entrypoint else None, cmd=tuple(cmd) if cmd else None
    )
    assert command(execution, ContainerOptions(**options)) == expected


def test_an_image_without_a_program_needs_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="neither Entrypoint nor Cmd"):
        convert(tmp_path, config={})


def test_the_environment_keeps_the_image_s_order_and_nothing_of_it_is_lost() -> None:
    merged = environment(["A=1", "B=2"], ["B=3", "C=4", "C=5"], ["A=default", "D=default"])
    assert merged == ["A=1", "B=3", "C=5", "D=default"]


def test_defaults_never_change_what_the_image_sets(tmp_path: Path) -> None:
    config = convert(tmp_path, config={"Cmd": ["x"], "Env": ["PATH=/only", "HOME=/h"]})
    assert config["process"]["env"] == ["PATH=/only", "HOME=/h"]


def test_the_working_directory_is_the_image_s_unless_wished_otherwise(tmp_path: Path) -> None:
    with_directory = {"Cmd": ["x"], "WorkingDir": "srv/../data/"}
    assert convert(tmp_path)["process"]["cwd"] == "/"
    assert convert(tmp_path, config=with_directory)["process"]["cwd"] == "/data"
    options = ContainerOptions(cwd="/tmp")
    assert convert(tmp_path, options, config=with_directory)["process"]["cwd"] == "/tmp"


def test_what_the_image_says_about_itself_becomes_annotations(tmp_path: Path) -> None:
    config = convert(
        tmp_path,
        author="me",
        created="2020-01-01T00:00:00Z",
        config={
            "Cmd": ["x"],
            "StopSignal": "SIGINT",
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "Labels": {"a": "b", "org.opencontainers.image.author": "a label wins"},
        },
    )
    assert config["annotations"] == {
        "org.opencontainers.image.os": "linux",
        "org.opencontainers.image.architecture": "amd64",
        "org.opencontainers.image.author": "a label wins",
        "org.opencontainers.image.created": "2020-01-01T00:00:00Z",
        "org.opencontainers.image.stopSignal": "SIGINT",
        "org.opencontainers.image.exposedPorts": "80/tcp,53/udp",
        "a": "b",
    }


def test_a_person_s_annotation_is_the_last_word(tmp_path: Path) -> None:
    options = ContainerOptions(annotations={"a": "mine"})
    config = convert(tmp_path, options, config={"Cmd": ["x"], "Labels": {"a": "b"}})
    assert config["annotations"]["a"] == "mine"


def test_only_the_superuser_starts_with_capabilities_and_none_is_inheritable(
    tmp_path: Path,
) -> None:
    root = convert(tmp_path)["process"]["capabilities"]
    assert "CAP_CHOWN" in root["effective"]
    assert "CAP_SYS_ADMIN" not in root["bounding"]
    assert not root.get("inheritable")
    other = convert(tmp_path, ContainerOptions(user="7"))["process"]["capabilities"]
    assert other["effective"] == other["permitted"] == []
    assert other["bounding"] == root["bounding"]


def test_capabilities_are_added_and_dropped_by_name() -> None:
    assert capabilities(["net_raw"], ["ALL"]) == ["CAP_NET_RAW"]
    assert "CAP_SYS_ADMIN" in capabilities(["ALL"], [])
    assert "CAP_KILL" not in capabilities(["all"], ["CAP_KILL"])
    with pytest.raises(BundleError, match="'NET_RAV' is not a capability"):
        capabilities(["NET_RAV"], [])


def test_a_mount_replaces_the_default_one_of_the_same_place(tmp_path: Path) -> None:
    mine = {"destination": "/dev/shm/", "type": "tmpfs", "source": "mine"}
    mounts = convert(tmp_path, ContainerOptions(mounts=[mine]))["mounts"]
    assert [m for m in mounts if m["destination"].startswith("/dev/shm")] == [mine]


def test_without_the_superuser_what_needs_it_is_left_out(tmp_path: Path) -> None:
    config = convert(tmp_path, ContainerOptions(rootless=True))
    assert "resources" not in config["linux"]
    assert not any("gid=5" in m["options"] for m in config["mounts"])
    assert "user" not in [n["type"] for n in config["linux"]["namespaces"]]


def test_wishes_reach_their_fields(tmp_path: Path) -> None:
    hook = {"path": "/bin/true"}
    config = convert(
        tmp_path,
        ContainerOptions(
            hostname="box",
            read_only=True,
            umask=0o27,
            rlimits=[("RLIMIT_NOFILE", 10, 20)],
            hooks={"poststop": [hook]},
            network="host",
            oom_score_adj=5,
        ),
    )
    assert config["hostname"] == "box"
    assert config["root"] == {"path": "rootfs", "readonly": True}
    assert config["process"]["user"]["umask"] == 0o27
    assert config["process"]["rlimits"] == [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20}]
    assert config["process"]["oomScoreAdj"] == 5
    assert config["hooks"] == {"poststop": [hook]}
    assert "network" not in [n["type"] for n in config["linux"]["namespaces"]]


@pytest.mark.parametrize("rootless", [False, True])
def test_spec_is_a_config_that_runs_a_shell(rootless: bool) -> None:
    config = spec(rootless=rootless)
    assert findings(config) == []
    assert config["process"]["args"] == ["sh"]
    assert config["process"]["terminal"]
    kinds = [namespace["type"] for namespace in config["linux"]["namespaces"]]
    assert ("user" in kinds) == rootless
