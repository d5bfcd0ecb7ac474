"""No test lies where pytest does not look: it leaves directories of some names out by itself."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def test_pytest_goes_into_every_directory_that_has_tests(pytestconfig: pytest.Config) -> None:
    left_out = pytestconfig.getini("norecursedirs")
    names = {part for path in TESTS.rglob("test_*.py") for part in path.relative_to(TESTS).parts}
    assert [name for name in names for pattern in left_out if fnmatch(name, pattern)] == []
