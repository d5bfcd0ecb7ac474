"""Pods as a kubelet makes them: a sandbox first, then containers in it.

A sandbox is a container that does nothing; its namespaces are the pod's. Each container of the
pod is given its network, IPC and host name.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import TYPE_CHECKING, Any

from ocinb.cri.log_lines import read
from ocinb.cri.wire import enum_name
from ocinb.errors import CriError
from ocinb.private_directory import private_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ocinb.cri.client import Client
    from ocinb.cri.log_lines import LogLine

CONFIG = "org.ocinb.sandbox-config"
"""Annotation of a sandbox: how it was asked for, as JSON. A kubelet makes that anew of the pod's
document; the CRI does not tell it, and every container of the pod needs it."""

PULL_PATIENCE = 1200.0
"""Seconds that pulling an image may take."""


class Pods:
    """Pods of one runtime.

    Args:
        client: speaks to it.
        logs: where the logs of pods are, a directory each; made when needed.

    Every method raises ``CriError`` where the runtime refuses.
    """

    def __init__(self, client: Client, logs: Path) -> None:
        self.client = client
        self._logs = logs

    def pull(self, image: str, login: tuple[str, str] | None = None) -> str:
        """Let the runtime pull an image; returns its id there.

        Args:
            login: user and password for the image's registry.
        """
        fields: dict[str, Any] = {"image": {"image": image}}
        if login:
            fields["auth"] = {"username": login[0], "password": login[1]}
        return str(self.client("PullImage", seconds=PULL_PATIENCE, **fields).image_ref)

    def run(
        self,
        name: str,
        *,
        namespace: str = "default",
        handler: str = "",
        network: str = "POD",
        labels: dict[str, str] | None = None,
        ports: Sequence[dict[str, Any]] = (),
        cgroup_parent: str = "",
    ) -> str:
        """Make a pod's sandbox; returns its id.

        Args:
            name: of the pod.
            namespace: of Kubernetes.
            handler: which OCI runtime, by the name that the runtime's configuration gives it: what
                a RuntimeClass says; empty: the default.
            network: ``POD``: one of its own; ``NODE``: this machine's.
            ports: port mappings, messages ``PortMapping``.
            cgroup_parent: under which the control groups of the pod's containers are made.
        """
        uid = str(uuid.uuid4())
        directory = self._logs / f"{namespace}_{name}_{uid}"
        private_directory(directory)
        config = {
            "metadata": {"name": name, "uid": uid, "namespace": namespace, "attempt": 0},
            "hostname": name if network == "POD" else "",
            "log_directory": str(directory),
            "labels": labels or {},
            "port_mappings": list(ports),
            "linux": {
                "cgroup_parent": cgroup_parent,
                "security_context": {
                    "namespace_options": {"network": network, "pid": "CONTAINER"},
                    "seccomp": {"profile_type": "RuntimeDefault"},
                },
            },
        }
        annotated = {**config, "annotations": {CONFIG: json.dumps(config)}}
        try:
            answer = self.client("RunPodSandbox", config=annotated, runtime_handler=handler)
        except CriError:
            os.rmdir(directory)
            raise
        return str(answer.pod_sandbox_id)

    def create(
        self, pod: str, image: str, *, name: str, linux: dict[str, Any] | None = None, **more: Any
    ) -> str:
        """Make a container in a pod, not started yet; returns its id.

        Args:
            name: of the container in the pod.
            linux: a ``LinuxContainerConfig``: resources and security context.
            more: further fields of ``ContainerConfig``: command, args, envs, mounts, tty, stdin …
        """
        of_sandbox = _config_of(self.sandbox(pod))
        of_pod = of_sandbox.get("linux", {}).get("security_context", {})
        network = of_pod.get("namespace_options", {}).get("network", "POD")
        config = {
            "metadata": {"name": name, "attempt": 0},
            "image": {"image": image},
            "log_path": f"{name}.log",
            "linux": _with_namespaces(linux or {}, network),
            **more,
        }
        answer = self.client(
            "CreateContainer", pod_sandbox_id=pod, config=config, sandbox_config=of_sandbox
        )
        return str(answer.container_id)

    def start(self, container: str) -> None:
        """Let a container's program begin."""
        self.client("StartContainer", container_id=container)

    def stop(self, container: str, seconds: int = 10) -> None:
        """Ask a container to end; after so many seconds it is killed."""
        self.client("StopContainer", container_id=container, timeout=seconds, seconds=seconds + 60)

    def remove(self, container: str) -> None:
        """Remove a container; one that runs is killed."""
        self.client("RemoveContainer", container_id=container)

    def remove_pod(self, pod: str) -> None:
        """Stop and remove a pod, its containers and their logs."""
        directory = self._own_logs(pod)
        self.client("StopPodSandbox", pod_sandbox_id=pod)
        self.client("RemovePodSandbox", pod_sandbox_id=pod)
        if directory:
            for entry in os.scandir(directory):
                os.unlink(entry.path)
            os.rmdir(directory)

    def sandbox(self, pod: str) -> Any:
        """A ``PodSandboxStatus``."""
        return self.client("PodSandboxStatus", pod_sandbox_id=pod).status

    def status(self, container: str) -> Any:
        """A ``ContainerStatus``."""
        return self.client("ContainerStatus", container_id=container).status

    def execute(
        self, container: str, command: Sequence[str], seconds: int = 0
    ) -> tuple[int, bytes, bytes]:
        """Run a program in a container to its end; its exit status and both its outputs.

        Args:
            seconds: after which it is killed; 0: never.
        """
        answer = self.client(
            "ExecSync",
            container_id=container,
            cmd=list(command),
            timeout=seconds,
            seconds=seconds + 60 if seconds else 3600,
        )
        return answer.exit_code, answer.stdout, answer.stderr

    def logs(self, container: str) -> Iterator[LogLine]:
        """What a container wrote, from the file that the runtime keeps for the kubelet."""
        return read(str(self.status(container).log_path))

    def _own_logs(self, pod: str) -> str:
        """The directory of a pod's logs, if it is one that we made."""
        directory = str(_config_of(self.sandbox(pod)).get("log_directory", ""))
        ours = os.path.dirname(directory) == str(self._logs) and os.path.isdir(directory)
        return directory if ours and not os.path.islink(directory) else ""


def _config_of(sandbox: Any) -> dict[str, Any]:
    """How a sandbox was asked for; of one that is not ours, what its status tells."""
    try:
        document = json.loads(sandbox.annotations.get(CONFIG, ""))
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    names = ("name", "uid", "namespace", "attempt")
    options = sandbox.linux.namespaces.options
    return {
        "metadata": {name: getattr(sandbox.metadata, name) for name in names},
        "hostname": sandbox.metadata.name,
        "labels": dict(sandbox.labels),
        "annotations": dict(sandbox.annotations),
        "linux": {
            "security_context": {
                "namespace_options": {"network": enum_name("NamespaceMode", options.network)}
            }
        },
    }


def _with_namespaces(linux: dict[str, Any], network: str) -> dict[str, Any]:
    context = {
        "namespace_options": {"network": network, "pid": "CONTAINER"},
        "seccomp": {"profile_type": "RuntimeDefault"},
        **linux.get("security_context", {}),
    }
    return {**linux, "security_context": context}
