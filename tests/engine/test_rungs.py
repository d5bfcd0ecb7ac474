"""Every way of stacking layers; for the lower rungs see test_ordinary_user and test_emulated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ocinb.bundle.options import ContainerOptions
from ocinb.engine import Engine
from ocinb.engine.engine import Finished
from ocinb.engine.images import Images
from ocinb.engine.rung import NOTHING, ROOT, USER_NAMESPACE, Rung
from ocinb.errors import StorageError, SyscallError
from ocinb.events import Mounted, Recorder
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.probe import Attempt
from ocinb.settings import Settings
from tests.support.peers import require

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["overlay", "fuse-overlayfs", "copy"])
@pytest.mark.parametrize("user_namespace", [False, True])
def test_layers_are_stacked_alike_by_every_kind(
    engine: Engine, recorder: Recorder, kind: str, user_namespace: bool
) -> None:
    if kind == "fuse-overlayfs":
        require(kind)
    tried = engine.ladder()[1 if user_namespace else 0]
    assert tried.probe is not None
    attempt = tried.probe.of(kind)
    if not attempt.works:
        pytest.skip(f"{kind} does not work here: {attempt.answer}")
    # The rung that would be chosen is another one; the attempt is what the probe found.
    # Whoever needs the user namespace could not have set trusted.* attributes either.
    layers = UnpackedLayers(engine.settings.layers, recorder, user_xattrs=user_namespace)
    engine.images = Images(
        engine.settings, engine.store, layers, engine.mounts, lambda: engine.client, recorder
    )
    engine.__dict__["rung"] = Rung(**dict(tried) | {"mount": attempt})
    chunks: list[bytes] = []
    script = (
        "ls /etc/motd 2>/dev/null; ls /usr/share/demo; cat /srv/notes/today;"
        "rm -r /srv/notes && mkdir /srv/notes && ls /srv/notes; echo x > /etc/new && cat /etc/new"
    )
    done = engine.run(
        "demo",
        ContainerOptions(args=["sh", "-c", script]),
        output=lambda data, _: chunks.append(data),
    )
    assert isinstance(done, Finished)
    assert b"".join(chunks) == b"new\nnow it is a directory\nx\n"
    assert [event.kind for event in recorder.of(Mounted)] == [kind]


def test_the_superuser_stands_on_the_first_rung(engine: Engine) -> None:
    rungs = {rung.name: rung for rung in engine.ladder()}
    assert list(rungs) == [ROOT, USER_NAMESPACE, "proot", "fakechroot", NOTHING]
    assert engine.rung.name == ROOT
    assert rungs[ROOT].works
    assert rungs[ROOT].enable == ""
    assert rungs[ROOT].lost == ()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(place: Path, images_store: Path) -> None:
    root = place / "root"
    root.mkdir()
    Kernel().mount("none", str(root), "tmpfs", 0, "size=40m,mode=700")
    try:
        shutil.copytree(images_store, root / "store")
        engine = Engine(Settings(root=root, run_root=place / "run"))
        engine.images.unpack(engine.images.get("demo"))
        engine.rung  # noqa: B018 (the probe needs space too)
        with (root / "filler").open("wb") as filler:
            with pytest.raises(OSError, match="No space left"):
                while True:
                    filler.write(b"\0" * 65536)
                    filler.flush()
            with pytest.raises(StorageError, match="no space left on device"):
                engine.run("demo")
        assert engine.containers.all() == []
    finally:
        Kernel().umount(str(root), f.MNT_DETACH)


def test_a_rung_that_does_not_hold_any_more_is_tried_anew(engine: Engine) -> None:
    engine.run("demo", ContainerOptions(args=["true"]))
    kept = engine.settings.run_root / "rung.json"
    assert kept.exists()
    attempt = Attempt(kind="overlay", works=True, flags=("no-such-option",), answer="")
    engine.__dict__["rung"] = Rung(**dict(engine.rung) | {"mount": attempt})
    with pytest.raises(SyscallError, match="invalid argument"):
        engine.run("demo", ContainerOptions(args=["true"]))
    assert not kept.exists()
