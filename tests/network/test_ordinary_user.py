"""Containers of an ordinary user: slirp4netns, pasta, or published ports alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.settings import Settings
from tests.support.peers import require, require_system_python
from tests.support.ports import free_port
from tests.support.workplace import ORDINARY

pytestmark = [pytest.mark.root, pytest.mark.peer]

OPEN = "mknod -m 666 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun"
SHUT = "mknod -m 600 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun"
PROGRAM = """
from ocinb.bundle.options import ContainerOptions, Networking
from ocinb.engine import Engine
from ocinb.events import Recorder, Warned
from ocinb.settings import Settings
from tests.network.conftest import get
from tests.support.runtimes import alive
from tests.support.workplace import until
import os, pathlib, signal, socket, sys, time
place = pathlib.Path({place!r})
recorder = Recorder()
engine = Engine(Settings(root=place / "root", run_root=place / "run"), recorder)

def run(script, *, name=None, network="bridge", detach=False, **wishes):
    said = []
    options = ContainerOptions(
        args=["/bin/sh", "-c", script], network=network, networking=Networking(**wishes)
    )
    done = engine.run("box", options, name=name, detach=detach,
                      output=None if detach else lambda data, _: said.append(data))
    return done if detach else b"".join(said).decode()

"""


@pytest.fixture
def ordinary(place: Path, settings: Settings) -> Iterator[Callable[..., str]]:
    """Runs a Python program as an ordinary user, in a network and with mounts of its own."""
    require_system_python()
    for path in [place, *place.rglob("*")]:
        os.lchown(path, ORDINARY, ORDINARY)

    def run(text: str, tun: str = OPEN, network: str = "") -> str:
        user = f"setpriv --reuid {ORDINARY} --regid {ORDINARY} --clear-groups"
        own = f"mount -t tmpfs tmpfs /mnt && {tun} && ip link set lo up && {network or 'true'}"
        done = subprocess.run(
            ["unshare", "--mount", "--net", "sh", "-c", f'{own} && exec {user} "$@"', "sh",
             sys.executable, "-c", PROGRAM.format(place=str(place)) + text],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"], "HOME": str(place)},
            timeout=90,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield run
    assert [*settings.network_state.glob("attachments/*")] == []


# A default route is what pasta copies; nobody is at its other end.
WAY_OUT = (
    "ip link add out type veth peer name end && ip addr add 198.51.100.2/24 dev out && "
    "ip link set out up && ip link set end up && ip route add default via 198.51.100.1 && "
    "ip addr add 203.0.113.5/32 dev lo"
)


@pytest.mark.parametrize("kind", ["slirp4netns", "pasta"])
def test_through_a_program(ordinary: Callable[..., str], kind: str) -> None:
    require(kind)
    port = free_port()
    said = ordinary(
        f"""
print(run("ip -o -4 addr; ip route; cat /etc/resolv.conf /etc/hosts", network={kind!r}))
web = run("httpd -f -p 80 -h /www", name="web", network={kind!r}, publish=["{port}:80"],
          detach=True)
print(get({port}), engine.containers.get("web").ports)
# The way out: an address outside is reached from the container, this machine's loopback is not.
with (socket.create_server(("203.0.113.5", 0)) as server,
      socket.create_server(("127.0.0.1", 0)) as shut):
    print(run(f"nc -w 10 203.0.113.5 {{server.getsockname()[1]}} -e true && echo reached; "
              f"nc -w 2 127.0.0.1 {{shut.getsockname()[1]}} -e true 2>/dev/null || echo shut",
              network={kind!r}))
engine.containers.delete("web", force=True)
def mine(pid):
    try:
        return (pathlib.Path("/proc", pid, "comm").read_text().startswith({kind!r}[:15])
                and os.stat(f"/proc/{{pid}}").st_uid == os.getuid())
    except OSError:
        return False
until(lambda: not [p for p in os.listdir("/proc") if p.isdigit() and mine(p)])
print("gone")
""",
        network=WAY_OUT,
    )
    assert "default via" in said
    assert f"served\n ('127.0.0.1:{port}->80/tcp',)" in said
    assert "reached\nshut\n" in said
    assert said.endswith("gone\n")
    if kind == "slirp4netns":
        assert "nameserver 10.0.2.3" in said


def test_the_program_ends_with_a_container_whose_monitor_was_killed(
    ordinary: Callable[..., str],
) -> None:
    require("slirp4netns")
    said = ordinary(
        """
web = run("sleep 60", name="web", detach=True)
files = place / "root/containers" / web.id
import json
record = json.loads((place / "run/networks/attachments" / web.id).read_text())
programs = {entry["name"]: entry["pid"] for entry in record["processes"]}
for name in ("monitor.json", "init.json"):
    os.kill(json.loads((files / name).read_text())["pid"], signal.SIGKILL)
for pid in programs.values():
    until(lambda: not alive(pid))
from ocinb.engine.repair import repair_networks
print(sorted(programs), repair_networks(engine) == [
    f"the slirp4netns network of container {web.id}"])
engine.containers.delete("web", force=True)
"""
    )
    assert said == "['proxy', 'slirp4netns'] True\n"


def test_published_ports_without_any_program(ordinary: Callable[..., str]) -> None:
    port = free_port()
    said = ordinary(
        f"""
web = run("httpd -f -p 80 -h /www", name="web", publish=["{port}:80"], detach=True)
print(get({port}), [event.message for event in recorder.of(Warned)])
engine.containers.delete("web", force=True)
""",
        tun=SHUT,
    )
    assert said.startswith("served\n")
    assert (
        "the container reaches nothing outside itself (/dev/net/tun: permission denied); "
        "published ports do lead to it"
    ) in said


def test_what_an_ordinary_user_may_not(ordinary: Callable[..., str]) -> None:
    said = ordinary(
        """
from ocinb.errors import OcinbError
run("sleep 60", name="web", network="none", detach=True)
for network, wishes in (("mine", {}), ("cni:mine", {}), ("container:web", {}), ("pasta", {}),
                        ("bridge", {"publish": ["80:80"]})):
    try:
        print(network, run("true", network=network, **wishes))
    except OcinbError as error:
        print(network, type(error).__name__, error.message)
engine.containers.delete("web", force=True)
""",
        tun=SHUT,
    )
    assert said.splitlines() == [
        "mine UnsupportedHost network mine: an ordinary user may not make a bridge on this machine",
        "cni:mine UnsupportedHost network cni:mine: its plugins need the superuser",
        "container:web UnsupportedHost an ordinary user's containers cannot share namespaces "
        "(network): each is in a user namespace of its own",
        "pasta UnsupportedHost --network pasta: /dev/net/tun: permission denied",
        "bridge NetworkError port 80/tcp on 127.0.0.1 is not for ordinary users",
    ]


def test_its_networks_cannot_be_changed_and_the_hint_is_for_this_user(
    ordinary: Callable[..., str],
) -> None:
    text = (
        "from ocinb.errors import NetworkError\n"
        "run('sleep 60', name='web', detach=True, publish=['80'])\n"
        "try: engine.disconnect('web', 'bridge')\n"
        "except NetworkError as error: print(error.message, '|', error.hint)\n"
        "engine.containers.delete('web', force=True)"
    )
    assert ordinary(text, tun=SHUT).strip() == (
        "the networks of web cannot be changed: it was not made with a bridge | an ordinary user's "
        "containers have a network of their own each, without bridges"
    )
