"""Looking into images: the commands, on images whose every byte is known."""

from __future__ import annotations

import io
import json
import tarfile

import pandas as pd
import pytest

from ocinb.commands.values import Content
from ocinb.content.store import Store
from ocinb.errors import (
    BlobNotFound,
    CommandError,
    ContentError,
    LayerError,
    LimitExceeded,
    NameNotFound,
)
from ocinb.image import Image
from ocinb.notebook.formatters import content_text
from ocinb.notebook.magics import for_notebook
from ocinb.spec import media_types
from ocinb.spec.digest import Digest
from tests.support.archives import directory, hardlink, member, symlink
from tests.support.door import Door
from tests.support.layered import name_image

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"
BASE = [
    directory("etc"),
    member("etc/motd", data=b"hello\n"),
    member("etc/big", data=b"x" * 5000),
    directory("root"),
    member("root/deploy", data=KEY, mode=0o600),
    directory("usr"),
    directory("usr/lib"),
    member("usr/lib/libx.so", data=b"\0\1\2\xff"),
    hardlink("usr/lib/libx.so.1", "usr/lib/libx.so"),
    symlink("lib", "usr/lib"),
    symlink("loop", "loop"),
]
MIDDLE = [
    member("etc/motd", data=b"hello again\n"),
    member("root/.wh.deploy"),
    member("a", data=b"1"),
]
TOP = [member("etc/.wh..wh..opq"), member("etc/new", data=b"n"), member("usr/lib/.wh.libx.so")]
STEPS = ("the base", "greet again", "tidy up")


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    door = Door(tmp_path_factory.mktemp("door"))
    store = Store(door.session.settings.store)
    name_image(
        store,
        "docker.io/library/three:latest",
        [BASE, MIDDLE, TOP],
        steps=STEPS,
        config={"Env": ["A=1", "B=2"], "Cmd": ["/a"]},
    )
    name_image(
        store,
        "docker.io/library/two:latest",
        [BASE, MIDDLE],
        steps=STEPS,
        config={"Env": ["A=1", "B=3"], "User": "1"},
    )
    return door


def test_files_are_those_that_a_container_sees(door):
    records = door("files", "three").records()
    assert [(r["path"], r["layer"]) for r in records] == [
        ("/", 3),
        ("/a", 2),
        ("/etc", 3),
        ("/etc/new", 3),
        ("/lib", 1),
        ("/loop", 1),
        ("/root", 2),
        ("/usr", 3),
        ("/usr/lib", 3),
        ("/usr/lib/libx.so.1", 1),
    ]
    link = next(r for r in records if r["path"] == "/lib")
    assert (link["mode"], link["target"], link["size"]) == ("lrwxrwxrwx", "usr/lib", None)
    hard = records[-1]
    assert (hard["kind"], hard["mode"], hard["size"]) == ("hardlink", "-rw-r--r--", 4)


def test_files_by_path_through_a_link_and_by_pattern(door):
    assert door("files", "two", "/lib/libx.so", "-q") == ["/usr/lib/libx.so"]
    assert door("files", "two", "lib/", "-q") == ["/lib"]
    assert door("files", "two", "/usr/lib", "*.so*", "-q") == [
        "/usr/lib",
        "/usr/lib/libx.so",
        "/usr/lib/libx.so.1",
    ]
    with pytest.raises(LayerError, match="the image has no /etc/nothing"):
        door("files", "two", "/etc/nothing")


def test_files_of_one_layer_with_its_whiteouts(door):
    records = door("files", "three", "--layer", 3).records()
    assert [(r["mode"], r["path"], r["kind"], r["implied"]) for r in records] == [
        ("drwxr-xr-x", "/", "directory", "yes"),
        ("drwxr-xr-x", "/etc", "opaque", "yes"),
        ("-rw-r--r--", "/etc/new", "file", ""),
        ("drwxr-xr-x", "/usr", "directory", "yes"),
        ("drwxr-xr-x", "/usr/lib", "directory", "yes"),
        ("w---------", "/usr/lib/libx.so", "whiteout", ""),
    ]
    with pytest.raises(LayerError, match="there is no layer 4"):
        door("files", "three", "--layer", 4)
    with pytest.raises(LayerError, match="layer 2 has nothing at usr"):
        door("files", "three", "usr", "--layer", 2)


def test_a_tree_counts_what_lies_beneath(door):
    rows = door("tree", "two", "/usr").records()
    assert [(r["tree"], r["size"], r["files"]) for r in rows] == [
        ("/usr", 4, 2),
        ("└── lib/", 4, 2),
        ("    ├── libx.so", 4, 1),
        ("    └── libx.so.1", 0, 1),
    ]
    assert len(door("tree", "two", "--depth", 0)) == 1
    assert len(door("tree", "two", "--all")) == len(door("files", "two"))


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (["two:/etc/motd"], b"hello again\n"),
        (["two:/lib/libx.so"], b"\0\1\2\xff"),
        (["three:/usr/lib/libx.so.1"], b"\0\1\2\xff"),
        (["two:/../usr/../etc/motd"], b"hello again\n"),
        (["three:/etc/motd", "--layer", "1"], b"hello\n"),
        (["three:/root/deploy", "--layer", "1"], KEY),
    ],
)
def test_cat_gives_the_bytes(door, words, content):
    out = io.BytesIO()
    door("cat", *words).write_to(out)
    assert out.getvalue() == content
    assert for_notebook(door("cat", *words)) == content


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (["three:/etc/motd"], LayerError, "no /etc/motd"),
        (["two:/loop"], LayerError, "too many symbolic links"),
        (["two:/etc"], LayerError, "/etc is a directory, not a file"),
        (["two:/etc/motd/x"], LayerError, "no /etc/motd, to which"),
        (["two"], CommandError, "not IMAGE:PATH"),
        (["nothing:/etc/motd"], NameNotFound, "nothing"),
        (["two:/a", "--layer", "1"], LayerError, "layer 1 has no /a"),
        (["three:/usr/lib/libx.so", "--layer", "3"], LayerError, "layer 3 has no"),
    ],
)
def test_cat_says_what_is_wrong(door, words, error, text):
    with pytest.raises(error, match=text):
        door("cat", *words)


def test_content_is_shown_as_what_it_is():
    assert content_text(Content(b"a line\n")) == "a line"
    assert content_text(Content("ä".encode() * 20_000)).endswith("… 20,000 more bytes")
    assert content_text(Content(b"\0\1ab")) == f"00000000  {'00 01 61 62':<47}  ..ab"


def test_layers_count_against_those_below(door):
    rows = door("layers", "three").records()
    assert [(r["added"], r["changed"], r["deleted"]) for r in rows] == [
        (12, 0, 0),
        (1, 1, 1),
        (1, 0, 3),
    ]
    assert [r["content"] for r in rows] == [6 + 5000 + len(KEY) + 4, 13, 1]
    assert rows[2]["whiteouts"] == "/etc/*, /usr/lib/libx.so"
    assert [r["created_by"] for r in rows] == list(STEPS)


def test_why_tells_who_put_it_there_and_who_hid_it(door):
    rows = door("why", "three", "/etc/motd").records()
    assert [
        (r["layer"], r["says"], r["size"], r["at_rest"], r["contributed"], r["cumulative"], r["by"])
        for r in rows
    ] == [
        (1, "adds", 6, 0, 6, 6, "/etc/motd"),
        (2, "replaces", 12, 0, 12, 18, "/etc/motd"),
        (3, "hides", None, 0, 0, 18, "/etc"),
    ]
    library = door("why", "three", "usr/lib").records()
    assert [(r["says"], r["seen"], r["at_rest"], r["contributed"]) for r in library] == [
        ("adds", "", 4, 4),
        ("lists again", "yes", 0, 0),
    ]
    assert [r["says"] for r in door("why", "three", "/root/deploy").records()] == [
        "adds",
        "deletes",
    ]
    with pytest.raises(LayerError, match="no layer of the image has /nowhere"):
        door("why", "three", "/nowhere")


def test_why_of_everything_is_a_row_for_each_path(door):
    rows = {r["path"]: r for r in door("why", "three").records()}
    motd, new = rows["/etc/motd"], rows["/etc/new"]
    assert (motd["layer"], motd["hides"], motd["whiteouts"]) == (None, "1, 2", "3")
    assert (new["layer"], new["hides"], new["whiteouts"]) == (3, "", "")
    assert (rows["/usr/lib/libx.so"]["layer"], rows["/usr/lib/libx.so"]["whiteouts"]) == (None, "3")


def test_waste_lists_what_is_hidden_the_secrets_first(door):
    rows = door("waste", "three").records()
    assert [(r["path"], r["size"], r["layer"], r["hidden_by"], r["how"]) for r in rows] == [
        ("/root/deploy", len(KEY), 1, 2, "deleted"),
        ("/etc/big", 5000, 1, 3, "deleted"),
        ("/etc/motd", 12, 2, 3, "deleted"),
        ("/etc/motd", 6, 1, 2, "replaced"),
    ], "libx.so is not wasted: its other name is still seen"
    assert rows[0]["secret"] == "looks like a private key"
    assert (rows[0]["added_by"], rows[0]["hidden_by_step"]) == STEPS[:2]
    assert len(door("waste", "three", "--secrets")) == 1


def test_waste_tells_of_secrets_in_the_config_too(door):
    name_image(
        Store(door.session.settings.store),
        "docker.io/library/careless:latest",
        [BASE, MIDDLE],
        steps=["|1 TOKEN=0123456789 /bin/sh -c deploy", "tidy up"],
        config={"Env": ["PATH=/bin", "AWS_SECRET_ACCESS_KEY=" + "a1B2" * 10, "PASSWORD=tiger"]},
    )
    rows = door("waste", "careless", "--secrets").records()
    assert [(r["path"], r["how"], r["secret"], r["layer"]) for r in rows[:3]] == [
        ("ENV AWS_SECRET_ACCESS_KEY", "in the config", "looks like a secret key of AWS", None),
        ("ENV PASSWORD", "in the config", "looks like a password or token", None),
        ("history 1", "in the config", "looks like a password or token", None),
    ]
    assert [r["path"] for r in rows[3:]] == ["/root/deploy"]


def test_diff_of_images(door):
    rows = door("diff", "two", "three").records()
    shared = [r["change"] for r in rows if r["subject"] == "layer"]
    assert shared == ["shared", "shared", "added"]
    config = {r["name"]: (r["before"], r["after"]) for r in rows if r["subject"] == "config"}
    assert config == {
        "config.Cmd": ("", '["/a"]'),
        "config.Env.B": ('"3"', '"2"'),
        "config.User": ('"1"', ""),
    }
    files = [(r["change"], r["name"], r["grows"]) for r in rows if r["subject"] == "file"]
    assert files == [
        ("removed", "/etc/big", -5000),
        ("removed", "/etc/motd", -12),
        ("added", "/etc/new", 1),
        ("removed", "/usr/lib/libx.so", -4),
    ]
    assert {r["change"] for r in door("diff", "three", "three").records()} == {"shared"}
    assert len(door("diff", "two", "three", "--only", "config")) == 3


def test_diff_of_files_says_what_differs(door):
    store = Store(door.session.settings.store)

    def made(name, **fields):
        entries = [member("same", data=b"1"), member("touched", mtime=fields.pop("mtime", 10))]
        entries += [member("f", data=fields.pop("data", b"12"), **fields), symlink("l", "f")]
        name_image(store, f"docker.io/library/{name}:latest", [entries])

    made("one")
    made("other", data=b"21", mode=0o600, uid=3, mtime=11)
    (row,) = door("diff", "one", "other", "--only", "file").records()
    assert (row["name"], row["what"], row["grows"]) == ("/f", "content, mode, owner", 0)
    assert (row["before"], row["after"]) == ("-rw-r--r-- 0:0 2 B", "-rw------- 3:0 2 B")
    timed = door("diff", "one", "other", "--times", "--only", "file").records()
    assert [(r["name"], r["what"]) for r in timed][-1] == ("/touched", "mtime")


def test_history_has_the_steps(door):
    assert door("history", "three").column("created_by") == list(STEPS)


def test_they_are_dataframes_of_plain_columns(door):
    image = Image(door.session.engine, door.session.engine.images.get("three"))
    for frame in (
        image.layers,
        image.files(),
        image.files("*", layer=1),
        image.tree(),
        image.why(),
        image.why("/etc"),
        image.waste,
        image.diff("two"),
        image.history,
    ):
        assert isinstance(frame, pd.DataFrame)
        assert len(frame)
    files = image.files()
    assert files["size"].sum() == 1 + 1 + 4
    assert str(files.dtypes["modified"]) == "datetime64[ns, UTC]"
    assert image.read("/a") == b"1"


def test_names_that_are_no_text(door, tmp_path):
    store = Store(door.session.settings.store)
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    name_image(store, "docker.io/library/odd:latest", [[member(name, data=b"x")]])
    table = door("files", "odd")
    assert table.column("path") == ["/", "/caf\\xe9"]
    json.dumps(table.records())
    assert len(table.to_frame()) == 2
    assert for_notebook(door("cat", f"odd:/{name}")) == b"x"


def test_saved_and_loaded_again(door, tmp_path):
    other = Door(tmp_path / "other")
    done = door("save", "two", "three", "-o", tmp_path / "both.tar")
    assert done.subject == str(tmp_path / "both.tar")
    names = ["docker.io/library/two:latest", "docker.io/library/three:latest"]
    assert other("load", tmp_path / "both.tar") == names
    assert other("files", "three", "-q") == door("files", "three", "-q")
    door("save", "two", "-o", tmp_path / "layout", "--directory")
    third = Door(tmp_path / "third")
    assert third("load", tmp_path / "layout") == names[:1]
    with pytest.raises(ContentError, match="is there already"):
        door("save", "two", "-o", tmp_path / "layout", "--directory")
    out = io.BytesIO()
    door("save", "two", "-o", "-").write_to(out)
    out.seek(0)
    with tarfile.open(fileobj=out) as archive:
        assert "index.json" in archive.getnames()
    with pytest.raises(NameNotFound):
        door("save", "nothing", "-o", "-")


def test_usage_tells_what_is_shared(door):
    door("files", "three", "-q")  # unpacks it
    rows = {r["image"]: r for r in door("usage").records()}
    two, three, every = rows["two"], rows["three"], rows["(all)"]
    assert two["size"] == two["unique"] + two["shared"]
    assert two["shared"] > 0
    assert three["unpacked"] == 6 + 5000 + len(KEY) + 4 + 13 + 1
    assert two["unpacked_unique"] == 0
    assert three["unpacked_unique"] == 1
    assert every["size"] < sum(r["size"] for r in rows.values() if r["digest"])


def test_gc_takes_what_no_image_has(tmp_path):
    door = Door(tmp_path)
    store = Store(door.session.settings.store)
    name_image(store, "localhost/a:1", [[member("a", data=b"1" * 1000)]])
    name_image(store, "localhost/b:1", [[member("b", data=b"22")]])
    for name in ("localhost/a:1", "localhost/b:1"):
        door("layers", name)
    store.names.remove("localhost/a:1")
    assert len(door("gc")) == 0, "it is younger than the grace"
    planned = door("gc", "--dry-run", "--grace", 0)
    assert sorted(planned.column("what")) == ["blob", "blob", "blob", "layer"]
    assert door("usage").records()[-1]["reclaimable"] == sum(planned.column("size"))
    assert door("gc", "--grace", 0).rows == planned.rows
    assert len(door("gc", "--grace", 0)) == 0
    assert door("files", "localhost/b:1", "-q") == ["/", "/b"]


def test_an_image_without_layers(tmp_path):
    door = Door(tmp_path)
    name_image(Store(door.session.settings.store), "localhost/none:1", [])
    for command in ("layers", "files", "tree", "waste"):
        assert len(door(command, "localhost/none:1")) == 0


def test_a_layer_that_others_may_not_distribute(tmp_path):
    """Spec: image-spec layer.md#non-distributable-layers"""
    door = Door(tmp_path)
    store = Store(door.session.settings.store)
    name_image(store, "localhost/a:1", [[member("a")]])
    document = json.loads(store.read(store.names.get("localhost/a:1")))
    document["layers"][0]["mediaType"] = media_types.NONDISTRIBUTABLE_TAR
    document["layers"][0]["urls"] = ["https://example.com/layer"]
    store.delete(Digest(document["layers"][0]["digest"]))
    changed = store.add(json.dumps(document).encode(), media_types.IMAGE_MANIFEST)
    store.names.set("localhost/a:1", changed)
    with pytest.raises(BlobNotFound, match="is not distributable, and not in the store") as caught:
        door("layers", "localhost/a:1")
    assert "not followed" in str(caught.value.hint)


def test_how_much_a_layer_may_ask_for(tmp_path, monkeypatch):
    door = Door(tmp_path)
    store = Store(door.session.settings.store)
    name_image(store, "localhost/a:1", [[member("a", data=b"1" * 2048)]])
    small = Door(tmp_path, layer_limits="size=2K")
    with pytest.raises(LimitExceeded, match="is more than 2,048 bytes uncompressed") as caught:
        small("files", "localhost/a:1")
    assert "OCINB_LAYER_LIMITS=size=" in str(caught.value.hint)
    assert len(door("files", "localhost/a:1")) == 2
