"""Our client beside skopeo.

Both are commands of their own that copy between the same docker-registry on loopback and an OCI
image layout, by HTTP and by TLS; Python's start is in our figures. Peak memory is of the command.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.push import push
from ocinb.spec.reference import Reference
from tests.bench.measure import Case, Comparison
from tests.bench.spending import watched
from tests.support.docker_registry import docker_registry
from tests.support.images import make_image

TOTAL = 315_000_000
LAYERS = (3, 60)

OURS = """
import sys
from pathlib import Path
from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.hosts import Hosts
from ocinb.distribution.pull import pull
from ocinb.distribution.push import push
from ocinb.distribution.trust import Trust
from ocinb.spec.reference import Reference
verb, layout, name, target, certs = sys.argv[1:]
store = Store(layout)
with Client(hosts=Hosts(trust=Trust([Path(certs)]))) as client:
    if verb == "pull":
        pull(client, store, Reference.parse(name))
    else:
        push(client, store, store.names.get(name), Reference.parse(target))
"""


class Site:
    """Registries with the images, and a directory to copy to."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.plain = stack.enter_context(docker_registry(directory / "plain")).address
        secure = stack.enter_context(docker_registry(directory / "secure", tls=True))
        self.secure = secure.address
        self.certs = directory / "certs.d"
        (self.certs / secure.address).mkdir(parents=True)
        (self.certs / secure.address / "ca.crt").write_bytes(secure.ca)
        self.peaks: dict[str, int] = {}  # name of a case → KiB

    def fill(self) -> None:
        """Push an image for each count of layers; the layout that they came from stays."""
        source = Store(self.directory / "source")
        with Client() as client:
            for count in LAYERS:
                image = make_image(source, *[TOTAL // count] * count)
                reference = Reference.parse(f"{self.plain}/bench:{count}")
                push(client, source, image, reference)
                source.names.set(str(reference), image)
        # The same storage behind TLS.
        (self.directory / "secure" / "data").symlink_to(self.directory / "plain" / "data")

    def forget(self) -> None:
        """Remove what a pull brought, and let the disk settle."""
        shutil.rmtree(self.directory / "target", ignore_errors=True)
        os.sync()

    def measured(self, case: str, argv: list[str]) -> None:
        """Run a command, and note the peak of its memory."""
        self.peaks[case] = max(self.peaks.get(case, 0), watched(*argv))

    def told_peaks(self) -> list[str]:
        """The peaks since they were last told."""
        told = [f"- {case}: peak memory {peak / 1024:.0f} MiB" for case, peak in self.peaks.items()]
        self.peaks.clear()
        return told

    def ours(self, case: str, verb: str, layout: str, name: str, target: str = "") -> None:
        """Our client as a command."""
        place = str(self.directory / layout)
        argv = [sys.executable, "-c", OURS, verb, place, name, target, str(self.certs)]
        self.measured(case, argv)

    def skopeo(self, case: str, *words: str) -> None:
        """skopeo copy."""
        self.measured(case, ["skopeo", "--insecure-policy", "copy", "--quiet", *words])


def pulls(site: Site, registry: str, count: int) -> Comparison:
    """From the registry to an empty layout."""
    name = f"{registry}/bench:{count}"
    title = f"pull {count} layers, {'TLS' if registry == site.secure else 'HTTP'}"
    trust = (
        f"--src-cert-dir={site.certs / registry}"
        if registry == site.secure
        else "--src-tls-verify=false"
    )
    layout = f"oci:{site.directory}/target:x"
    mine, theirs = f"{title}: ocinb", f"{title}: skopeo"
    return Comparison(
        title,
        [
            Case(mine, lambda: site.ours(mine, "pull", "target", name), site.forget),
            Case(
                theirs,
                lambda: site.skopeo(theirs, trust, f"docker://{name}", layout),
                site.forget,
            ),
        ],
        site.told_peaks,
    )


def pushes(site: Site, count: int) -> Comparison:
    """From a layout to a repository that is new each time; the registry forgets its blobs."""
    name = f"{site.plain}/bench:{count}"
    title = f"push {count} layers, HTTP"
    numbers = iter(range(1_000_000))
    mine, theirs = f"{title}: ocinb", f"{title}: skopeo"

    def forget() -> None:
        repositories = site.directory / "plain/data/docker/registry/v2"
        shutil.rmtree(repositories / "blobs", ignore_errors=True)
        os.sync()

    def next_name(prefix: str) -> str:
        return f"{site.plain}/{prefix}{count}-{next(numbers)}:1"

    return Comparison(
        title,
        [
            Case(mine, lambda: site.ours(mine, "push", "source", name, next_name("ours")), forget),
            Case(
                theirs,
                lambda: site.skopeo(
                    theirs,
                    "--dest-tls-verify=false",
                    f"oci:{site.directory}/source:{name}",
                    f"docker://{next_name('skopeo')}",
                ),
                forget,
            ),
        ],
        site.told_peaks,
    )


def comparisons() -> Iterator[Comparison]:
    """Each of them, to be run before the next is asked for."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-bench-"))
    try:
        with ExitStack() as stack:
            site = Site(directory, stack)
            site.fill()
            yield from (pulls(site, site.plain, count) for count in LAYERS)
            yield pulls(site, site.secure, LAYERS[0])
            yield from (pushes(site, count) for count in LAYERS)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
