"""``%load_ext ocinb``: quick, because what is heavy waits until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ocinb
from ocinb.errors import UnsupportedHost

LOAD = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell(config=config)
before = set(sys.modules)
shell.run_line_magic("load_ext", "ocinb")
shell.Completer.complete("%oci pul")
print(*sorted(set(sys.modules) - before))
"""

HEAVY = (
    "pandas", "numpy", "httpx", "rich", "cryptography", "uvicorn", "isal", "itables", "resvg_py",
    "anywidget", "ipywidgets", "ocinb.engine.engine", "ocinb.distribution", "ocinb.registry",
    "ocinb.build", "ocinb.image",
)  # fmt: skip


def test_it_imports_nothing_that_is_heavy(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD],
        env={"IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "ocinb.notebook.magics" in loaded
    assert loaded & set(HEAVY) == set()


def test_outside_ipython_it_says_so():
    with pytest.raises(UnsupportedHost, match="there is no IPython here"):
        ocinb.load_ipython_extension(None)
