from __future__ import annotations

import pytest

from ocinb.linux import flags as f
from ocinb.linux.flags import Named


@pytest.mark.parametrize(
    ("prefix", "value", "shown"),
    [
        ("MS_", f.MS_BIND | f.MS_REC, "MS_BIND|MS_REC"),
        ("MS_", 0, "0"),
        ("MS_", f.MS_RDONLY | 1 << 31, "MS_RDONLY|0x80000000"),
        ("CLONE_", f.CLONE_NEWUSER | f.CLONE_NEWNS, "CLONE_NEWNS|CLONE_NEWUSER"),
        ("RESOLVE_", f.RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"),
    ],
)
def test_flags_print_as_their_names(prefix: str, value: int, shown: str) -> None:
    assert str(Named(prefix, value)) == shown
