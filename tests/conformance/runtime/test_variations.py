"""Hundreds of variations of config.json, each run by ours, runc and crun.

One program looks at everything that a container can see of itself; what the three runtimes show
must be the same, but for the differences declared in ``tests/support/variations``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.variations.differences import DIFFERENCES, declared
from tests.support.variations.general import GENERAL, General, leveled
from tests.support.variations.run import ROWS, UNCHANGED, differing, observe, surroundings

pytestmark = [pytest.mark.slow, pytest.mark.peer]

PEERS = ("runc", "crun")
Observe = Callable[[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def public() -> Iterator[Path]:
    """A directory that every user can reach; pytest's own are closed whenever another starts."""
    with tempfile.TemporaryDirectory(prefix="ocinb-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def seen(public: Path) -> Iterator[Observe]:
    """``seen(runtime, row)``: what a run showed; each is made once."""
    known: dict[tuple[str, str], dict[str, str]] = {}
    with surroundings(public) as (tree, holder):

        def run(runtime: str, name: str) -> dict[str, str]:
            key = (runtime, name)
            if key not in known:
                row = ROWS.get(name, UNCHANGED)
                known[key] = observe(runtime, row, public / str(len(known)), tree, holder)
            return known[key]

        yield run


def shown(seen: dict[str, str]) -> str:
    """All observations as one text: ``@key value``."""
    return "".join(f"@{key} {value}\n" for key, value in seen.items())


@pytest.mark.parametrize("name", ROWS)
def test_a_variation(seen: Observe, name: str) -> None:
    ours = seen("ours", name)
    for peer in PEERS:
        known = declared(name, peer)
        theirs = leveled(peer, seen(peer, name))
        expected = {key for difference in known for key in difference.keys}
        for key in differing(ours, theirs):
            assert key in expected, (
                f"{key} of {peer}:\n{theirs.get(key)}\nours:\n{ours.get(key)}\n{ours['error']}"
            )
        gone = expected - set(differing(ours, theirs))
        assert not gone, f"a declared difference from {peer} does not show any more: {gone}"
        for difference in known:
            assert re.search(difference.ours, shown(ours), re.MULTILINE)
    assert ours["state"] == "[]"


@pytest.mark.parametrize("name", ROWS)
def test_a_variation_makes_a_difference(seen: Observe, name: str) -> None:
    """Or it is said to make none: otherwise its row would compare nothing."""
    ours = seen("ours", name)
    assert ROWS[name].plain == (not differing(ours, seen("ours", "unchanged")))


@pytest.mark.parametrize("general", GENERAL, ids=lambda general: general.reason)
def test_a_general_difference_shows(seen: Observe, general: General) -> None:
    row = general.row or "unchanged"
    theirs = seen(general.peer, row)
    assert any(re.search(general.shown, theirs[key], re.MULTILINE) for key in general.keys)


def test_the_table_is_whole() -> None:
    assert len(ROWS) >= 200
    for difference in DIFFERENCES:
        assert set(difference.rows) <= set(ROWS)
        assert difference.ours or len(difference.peers) == 1, difference


def test_leftovers(seen: Observe) -> None:
    seen("ours", "unchanged")
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    assert not [line for line in mounts if "/place/rootfs" in line]
