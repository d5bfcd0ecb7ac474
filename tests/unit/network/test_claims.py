"""Claims on subnets: one owner each, as long as a process of it lives."""

from __future__ import annotations

import gc
import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ocinb.network.claims import Claims

ROOT = Path(__file__).parents[3]
HOLDS = """
import sys
from ocinb.network.claims import Claims
claims = Claims(sys.argv[1])
print(claims.take(sys.argv[2]), flush=True)
sys.stdin.read()
"""
SQUATS = """
import socket, sys
held = socket.socket(socket.AF_UNIX)
held.bind("\\0ocinb subnet " + sys.argv[1])
held.listen()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def subnet() -> str:
    """The name of one that nobody else has."""
    return f"{secrets.token_hex(8)}/24"


def process(code: str, *words: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **more,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_one_owner_has_a_subnet(subnet: str) -> None:
    first, second = Claims("/run/first"), Claims("/run/second")
    assert first.take(subnet)
    assert first.take(subnet)
    assert not second.take(subnet)
    first.release(subnet)
    assert second.take(subnet)
    assert not first.take(subnet)


def test_it_is_the_owners_in_all_its_processes(subnet: str) -> None:
    mine = Claims("/run/mine")
    assert mine.take(subnet)
    assert Claims("/run/mine").take(subnet)
    with process(HOLDS, "/run/mine", subnet) as same, process(HOLDS, "/run/other", subnet) as other:
        assert (said(same), said(other)) == ("True", "False")


def test_a_claim_goes_with_its_process_and_with_its_object(subnet: str) -> None:
    mine = Claims("/run/mine")
    with process(HOLDS, "/run/other", subnet) as other:
        assert said(other) == "True"
        assert not mine.take(subnet)
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert mine.take(subnet)
    del mine
    gc.collect()
    assert Claims("/run/other").take(subnet)


def test_a_child_of_the_process_closes_nothing_of_its_own(subnet: str) -> None:
    mine = Claims("/run/mine")
    mine.take(subnet)
    child = os.fork()
    if child == 0:
        descriptors = mine._held[subnet]
        del mine
        gc.collect()
        os._exit(0 if all(os.fstat(each) for each in descriptors) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.root
def test_an_ordinary_user_cannot_keep_the_superuser_from_a_subnet(subnet: str) -> None:
    with process(SQUATS, subnet, user=4711, group=4711, extra_groups=[]) as squatter:
        assert said(squatter) == "held"
        assert Claims("/run/mine").take(subnet)


def test_a_name_that_nobody_answers_for_is_nobodys(subnet: str) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(f"\0ocinb subnet {subnet}")
        assert Claims("/run/mine").take(subnet)
