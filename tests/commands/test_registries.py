"""The commands that speak to registries: log in, copy, delete, look at what was said."""

from __future__ import annotations

import getpass
import io
import json
import sys

import pytest

from ocinb.commands.values import Document, Done, Picture, Raw
from ocinb.content.store import Store
from ocinb.distribution.client import Client
from ocinb.distribution.pull import pull
from ocinb.distribution.push import push
from ocinb.distribution.referrers import put_with_subject
from ocinb.errors import (
    AuthenticationFailed,
    CommandError,
    DigestMismatch,
    InvalidDocument,
    NameNotFound,
    RegistryError,
    StorageError,
)
from ocinb.notebook.diagrams.draw import draw
from ocinb.registry.faults import FaultPlan
from ocinb.registry.passwords import Known
from ocinb.registry.serve import RegistryServer
from ocinb.registry.tokens import TokenServer
from ocinb.spec import media_types
from ocinb.spec.descriptor import describe
from ocinb.spec.digest import Digest, digest_of
from ocinb.spec.reference import Reference
from tests.support.door import Door
from tests.support.images import make_image, make_index, plain

PASSWORD = "correct-horse"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Nothing of this machine's configuration is read or written."""
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path)


@pytest.fixture
def source(tmp_path):
    return Store(tmp_path / "source")


@pytest.fixture
def registry(tmp_path):
    with RegistryServer(tmp_path / "registry") as server:
        yield server


@pytest.fixture
def guarded(tmp_path):
    with RegistryServer(tmp_path / "guarded", access=TokenServer(Known({"ann": PASSWORD}))) as made:
        yield made


def put(source, image, name):
    with Client() as client:
        return push(client, source, image, Reference.parse(name))


def typed(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_login_is_kept_for_docker_and_podman_and_logout_forgets_it(
    door, guarded, home, monkeypatch
):
    typed(monkeypatch, f"{PASSWORD}\n")
    with pytest.raises(AuthenticationFailed, match="wants a login"):
        door("tags", f"{guarded.address}/app")
    done = door("login", "--username", "ann", "--password-stdin", guarded.address)
    assert isinstance(done, Done)
    file = home / ".docker" / "config.json"
    assert str(file) in done.message
    assert PASSWORD not in done.message
    assert list(json.loads(file.read_text())["auths"]) == [guarded.address]
    assert file.stat().st_mode & 0o077 == 0
    # The same session speaks as ann from now on.
    store = door.session.engine.store
    store.names.set("docker.io/library/app:1", make_image(store, 1000))
    door("push", "app:1", f"{guarded.address}/app:1")
    assert door("tags", f"{guarded.address}/app").column("tag") == ["1"]
    assert str(file) in door("logout", guarded.address).message
    with pytest.raises(AuthenticationFailed, match="wants a login"):
        door("tags", f"{guarded.address}/app")
    with pytest.raises(CommandError, match="there is no login"):
        door("logout", guarded.address)
    assert PASSWORD not in repr(door.session.recorder.events)


def test_in_a_notebook_the_kernel_asks_without_showing(door, guarded, monkeypatch):
    asked = []

    def ask(prompt):
        asked.append(prompt)
        return PASSWORD

    monkeypatch.setattr(getpass, "getpass", ask)
    monkeypatch.setattr("builtins.input", lambda prompt: "ann")
    assert "as ann" in door("login", guarded.address).message
    assert asked == [f"password of ann for {guarded.address}: "]


def test_the_kernel_asks_also_where_it_did_so_before_the_command_was_loaded(
    door, guarded, monkeypatch
):
    monkeypatch.setattr(getpass, "getpass", lambda prompt: PASSWORD)
    monkeypatch.delitem(sys.modules, "ocinb.commands.login")
    assert "as ann" in door("login", "--username", "ann", guarded.address).message


@pytest.mark.parametrize("error", [EOFError, NotImplementedError])
def test_where_nobody_answers_it_is_one_sentence(error, door, monkeypatch):
    def nobody(prompt):
        raise error

    monkeypatch.setattr(getpass, "getpass", nobody)
    with pytest.raises(CommandError, match="was not answered"):
        door("login", "--username", "ann", "localhost:5000")


def test_a_wrong_password_is_not_kept(door, guarded, home, monkeypatch):
    typed(monkeypatch, "wrong")
    with pytest.raises(AuthenticationFailed, match="does not accept the login of ann"):
        door("login", "-u", "ann", "--password-stdin", guarded.address)
    assert not (home / ".docker").exists()


def test_without_terminal_and_without_name_login_says_what_it_needs(door, monkeypatch):
    typed(monkeypatch, "")
    with pytest.raises(CommandError, match="needs a name"):
        door("login", "localhost:5000")
    with pytest.raises(CommandError) as caught:
        door("login", "-u", "ann", "localhost:5000")
    assert "--password-stdin" in caught.value.hint
    with pytest.raises(CommandError, match="no password on standard input"):
        door("login", "-u", "ann", "--password-stdin", "localhost:5000")


@pytest.mark.parametrize("name", ["nginx", "localhost:5000/demo", "a b", ""])
def test_what_is_no_registry_is_told(name, door):
    with pytest.raises(CommandError, match="not the name of a registry"):
        door("catalog", name)


def test_catalog_copy_and_tags_delete(door, registry, source, tmp_path):
    index = make_index(
        source, {a: make_image(source, 500, architecture=a) for a in ("amd64", "s390x")}
    )
    put(source, index, f"{registry.address}/one:1")
    done = door("copy", f"{registry.address}/one:1", f"{registry.address}/two:2")
    assert done.subject == index.digest
    assert "mounted from a repository there" in done.message
    again = door("copy", f"{registry.address}/one:1", f"{registry.address}/two:2")
    assert "nothing was missing" in again.message
    single = door(
        "copy",
        "--platform",
        "linux/s390x",
        f"{registry.address}/one:1",
        f"{registry.address}/two:s390x",
    )
    assert single.subject != index.digest
    assert door("catalog", registry.address).column("repository") == ["one", "two"]
    door("tags", "delete", f"{registry.address}/two:2")
    assert door("tags", f"{registry.address}/two").column("tag") == ["s390x"]
    by_digest = f"{registry.address}/two@{index.digest}"
    assert door("manifest", "--remote", by_digest).title.endswith(index.digest)


def test_manifest_delete_takes_all_tags_along(door, registry, source):
    image = make_image(source, 500)
    for tag in ("1", "2"):
        put(source, image, f"{registry.address}/app:{tag}")
    assert door("manifest", "delete", f"{registry.address}/app:1").subject == image.digest
    assert door("tags", f"{registry.address}/app").rows == []
    with pytest.raises(RegistryError, match="has no tag 2"):
        door("manifest", "delete", f"{registry.address}/app:2")


@pytest.mark.parametrize("name", ["localhost:5000/app", "localhost:5000/app@sha256:" + "0" * 64])
def test_tags_delete_wants_a_tag_that_is_written_out(name, door):
    with pytest.raises(CommandError, match="does not name a tag"):
        door("tags", "delete", name)


def test_referrers_are_listed_with_their_types(door, registry, source):
    image = make_image(source, 500)
    name = f"{registry.address}/app:1"
    put(source, image, name)
    document = json.loads(source.read(image)) | {
        "artifactType": "application/x.sbom",
        "subject": plain(image),
        "annotations": {"who": "me"},
    }
    data = json.dumps(document).encode()
    made = describe(data, media_types.IMAGE_MANIFEST)
    with Client() as client:
        put_with_subject(client, Reference.parse(name).with_digest(made.digest), data, made)
    (record,) = door("referrers", name).records()
    assert record["digest"] == made.digest
    assert record["artifact_type"] == "application/x.sbom"
    assert record["annotations"] == '{"who": "me"}'
    assert door("referrers", "--artifact-type", "application/x.other", name).rows == []
    shown = door("manifest", f"{registry.address}/app@{made.digest}", "--format", "table")
    assert shown.column("part") == ["config", "layer 1", "subject"]


def test_manifests_of_every_kind_as_they_are_and_as_tables(door, registry, source):
    images = {a: make_image(source, 500, 700, architecture=a) for a in ("amd64", "s390x")}
    index = make_index(source, images)
    name = f"{registry.address}/app:1"
    put(source, index, name)
    raw = door("manifest", "--raw", name)
    assert isinstance(raw, Raw)
    assert digest_of(bytes(raw)) == index.digest
    assert isinstance(door("manifest", name), Document)
    table = door("manifest", name, "--format", "table")
    assert table.column("platform") == ["linux/amd64", "linux/s390x"]
    one = door("manifest", "--platform", "linux/s390x", name, "--format", "table")
    assert one.column("part") == ["config", "layer 1", "layer 2"]
    assert one.title == f"image manifest {images['s390x'].digest}"


def test_an_artifact_is_called_so(door, registry, source):
    config = source.add(b"{}", media_types.EMPTY)
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "artifactType": "application/x.cookbook",
        "config": plain(config),
        "layers": [plain(source.add(b"recipe", "text/plain"))],
    }
    artifact = source.add(json.dumps(document).encode(), media_types.IMAGE_MANIFEST)
    name = f"{registry.address}/book:1"
    put(source, artifact, name)
    assert door("manifest", name).title == f"artifact manifest {artifact.digest}"
    assert "application/x.cookbook" in door("manifest", name, "--format", "table").title


def test_http_lists_what_was_said_and_draws_it(door, registry, source, tmp_path):
    put(source, make_image(source, 5000), f"{registry.address}/app:1")
    with pytest.raises(CommandError, match="nothing has been said"):
        door("http")
    registry.faults.plan = FaultPlan(status=503, times=1, path="/manifests/")
    table = door("http", "pull", f"{registry.address}/app:1")
    assert table.column("status") == [503, 200, 200, 200]
    assert table.column("attempt") == [1, 2, 1, 1]
    assert table.column("endpoint") == ["end-3", "end-3", "end-2", "end-2"]
    assert set(table.column("party")) == {"registry"}
    assert table.column("received")[3] >= 5000
    assert table.column("time") == sorted(table.column("time"))
    door("tags", f"{registry.address}/app")
    assert [row[3] for row in door("http", "--last", "1")] == ["end-8a"]
    assert len(door("http")) == 5
    picture = door("http", "--diagram")
    assert isinstance(picture, Picture)
    assert "5 exchanges" in draw(picture).svg
    (record,) = door("http", "--headers", "--last", "1").records()
    assert "user-agent: ocinb/" in record["request_headers"]


def test_http_masks_what_is_secret(door, guarded, source, monkeypatch):
    typed(monkeypatch, PASSWORD)
    door("login", "-u", "ann", "--password-stdin", guarded.address)
    with pytest.raises(RegistryError):
        door("tags", f"{guarded.address}/none")
    table = door("http", "--headers")
    assert "token server" in table.column("party")
    shown = repr(table.rows)
    assert "authorization: ***" in shown
    assert PASSWORD not in shown
    assert "Bearer ey" not in shown


def test_rmi_frees_what_the_image_alone_needed(door, registry, source):
    shared, own = make_image(source, 3000), make_image(source, 3000, 9000)
    for image, name in ((shared, "shared"), (own, "own")):
        put(source, image, f"{registry.address}/{name}:1")
    with Client() as client:
        for name in ("shared", "own"):
            pull(client, door.session.engine.store, Reference.parse(f"{registry.address}/{name}:1"))
    store = door.session.engine.store
    new = store.add(b"of an image that has no name yet", "text/plain")
    before = set(store.digests())
    (record,) = door("rmi", f"{registry.address}/own:1").records()
    gone = before - set(store.digests())
    assert record["blobs"] == len(gone)
    kept = json.loads(source.read(shared))["layers"]
    assert all(store.has(Digest(layer["digest"])) for layer in kept)
    assert store.has(new.digest)
    assert own.digest in gone
    with pytest.raises(NameNotFound):
        door("rmi", f"{registry.address}/own:1")


def test_what_docker_hub_allows_is_told_with_the_image():
    from ocinb.image import allowance

    headers = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")]
    assert allowance(headers) == "76 of 100 pulls left in 6 h 0 min"
    assert allowance(headers[:1]) == ""
    assert allowance([("ratelimit-limit", "1" * 5000), ("ratelimit-remaining", "x")]) == ""


@pytest.fixture
def app(registry, source):
    """The name of a repository that has an image, ``first``."""
    put(source, make_image(source, 500), f"{registry.address}/app:first")
    return f"{registry.address}/app"


def test_manifest_put_takes_the_text_of_a_cell_or_a_file(door, app, tmp_path):
    document = door("manifest", "--raw", "--remote", f"{app}:first")
    done = door("manifest", "put", f"{app}:second", script=f"\n{bytes(document).decode()}\n")
    assert done.subject == digest_of(document)
    assert door("manifest", "--raw", "--remote", f"{app}:second") == document
    (tmp_path / "manifest.json").write_bytes(document)
    door("manifest", "put", f"{app}:third", "--file", tmp_path / "manifest.json")
    assert door("tags", app).column("tag") == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        (None, CommandError, "takes one document"),
        ("no json", InvalidDocument, "the manifest is not JSON"),
        ("[]", InvalidDocument, "not a JSON object"),
        ('{"schemaVersion": 2, "layers": []}', RegistryError, "is not valid at"),
    ],
)
def test_a_manifest_that_is_none_is_not_put(door, app, cell, error, words):
    with pytest.raises(error, match=words):
        door("manifest", "put", f"{app}:bad", script=cell)
    assert door("tags", app).column("tag") == ["first"]


def test_a_digest_must_be_that_of_the_bytes(door, app):
    document = bytes(door("manifest", "--raw", "--remote", f"{app}:first")).decode()
    with pytest.raises(DigestMismatch):
        door("manifest", "put", f"{app}@sha256:{'a' * 64}", script=document)
    with pytest.raises(StorageError, match="no such file"):
        door("manifest", "put", f"{app}:x", "--file", "/nothing/here")
