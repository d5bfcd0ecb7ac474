"""podman, containerd, its CRI and docker, with runc and with ours: the same operations, one table.

``python -m tests.peers.chain`` prints it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chain.columns import CALLERS, columns, worse

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("caller", CALLERS)
def test_no_row_is_other_than_with_runc(caller: str, tmp_path: Path) -> None:
    control, ours = columns(caller, tmp_path).values()
    assert worse(control, ours) == []
