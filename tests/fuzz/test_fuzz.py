"""What reads strangers' bytes keeps its promises: the corpus, and much that is near it.

``make fuzz`` goes on for as long as one likes, led by what the bytes reach.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.mutations import CORPUS, near
from tests.fuzz.targets import TARGETS, attempt

EXAMPLES = {"layer": 60, "config": 120, "tar": 150}
"""Fewer where one takes long; in all they are to take less than a minute."""

KEPT = sorted(CORPUS.glob("*/*"))


@pytest.mark.parametrize("path", KEPT, ids=[f"{path.parent.name}-{path.name}" for path in KEPT])
def test_what_is_kept(path: Path) -> None:
    attempt(path.parent.name, path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_near(target: str) -> None:
    @settings(
        max_examples=EXAMPLES.get(target, 200),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=near(target))
    def promise(data: bytes) -> None:
        attempt(target, data)

    promise()


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in KEPT} == set(TARGETS)
