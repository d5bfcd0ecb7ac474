"""An image of 50,000 files: what is answered adds up, and unpacking it needs little memory.

No time is asserted, for machines differ: ``python -m tests.bench.questions`` tells them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ocinb.engine.engine import Engine
from ocinb.image import Image
from ocinb.settings import Settings
from tests.bench.questions import DELETED, LOWER, NAME, UPPER, name_large_image

pytestmark = pytest.mark.slow

_UNPACK = """
import re, sys
from pathlib import Path
from ocinb.engine.engine import Engine
from ocinb.settings import Settings
engine = Engine(Settings(root=Path(sys.argv[1]), run_root=Path(sys.argv[2])))
engine.images.unpack(engine.images.get(sys.argv[3]))
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def test_the_answers_add_up_and_memory_stays_small(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path / "root", run_root=tmp_path / "run")
    engine = Engine(settings)
    name_large_image(engine)
    name_large_image(engine, "localhost/sibling:1", layers=2)
    argv = [sys.executable, "-c", _UNPACK, settings.root, settings.run_root, NAME]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200_000, "KiB"

    image = Image(engine, engine.images.get(NAME))
    files, waste = image.files(), image.waste
    counts = image.layers[["added", "changed", "deleted"]].to_numpy().tolist()
    assert counts[1:] == [[0, UPPER, 0], [0, 0, DELETED]]
    assert len(files) == counts[0][0] - DELETED
    assert (files["kind"] == "file").sum() == LOWER - DELETED
    assert len(waste) == UPPER + DELETED
    assert waste["size"].sum() + files["size"].sum() == image.layers["content"].sum()
    assert len(image.tree(depth=None)) == len(files)
    assert image.tree(depth=0)["size"].sum() == files["size"].sum()
    assert len(image.why()) == counts[0][0]
    changes = image.diff("localhost/sibling:1")
    assert changes["change"].value_counts().to_dict() == {
        "added": DELETED,
        "shared": 2,
        "removed": 1,
    }
