"""In a network of its own a program needs no capability to ping and to listen on low ports."""

from __future__ import annotations

import json

import pytest

from ocinb.content.store import Store
from tests.support.busybox_image import busybox_image
from tests.support.door import Door

pytestmark = pytest.mark.root

PROGRAM = r"""
use Socket;
socket(my $ping, PF_INET, SOCK_DGRAM, 1) or die "ping: $!";
send($ping, "\x08\0\0\0\0\0\0\1hello", 0, sockaddr_in(0, INADDR_LOOPBACK)) or die "send: $!";
alarm 10;
recv($ping, my $answer, 100, 0);
print ord($answer), " ", substr($answer, 8), "\n";
socket(my $web, PF_INET, SOCK_STREAM, 6) or die;
bind($web, sockaddr_in(80, INADDR_LOOPBACK)) or die "port 80: $!";
print "listens\n";
"""
"""Sends an echo request (8), to which the answer is 0; then listens on the port 80."""

POWERLESS = ("--user", "1000:1000", "--cap-drop", "ALL")
THIS_MACHINES_PERL = [
    word for path in ("/usr", "/lib", "/lib64") for word in ("-v", f"{path}:{path}:ro")
]


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    door = Door(tmp_path_factory.mktemp("ping"))
    busybox_image(Store(door.session.settings.store))
    return door


@pytest.mark.parametrize("runtime", ["ocinb", "runc"])
def test_a_program_without_power_pings_and_listens_on_port_80(door, runtime):
    options = ("--runtime", runtime, *POWERLESS, *THIS_MACHINES_PERL)
    door("run", "--rm", *options, "box", "/usr/bin/perl", "-e", PROGRAM)
    assert door.output() == "0 hello\nlistens\n"


def test_who_asks_for_another_value_gets_it(door):
    wished = ("--sysctl", "net.ipv4.ping_group_range=5 7")
    door("run", "--rm", *wished, "box", "cat", "/proc/sys/net/ipv4/ping_group_range")
    assert door.output().split() == ["5", "7"]


def test_the_network_of_this_machine_is_left_as_it_is(door):
    for network in ("host", "none"):
        config = json.loads(json.dumps(door("run", "--network", network, "--show-config", "box")))
        assert ("net.ipv4.ping_group_range" in config["linux"].get("sysctl", {})) == (
            network == "none"
        )
