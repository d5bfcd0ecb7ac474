"""One real image, pulled, unpacked, mounted and run beside the peers.

All pull from the same docker-registry on loopback. Needs root and the Debian packages that
``.ci/run`` lists.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ocinb.bundle.options import ContainerOptions
from ocinb.engine.engine import Engine
from ocinb.engine.planning import bundle_of
from ocinb.settings import Settings
from tests.bench.measure import Case, Comparison
from tests.support.debian import TAG, debian_layout, run
from tests.support.docker_registry import docker_registry
from tests.support.podman import Podman
from tests.support.runtimes import NAMES, RuntimeProgram

OCINB = Path(sys.executable).with_name("ocinb")


class Ground:
    """What all comparisons share: a registry with the image, a directory for each competitor."""

    def __init__(self, directory: Path, registry: str) -> None:
        self.directory = directory
        self.name = f"{registry}/debian:{TAG}"
        self.podman = Podman(directory / "podman")
        self.settings = Settings(root=directory / "ocinb", run_root=directory / "ocinb-run")
        self.environment = [f"OCINB_ROOT={self.settings.root}"]
        self.environment.append(f"OCINB_RUN_ROOT={self.settings.run_root}")

    def ocinb(self, *words: str) -> str:
        """Run our command, as a person does."""
        return run("env", *self.environment, OCINB, *words)

    def forget(self, *names: str) -> None:
        """Remove directories of the ground."""
        for name in names:
            shutil.rmtree(self.directory / name, ignore_errors=True)


@contextmanager
def ground() -> Iterator[Ground]:
    """A registry that holds the image; everything is removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-bench-"))
    try:
        with docker_registry(directory / "registry") as registry:
            site = Ground(directory, registry.address)
            source, target = f"oci:{debian_layout()}:{TAG}", f"docker://{site.name}"
            run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", source, target)
            yield site
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def pull(site: Ground) -> Comparison:
    """From nothing to an image whose layers are unpacked, each as a command."""
    oci = f"oci:{site.directory}/skopeo:{TAG}"

    def skopeo_umoci() -> None:
        skopeo = ("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false")
        run(*skopeo, f"docker://{site.name}", oci)
        run("umoci", "unpack", "--image", oci.removeprefix("oci:"), site.directory / "umoci")

    return Comparison(
        "pull and unpack",
        [
            Case(
                "ocinb pull",
                lambda: site.ocinb("pull", site.name),
                lambda: site.forget("ocinb", "ocinb-run"),
            ),
            Case(
                "podman pull",
                lambda: site.podman.pull(site.name),
                lambda: site.podman("rmi", "--all", "--force", check=False),
            ),
            Case("skopeo copy; umoci unpack", skopeo_umoci, lambda: site.forget("skopeo", "umoci")),
        ],
    )


def mount(site: Ground) -> Comparison:
    """One tree of the unpacked layers; the peer copies what we stack."""
    engine = Engine(site.settings)
    image = engine.images.get(site.name)
    tree = site.directory / "tree"

    def ocinb() -> None:
        engine.images.mount(image, tree)
        engine.mounts.unmount(tree)

    def podman() -> None:
        container = site.podman("create", "--pull=never", site.name).stdout.strip()
        site.podman("mount", container)
        site.podman("rm", container)

    return Comparison(
        "one tree of the layers, and away again",
        [
            Case("ocinb: overlay, in this process", ocinb),
            Case("podman create, mount, rm (vfs)", podman),
        ],
    )


def run_container(site: Ground) -> Comparison:
    """``true`` in a new container of the image, as commands."""
    words = ("run", "--rm", site.name, "true")
    podman_words = ("run", "--rm", "--pull=never", site.name, "true")
    return Comparison(
        "run true in a new container of the image",
        [
            Case("ocinb run", lambda: site.ocinb(*words)),
            Case(
                "ocinb run --runtime runc", lambda: site.ocinb("run", "--runtime=runc", *words[1:])
            ),
            Case("podman run (runc)", lambda: site.podman(*podman_words)),
        ],
    )


def run_bundle(site: Ground) -> Comparison:
    """``true`` from a bundle that is there already: the runtimes alone."""
    engine = Engine(site.settings)
    bundle = site.directory / "bundle"
    bundle_of(engine, engine.images.get(site.name), ContainerOptions(args=["true"]), bundle)
    cases = []
    for name in NAMES:
        runtime = RuntimeProgram(name, site.directory / f"state-{name}")
        argv = [*runtime.argv, "run", "--bundle", str(bundle), f"bench-{name}"]
        cases.append(Case("ocinb-runtime run" if name == "ours" else f"{name} run", _Run(argv)))
    return Comparison("run true from a bundle", cases)


class _Run:
    def __init__(self, argv: list[str]) -> None:
        self.argv = argv

    def __call__(self) -> str:
        return run(*self.argv)


def comparisons() -> Iterator[Comparison]:
    """Each of them, to be run before the next is asked for."""
    with ground() as site:
        for make in (pull, mount, run_container, run_bundle):
            yield make(site)
