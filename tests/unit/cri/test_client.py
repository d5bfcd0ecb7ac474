"""Calls of the CRI, with a server that answers what it likes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from ocinb.calls import cri_calls
from ocinb.cri.client import Client
from ocinb.cri.pods import Pods
from ocinb.cri.wire import message, method
from ocinb.errors import CriError
from ocinb.events import CriCalled, Recorder
from tests.support.door import Door


class Runtime(grpc.GenericRpcHandler):
    """Answers by ``answers``: name of a method → a message, messages, or an error."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[tuple[str, object]] = []

    def service(self, details):
        name = details.method.rpartition("/")[2]
        if name not in self.answers:
            return None
        _, asked, answered = method(name)

        def one(request, context):
            self.asked.append((name, request))
            answer = self.answers[name]
            if isinstance(answer, tuple):
                context.abort(*answer)
            return answer

        def many(request, context):
            yield from self.answers[name]
            context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "over")

        kinds = {"request_deserializer": asked.FromString}
        kinds["response_serializer"] = answered.SerializeToString
        if isinstance(self.answers[name], list):
            return grpc.unary_stream_rpc_method_handler(many, **kinds)
        return grpc.unary_unary_rpc_method_handler(one, **kinds)


@pytest.fixture
def runtime() -> Runtime:
    return Runtime()


@pytest.fixture
def socket(tmp_path, runtime) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2), handlers=[runtime])
    path = str(tmp_path / "sock")
    server.add_insecure_port(f"unix://{path}")
    server.start()
    yield path
    server.stop(0).wait()


def test_a_call_and_its_event(socket, runtime):
    runtime.answers["Version"] = message("VersionResponse")(runtime_name="it", version="1")
    recorder = Recorder()
    with Client(socket, record=recorder) as call:
        assert call("Version").runtime_name == "it"
    (event,) = recorder.of(CriCalled)
    assert (event.method, event.code, event.asked) == ("Version", "OK", "{}")
    assert '"runtime_name": "it"' in event.answered
    (row,) = cri_calls(recorder.events).records()
    assert (row["caller"], row["call"], row["failure"]) == ("kubelet", "Version", "")


def test_what_a_runtime_refuses_is_said_and_recorded(socket, runtime):
    runtime.answers["StartContainer"] = (grpc.StatusCode.NOT_FOUND, "no such container")
    recorder = Recorder()
    with Client(socket, record=recorder) as call, pytest.raises(CriError) as caught:
        call("StartContainer", container_id="c")
    assert (caught.value.message, caught.value.code) == ("no such container", "NOT_FOUND")
    (row,) = cri_calls(recorder.events).records()
    assert (row["subject"], row["answer"], row["failure"]) == (
        "c", "NOT_FOUND", "no such container",
    )  # fmt: skip


def test_a_method_that_the_runtime_has_not(socket):
    with Client(socket) as call, pytest.raises(CriError, match="has no Version") as caught:
        call("Version")
    assert "older" in caught.value.hint


def test_events_end_when_the_time_is_over(socket, runtime, tmp_path):
    kind = message("ContainerEventResponse")
    runtime.answers["GetContainerEvents"] = [
        kind(container_id="c", container_event_type=number, created_at=10**18 + number)
        for number in (0, 1, 2, 3, 9)
    ]
    table = Door(tmp_path)("cri", "--endpoint", socket, "events", "--for", 5)
    assert table.column("event") == ["created", "started", "stopped", "deleted", "9"]


def test_a_pod_of_another_client_can_have_containers(socket, runtime, tmp_path):
    """crictl's pods do not say how they were asked for."""
    status = message("PodSandboxStatusResponse")(
        status={
            "id": "p",
            "metadata": {"name": "web", "uid": "u", "namespace": "n"},
            "linux": {"namespaces": {"options": {"network": "NODE"}}},
        }
    )
    runtime.answers["PodSandboxStatus"] = status
    runtime.answers["CreateContainer"] = message("CreateContainerResponse")(container_id="c")
    with Client(socket) as call:
        assert Pods(call, tmp_path).create("p", "demo", name="one", args=["x"]) == "c"
    request = dict(runtime.asked)["CreateContainer"]
    assert request.sandbox_config.metadata.name == "web"
    options = request.config.linux.security_context.namespace_options
    assert (options.network, request.config.log_path) == (2, "one.log")


def test_logs_of_a_pod_that_is_not_ours_are_left_alone(socket, runtime, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.log").touch()
    config = f'{{"log_directory": "{elsewhere}"}}'
    status = {"id": "p", "annotations": {"org.ocinb.sandbox-config": config}}
    runtime.answers["PodSandboxStatus"] = message("PodSandboxStatusResponse")(status=status)
    runtime.answers["StopPodSandbox"] = message("StopPodSandboxResponse")()
    runtime.answers["RemovePodSandbox"] = message("RemovePodSandboxResponse")()
    with Client(socket) as call:
        Pods(call, tmp_path / "logs").remove_pod("p")
    assert (elsewhere / "x.log").exists()


def test_a_pod_that_was_not_made_leaves_no_directory(socket, runtime, tmp_path):
    runtime.answers["RunPodSandbox"] = (grpc.StatusCode.UNKNOWN, "no runtime for that")
    with Client(socket) as call, pytest.raises(CriError, match="no runtime for that"):
        Pods(call, tmp_path / "logs").run("web", handler="nosuch")
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_process_that_is_forked_meanwhile_has_one_thread(tmp_path):
    """Or the probes of the engine, which fork, would find that there are no user namespaces."""
    script = """
import os, sys
from ocinb.cri.client import Client
from ocinb.errors import CriError
with Client(sys.argv[1]) as call:
    try:
        call("Version")
    except CriError:
        pass
    child = os.fork()
    if not child:
        os._exit(len(os.listdir("/proc/self/task")))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    argv = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "sock")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
