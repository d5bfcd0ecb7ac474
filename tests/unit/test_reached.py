"""The page of ``make coverage``."""

from __future__ import annotations

from tests.reached.table import as_markdown


def summary(lines: int, reached: int, branches: int, taken: int) -> dict[str, int]:
    return {
        "num_statements": lines,
        "covered_lines": reached,
        "num_branches": branches,
        "covered_branches": taken,
    }


def test_files_are_counted_by_their_rooms_and_lines_with_branches() -> None:
    counted = {
        "meta": {"timestamp": "2026-11-27T08:00:00"},
        "files": {
            "ocinb/image.py": {"summary": summary(10, 10, 0, 0)},
            "/tmp/copy/ocinb/spec/digest.py": {"summary": summary(50, 50, 10, 8)},
            "/tmp/copy/ocinb/spec/deeper/x.py": {"summary": summary(30, 20, 10, 2)},
            "/tmp/copy/ocinb/layer/whiteout.py": {"summary": summary(0, 0, 0, 0)},
        },
        "totals": summary(90, 80, 20, 10),
    }
    page = as_markdown(counted, "12 tests, 1 failures").splitlines()
    assert page[page.index("|---|---:|---:|---:|---:|---:|") + 1 :] == [
        "| layer/ | 0 | — | 0 | — | — |",
        "| spec/ | 80 | 87.5 % | 20 | 50.0 % | 80.0 % |",
        "| the modules above | 10 | 100.0 % | 0 | — | 100.0 % |",
        "| **all** | 90 | 88.9 % | 20 | 50.0 % | 81.8 % |",
        "",
        "2026-11-27: 12 tests, 1 failures.",
    ]
