"""Being the kubelet of Debian's containerd: pods by ``cri``, with ours as the runtime handler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.calls import cri_calls
from ocinb.errors import CriError
from ocinb.events import CriCalled
from tests.support.cri_containerd import cri_containerd
from tests.support.door import Door
from tests.support.own_network import own_network
from tests.support.pod_registry import IMAGE, pod_registry
from tests.support.runtimes import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


class Cri:
    """The commands of ``cri``."""

    def __init__(self, door: Door, socket: str, image: str) -> None:
        self.door, self.socket, self.image = door, socket, image

    def __call__(self, *words: object) -> Any:
        return self.door("cri", "--endpoint", self.socket, *words)

    def said(self, *words: object) -> tuple[int, str]:
        status = self(*words).exit_status
        return status, self.door.output()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cri")


@pytest.fixture(scope="module")
def cri(place: Path) -> Iterator[Cri]:
    with own_network(), pod_registry(place) as registry:
        (place / "containerd").mkdir()
        with cri_containerd(place / "containerd", registry) as socket:
            cri = Cri(Door(place / "door"), socket, f"{registry}/{IMAGE}")
            cri("pull", cri.image)
            yield cri


@pytest.fixture
def pod(cri: Cri, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.node.name.replace("_", "-")
    cri("run-pod", name, "--handler", "ocinb", "--label", "lesson=15")
    yield name
    cri("rm-pod", name)


def test_who_answers_and_whether_it_is_ready(cri: Cri) -> None:
    versions = dict(cri("version").rows)
    assert versions["containerd"].startswith("1.")
    assert versions["CRI"] == "v1"
    assert {row[0]: row[1] for row in cri("status").rows} == {
        "RuntimeReady": "yes", "NetworkReady": "yes",
    }  # fmt: skip


def test_images_are_the_runtimes_own(cri: Cri) -> None:
    (row,) = (row for row in cri("images").records() if row["image"] == cri.image)
    assert row["size"] > 100_000
    assert row["digest"].startswith("sha256:")


def test_a_pod_is_made_step_by_step(cri: Cri, pod: str) -> None:
    (row,) = (row for row in cri("pods").records() if row["name"] == pod)
    assert (row["status"], row["handler"]) == ("ready", "ocinb")
    assert row["address"].startswith("10.88.77.")
    script = "echo begun; echo oops >&2; echo $GREETING; sleep 1000"
    cri("create", "--name", "one", "-e", "GREETING=hi", pod, cri.image, "sh", "-c", script)
    (row,) = cri("ps").records()
    assert (row["name"], row["status"], row["pod"]) == ("one", "created", pod)
    cri("start", "one")
    wait_until(lambda: cri("logs", "one").count("\n") == 3)
    assert sorted(cri("logs", "one").split()) == ["begun", "hi", "oops"]
    assert cri.said("exec", "one", "sh", "-c", "echo in; exit 5") == (5, "in\n")
    assert cri.said("exec", "--sync", "one", "sh", "-c", "echo in; exit 5") == (5, "in\n")
    status, said = cri.said("exec", "-t", "one", "tty")
    assert (status, said.strip()) == (0, "/dev/pts/0")
    (row,) = cri("stats").records()
    assert row["memory"] > 0
    document = cri("inspect", "one")
    config = document["info"]["runtimeSpec"]
    assert config["process"]["args"] == ["sh", "-c", script]
    assert document["info"]["runtimeOptions"]["binary_name"].endswith("ocinb-runtime")
    cri("stop", "--time", 1, "one")
    assert cri("ps").records()[0]["status"] == "exited"
    cri("rm", "one")
    assert cri("ps").rows == []


def test_two_containers_of_a_pod_share_its_network(cri: Cri, pod: str) -> None:
    for name in ("one", "two"):
        cri("create", "--name", name, pod, cri.image, "sleep", 1000)
        cri("start", name)
    networks = [
        cri.said("exec", name, "readlink", "/proc/self/ns/net")[1] for name in ("one", "two")
    ]
    assert networks[0] == networks[1]
    spaces = [cri.said("exec", name, "readlink", "/proc/self/ns/pid")[1] for name in ("one", "two")]
    assert spaces[0] != spaces[1]


def test_options_of_create(cri: Cri, pod: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "given").write_text("from outside\n")
    options = ("--user", 7, "--read-only", "--memory", "64m", "--volume", f"{tmp_path}:/mnt:ro")
    script = "id -u; cat /mnt/given; touch /mnt/x /x"
    cri("create", "--name", "o", *options, pod, cri.image, "sh", "-c", script)
    cri("start", "o")
    wait_until(lambda: cri("ps").records()[0]["status"] == "exited")
    said = cri("logs", "o")
    # Two streams: which of them comes first is not said.
    assert [line for line in said.splitlines() if "touch" not in line] == ["7", "from outside"]
    assert said.count("Read-only file system") == 2
    limit = cri("inspect", "o")["info"]["runtimeSpec"]["linux"]["resources"]["memory"]["limit"]
    assert limit == 64 * 2**20


def test_logs_of_a_pod_go_with_it(cri: Cri, place: Path) -> None:
    cri("run-pod", "short", "--handler", "ocinb", "--host-network")
    cri("create", "--name", "o", "short", cri.image, "echo", "hi")
    cri("start", "o")
    wait_until(lambda: cri("logs", "o") == "hi\n")
    logs = place / "door/root/cri/logs"
    assert len(list(logs.iterdir())) == 1
    cri("rm-pod", "short")
    assert list(logs.iterdir()) == []


def test_each_call_is_an_event(cri: Cri, pod: str) -> None:
    events = list(cri.door.session.recorder.of(CriCalled))
    methods = [event.method for event in events]
    assert methods.index("RunPodSandbox") < len(methods)
    rows = cri_calls(events).records()
    (made,) = (row for row in rows if row["call"] == "RunPodSandbox" and pod in row["asked"])
    assert made["took"] > 0
    assert made["failure"] == ""
    assert cri.door("cri", "calls").column("call") == methods


def test_what_the_runtime_refuses_is_one_sentence(cri: Cri) -> None:
    with pytest.raises(CriError, match="nosuch") as caught:
        cri("run-pod", "bad", "--handler", "nosuch")
    assert "Traceback" not in caught.value.message
    with pytest.raises(CriError, match="the runtime has no pod nosuch"):
        cri("rm-pod", "nosuch")
    with pytest.raises(CriError, match="the runtime has no container nosuch"):
        cri("start", "nosuch")
    with pytest.raises(CriError, match="nosuch"):
        cri("pull", cri.image.replace("box", "nosuch"))
    assert cri("pods").rows == []


def test_events_which_this_containerd_has_not(cri: Cri) -> None:
    with pytest.raises(CriError, match="has no GetContainerEvents") as caught:
        cri("events", "--for", 1)
    assert caught.value.code == "UNIMPLEMENTED"
