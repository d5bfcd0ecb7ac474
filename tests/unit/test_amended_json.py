"""A document to which changes are added: all of one or nothing of it, whoever reads when."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.amended_json import amend, amended

DOCUMENTS = st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=5)


@given(first=DOCUMENTS, changes=st.lists(DOCUMENTS, max_size=4))
def test_what_was_said_last_of_each_key_counts(
    first: dict[str, Any], changes: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "document.json"
    path.write_text(json.dumps(first))
    expected = dict(first)
    for change in changes:
        amend(str(path), change)
        expected |= change
    assert amended(path.read_text()) == expected


@given(cut=st.integers(min_value=0, max_value=30))
def test_of_a_change_that_is_cut_short_nothing_counts(cut: int) -> None:
    change = '{"pid": 7, "made": true}'
    found = amended('{"pid": 0}\n' + change[:cut])
    assert found == ({"pid": 7, "made": True} if cut >= len(change) else {"pid": 0})


@pytest.mark.parametrize("damaged", ["", "{", "\n{}"])
def test_what_was_changed_must_be_there(damaged: str) -> None:
    with pytest.raises(ValueError, match="Expecting"):
        amended(damaged)


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        amend(str(tmp_path / "none"), {"a": 1})
    assert list(tmp_path.iterdir()) == []


def test_on_a_full_disk_the_document_is_as_before(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    path.write_text('{"a": 1}')
    # Half of the change fits.
    program = f"from ocinb.amended_json import amend; amend({str(path)!r}, {{'b': 'x' * 100}})"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50)),
    )
    assert b"File too large" in done.stderr
    assert path.read_text() == '{"a": 1}'
