"""A containerd whose CRI plugin a kubelet could use, with two runtimes: ours, and runc.

Its sandboxes' image is of our own making and comes from our registry; its pods' network is a
bridge by the CNI plugins. So it belongs in a network of its own (``own_network``).
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocinb.cri.client import Client
from tests.support.peers import require
from tests.support.runtimes import launcher

_SECONDS = 30
_CONFIGURATION = """version = 2
root = "{place}/root"
state = "{place}/state"
oom_score = 0
[grpc]
  address = "{place}/sock"
[ttrpc]
  address = "{place}/sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{registry}/pause:1"
  # The capability CAP_SYS_RESOURCE is missing on machines like these.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{place}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{runc}"
"""
_HANDLER = Path(__file__).parents[2] / "docs/kubernetes/containerd-1.toml"
"""The part that the how-to tells people to put into their configuration."""


@contextmanager
def cri_containerd(place: Path, registry: str) -> Iterator[str]:
    """Start one in a directory; within, the path of its socket.

    Args:
        registry: ``HOST:PORT`` that serves ``pause:1``.
    """
    daemon = require("containerd")
    (place / "net.d").mkdir(parents=True)
    network = {
        "type": "bridge",
        "bridge": "cri-test",
        "isDefaultGateway": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(place / "leases"),
            "ranges": [[{"subnet": "10.88.77.0/24"}]],
        },
    }
    document = {"cniVersion": "0.4.0", "name": f"cri-{place.name}", "plugins": [network]}
    (place / "net.d/10.conflist").write_text(json.dumps(document))
    configuration = place / "config.toml"
    handler = _HANDLER.read_text().replace("version = 2\n", "")
    handler = handler.replace("/opt/ocinb/bin/ocinb-runtime", str(launcher(place)))
    own = _CONFIGURATION.format(place=place, registry=registry, runc=require("runc"))
    configuration.write_text(own + handler)
    with (place / "log").open("w") as log:
        process = subprocess.Popen([daemon, "--config", str(configuration)], stdout=log, stderr=log)
    try:
        end = time.monotonic() + _SECONDS
        # The CRI is served some time after the socket is there.
        while "containerd successfully booted" not in (place / "log").read_text():
            assert process.poll() is None, (place / "log").read_text()
            assert time.monotonic() < end, (place / "log").read_text()
            time.sleep(0.05)
        yield f"{place}/sock"
    finally:
        _remove_pods(f"{place}/sock")
        process.terminate()
        process.wait(_SECONDS)


def _remove_pods(socket: str) -> None:
    """What a failed test left: its processes would outlive the daemon."""
    with Client(socket) as client:
        for pod in client("ListPodSandbox").items:
            client("StopPodSandbox", pod_sandbox_id=pod.id)
            client("RemovePodSandbox", pod_sandbox_id=pod.id)
