"""What is asked of an image of 50,000 files, timed. Run by hand:

    python -m tests.bench.questions

The image has three layers: 50,000 files, 5,000 of them replaced, 1,000 deleted. Every question is
asked of a new ``Image``: the index files are read again each time.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ocinb.engine.engine import Engine
from ocinb.image import Image
from ocinb.settings import Settings
from tests.support.archives import Member, directory, member
from tests.support.layered import name_image

NAME = "localhost/large:1"
LOWER, UPPER, DELETED = 50_000, 5_000, 1_000


def name_large_image(
    engine: Engine, name: str = NAME, *, seed: int = 3, layers: int = 3, files: int = LOWER
) -> None:
    """Put the image into the engine's store, or one of its lower layers only."""
    source = random.Random(seed)
    paths = [_path(number) for number in range(files)]
    replaced = source.sample(paths, files * UPPER // LOWER)
    left = sorted(set(paths) - set(replaced))
    deleted = source.sample(left, files * DELETED // LOWER)
    made = [
        list(_files(paths, source)),
        list(_files(replaced, source)),
        [_whiteout(path) for path in deleted],
    ]
    name_image(engine.store, name, made[:layers], steps=("files", "replace", "delete"))


def _path(number: int) -> str:
    return f"usr/lib/packages/p{number // 300}/d{number // 12}/file{number}.py"


def _files(paths: list[str], source: random.Random) -> Iterator[Member]:
    made: set[str] = set()
    for path in paths:
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            parent = "/".join(parts[:count])
            if parent not in made:
                made.add(parent)
                yield directory(parent)
        yield member(path, data=source.randbytes(source.randrange(2000)))


def _whiteout(path: str) -> Member:
    parent, _, name = path.rpartition("/")
    return member(f"{parent}/.wh.{name}")


def questions(engine: Engine) -> Iterator[tuple[str, Callable[[Image], object]]]:
    """Each with what answers it."""
    yield "layers", lambda image: image.layers
    yield "files", lambda image: image.files()
    yield "files '*7.py'", lambda image: image.files("*7.py")
    yield "files --layer 1", lambda image: image.files(layer=1)
    yield "tree --all", lambda image: image.tree(depth=None)
    yield "cat", lambda image: image.read(f"/{_path(17)}")
    yield "why PATH", lambda image: image.why(f"/{_path(17)}")
    yield "why", lambda image: image.why()
    yield "waste", lambda image: image.waste
    yield "diff, two layers shared", lambda image: image.diff("localhost/sibling:1")
    yield "diff, nothing shared", lambda image: image.diff("localhost/other:1")


def main() -> None:
    """Ask, and print how long each answer took; the best of three."""
    import pandas as pd  # noqa: F401 - its import is not the question

    with tempfile.TemporaryDirectory(prefix="ocinb-bench-", dir="/var/tmp") as directory:
        engine = Engine(Settings(root=Path(directory, "root"), run_root=Path(directory, "run")))
        name_large_image(engine)
        name_large_image(engine, "localhost/other:1", seed=4)
        name_large_image(engine, "localhost/sibling:1", layers=2)
        for name in (NAME, "localhost/other:1", "localhost/sibling:1"):
            engine.images.unpack(engine.images.get(name))
        print(f"load {os.getloadavg()[0]:.1f}")
        for question, answer in questions(engine):
            seconds = []
            for _ in range(3):
                image = Image(engine, engine.images.get(NAME))
                start = time.perf_counter()
                answer(image)
                seconds.append(time.perf_counter() - start)
            print(f"{question:<26} {min(seconds):6.3f} s")
        sizes = [path.stat().st_size for path in engine.layers.root.glob("records/*.index")]
        print(f"index files: {', '.join(f'{size / 1e3:.0f} kB' for size in sorted(sizes))}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(f"peak memory of this process {peak:.0f} MB\n")


if __name__ == "__main__":
    main()
