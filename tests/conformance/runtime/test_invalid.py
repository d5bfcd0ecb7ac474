"""Hundreds of config.json that break the specification: one sentence each, and nothing left.

Spec: runtime-spec runtime.md#errors
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.invalid_configs import INVALID
from tests.support.remains import check_nothing_left
from tests.support.runtimes import Bundle, RuntimeProgram

pytestmark = pytest.mark.slow


class Given(Bundle):
    """A bundle whose config.json is there already."""

    def write(self) -> str:
        return str(self.directory)


@pytest.mark.parametrize("name", INVALID)
def test_it_is_one_sentence_that_names_the_field(
    ours: RuntimeProgram, tmp_path: Path, rootfs: Path, name: str
) -> None:
    row = INVALID[name]
    bundle = Given(tmp_path / "bundle", rootfs)
    (bundle.directory / "config.json").write_bytes(row.document(rootfs))
    done = ours.create(bundle)
    assert done.returncode == 1
    assert row.said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert len(done.stderr) < 500
    assert "Traceback" not in done.stderr
    check_nothing_left(ours, bundle)


def test_there_are_many() -> None:
    assert len(INVALID) >= 100


def test_all_that_is_wrong_is_found_not_only_the_first(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.process.update(cwd="tmp", args=[])
    bundle.linux["rootfsPropagation"] = "x"
    done = ours.create(bundle)
    assert "and 2 more" in done.stderr
