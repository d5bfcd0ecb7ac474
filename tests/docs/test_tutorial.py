"""The tutorial, typed as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.support.course import shown
from tests.support.peers import require_system_python

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.root, pytest.mark.slow]


def test_every_block_is_a_cell_that_runs(tmp_path: Path) -> None:
    require_system_python()
    text = (ROOT / "docs/tutorial.md").read_text()
    blocks = re.findall(r"^```ipython3\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(b) for b in blocks])
    for name in ("home", "tmp", "work"):
        (tmp_path / name).mkdir(mode=0o700)
    typed, executed = tmp_path / "tutorial.ipynb", tmp_path / "executed.ipynb"
    nbformat.write(notebook, typed)
    reader = f"{sys.executable} -m tests.support.course {typed} {tmp_path}/work {executed}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "OCINB_ROOT": str(tmp_path / "home/ocinb"),
        "OCINB_RUN_ROOT": str(tmp_path / "home/run"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # It says localhost:5000: a network of its own has that port to itself.
    alone = ["unshare", "--net", "sh", "-ec", f"ip link set lo up; exec {reader}"]
    try:
        done = subprocess.run(
            alone, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
        )
    finally:  # where a cell failed, the registry is still up
        down = [sys.executable, "-m", "ocinb", "registry", "down"]
        subprocess.run(down, capture_output=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = nbformat.read(executed, as_version=4).cells
    assert len(cells) == len(blocks) >= 6
    said = [shown(cell) for cell in cells]
    assert "uid=0(root)" in said[2]
    assert (tmp_path / "work/bundle/config.json").exists()
    assert '"/bin/ls"' in (tmp_path / "work/bundle/config.json").read_text()
