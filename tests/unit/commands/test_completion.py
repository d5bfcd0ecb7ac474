"""Completion: what may follow is offered; nothing is unpacked, fetched or told for it."""

from __future__ import annotations

import os

import pytest

from ocinb.build.demo import demo_image
from ocinb.commands import tree
from ocinb.commands.completion import complete
from ocinb.commands.session import Session
from ocinb.settings import Settings


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion")
    session = Session(Settings(root=path / "root", run_root=path / "run"))
    store = session.engine.store
    made = demo_image(store)
    store.names.set("docker.io/library/demo:latest", made)
    store.names.set("localhost:5000/team/demo:1.0", made)
    session.engine.images.unpack(session.engine.images.get("demo"))
    return session


def possible(line, session):
    *before, last = line.split(" ")
    return complete(tree.root, before, last, session)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pu", ["pull", "push"]),
        ("registry d", ["down"]),
        ("images --f", ["--format"]),
        ("images --format j", ["json"]),
        ("layers de", ["demo"]),
        ("lesson open 04", ["04"]),
        ("check 04-d", ["04-diffid", "04-delete"]),
        ("layers localhost:5000/", ["localhost:5000/team/demo:1.0"]),
        ("layers docker.io/", ["docker.io/library/demo:latest"]),
        ("cat demo:/et", ["demo:/etc/"]),
        ("cat demo:/etc/os", ["demo:/etc/os-release"]),
        ("cat de", ["demo:/"]),
        ("files demo /etc/pa", ["/etc/passwd"]),
        ("why demo /us", ["/usr/"]),
        ("cat demo:/etc/motd --layer ", ["1", "2", "3", "4", "5", "6"]),
        ("files demo --layer ", ["1", "2", "3", "4", "5", "6"]),
        ("run --runtime oci", ["ocinb"]),
        ("run demo /bin/ca", ["/bin/cat"]),
        ("run demo ca", ["cat"]),
        ("run demo cat ca", []),
        ("run --network no", ["none"]),
        ("run --network ", ["none", "host", "bridge"]),
        ("run --pid h", ["host"]),
        ("layers demo --platform linux/arm", ["linux/arm64/v8"]),
        ("kill --signal KI", ["KILL"]),
        ("bundle explain process.cw", ["process.cwd"]),
        ("tags loc", ["localhost:5000/team/demo"]),
        ("catalog d", ["docker.io"]),
        ("ps --filter st", ["status="]),
        ("ps --filter status=p", ["status=paused"]),
        ("events --filter action=c", ["action=create", "action=connect"]),
        ("where white", ["whiteouts"]),
        ("where layer.md#wh", ["layer.md#whiteouts"]),
    ],
)  # fmt: skip
def test_what_may_follow(line, expected, session):
    assert possible(line, session) == expected


def test_a_short_name_is_completed_where_it_can_be_nothing_else(tmp_path):
    session = Session(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))
    store = session.engine.store
    made = demo_image(store)
    store.names.set("localhost:5000/team/demo:latest", made)
    session.engine.images.unpack(session.engine.images.get("demo"))
    assert possible("layers de", session) == ["demo"]
    assert possible("cat demo:/etc/os", session) == ["demo:/etc/os-release"]
    store.names.set("ghcr.io/demo:latest", made)
    assert possible("layers de", session) == []
    assert possible("layers team/d", session) == []


def test_what_is_there_by_name_is_offered_to_run(tmp_path):
    session = Session(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))
    session.engine.volumes.create("data")
    assert possible("run -v da", session) == ["data:"]
    if os.geteuid() == 0:
        session.engine.networks.create("mine")
        assert possible("run --network m", session) == ["mine"]


def test_a_digest_is_completed_behind_its_name(session):
    digest = session.engine.images.get("demo").target.digest
    assert possible("inspect demo@sha256:", session) == [f"demo@{digest}"]


def test_a_group_with_a_default_offers_both(session):
    assert possible("manifest d", session) == ["delete", "demo"]


def test_tags_of_a_registry_are_known_once_they_were_listed(session):
    session.remote_tags["localhost:5000/other"] = ("1.0", "2.0")
    assert "localhost:5000/other:2.0" in possible("pull localhost:5000/o", session)
    session.remote_tags.clear()


@pytest.mark.parametrize("line", ["nothing ", "version ", "cat demo:/nothing/", "x y z"])
def test_where_nothing_fits_nothing_is_offered(line, session):
    assert possible(line, session) == []


def test_files_of_this_machine_for_what_is_one(session, tmp_path):
    (tmp_path / "archive.tar").touch()
    (tmp_path / "arch").mkdir()
    assert possible(f"load {tmp_path}/ar", session) == [
        f"{tmp_path}/arch/",
        f"{tmp_path}/archive.tar",
    ]
    assert possible(f"build -f {tmp_path}/archiv", session) == [f"{tmp_path}/archive.tar"]


def test_names_of_volumes_and_networks_for_their_commands(session):
    session.engine.volumes.create("data")
    assert possible("volume rm d", session) == ["data"]
    assert possible("network rm d", session) == []


def test_mount_points_are_paths_of_this_machine(session, tmp_path):
    (tmp_path / "here").mkdir()
    assert possible(f"mount demo {tmp_path}/", session) == [f"{tmp_path}/here/"]
    assert possible("umount ", session) == []


def test_nothing_is_unpacked_or_recorded_for_it(tmp_path):
    session = Session(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))
    store = session.engine.store
    store.names.set("docker.io/library/demo:latest", demo_image(store))
    told = len(session.recorder.events)
    assert possible("cat demo:/et", session) == []
    assert not (tmp_path / "root" / "layers").exists()
    assert len(session.recorder.events) == told


def test_other_directories_count_when_the_line_names_them(session, tmp_path):
    assert possible(f"--root {tmp_path / 'empty'} layers ", session) == []


def test_the_shell_asks_the_same_way(session, capsys, monkeypatch):
    from ocinb.cli.__main__ import main

    monkeypatch.setenv("OCINB_ROOT", os.fspath(session.settings.root))
    monkeypatch.setenv("OCINB_RUN_ROOT", os.fspath(session.settings.run_root))
    monkeypatch.setenv("_OCINB_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "ocinb cat demo:/etc/os")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == "plain,demo:/etc/os-release\n"
    monkeypatch.setenv("COMP_WORDS", "ocinb nothing x")
    assert main() == 0
    assert capsys.readouterr() == ("", "")
