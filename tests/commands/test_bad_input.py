"""Bad input, at both doors: one clear sentence, a failure, and nothing left behind."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.local_registry import Registry
from ocinb.overlay.trees import remove_tree
from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from tests.support.archives import archive, directory, hardlink, member, symlink
from tests.support.doors import opened
from tests.support.leftovers import clear, leftovers, names, unsound
from tests.support.scripted_registry import (
    Reply,
    Request,
    ScriptedRegistry,
    ServedImage,
    replace,
    spoiled,
)
from tests.support.workplace import until

DEMO = "docker.io/library/demo:latest"
FILE = member("f", data=b"some bytes" * 5000)


class ServedLayers(ServedImage):
    """Serves ``demo:1`` with these blobs as layers; uncompressed archives are compressed."""

    def __init__(self, *archives: bytes, blobs: list[bytes] | None = None) -> None:
        self.blobs, self.documents = {}, {}
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/bin/true"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(data) for data in archives]},
        }
        blobs = blobs or [gzip.compress(data, mtime=0) for data in archives]
        self.layers = [self.blob(data, media_types.LAYER_GZIP) for data in blobs]
        self.config = self.blob(json.dumps(config).encode(), media_types.IMAGE_CONFIG)
        self.manifest = {
            "schemaVersion": 2,
            "mediaType": media_types.IMAGE_MANIFEST,
            "config": self.config,
            "layers": self.layers,
        }
        self.descriptor = self.document(self.manifest, media_types.IMAGE_MANIFEST, tag="1")


@pytest.fixture
def place() -> Iterator[Path]:
    """Where everything of one test lies; afterwards nothing of it may be at work any more."""
    place = Path(tempfile.mkdtemp(prefix="ocinb-bad-"))
    (place / "tmp").mkdir()
    yield place
    left = leftovers(place)
    wrong = unsound(place / "root")
    temporary = os.listdir(place / "tmp")
    groups = list(Path("/sys/fs/cgroup").glob("*/ocinb-????????????"))
    containers = {path.name for path in place.glob("root/containers/*")}
    left += [str(group) for group in groups if group.name.removeprefix("ocinb-") in containers]
    if left:
        clear(place)
    remove_tree(str(place))
    assert (left, wrong, temporary) == ([], [], [])


@pytest.fixture(params=["shell", "notebook"])
def door(request, place):
    with opened(request.param, place / "root", place / "run", place / "tmp") as door:
        yield door


@pytest.fixture(scope="module")
def demo_store(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "store"
    store = Store(root)
    store.names.set(DEMO, demo_image(store))
    return root


@pytest.fixture
def demo(place, demo_store) -> str:
    """The demo image is in the store under this name."""
    (place / "root").mkdir(exist_ok=True)
    shutil.copytree(demo_store, place / "root/store")
    return "demo"


def refused(door, *words) -> str:
    """The sentence of a refusal, which must look as it should at this door."""
    answer = door(*words)
    assert answer.failed
    sentence, below = door.sentence(answer)
    assert "Traceback" not in "".join(answer.shown)
    assert "internal error" not in sentence
    assert len(below) <= 2, "a sentence, a hint, and in a notebook the rule"
    other = {"ocinb": "%oci ", "%oci": "ocinb "}[door.program]
    assert not any(other in line for line in below), "commands are as they are typed here"
    return sentence


# what is typed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["frobnicate"], "there is no command frobnicate"),
        (["pull", "--sideways", "demo"], "pull has no option --sideways"),
        (["pull"], "pull: missing argument 'REFERENCE'"),
        (["ps", "--format", "{{.Names}}"], "is not one of 'table', 'json'"),
        (["pull", "UPPER"], "'library/UPPER' in 'UPPER' is not a repository name"),
        (["pull", "demo@sha256:12"], "digest"),
        (["run", "--ulimit", "nofile=many", "demo"], "--ulimit nofile=many is not NAME="),
        (["kill", "nobody"], "there is no container nobody"),
        (["delete", "nobody"], "there is no container nobody"),
        (["state", "nobody"], "there is no container nobody"),
        (["layers", "nothing"], "no image named docker.io/library/nothing:latest"),
        (["umount", "/nowhere"], "/nowhere is not a mount of ours"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant(door, words, sentence):
    assert sentence in refused(door, *words)


# what a registry serves


def test_an_unknown_tag(door, place, demo):
    with Registry(place / "registry") as registry:
        assert not door("push", demo, f"{registry.address}/demo:1").failed
        said = refused(door, "pull", f"{registry.address}/demo:2")
    assert said == f"{registry.address}/demo has no tag 2"
    assert names(place / "root") == [DEMO]


def test_a_registry_that_nobody_runs(door, place):
    assert "127.0.0.1:1 cannot be reached" in refused(door, "pull", "127.0.0.1:1/demo")
    assert not (place / "root/store/blobs/sha256").exists() or names(place / "root") == []


def test_other_bytes_than_those_of_the_digest(door, place):
    image = ServedLayers(archive([FILE]))
    lying = spoiled(image, lambda reply: replace(reply, body=b"x" * len(reply.body)))
    with ScriptedRegistry(lying) as registry:
        said = refused(door, "pull", registry.reference())
    digest = image.layers[0]["digest"]
    assert f"blob {digest} has digest" in said
    assert names(place / "root") == []
    assert list((place / "root/store/ingest").glob("sha256-*")) == []


WHOLE = archive([FILE])
BAD_LAYERS = {
    "an archive cut short": (ServedLayers(WHOLE[:20_000]), "the archive ends inside an entry"),
    "a compressed stream cut short": (
        ServedLayers(WHOLE, blobs=[gzip.compress(WHOLE, mtime=0)[:-30]]),
        "ends too early",
    ),
    "another archive than the config says": (
        ServedLayers(WHOLE, blobs=[gzip.compress(archive([]), mtime=0)]),
        "has diffID",
    ),
    "a path that leads out": (ServedLayers(archive([member("../../out")])), "has .. in its path"),
    "a path that leads out behind a directory": (
        ServedLayers(archive([directory("d"), member("d/../../out")])),
        "has .. in its path",
    ),
    "a hard link that leads out": (
        ServedLayers(archive([hardlink("d", "../../../etc/passwd")])),
        "has .. in its path",
    ),
    "a hard link to a file of the host": (
        ServedLayers(archive([hardlink("d", "/etc/passwd")])),
        "which does not exist",
    ),
    "links in a circle": (
        ServedLayers(archive([symlink("a", "b"), symlink("b", "a"), member("a/f")])),
        "too many symbolic links",
    ),
    "no archive at all": (ServedLayers(os.urandom(5000)), "layer sha256:"),
}


@pytest.mark.parametrize("case", BAD_LAYERS)
def test_a_bad_layer(door, place, case):
    image, sentence = BAD_LAYERS[case]
    with ScriptedRegistry(image) as registry:
        said = refused(door, "pull", registry.reference())
    assert sentence in said
    assert names(place / "root") == []
    assert list((place / "root/layers/sha256").glob("*")) == []
    assert not (place / "root/store/blobs/sha256" / image.layers[0]["digest"][7:]).exists()


@pytest.mark.parametrize(
    ("entries", "inside"),
    [
        ([member("/etc/ocinb-was-here", data=b"x")], "etc/ocinb-was-here"),
        ([symlink("d", "/tmp"), member("d/ocinb-was-here", data=b"x")], "tmp/ocinb-was-here"),
        ([symlink("d", "../../../tmp"), member("d/ocinb-was-here")], "tmp/ocinb-was-here"),
    ],
    ids=["an absolute name", "an absolute link", "a link with many dots"],
)
def test_names_and_links_that_point_at_the_host_stay_beneath_the_root(door, place, entries, inside):
    """As docker, containerd and umoci have it: images made by kaniko have absolute names."""
    with ScriptedRegistry(ServedLayers(archive(entries))) as registry:
        answer = door("pull", registry.reference())
    assert not answer.failed
    (layer,) = (place / "root/layers/sha256").iterdir()
    assert (layer / inside).exists()
    assert not Path("/", inside).exists()
    if entries[0][0].name.startswith("/"):
        assert "absolute" in "".join(answer.warnings)


@pytest.mark.slow
def test_a_connection_that_is_cut_again_and_again(door, place):
    image = ServedLayers(archive([member("random", data=os.urandom(100_000))]))
    with ScriptedRegistry(spoiled(image, lambda reply: replace(reply, cut=100))) as registry:
        assert "broke the connection" in refused(door, "pull", registry.reference())
        assert names(place / "root") == []
        registry.script = image
        assert not door("pull", registry.reference()).failed


# what the disk says


@pytest.fixture
def disk(place):
    """A small file system in the place of ``OCINB_ROOT``; ``disk(size)`` makes it."""
    root = place / "root"
    root.mkdir()
    mounted = []

    def mount(size: str) -> Path:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", root], check=True
        )
        mounted.append(root)
        return root

    yield mount
    for path in mounted:
        subprocess.run(["umount", path], check=True)


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize("size", ["16k", "64k", "400k", "2m"])
def test_no_space_for_a_pull(door, place, disk, size):
    """At each size something else does not fit: the store, a blob, a layer's files."""
    root = disk(size)
    random = os.urandom(300_000)
    image = ServedLayers(
        archive([member("random", data=random)]),
        archive([member("zeros", data=bytes(3 << 20))]),
    )
    with ScriptedRegistry(image) as registry:
        assert "no space left on device" in refused(door, "pull", registry.reference())
        assert names(root) == []
        assert unsound(root) == []
        # What was kept is what a later pull goes on with.
        subprocess.run(["mount", "-o", "remount,size=20m", root], check=True)
        assert not door("pull", registry.reference()).failed
    assert len(names(root)) == 1


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize("pages", [0, 1, 2, 3, 4, 6, 9])
def test_no_space_for_a_container(door, place, disk, demo_store, pages):
    """With so many pages free, ever later files of the container's directory do not fit."""
    root = disk("40m")
    shutil.copytree(demo_store, root / "store")
    assert not door("run", "--rm", "demo", "true").failed
    until(lambda: _left(root) == [])  # its files go a moment after it
    _fill(root, pages)
    assert "no space left on device" in refused(door, "run", "demo", "true")
    assert _left(root) == []
    assert leftovers(root) == []


def _left(root: Path) -> list[Path]:
    """The directories of containers."""
    return [path for path in (root / "containers").iterdir() if path.name[0] != "."]


@pytest.mark.root
def test_no_space_for_a_bundle(door, place, disk, demo_store):
    root = disk("40m")
    shutil.copytree(demo_store, root / "store")
    assert not door("run", "--rm", "demo", "true").failed
    until(lambda: _left(root) == [])
    _fill(root, 100)
    (root / "empty").mkdir()
    for name in ("new", "empty"):
        assert "no space left" in refused(door, "bundle", "demo", root / name)
    assert not (root / "new").exists()
    assert list((root / "empty").iterdir()) == []
    assert leftovers(root) == []


def _fill(root: Path, pages: int) -> None:
    with (root / "filler").open("wb") as file:
        free = os.fstatvfs(file.fileno()).f_bavail
        os.posix_fallocate(file.fileno(), 0, max(free - pages, 1) * 4096)


@pytest.mark.root
def test_a_disk_that_cannot_be_written(door, place, disk):
    root = disk("1m")
    subprocess.run(["mount", "-o", "remount,ro", root], check=True)
    assert "read-only" in refused(door, "pull", "127.0.0.1:1/demo")


@pytest.mark.root
@pytest.mark.parametrize(
    "words", [["build", "{place}"], ["demo"], ["run", "--show-config", "demo"]], ids=lambda w: w[0]
)
def test_no_directory_for_temporary_files(place, demo, words):
    (place / "Dockerfile").write_text("FROM demo\nCOPY --chown=1000 Dockerfile /srv/\n")
    # Where temporary files could lie all is read-only, in a mount namespace of its own. This
    # repository and its interpreter may lie there, too: they are shown elsewhere.
    script = (
        'mount --make-rprivate / && mount --rbind "$1" /mnt && mount --rbind "$2" /media && '
        'mount --rbind "$3" /srv && shift 3 && cd /sys && '
        'for d in /tmp /var/tmp; do mount -t tmpfs -o ro none $d; done && exec "$@"'
    )
    words = [word.format(place="/mnt") for word in words]
    repository, python = Path(__file__).parents[2], Path(sys.prefix)
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", place, repository, python,
         f"/srv/bin/{Path(sys.executable).name}", "-m", "ocinb",
         "--root", "/mnt/root", "--run-root", "/mnt/run", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": "/media", "TMPDIR": "/no/such"},
    )  # fmt: skip
    assert done.returncode != 0
    *_, sentence, hint = done.stderr.splitlines()
    said = "there is no directory for temporary files: neither TMPDIR nor /tmp nor /var/tmp can"
    assert sentence.startswith("ocinb: ")
    assert sentence.endswith(f"{said} be written")
    assert hint == "TMPDIR=DIR names another one; or the disk is full"


def test_a_store_of_another_version(door, place):
    store = place / "root/store"
    store.mkdir(parents=True)
    (store / "oci-layout").write_text('{"imageLayoutVersion":"7.0.0"}')
    (store / "index.json").write_text('{"schemaVersion":2,"manifests":[]}')
    assert "7.0.0" in refused(door, "images")
    assert sorted(os.listdir(store)) == ["index.json", "oci-layout"]


def test_a_store_whose_index_is_damaged(door, place):
    Store(place / "root/store")
    (place / "root/store/index.json").write_text('{"schemaVersion":2,"manif')
    assert "index.json" in refused(door, "images")
    (place / "root/store/index.json").write_text('{"schemaVersion":2,"manifests":[]}')


# what a container is told


@pytest.mark.root
def test_a_name_in_use(door, demo):
    assert not door("run", "--name", "taken", demo, "true").failed
    said = refused(door, "run", "--name", "taken", demo, "true")
    assert said == "there is a container taken already"
    assert not door("delete", "taken").failed


@pytest.mark.root
@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (["--ulimit", "nosuch=1:1"], "--ulimit nosuch=1:1: there is no limit nosuch"),
        (["--user", "nobody-here"], "nobody-here"),
        (["--cap-add", "CAP_FLY"], "not a capability"),
        (["--hostname", "x" * 65], "hostname"),
        (["--sysctl", "vm.swappiness=1"], "vm.swappiness"),
        (["--runtime", "/nonexistent"], "no OCI runtime /nonexistent"),
        (["--workdir", "/etc/passwd"], "/etc/passwd"),
        (["--network", "moon"], "there is no network moon"),
        (["--memory", "100k"], "memory"),
        (["--volume", "/nowhere:/x"], "--volume /nowhere:/x: /nowhere: no such file or directory"),
        (["--volume", "/etc:/x:lowerdir=/"], "'lowerdir=/' is not known"),
        (["--volume", "../../up:/x"], "no such file or directory"),
        (["--env-file", "/nowhere"], "--env-file /nowhere cannot be read"),
        (["--device", "/dev/nothing"], "--device /dev/nothing: /dev/nothing: no such file"),
        (["--pid", "container:nobody"], "there is no container nobody"),
        (["--name", "../escape"], "'../escape' is not a name for a container"),
        (["--group-add", "nobodies"], "group 'nobodies' is not in the image's etc/group"),
        (["--cpuset-cpus", "4000"], "cpuset"),
        (["--cidfile", "/proc/nowhere"], "--cidfile /proc/nowhere cannot be written"),
        (["--hook", "createRuntime=/no/such/hook"], "/no/such/hook"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wish_that_makes_no_container(door, place, demo, wish, sentence):
    assert sentence in refused(door, "run", *wish, demo, "true")
    assert list(place.glob("root/containers/*/*")) == []
    assert list(place.glob("run/runtime/*")) == []


@pytest.mark.root
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda config: config.pop("ociVersion"), "ociVersion"),
        (lambda config: config["process"].update(args=[]), "args"),
        (lambda config: config["process"].update(cwd="relative"), "cwd"),
        (lambda config: config["mounts"].append({"source": "x"}), "destination"),
        (lambda config: config["linux"]["namespaces"].append({"type": "moon"}), "moon"),
        (lambda config: config.update(root={"path": "nowhere"}), "nowhere"),
    ],
    ids=["no version", "no program", "a relative directory", "no destination", "moon", "no root"],
)
def test_a_bundle_whose_config_is_not_valid(place, demo, change, sentence):
    """The runtime is its own door: the bundle was made by ours and spoiled by hand."""
    with opened("shell", place / "root", place / "run", place / "tmp") as door:
        assert not door("bundle", demo, place / "bundle", "true").failed
    path = place / "bundle/config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    _runtime_refuses(place, sentence)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ociVersion": 7}', "\udcff"])
def test_a_config_that_is_no_document(place, text):
    (place / "bundle/rootfs").mkdir(parents=True)
    (place / "bundle/config.json").write_text(text, errors="surrogateescape")
    _runtime_refuses(place, "")


def _runtime_refuses(place: Path, sentence: str) -> None:
    state = place / "state"
    runtime = [sys.executable, "-m", "ocinb.runtime", "--root", state]
    done = subprocess.run(
        [*runtime, "create", "--bundle", place / "bundle", "box"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ocinb-runtime: ")
    assert sentence in line
    assert not state.exists() or list(state.iterdir()) == []


# two at once, and one that is killed
@pytest.mark.slow
def test_two_processes_pull_the_same_image(place):
    image = ServedLayers(archive([member("a", data=os.urandom(2 << 20))]), WHOLE)
    pulls = []
    with (
        ScriptedRegistry(image) as registry,
        opened("shell", place / "root", place / "run", place / "tmp") as door,
    ):
        name = registry.reference()
        threads = [
            threading.Thread(target=lambda: pulls.append(door("pull", name))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        layers = [r for r in registry.requests if r.method == "GET" and _is_layer(image, r)]
    assert [pull.failed for pull in pulls] == [False] * 3
    assert names(place / "root") == [str(name)]
    assert len(layers) == 2, "each blob came over the network once"


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 100_000, 1_500_000])
def test_a_pull_that_is_killed_and_begun_again(place, after):
    """``after`` so many bytes of the layer the program is killed; the next goes on from there."""
    layer = archive([member("a", data=os.urandom(2 << 20))])
    image = ServedLayers(layer)
    reached, killed = threading.Event(), threading.Event()

    def stalling(request: Request) -> Reply:
        reply = image(request)
        if not _is_layer(image, request) or reached.is_set():
            return reply
        return replace(
            reply, body=_stall(reply.body, after, reached, killed), length=len(reply.body)
        )

    with ScriptedRegistry(stalling) as registry:
        with opened("shell", place / "root", place / "run", place / "tmp") as door:
            argv = [sys.executable, "-m", "ocinb", "pull", str(registry.reference())]
            pulling = subprocess.Popen(
                argv, env=door.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            assert reached.wait(20)
            until(lambda: not after or _written(place / "root/store/ingest"))
            pulling.send_signal(signal.SIGKILL)
            pulling.communicate()
            killed.set()
            assert unsound(place / "root") == []
            assert names(place / "root") == []
            assert not door("pull", registry.reference()).failed
        ranges = [r.headers.get("range") for r in registry.requests if _is_layer(image, r)]
    assert names(place / "root") == [str(registry.reference())]
    assert list((place / "root/store/ingest").glob("sha256-*")) == []
    if after:
        assert ranges[-1], "what was there already was not asked for again"


def _is_layer(image: ServedImage, request: Request) -> bool:
    return any(request.path.endswith(str(layer["digest"])) for layer in image.layers)


def _written(ingest: Path) -> bool:
    return any(p.stat().st_size for p in ingest.glob("sha256-*") if p.suffix != ".lock")


def _stall(
    body: bytes, after: int, reached: threading.Event, killed: threading.Event
) -> Iterator[bytes]:
    yield body[:after]
    reached.set()
    killed.wait(30)  # the reader
    yield body[after:]
