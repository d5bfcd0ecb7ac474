"""The Python side of the widgets: what they know, what they say, and how they end."""

from __future__ import annotations

import itertools
import json
import os
import threading
from types import SimpleNamespace

import pytest
from traitlets import TraitError

from ocinb.bundle.spec import spec
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.commands.values import Interactive
from ocinb.engine import Engine
from ocinb.errors import InvalidConfig, OcinbError, StorageError
from ocinb.events import BlobDone, BlobProgress, LayerApplied, LayerUnpacking, Recorder
from ocinb.image import Image
from ocinb.notebook import widgets
from ocinb.notebook.magics import for_notebook
from ocinb.notebook.widgets import pull as pull_module
from ocinb.notebook.widgets.browsing import PAGE, Browser, as_text, dump
from ocinb.notebook.widgets.dashboard import Dashboard
from ocinb.notebook.widgets.editor import ConfigEditor
from ocinb.notebook.widgets.explorer import ImageExplorer
from ocinb.notebook.widgets.live import live
from ocinb.notebook.widgets.pull import PullProgress
from ocinb.settings import Settings
from tests.support.archives import directory, hardlink, member, symlink
from tests.support.comms import listen
from tests.support.layered import name_image

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def heard(monkeypatch):
    return listen(monkeypatch)


@pytest.fixture
def engine(tmp_path):
    return Engine(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))


@pytest.fixture
def image(engine):
    base = [
        directory("etc"),
        member("etc/one", data=b"first\n"),
        member("etc/two", data=b"second\n"),
        member("etc/gone", data=b"x" * 100),
        hardlink("etc/same", "etc/one"),
        symlink("link", "etc/one"),
        member("binary", data=bytes(range(256))),
        member(f"{HOSTILE}\n", data=b"<script>alert(1)</script>"),
        member("caf\udce9", data=b"latin"),
    ]
    top = [member("etc/two", data=b"third\n"), member("etc/.wh.gone"), member("etc/new")]
    name_image(engine.store, "docker.io/library/it:latest", [base, top], steps=["base", "top"])
    return Image(engine, engine.images.get("it"))


def names(listing):
    return {row[0]: row for row in listing["rows"]}


# the image explorer


def test_a_directory_is_listed_as_the_stack_or_as_one_layer_has_it(image):
    browser = Browser(image)
    assert sorted(names(browser.entries("/etc", 0))) == ["new", "one", "same", "two"]
    below, above = browser.entries("/etc", 1), browser.entries("/etc", 2)
    assert {name: row[5] for name, row in names(below).items()} == {
        "one": "+", "two": "×", "gone": "×", "same": "+",
    }  # fmt: skip
    assert {name: row[5] for name, row in names(above).items()} == {
        "two": "~", "gone": "−", "new": "+",
    }  # fmt: skip
    browser.close()


def test_what_is_known_of_a_file(image):
    browser = Browser(image)
    found = browser.content("/etc/two", 0, as_hex=False)
    assert (found["form"], found["text"]) == ("text", "third\n")
    assert found["layers"] == [
        [1, "×", "has it; replaced by layer 2"],
        [2, "~", "replaces it"],
    ]
    assert browser.content("/etc/two", 1, as_hex=False)["text"] == "second\n"
    assert browser.content("/link", 0, as_hex=False)["facts"][-2] == ["target", "etc/one"]
    assert browser.content("/etc/same", 0, as_hex=False)["text"] == "first\n"
    assert browser.content("/nothing", 0, as_hex=False)["problem"] == "the image has no /nothing"
    assert browser.content("/etc/gone", 2, as_hex=False)["facts"] == [["kind", "whiteout"]]
    browser.close()


def test_bytes_are_shown_as_bytes(image):
    browser = Browser(image)
    assert browser.content("/binary", 0, as_hex=False)["form"] == "hex"
    assert browser.content("/etc/two", 0, as_hex=True)["text"].startswith("00000000  74 68 69 72")
    browser.close()
    assert dump(b"A\0") == "00000000  41 00                                             A·"
    assert as_text("é".encode()[:1] * 2, whole=True) is None
    assert as_text("aé".encode()[:-1], whole=False) == "a"
    assert as_text(b"\x1b[31mred" + b" " * 100, whole=True).startswith("␛[31mred")


def test_names_that_are_no_text_or_look_like_html_are_found_again(image):
    browser = Browser(image)
    rows = names(browser.entries("/", 0))
    assert HOSTILE in {name.strip() for name in rows}  # as text: the page makes no HTML of it
    assert browser.content(rows["caf\\xe9"][1], 0, as_hex=False)["text"] == "latin"
    browser.close()


def test_a_large_directory_comes_in_pages(engine):
    many = [directory("d"), *(member(f"d/{n:05}") for n in range(2 * PAGE + 1))]
    name_image(engine.store, "docker.io/library/many:latest", [many])
    browser = Browser(Image(engine, engine.images.get("many")))
    pages = [browser.entries("/d", 0, offset) for offset in (0, PAGE, 2 * PAGE)]
    assert [len(page["rows"]) for page in pages] == [PAGE, PAGE, 1]
    assert {page["count"] for page in pages} == {2 * PAGE + 1}
    assert pages[2]["rows"][0][0] == f"{2 * PAGE:05}"
    browser.close()


def test_what_is_chosen_in_python_is_shown_and_the_other_way_round(image, heard):
    explorer = ImageExplorer(image)
    explorer.selected_path = "etc/two"
    assert explorer.selected_path == "/etc/two"
    assert explorer.expanded == ["/etc"]
    assert explorer.content["text"] == "third\n"
    explorer.set_state({"selected_layer": 1})  # as the page does
    assert explorer.content["text"] == "second\n"
    explorer.as_hex = True
    assert explorer.content["form"] == "hex"
    assert heard.answer(explorer, "entries", path="/etc", layer=2)["count"] == 3
    with pytest.raises(TraitError, match="there is no layer 7"):
        explorer.selected_layer = 7
    assert explorer.waste["rows"][0][:5] == ["/etc/gone", 100, 1, 2, "deleted"]
    explorer.close()


def test_a_page_that_asks_nonsense_gets_no_answer_or_a_sentence(image, heard):
    explorer = ImageExplorer(image)
    for message in ("text", {"ask": "_hear"}, {"ask": "entries"}, {"ask": "entries", "x": 1}):
        explorer._handle_custom_msg(message, [])
    assert heard.said == []
    explorer._handle_custom_msg({"ask": "entries", "id": 4, "path": "/", "layer": 99}, [])
    assert heard.said == [
        {"re": 4, "error": "there is no layer 99 (the layers are 1 to 2, from the base up)"}
    ]
    explorer.close()


def test_a_closed_widget_leaves_its_picture_and_answers_no_more(image, heard):
    explorer = ImageExplorer(image)
    explorer.close()
    explorer.close()
    assert explorer.closed
    assert explorer.comm is None
    explorer._hear(explorer, {"ask": "entries", "id": 1, "path": "/", "layer": 0}, [])
    assert heard.said == []
    html = explorer.forms()["text/html"]
    assert html.startswith("<figure")
    assert "<script" not in html


# the editor of config.json


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "config.json").write_text(json.dumps(spec()))
    return tmp_path


def test_a_config_is_checked_as_it_is_typed(bundle):
    editor = ConfigEditor(bundle)
    assert (editor.findings, editor.differences, editor.saved) == ([], [], True)
    editor.text = editor.text.replace('"cwd": "/"', '"cwd": "here"')
    assert editor.findings[0][0] == "process.cwd"
    assert editor.findings[0][2].startswith("runtime-spec config.md")
    assert editor.differences == [["process.cwd", '"/"', '"here"']]
    assert not editor.saved
    with pytest.raises(InvalidConfig):
        editor.save()
    assert not editor.valid
    editor.text = editor.text.replace('"here"', '"/"').replace('"rootfs"', '"elsewhere"')
    assert editor.findings[0][:1] == ["root.path"]
    assert editor.valid  # the directory may yet be made
    editor.text = editor.text.replace('"elsewhere",', '"elsewhere"')
    assert editor.findings[0][1].startswith("not JSON: ")
    assert editor.place["line"] == editor.text[: editor.place["position"]].count("\n") + 1
    editor.close()


def test_a_config_is_saved_unless_somebody_else_was_faster(bundle, heard):
    editor = ConfigEditor(bundle)
    editor.text = editor.text.replace('"cwd": "/"', '"cwd": "/srv"')
    assert heard.answer(editor, "save") is None
    assert editor.saved
    assert json.loads((bundle / "config.json").read_bytes())["process"]["cwd"] == "/srv"
    (bundle / "config.json").write_text(json.dumps(spec()))
    editor.text = editor.text.replace("/srv", "/mnt")
    with pytest.raises(StorageError, match="changed by somebody else"):
        editor.save()
    assert json.loads((bundle / "config.json").read_bytes())["process"]["cwd"] == "/"
    editor.close()


# the commands


def test_a_command_gives_a_listing_to_a_shell_and_a_widget_to_a_notebook(bundle, heard):
    value = tree.call(["edit", str(bundle)], Session())
    assert isinstance(value, Interactive)
    assert value.table.rows == []
    assert list(for_notebook(value).columns) == ["field", "message", "section"]
    editor = live(value)
    assert isinstance(editor, widgets.ConfigEditor)
    editor.close()
    with pytest.raises(OcinbError):
        tree.call(["edit", str(bundle / "nowhere")], Session())


def test_the_commands_for_images_and_containers_have_listings_too(engine, image, heard):
    session = Session(engine.settings)
    for words, kind, rows in (
        (["explore", "it"], widgets.ImageExplorer, 2),
        (["dashboard"], widgets.Dashboard, 0),
    ):
        value = tree.call(words, session)
        assert len(value.table.rows) == rows
        widget = live(value)
        assert isinstance(widget, kind)
        widget.close()
    value = tree.call(["step", "it", "sleep", "-1"], session)
    assert (value.kind, value.args, len(value.table.rows)) == ("stepper", ("sleep", "-1"), 13)


# pull progress


def events(layers, pieces):
    """A pull of some layers, all at once, as the client tells it."""
    digests = [f"sha256:{n:064x}" for n in range(layers)]
    size = 100_000_000
    yield [BlobProgress(digest=d, done=0, total=size, action="waiting") for d in digests]
    for piece in range(1, pieces):
        yield [
            BlobProgress(digest=d, done=size * piece // pieces, total=size, action="downloading")
            for d in digests
        ]
    yield [BlobProgress(digest=d, done=size, total=size, action="verifying") for d in digests]
    yield [BlobDone(digest=d, size=size, source="network") for d in digests]
    yield [LayerUnpacking(digest=d, size=size) for d in digests]
    yield [
        LayerApplied(
            digest=d, diff_id=d, chain_id=d, entries=1, size=size, seconds=1.0, reused=False,
            directory="",
        )
        for d in digests
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [5, 60, 600])
def test_a_pull_is_told_at_most_ten_times_a_second_and_in_a_megabyte(monkeypatch, heard, seconds):
    clock = itertools.count()
    step = 0.03
    # Not of the module time itself: servers in other threads go by its clock.
    frames = SimpleNamespace(monotonic=lambda: next(clock) * step)
    monkeypatch.setattr(pull_module, "time", frames)
    recorder = Recorder()
    widget = PullProgress()
    recorder.subscribe(widget._take)
    begun = len(heard.messages)
    for moment in events(layers=6, pieces=int(seconds / step)):
        for event in moment:
            recorder(event)
        widget.draw()
    widget.draw(at_once=True)
    assert [row[1] for row in widget.rows] == ["unpacked"] * 6
    assert widget.over
    assert len(heard.messages) - begun <= seconds * 10 + 2
    assert heard.size < 1_000_000
    widget.close()


def test_a_pull_is_followed_by_a_thread_that_ends(heard):
    recorder = Recorder()
    before = threading.active_count()
    widget = PullProgress().follow(recorder)
    for moment in events(layers=2, pieces=3):
        for event in moment:
            recorder(event)
    widget.close()
    assert threading.active_count() == before
    assert [row[1] for row in widget.rows] == ["unpacked", "unpacked"]
    assert "unpacked" in widget.forms()["text/html"]
    recorder(BlobProgress(digest="sha256:x", done=0, total=1, action="waiting"))
    assert len(widget.rows) == 2


# the dashboard


def test_a_dashboard_looks_until_it_is_closed(engine, heard):
    before = threading.active_count()
    dashboard = Dashboard(engine)
    assert dashboard.containers == []
    assert threading.active_count() == before + 1
    dashboard._handle_custom_msg({"ask": "do", "id": 1, "what": "burn", "container": "x"}, [])
    dashboard._handle_custom_msg({"ask": "do", "id": 2, "what": "kill", "container": "x"}, [])
    assert [("error" in answer) for answer in heard.said] == [True, True]
    dashboard.close()
    assert threading.active_count() == before


def test_no_front_end_code_makes_html_of_text():
    front = os.path.join(os.path.dirname(pull_module.__file__), "front")
    code = [name for name in os.listdir(front) if name.endswith(".js")]
    assert len(code) >= 6
    for name in code:
        with open(os.path.join(front, name), encoding="utf-8") as file:
            text = file.read()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "http://",
                     "https://", "import(", "eval("):  # fmt: skip
            assert word not in text.replace("http://www.w3.org/2000/svg", ""), (name, word)
