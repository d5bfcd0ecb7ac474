"""Debian's docker-registry on a loopback port."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.support.peers import require
from tests.support.ports import free_port


@dataclass(frozen=True)
class DockerRegistry:
    """A running one. ``ca`` is its CA's certificate where it speaks TLS."""

    address: str
    root: Path
    ca: bytes = b""


@contextmanager
def docker_registry(
    root: Path, *, login: tuple[str, str] | None = None, tls: bool = False, schema1: bool = False
) -> Iterator[DockerRegistry]:
    """Run one below ``root``; with htpasswd for ``login``, with TLS, with schema 1 manifests."""
    program = require("docker-registry")
    root.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = [
        "version: 0.1",
        "log: {level: error, accesslog: {disabled: true}}",
        f"storage: {{filesystem: {{rootdirectory: {root}/data}}, delete: {{enabled: true}}}}",
        f"compatibility: {{schema1: {{enabled: {str(schema1).lower()}}}}}",
        "http:",
        f"  addr: 127.0.0.1:{port}",
    ]
    ca = b""
    if tls:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        issued.cert_chain_pems[0].write_to_path(str(root / "server.crt"))
        issued.private_key_pem.write_to_path(str(root / "server.key"))
        ca = authority.cert_pem.bytes()
        config.append(f"  tls: {{certificate: {root}/server.crt, key: {root}/server.key}}")
    if login:
        line = subprocess.run(
            [require("htpasswd"), "-nbB", *login], capture_output=True, check=True
        ).stdout
        (root / "htpasswd").write_bytes(line)
        config.append(f"auth: {{htpasswd: {{realm: test, path: {root}/htpasswd}}}}")
    (root / "config.yml").write_text("\n".join(config) + "\n")
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(root / "config.yml")], stdout=log, stderr=log
        )
    try:
        _wait_for(port, process, root / "log")
        yield DockerRegistry(address=f"127.0.0.1:{port}", root=root, ca=ca)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            pytest.fail(f"docker-registry ended: {log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("docker-registry does not listen")
