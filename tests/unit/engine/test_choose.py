"""Which rung is chosen, given what works."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.engine import choose as module
from ocinb.engine.choose import choose, choose_emulated, ladder
from ocinb.engine.rung import Rung
from ocinb.engine.runtime_process import find_runtime
from ocinb.engine.way import find_way
from ocinb.errors import UnsupportedHost
from ocinb.overlay.plan import COPY, FUSE, OVERLAY
from ocinb.overlay.probe import Attempt, Probe
from ocinb.settings import Settings

REFUSED = "unshare: operation not permitted"


def probed(namespaces: str = "", best: str = OVERLAY, proc: str = "") -> Probe:
    kinds = (OVERLAY, FUSE, COPY)
    attempts = tuple(
        Attempt(kind=kind, works=kinds.index(kind) >= kinds.index(best), answer=f"{kind} tried")
        for kind in kinds
    )
    return Probe(attempts=attempts, user_namespace=False, namespaces=namespaces, proc=proc)


class Machine:
    """What a machine answers, in place of what this one would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = self.user = probed(REFUSED)
        self.proot = self.fakechroot = ("refused", "install it")
        monkeypatch.setattr(module, "probe", self._probe)
        monkeypatch.setattr(module, "try_proot", lambda: self.proot)
        monkeypatch.setattr(module, "try_fakechroot", lambda _: self.fakechroot)

    def _probe(self, _directory: str, *, user_namespace: bool = False, **_: object) -> Probe:
        return self.user if user_namespace else self.root


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_the_best_that_works_is_chosen(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedHost, match="does not let this user run containers") as caught:
        choose(tmp_path)
    assert "install it" in (caught.value.hint or "")
    machine.fakechroot = ("", "")
    assert choose(tmp_path).rung.name == "fakechroot"
    machine.proot = ("", "")
    assert choose(tmp_path).rung.name == "proot"
    machine.user = probed()
    assert choose(tmp_path).rung.name == "user namespace"
    machine.root = probed()
    assert choose(tmp_path).rung.name == "root"


def test_a_step_down_says_what_was_refused_above(machine: Machine, tmp_path: Path) -> None:
    machine.fakechroot = ("", "")
    machine.proot = ("ptrace: operation not permitted", "")
    choice = choose(tmp_path)
    notice = choice.rung.notice(choice.better)
    assert notice.startswith("containers run by fakechroot (")
    assert f"no user namespace: {REFUSED}" in notice
    assert "no proot: ptrace: operation not permitted" in notice
    assert "not isolated" in notice


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (probed(), ""),
        (probed(best=FUSE), "files are slow"),
        (probed(best=COPY), "each container copies its whole image"),
        (probed(proc="mount: operation not permitted"), "this machine's processes are seen"),
    ],
)
def test_the_best_of_a_rung_is_no_news_and_less_is(
    machine: Machine, tmp_path: Path, probe: Probe, said: str
) -> None:
    machine.root = probe
    notice = choose(tmp_path).rung.notice("")
    assert said in notice
    assert bool(notice) == bool(said)


@pytest.mark.parametrize(("scope", "named"), [("1", False), ("2", True), ("3", True)])
def test_yama_is_named_where_it_forbids_tracing(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str, named: bool
) -> None:
    (tmp_path / "ptrace_scope").write_text(f"{scope}\n")
    monkeypatch.setattr(module, "_TRACING", str(tmp_path / "ptrace_scope"))
    machine.proot = ("ptrace: operation not permitted", "a seccomp filter must allow ptrace")
    rung = next(rung for rung in ladder(tmp_path) if rung.name == "proot")
    assert ("ptrace_scope, which is" in rung.enable) == named
    assert rung.works is False


def test_a_switch_that_forbids_user_namespaces_is_named(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "max").write_text("0\n")
    monkeypatch.setattr(module, "_LIMITS", {"/no/such": "0", str(tmp_path / "max"): "0"})
    rung = ladder(tmp_path)[1]
    assert rung.enable == f"the superuser must change {tmp_path}/max, which is 0"


def test_a_rung_that_was_asked_for_must_work(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedHost, match="proot does not work here: refused") as caught:
        choose_emulated("proot", tmp_path)
    assert caught.value.hint == "install it"
    machine.proot = ("", "")
    assert choose_emulated("proot", tmp_path).rung.name == "proot"


def test_the_runtime_fits_the_rung(machine: Machine, tmp_path: Path) -> None:
    settings = Settings(root=tmp_path / "root", run_root=tmp_path / "run")
    machine.proot = ("", "")
    choice = choose(tmp_path)
    assert find_way(settings, choice, None).runtime.name == "proot"
    assert find_way(settings, choice, "ocinb").runtime.name == "proot"
    assert find_way(settings, choice, "proot").rung == choice.rung
    for other in ("runc", "/usr/bin/some-runtime"):
        with pytest.raises(UnsupportedHost, match=f"{other} needs namespaces, and there are none"):
            find_way(settings, choice, other)
    machine.root = probed()
    better = choose(tmp_path)
    assert find_way(settings, better, None).runtime.ours
    way = find_way(settings, better, "proot")
    assert (way.rung.name, way.runtime.name) == ("proot", "proot")
    assert way.notice.startswith("containers run by proot (it was asked for): ")


def test_what_takes_the_place_of_a_runtime_has_its_command_line() -> None:
    emulated = find_runtime("fakechroot", "/state")
    assert not emulated.ours
    assert emulated.tells
    assert emulated.command("state", "id", events="/e")[-6:] == (
        "--root", "/state", "--events", "/e", "state", "id",
    )  # fmt: skip


def test_a_rung_says_what_it_is() -> None:
    plain = Rung(name="root", works=True, answer="", enable="", mount=None, probe=None)
    assert not plain.user_namespace
    assert not plain.emulated
    assert not plain.rootless
    assert Rung(**dict(plain) | {"name": "proot"}).emulated
    assert Rung(**dict(plain) | {"name": "user namespace"}).rootless
