"""podman, containerd, its CRI and docker, with runc and with ours: the same operations, one table.

``python -m tests.peers.chain`` prints it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.support.chain.columns import CALLERS, columns, worse

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("caller", CALLERS)
def test_no_row_is_other_than_with_runc(caller: str) -> None:
    # A short path: that of a socket has 104 bytes at the most.
    with tempfile.TemporaryDirectory(prefix="ocinb-chain-") as place:
        control, ours = columns(caller, Path(place)).values()
    assert worse(control, ours) == []
