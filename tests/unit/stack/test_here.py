"""What is told of engines' configurations, of processes, and of who holds what."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from ocinb.errors import ContainerNotFound
from ocinb.stack.ancestry import ancestry_table
from ocinb.stack.configured import runtimes
from ocinb.stack.here import here_table
from ocinb.stack.processes import chain, process, sockets


def test_containerds_runtimes_are_those_of_its_file(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(
        'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd]\n'
        'default_runtime_name = "runc"\n'
        '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ocinb]\n'
        'runtime_type = "io.containerd.runc.v2"\n'
        '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ocinb.options]\n'
        'BinaryName = "/opt/ocinb-runtime"\n'
    )
    found = runtimes("containerd", ["containerd", "--config", str(path)])
    assert found == ["runc", "ocinb → /opt/ocinb-runtime"]


def test_dockers_and_cri_os(tmp_path):
    daemon = tmp_path / "daemon.json"
    daemon.write_text('{"default-runtime": "b", "runtimes": {"a": {"path": "/a"}, "b": {}}}')
    assert runtimes("dockerd", ["dockerd", f"--config-file={daemon}"]) == ["b", "a → /a"]
    crio = tmp_path / "crio.conf"
    crio.write_text(
        '[crio.runtime]\ndefault_runtime = "crun"\n[crio.runtime.runtimes.crun]\n'
        'runtime_path = "/usr/bin/crun"\n'
    )
    assert runtimes("crio", ["crio", "--config", str(crio)]) == ["crun → /usr/bin/crun"]


def test_podmans_last_file_wins(tmp_path, monkeypatch):
    path = tmp_path / "containers.conf"
    path.write_text('[engine]\nruntime = "mine"\n[engine.runtimes]\nmine = ["/opt/mine", "/x"]\n')
    monkeypatch.setenv("CONTAINERS_CONF", str(path))
    assert runtimes("podman")[0] == "mine → /opt/mine"


@pytest.mark.parametrize("text", ["", "[", '{"runtimes": []}', '{"runtimes": {"a": 1}}', "[]"])
def test_a_file_that_makes_no_sense_names_no_runtimes(tmp_path, text):
    path = tmp_path / "daemon.json"
    path.write_text(text)
    assert runtimes("dockerd", ["dockerd", "--config-file", str(path)]) == []


def test_every_link_of_the_chain_has_a_row():
    rows = {row["program"]: row for row in here_table().records()}
    assert rows["ocinb-runtime"]["version"]
    assert {"kubelet", "containerd", "crio", "runc", "crun", "conmon"} <= set(rows)


def test_a_process_and_those_above_it():
    found = chain(os.getpid())
    assert found[0].pid == os.getpid()
    assert [each.parent for each in found[:-1]] == [each.pid for each in found[1:]]
    assert process(2**22 + 1) is None


def test_a_name_with_a_bracket(tmp_path):
    script = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b'a) (b', 0, 0, 0); print(flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{script}; sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        child.stdout.readline()
        found = process(child.pid)
        child.stdin.close()
    assert (found.name, found.parent) == ("a) (b", os.getpid())


def test_sockets_at_which_a_process_listens(tmp_path):
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        assert str(tmp_path / "s") in sockets(os.getpid())
    assert str(tmp_path / "s") not in sockets(os.getpid())


def test_who_holds_a_terminal_and_who_holds_streams():
    master, peer = pty.openpty()
    with subprocess.Popen(["sleep", "100"], stdin=peer, stdout=peer, stderr=subprocess.PIPE) as it:
        os.close(peer)
        table = ancestry_table(it.pid, "it")
        it.kill()
    os.close(master)
    rows = {row["pid"]: row for row in table.records()}
    assert rows[it.pid]["role"] == "the container's first process"
    assert "its terminal" in rows[os.getpid()]["holds"]
    assert "errors" in rows[os.getpid()]["holds"]
    assert table.column("pid")[1] == os.getpid()


def test_a_process_that_is_not_there():
    with pytest.raises(ContainerNotFound, match="no process"):
        ancestry_table(2**22 + 1)
