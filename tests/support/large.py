"""A large image: Debian, Python's site-packages, and a tree such as node_modules is.

At least 300 MB compressed, 1 GB and 40,000 files. The first two are real; the third is made,
always the same. Packed by GNU tar and gzip, and kept in the cache of ``debian``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import random
import shutil
import site
import subprocess
from pathlib import Path

from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from tests.support.debian import CACHE, debian_layout
from tests.support.umoci import image_of_blobs

TAG = "t"

MODULES, FILES_OF_MODULE = 600, 34
MEGABYTES = 330


def large_layout() -> Path:
    """An image layout with the image under ``TAG``; the caller must not change it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    layout = CACHE / "large-layout-1"
    debian = debian_layout()
    with (CACHE / "large.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not layout.exists():
            _make(layout, debian)
    return layout


def facts(layout: Path) -> str:
    """Its sizes, in words."""
    blobs = [path.stat().st_size for path in (layout / "blobs/sha256").iterdir()]
    told = json.loads((layout / "facts.json").read_bytes())
    return (
        f"{sum(blobs) / 1e6:.0f} MB compressed, {told['bytes'] / 1e6:.0f} MB of archives, "
        f"{told['entries']:,} entries in 3 layers"
    )


def _make(layout: Path, debian: Path) -> None:
    work = CACHE / "large-work"
    shutil.rmtree(work, ignore_errors=True)
    (work / "node/srv/app").mkdir(parents=True)
    _node_modules(work / "node/srv/app/node_modules")
    base, base_diff_id, base_path = _debian_base(debian)
    packages = Path(site.getsitepackages()[0])
    target = "usr/local/lib/python3.11/dist-packages"
    blobs = [
        base_path,
        _pack(work / "python.tar.gz", packages, f"--transform=s,^\\.,{target},rSH"),
        _pack(work / "node.tar.gz", work / "node"),
    ]
    layers = [(base, base_diff_id, base_path)]
    size, entries = _measure(base_path)[1:]
    for blob in blobs[1:]:
        diff_id, plain, count = _measure(blob)
        size, entries = size + plain, entries + count
        with blob.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        descriptor = Descriptor(
            media_type=media_types.LAYER_GZIP,
            digest=Digest(f"sha256:{digest}"),
            size=blob.stat().st_size,
        )
        layers.append((descriptor, diff_id, blob))
    image_of_blobs(work / "layout", layers)
    (work / "layout/facts.json").write_text(json.dumps({"bytes": size, "entries": entries}))
    (work / "layout").rename(layout)
    shutil.rmtree(work)


def _debian_base(layout: Path) -> tuple[Descriptor, Digest, Path]:
    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_bytes())
    config = json.loads(blob(manifest["config"]["digest"]).read_bytes())
    layer = manifest["layers"][0]
    descriptor = Descriptor(
        media_type=layer["mediaType"], digest=Digest(layer["digest"]), size=layer["size"]
    )
    return descriptor, Digest(config["rootfs"]["diff_ids"][0]), blob(layer["digest"])


def _pack(blob: Path, source: Path, *options: str) -> Path:
    argv = ["tar", "-C", source, "--owner=0", "--group=0", "--numeric-owner", "--sort=name"]
    subprocess.run([*argv, *options, "-czf", blob, "."], check=True)
    return blob


def _measure(blob: Path) -> tuple[Digest, int, int]:
    """diffID, bytes and entries of the archive in a gzip file."""
    hasher, size = hashlib.sha256(), 0
    with subprocess.Popen(["gzip", "-dc", blob], stdout=subprocess.PIPE) as gunzip:
        assert gunzip.stdout
        while data := gunzip.stdout.read(1 << 20):
            hasher.update(data)
            size += len(data)
    listed = subprocess.run(["tar", "-tzf", blob], stdout=subprocess.PIPE, check=True).stdout
    return Digest(f"sha256:{hasher.hexdigest()}"), size, listed.count(b"\n")


def _node_modules(root: Path) -> None:
    source = random.Random(11)
    words = [source.randbytes(source.randint(2, 9)).hex() for _ in range(6000)]
    text = " ".join(source.choices(words, k=900_000)).encode()
    weights = [source.paretovariate(1.1) for _ in range(MODULES * FILES_OF_MODULE)]
    scale = MEGABYTES * 1e6 / sum(min(weight, 500) for weight in weights)
    for module in range(MODULES):
        for number in range(FILES_OF_MODULE):
            size = int(min(weights[module * FILES_OF_MODULE + number], 500) * scale)
            path = root / f"module-{module}/lib/part-{number % 4}/file-{number}.js"
            path.parent.mkdir(parents=True, exist_ok=True)
            start = source.randrange(len(text) - min(size, len(text) - 1))
            path.write_bytes((text[start:] + text)[:size])
