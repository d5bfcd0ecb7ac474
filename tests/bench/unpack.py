"""Unpacking side by side: ours, GNU tar, umoci. Run by hand:

    python -m tests.bench.unpack [--files 40000] [--megabytes 1000] [--target DIRECTORY]

The layer is made here and always the same: mostly small files of text-like content, some large.
The target should be on the file system that matters; a tmpfs shows what the programs cost.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ocinb.layer.changeset import Entry
from ocinb.layer.pack import Packed, pack
from ocinb.layer.unpack import unpack


def entries(files: int, megabytes: int) -> Iterator[Entry]:
    """Directories of 12 files, sizes spread so that a few large files have half of the bytes."""
    source = random.Random(5)
    words = [source.randbytes(source.randint(2, 9)).hex().encode() for _ in range(4000)]
    text = b" ".join(source.choices(words, k=400_000))
    weights = [source.paretovariate(1.1) for _ in range(files)]
    scale = megabytes * 1e6 / sum(min(w, 2000) for w in weights)
    for number, weight in enumerate(weights):
        path = f"usr/lib/packages/p{number // 300}/d{number // 12}"
        if number % 300 == 0:
            yield Entry(path.rpartition("/")[0], "directory", 0o755)
        if number % 12 == 0:
            yield Entry(path, "directory", 0o755, mtime=10**18)
        size = int(min(weight, 2000) * scale)
        start = source.randrange(len(text) // 2)
        data = (text[start : start + size] * (1 + size // (len(text) // 2)))[:size]
        yield Entry(f"{path}/f{number}.py", "file", 0o644, 0, 0, 10**18 + number * 10**9, len(data), source=data)  # fmt: skip  # noqa: E501


def make(path: Path, files: int, megabytes: int) -> Packed:
    """The layer as a gzip blob."""
    with path.open("wb") as out:
        return pack(entries(files, megabytes), out)


def measure(name: str, target: Path, work: Callable[[], object]) -> None:
    """Run once and say wall and processor time."""
    shutil.rmtree(target, ignore_errors=True)
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    started = time.monotonic()
    work()
    wall = time.monotonic() - started
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    user, system = (
        sum(getattr(b, f) - getattr(a, f) for a, b in zip(before, after, strict=True))
        for f in ("ru_utime", "ru_stime")
    )
    sys.stdout.write(f"{name:<12} wall {wall:6.2f} s  user {user:6.2f} s  system {system:6.2f} s\n")
    shutil.rmtree(target, ignore_errors=True)


def main() -> None:
    """Make the layer, then unpack it in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=40_000)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--target", type=Path, default=Path("/var/tmp/ocinb-bench"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    work: Path = options.target
    work.mkdir(parents=True, exist_ok=True)
    blob, target = work / "layer.tar.gz", work / "tree"
    packed = make(blob, options.files, options.megabytes)
    sys.stdout.write(
        f"{packed.size / 1e6:.0f} MB compressed, {packed.uncompressed / 1e6:.0f} MB, "
        f"{options.files:,} files, load {os.getloadavg()[0]:.1f}\n"
    )

    def ours(form: str) -> None:
        with blob.open("rb") as stream:
            unpack(stream, target, diff_id=packed.diff_id, form=form)  # type: ignore[arg-type]

    def gnu_tar() -> None:
        target.mkdir()
        subprocess.run(["tar", "-C", target, "-xzf", blob], check=True)

    def with_umoci() -> None:
        from ocinb.spec.descriptor import Descriptor
        from tests.support.umoci import image_of_blobs

        layer = Descriptor(media_type=packed.media_type, digest=packed.digest, size=packed.size)
        shutil.rmtree(work / "layout", ignore_errors=True)
        image_of_blobs(work / "layout", [(layer, packed.diff_id, blob)])
        argv = ["umoci", "unpack", "--image", f"{work / 'layout'}:t", target]
        subprocess.run(argv, check=True, capture_output=True)

    for _ in range(options.rounds):
        measure("ours", target, lambda: ours("overlay"))
        measure("ours, tree", target, lambda: ours("tree"))
        measure("GNU tar", target, gnu_tar)
        if shutil.which("umoci"):
            measure("umoci", target, with_umoci)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"peak memory of this process {peak:.0f} MB\n")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
