"""containerd's CRI plugin as a caller, with our own client in the kubelet's place."""

from __future__ import annotations

import itertools
import json
import os
import pty
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ocinb.cri.client import Client
from ocinb.cri.pods import Pods
from ocinb.cri.streams import execute
from ocinb.errors import CriError
from tests.support.chain.caller import NOTHING, Caller, Ended, NotOffered, Wishes
from tests.support.cri_containerd import cri_containerd
from tests.support.runtimes import wait_until

_GROUP = f"chain-cri-{os.getpid()}"
_STATES = ("created", "running", "exited", "unknown")


class Kubelet(Caller):
    """Pods of one runtime handler.

    Args:
        client: speaks to a runtime.
        handler: as the runtime's configuration names it.
        image: by which containers are made.
        place: for the logs of pods.
    """

    def __init__(self, client: Client, handler: str, image: str, place: Path) -> None:
        self.column = f"CRI+{handler}"
        self._client = client
        self._handler = handler
        self._image = image
        self._pods = Pods(client, place / f"logs-{handler}")
        self._sandboxes: dict[str, str] = {}
        self._containers: dict[str, str] = {}
        self._numbers = itertools.count()

    def once(self, script: str, wishes: Wishes = NOTHING) -> Ended:
        name = f"once{next(self._numbers)}"
        self.begin(name, script, wishes)
        status = self.exit_status(name)
        output, errors = self.logs(name)
        self.remove(name)
        return Ended(status, output, errors)

    def on_terminal(self, script: str) -> str:
        name = f"t{next(self._numbers)}"
        self._create(name, NOTHING, command=["sh", "-c", script], tty=True)
        self._pods.start(self._containers[name])
        self.exit_status(name)
        said = self.logs(name)[0]
        self.remove(name)
        return said

    def begin(self, name: str, script: str, wishes: Wishes = NOTHING) -> None:
        if wishes.remove or wishes.restart or wishes.healthcheck:
            raise NotOffered("the kubelet's own work, not the runtime's")
        self._create(name, wishes, command=["sh", "-c", script])
        self._pods.start(self._containers[name])

    def program_missing(self) -> str:
        self._create("missing", NOTHING, command=["nosuch"])
        try:
            self._pods.start(self._containers["missing"])
        except CriError as error:
            return error.message
        finally:
            self.remove("missing")
        raise AssertionError("it was started")

    def execute(self, name: str, script: str, *, user: str = "") -> Ended:
        if user:
            raise NotOffered("exec has the container's user")
        done = self._pods.execute(self._containers[name], ["sh", "-c", script], 60)
        return Ended(done[0], done[1].decode(), done[2].decode())

    def execute_on_terminal(self, name: str, script: str) -> str:
        said: list[bytes] = []
        master, peer = pty.openpty()
        try:
            execute(
                self._client,
                self._containers[name],
                ["sh", "-c", script],
                lambda data, _: said.append(data),
                stdin=peer,
                tty=True,
            )
        finally:
            os.close(master)
            os.close(peer)
        return b"".join(said).decode()

    def execute_detached(self, name: str, script: str) -> None:
        # A kubelet waits for every program that it starts; here another thread does.
        words = (self._containers[name], ["sh", "-c", script])
        threading.Thread(target=self._until_killed, args=words, daemon=True).start()

    def _until_killed(self, container: str, command: list[str]) -> None:
        try:
            self._pods.execute(container, command)
        except CriError:
            return  # its container was stopped

    def processes(self, name: str) -> str:
        raise NotOffered("the CRI tells of no processes")

    def status(self, name: str) -> str:
        return _STATES[self._pods.status(self._containers[name]).state]

    def exit_status(self, name: str) -> int:
        wait_until(lambda: self.status(name) == "exited")
        return int(self._pods.status(self._containers[name]).exit_code)

    def pid(self, name: str) -> int:
        answer = self._client("ContainerStatus", container_id=self._containers[name], verbose=True)
        return int(json.loads(answer.info["info"])["pid"])

    def pause(self, name: str) -> None:
        raise NotOffered("the CRI has no pause")

    def resume(self, name: str) -> None:
        raise NotOffered("the CRI has no pause")

    def update(self, name: str, memory: int) -> None:
        limit = {"memory_limit_in_bytes": memory}
        self._client("UpdateContainerResources", container_id=self._containers[name], linux=limit)

    def stats(self, name: str) -> tuple[int, int]:
        answer = self._client("ContainerStats", container_id=self._containers[name])
        return 0, int(answer.stats.memory.usage_bytes.value)

    def logs(self, name: str) -> tuple[str, str]:
        lines = list(self._pods.logs(self._containers[name]))
        texts = {n: [line.text.decode() for line in lines if line.stream == n] for n in (1, 2)}
        return "\n".join(texts[1]), "\n".join(texts[2])

    def restarts(self, name: str) -> int:
        raise NotImplementedError

    def health(self, name: str) -> str:
        raise NotImplementedError

    def checkpoint(self, name: str) -> str:
        try:
            self._client("CheckpointContainer", container_id=self._containers[name])
        except CriError as error:
            if error.code == "UNIMPLEMENTED":
                raise NotOffered("this containerd's CRI has no checkpoint") from None
            return error.message
        raise AssertionError("there is a checkpoint")

    def stop(self, name: str, seconds: int) -> None:
        self._pods.stop(self._containers[name], seconds)

    def kill(self, name: str, signal_name: str) -> None:
        # A kubelet has no other way than to stop; the image's own STOPSIGNAL is TERM.
        os.kill(self.pid(name), signal.Signals[f"SIG{signal_name}"])

    def remove(self, name: str) -> None:
        self._pods.remove(self._containers.pop(name))

    def _create(self, name: str, wishes: Wishes, **more: Any) -> None:
        if wishes.network == "none":
            raise NotOffered("a pod has a network")
        network = "NODE" if wishes.network == "host" else "POD"
        context, resources = _context(wishes), {}
        if wishes.memory:
            resources["memory_limit_in_bytes"] = wishes.memory
        if wishes.pids:
            raise NotOffered("the CRI limits a pod's processes by its control group only")
        if wishes.volume:
            mount = {"container_path": "/mnt", "host_path": str(wishes.volume)}
            more["mounts"] = [mount]
        if network not in self._sandboxes:
            pod = f"{self._handler}-{network.lower()}"
            self._sandboxes[network] = self._pods.run(
                pod, handler=self._handler, network=network, cgroup_parent=f"/{_GROUP}"
            )
        self._containers[name] = self._pods.create(
            self._sandboxes[network],
            self._image,
            name=name,
            linux={"security_context": context, "resources": resources},
            **more,
        )


def _context(wishes: Wishes) -> dict[str, Any]:
    context: dict[str, Any] = {"readonly_rootfs": wishes.read_only}
    if wishes.user:
        user, _, group = wishes.user.partition(":")
        context["run_as_user"] = {"value": int(user)}
        context["run_as_group"] = {"value": int(group)}
    if wishes.capabilities is not None:
        kept = [name.removeprefix("CAP_") for name in wishes.capabilities]
        context["capabilities"] = {"drop_capabilities": ["ALL"], "add_capabilities": kept}
    return context


@contextmanager
def cri(place: Path, registry: str, image: str) -> Iterator[list[Kubelet]]:
    """A containerd with CRI of its own; within, its pods with runc and with ours.

    Args:
        registry: ``HOST:PORT`` that serves ``pause:1`` and the image.
        image: in that registry.
    """
    with cri_containerd(place, registry) as socket, Client(socket) as client:
        Pods(client, place / "logs").pull(image)
        yield [Kubelet(client, handler, image, place) for handler in ("runc", "ocinb")]
    for directory in Path("/sys/fs/cgroup").glob(f"*/{_GROUP}"):
        directory.rmdir()
