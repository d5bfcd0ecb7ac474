"""Commands that answer with a picture: their rows are true, and each can be drawn."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from ocinb.build.demo import demo_image
from ocinb.cli.__main__ import exit_status
from ocinb.commands import tree
from ocinb.commands.completion import complete
from ocinb.commands.values import Json, Picture
from ocinb.container import Container
from ocinb.content.store import Store
from ocinb.door import diagram
from ocinb.errors import CommandError, InvalidStatus, NameNotFound, UnsupportedHost
from ocinb.image import Image
from ocinb.notebook.diagrams.draw import draw
from ocinb.spec import media_types
from ocinb.spec.annotations import REF_NAME
from ocinb.spec.document import encode
from ocinb.table import Table
from tests.support.door import Door

NAME = "docker.io/library/demo:latest"
OTHER = "localhost:5000/demo:1.0"


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    door = Door(tmp_path_factory.mktemp("pictured"))
    store = Store(door.session.settings.store)
    made = demo_image(store)
    store.names.set(NAME, made)
    store.names.set(OTHER, made)
    yield door
    for name in door("ps", "--all", "--quiet"):
        door("delete", "--force", name)


@pytest.fixture(scope="module")
def image(door):
    return Image(door.session.engine, door.session.engine.images.get("demo"))


def rows(answer):
    table = answer.table if isinstance(answer, Picture) else answer
    return table.records()


@pytest.fixture(scope="module")
def running(door, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    (data / "out").symlink_to("/")
    door("run", "-d", "--name", "box", "--memory", "64m", "--pids-limit", "20",
         "-v", f"{data}:/data", "demo", "sh", "-c", "sleep 600")  # fmt: skip
    return Container.find(door.session.engine, "box")


def test_the_ledger_computes_each_digest_from_the_bytes(door, image):
    answer = door("ledger", "demo")
    kinds = [row["kind"] for row in rows(answer)]
    assert kinds[:3] == ["index", "manifest", "config"]
    assert kinds.count("layer") == kinds.count("diffID") == kinds.count("chainID") == 6
    assert {row["verified"] for row in rows(answer)} == {"yes"}
    assert exit_status(answer) == 0
    blob = door.session.engine.store.path(image.local.manifest.layers[2].digest).read_bytes()
    (row,) = [row for row in rows(answer) if (row["kind"], row["layer"]) == ("layer", 3)]
    assert row["computed"] == f"sha256:{hashlib.sha256(blob).hexdigest()}"
    assert row["bytes"] == len(blob)
    chain = {row["layer"]: row["digest"] for row in rows(answer) if row["kind"] == "chainID"}
    assert list(chain.values()) == list(image.local.config.chain_ids)


def test_the_ledger_tells_a_damaged_blob(tmp_path):
    door = Door(tmp_path)
    store = Store(door.session.settings.store)
    store.names.set(NAME, demo_image(store))
    layers = door.session.engine.images.get("demo").manifest.layers
    store.path(layers[1].digest).write_bytes(b"something else")
    store.delete(layers[2].digest)
    answer = door("ledger", "demo")
    told = {(row["kind"], row["layer"]): row["verified"] for row in rows(answer)}
    assert told["layer", 1] == told["diffID", 1] == "yes"
    assert told["layer", 2] == "no"
    assert told["diffID", 2] != "yes"
    assert told["layer", 3].startswith("no blob sha256:")
    assert told["chainID", 6] == "a diffID is not known"
    assert exit_status(answer) == 1
    assert "Not true: layer 2: no" in draw(answer).alt


def test_the_graph_follows_every_descriptor_and_finds_what_refers(door):
    store = door.session.engine.store
    target = store.names.get(NAME)
    subject = json.loads(store.read(target))["manifests"][0]
    empty = store.add(b"{}", media_types.EMPTY)
    config = {"mediaType": empty.media_type, "digest": empty.digest, "size": empty.size}
    artifact = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "artifactType": "application/vnd.example.sbom",
        "config": config,
        "layers": [config],
        "subject": {key: subject[key] for key in ("mediaType", "digest", "size")},
    }
    made = store.add(encode(artifact), media_types.IMAGE_MANIFEST)
    store.names.set("docker.io/library/sbom:1", made)
    found = rows(door("graph", "demo"))
    assert [row["kind"] for row in found[:3]] == ["index", "manifest", "config"]
    assert {row["here"] for row in found} == {"yes"}
    (referrer,) = [row for row in found if row["kind"] == "referrer"]
    assert referrer["digest"] == made.digest
    assert referrer["parent"] == subject["digest"]
    store.names.remove("docker.io/library/sbom:1")
    assert REF_NAME  # the name is the layout's


def test_what_the_store_lacks_is_told(tmp_path):
    door = Door(tmp_path)
    store = Store(door.session.settings.store)
    store.names.set(NAME, demo_image(store))
    manifest = door.session.engine.images.get("demo").manifest
    store.delete(manifest.layers[0].digest)
    found = {row["digest"]: row["here"] for row in rows(door("graph", "demo"))}
    assert found[manifest.layers[0].digest] == "no"
    assert found[manifest.layers[1].digest] == "yes"
    with pytest.raises(NameNotFound):
        door("graph", "nothing")


def test_a_look_up_has_a_row_for_every_layer(door):
    answer = door("why", "--diagram", "demo", "/etc/motd")
    assert [row["says"] for row in rows(answer)] == ["", "", "adds", "deletes", "", ""]
    assert "not seen: layer 4 takes it away" in draw(answer).alt
    assert len(rows(door("why", "demo", "/etc/motd"))) == 2
    with pytest.raises(CommandError, match="needs a PATH"):
        door("why", "--diagram", "demo")


def test_a_directory_is_merged_from_all_layers_that_have_it(door):
    assert "merged from all layers" in draw(door("why", "--diagram", "demo", "/etc")).alt


def test_two_images_side_by_side(door, image):
    same = rows(door("compare", "demo", OTHER))
    assert {row["same"] for row in same} == {"yes"}
    door("config", "demo", "--env", "NEW=1", "-t", "changed")
    found = rows(door("compare", "demo", "changed"))
    differing = {row["name"]: (row["one"], row["other"]) for row in found if row["same"] == "no"}
    assert differing == {"config.Env.NEW": ("", '"1"')}


def test_two_bundles_side_by_side(door, tmp_path):
    for name in ("a", "b"):
        door("bundle", "spec", tmp_path / name)
    assert rows(door("compare", tmp_path / "a", tmp_path / "b")) == []
    door("bundle", "edit", tmp_path / "b", "hostname=other")
    (row,) = rows(door("compare", tmp_path / "a", tmp_path / "b"))
    assert (row["name"], row["other"]) == ("hostname", '"other"')
    with pytest.raises(CommandError, match="not of the same kind"):
        door("compare", tmp_path / "a", "demo")


def test_components_are_looked_for_and_none_is_started(door):
    found = {row["component"]: row for row in rows(door("components"))}
    assert found["ocinb-runtime"]["present"] == "yes"
    assert found["namespaces"]["present"] == "yes"
    assert "mnt" in found["namespaces"]["detail"]
    assert [row["level"] for row in found.values()] == sorted(r["level"] for r in found.values())


def test_other_forms_than_the_picture(door):
    assert isinstance(door("ledger", "demo"), Picture)
    assert isinstance(door("ledger", "--format", "table", "demo"), Table)
    assert isinstance(door("ledger", "--format", "json", "demo"), Json)


def test_diagrams_of_python_objects(image):
    for what in ("", "layers", "graph", "ledger"):
        assert diagram(image, what).svg.startswith("<svg")
    assert "/etc/motd" in diagram(image, "why", "/etc/motd").title
    assert "0 differences" in diagram(image, "compare", image).alt
    with pytest.raises(CommandError, match="needs a path"):
        diagram(image, "why")
    with pytest.raises(CommandError, match="there is no diagram 'lifecycle' of it"):
        diagram(image, "lifecycle")
    with pytest.raises(CommandError, match="no diagram of a str"):
        diagram("demo")


@pytest.mark.root
def test_namespaces_and_mounts_beside_the_hosts(door, running):
    found = rows(door("namespaces", "box"))
    namespaces = {row["name"]: row for row in found if row["part"] == "namespace"}
    pid = door.session.engine.containers.get("box").pid
    for kind, row in namespaces.items():
        assert row["container"] in os.readlink(f"/proc/{pid}/ns/{kind}")
        assert row["host"] in os.readlink(f"/proc/self/ns/{kind}")
        assert (row["shared"] == "yes") == (row["container"] == row["host"])
    assert namespaces["pid"]["shared"] == "no"
    assert {"/", "/proc", "/dev"} <= {row["name"] for row in found if row["part"] == "mount"}
    assert "its own namespaces are" in diagram(running, "namespaces").alt


@pytest.mark.root
def test_limits_beside_what_is_used(door, running):
    found = {row["resource"]: row for row in rows(door("limits", "box"))}
    assert found["memory"]["limit"] == 64 << 20
    assert 0 < found["memory"]["used"] < 64 << 20
    assert found["processes"]["limit"] == 20
    assert 1 <= found["processes"]["used"] < 20
    assert "of 20 processes" in diagram(running, "limits").alt


@pytest.mark.root
def test_what_took_part_in_a_run(door, running):
    part = {row["component"]: row["part"] for row in rows(door("components", "box"))}
    assert part["ocinb-runtime"]
    assert not part["runc"]
    assert part["namespaces"].startswith("its own pid")
    assert part["overlay"] == "stacks its layers"
    assert part["seccomp"] == "filters its system calls"


@pytest.mark.root
def test_two_runs_side_by_side_and_what_has_ended_is_told(door, running):
    door("run", "--name", "ended", "demo", "true")
    found = rows(door("compare", "box", "ended"))
    facts = {row["name"]: (row["one"], row["other"]) for row in found if row["subject"] == "fact"}
    assert facts["status"] == ("running", "stopped, exit status 0")
    assert len([row for row in found if row["subject"] == "step"]) == 13
    assert any(row["name"].startswith("linux.resources") for row in found)
    for command in ("namespaces", "limits"):
        with pytest.raises(InvalidStatus, match="container ended has ended"):
            door(command, "ended")


@pytest.mark.root
def test_a_step_of_the_lifecycle_can_be_opened(door, running):
    calls = rows(door("lifecycle", "--step", "2", "box"))
    assert any(row["what"].startswith("mount(") for row in calls)
    assert "StepFinished" not in {row["event"] for row in calls}
    drawn = draw(door("lifecycle", "--diagram", "--step", "2", "box"))
    assert "step 2" in drawn.title
    assert diagram(running, "lifecycle", 2).title == drawn.title
    with pytest.raises(CommandError, match="was not reached"):
        door("lifecycle", "--step", "12", "box")


@pytest.mark.root
def test_a_group_that_is_ours_too_counts_nothing_of_the_containers(running):
    from ocinb.insight.limits import limits_table

    with pytest.raises(UnsupportedHost, match="no control group of its own"):
        limits_table(os.getpid(), "me")


@pytest.mark.root
def test_tab_knows_the_paths_of_a_container_that_runs(door, running):
    def possible(*words):
        return complete(tree.root, words[:-1], words[-1], door.session)

    assert possible("cp", "bo") == ["box:/"]
    assert possible("cp", "box:/et") == ["box:/etc/"]
    assert possible("cp", "box:/etc/os") == ["box:/etc/os-release"]
    assert possible("exec", "bo") == ["box"]
    assert "box:/data/out/data/" in possible("cp", "box:/data/out/")  # its own root
    assert possible("cp", "box:/data/out/root/.") == []
