"""A process that is killed at any moment leaves a store in which all that is visible is whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocinb.content.gc import collect
from ocinb.content.store import Store
from ocinb.content.verify import faults

_WRITER = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
from ocinb.content.store import Store
from tests.support.images import make_image
store = Store(Path(sys.argv[1]))
print(flush=True)
for number in range(1000):
    store.names.set(f"localhost/image:{number % 5}", make_image(store, 200_000, 2_000_000))
    print(flush=True)
"""


@pytest.mark.slow
def test_kill_9_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(12):
        argv = [sys.executable, "-c", _WRITER, str(tmp_path)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            if number == 0:
                process.stdout.readline()  # an image has a name, however slow this machine is
            time.sleep(chance.uniform(0, 0.4))
            process.kill()
        assert list(faults(Store(tmp_path))) == []
    store = Store(tmp_path)
    assert store.names.items()
    collect(store, grace=0, partial_grace=0)
    assert list(faults(store)) == []
    assert {p.suffix for p in store.ingest.iterdir()} <= {".lock"}
