"""The exercises of lesson 05, stacking."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ocinb.course.exercise import Scene

_Layer = dict[str, str]
_PATHS = ("a", "a/b", "a/b/c", "d", "d/e")


def look_up(layers: Sequence[Mapping[str, str]], path: str) -> int | None:
    """What the exercise asks for."""
    parts = path.split("/")
    parents = ["/".join(parts[:n]) for n in range(1, len(parts))]
    for number in range(len(layers), 0, -1):
        layer = layers[number - 1]
        kind = layer.get(path)
        if kind is not None:
            return None if kind == "whiteout" else number
        if any(layer.get(parent) in ("whiteout", "opaque", "file") for parent in parents):
            return None
    return None


def _random_layer() -> _Layer:
    """One in which parents of what is there are directories."""
    layer: _Layer = {}
    for path in _PATHS:
        parent = path.rpartition("/")[0]
        if parent and layer.get(parent) not in (None, "dir", "opaque"):
            continue
        if random.random() < 0.5:
            layer[path] = random.choice(["file", "dir", "whiteout", "opaque"])
    return layer


_CASES: tuple[tuple[tuple[_Layer, ...], str, Words], ...] = (
    (
        ({"poem": "file"}, {"poem": "file"}),
        "poem",
        words("two layers have a poem: the upper one wins", "两层都有 poem：上面的获胜"),
    ),
    (({"poem": "file"}, {}), "song", words("nobody has a song", "哪一层都没有 song")),
    (
        ({"poem": "file"}, {"poem": "whiteout"}),
        "poem",
        words("a whiteout hides what is below it", "空白标记会遮住它下面的东西"),
    ),
    (
        ({"etc": "dir", "etc/motd": "file"}, {"etc": "opaque"}),
        "etc/motd",
        words("an opaque directory hides what lower layers have in it", "不透明目录遮住下层的内容"),
    ),
    (
        ({"etc": "dir"}, {"etc": "opaque", "etc/motd": "file"}),
        "etc/motd",
        words(
            "an opaque directory does not hide its own layer's files", "它不遮住自己这一层的文件"
        ),
    ),
    (
        ({"etc": "dir", "etc/motd": "file"}, {"etc": "whiteout"}, {"etc": "dir"}),
        "etc/motd",
        words("a whiteout for a parent hides all beneath it", "父目录的空白标记遮住里面的一切"),
    ),
    (
        ({"etc": "dir", "etc/motd": "file"}, {"etc": "file"}),
        "etc/motd",
        words(
            "a file in the place of a parent hides all beneath it",
            "文件取代了父目录，里面的也就没了",
        ),
    ),
)


def _check_look_up(scene: Scene) -> Words | None:
    for layers, path, fault in _CASES:
        if scene.answer([dict(layer) for layer in layers], path) != look_up(layers, path):
            return fault
    for _ in range(300):
        stack = [_random_layer() for _ in range(4)]
        path = random.choice(_PATHS)
        found = scene.answer([dict(layer) for layer in stack], path)
        if found != look_up(stack, path):
            return unlike(f"look_up({stack}, {path!r})", look_up(stack, path), found)
    return None


_Entries = list[tuple[str, str | None]]


def _layer(*entries: tuple[str, str | None]) -> _Entries:
    return list(entries)


_TREES: tuple[tuple[tuple[_Entries, ...], dict[str, str], Words], ...] = (
    (
        (
            _layer(("etc", None), ("etc/a", "1"), ("etc/b", "1")),
            _layer(("etc", None), ("etc/b", "2")),
        ),
        {"etc/a": "1", "etc/b": "2"},
        words("an upper layer replaces a file and keeps the others", "上层替换一个文件，其余保留"),
    ),
    (
        (_layer(("etc", None), ("etc/a", "1"), ("etc/b", "1")), _layer(("etc/.wh.a", ""))),
        {"etc/b": "1"},
        words("a whiteout deletes, and is itself not there", "空白标记负责删除，自己不出现"),
    ),
    (
        (_layer(("etc", None), ("etc/d", None), ("etc/d/x", "1")), _layer(("etc/.wh.d", ""))),
        {},
        words("a whiteout deletes a directory with all in it", "空白标记连同目录里的一切一起删除"),
    ),
    (
        (_layer(("etc", None), ("etc/a", "1")), _layer(("etc/.wh.nothing", ""))),
        {"etc/a": "1"},
        words("a whiteout for nothing does nothing", "没有对象的空白标记什么也不做"),
    ),
    (
        (
            _layer(("etc", None), ("etc/a", "1"), ("etc/d", None), ("etc/d/x", "1")),
            _layer(("etc", None), ("etc/.wh..wh..opq", ""), ("etc/n", "2")),
        ),
        {"etc/n": "2"},
        words("an opaque directory hides what was there", "不透明目录遮住原有的内容"),
    ),
    (
        (
            _layer(("etc", None), ("etc/a", "1")),
            _layer(("etc", None), ("etc/n", "2"), ("etc/.wh..wh..opq", "")),
        ),
        {"etc/n": "2"},
        words(
            "an opaque mark hides lower layers only, also when it comes after a file of its own",
            "不透明标记只遮住下面的层，即使它排在本层文件的后面",
        ),
    ),
    (
        (_layer(("srv", "1")), _layer(("srv", None), ("srv/x", "2"))),
        {"srv/x": "2"},
        words("a directory may take the place of a file", "目录可以取代文件"),
    ),
    (
        (_layer(("srv", None), ("srv/x", "1")), _layer(("srv", "2"))),
        {"srv": "2"},
        words("a file may take the place of a directory", "文件可以取代目录"),
    ),
)


def _check_unpack(scene: Scene) -> Words | None:
    for layers, wanted, fault in _TREES:
        with tempfile.TemporaryDirectory(prefix="ocinb-check-") as place:
            root = Path(place, "root")
            root.mkdir()
            scene.answer([list(layer) for layer in layers], root)
            files = (path for path in root.rglob("*") if path.is_file())
            if {str(path.relative_to(root)): path.read_text() for path in files} != wanted:
                return fault
    return None


EXERCISES = (
    Exercise(
        name="05-lookup",
        task=words(
            "Write look_up(layers, path): the number of the layer that a path comes from, or None.",
            "写出 look_up(layers, path)：路径来自第几层，没有就是 None。",
        ),
        check=_check_look_up,
        function="look_up",
        hints=(
            words(
                "go from the top down; the first layer that says anything about the path or one "
                "of its parents may end the search.",
                "从上往下找；第一个提到这条路径或它某个父目录的层，可能就让查找结束。",
            ),
            words(
                "in each layer ask two things: is the path itself there? If not, is one of its "
                "parents a whiteout, opaque, or a file? Then nothing below is seen.",
                "在每一层问两件事：路径本身在吗？不在的话，它的某个父目录是空白标记、不透明目录，"
                "还是一个文件？若是，下面的就看不到了。",
            ),
        ),
        solution="""
def look_up(layers, path):
    parts = path.split("/")
    parents = ["/".join(parts[:n]) for n in range(1, len(parts))]
    for number in range(len(layers), 0, -1):
        layer = layers[number - 1]
        if path in layer:
            return None if layer[path] == "whiteout" else number
        if any(layer.get(parent) in ("whiteout", "opaque", "file") for parent in parents):
            return None
""",
        wrong=(
            """
def look_up(layers, path):
    return next((n for n, layer in enumerate(layers, 1) if path in layer), None)
""",
            """
def look_up(layers, path):
    for number in range(len(layers), 0, -1):
        if path in layers[number - 1]:
            return None if layers[number - 1][path] == "whiteout" else number
""",
            """
def look_up(layers, path):
    parent = path.rpartition("/")[0]
    for number in range(len(layers), 0, -1):
        layer = layers[number - 1]
        if layer.get(parent) in ("whiteout", "opaque", "file"):
            return None
        if path in layer:
            return None if layer[path] == "whiteout" else number
""",
        ),
    ),
    Exercise(
        name="05-unpack",
        task=words(
            "Write unpack(layers, root), which makes one tree of layers, whiteouts included.",
            "写出 unpack(layers, root)：把各层做成一棵树，并处理空白标记。",
        ),
        check=_check_unpack,
        function="unpack",
        hints=(
            words(
                "an entry is one of three: the opaque mark, a whiteout, or something to write.",
                "一条记录不外乎三种：不透明标记、空白标记、要写出的东西。",
            ),
            words(
                "do the deletions of a layer first, in a pass of their own; then write, and "
                "remove what is in the way when one of the two is no directory.",
                "先单独过一遍，把这一层的删除都做完；然后再写出，如果新旧二者不都是目录，就先移走挡路的。",
            ),
        ),
        solution="""
def unpack(layers, root):
    for layer in layers:
        marks = [root / name for name, _ in layer if "/.wh." in f"/{name}"]
        for mark in marks:
            opaque = mark.name == ".wh..wh..opq"
            gone = mark.parent.glob("*") if opaque else [mark.with_name(mark.name[4:])]
            for path in list(gone):
                remove(path)
        for path, text in [(root / name, text) for name, text in layer]:
            if path not in marks:
                if not (text is None and path.is_dir()):
                    remove(path)
                path.mkdir(exist_ok=True) if text is None else path.write_text(text)
""",
        wrong=(
            """
def unpack(layers, root):
    for layer in layers:
        for name, text in layer:
            path = root / name
            path.mkdir(exist_ok=True) if text is None else path.write_text(text)
""",
            """
def unpack(layers, root):
    for layer in layers:
        for name, text in layer:
            path = root / name
            if ".wh." in name:
                remove(root / name.replace(".wh.", ""))
            elif text is None:
                path.mkdir(exist_ok=True)
            else:
                path.write_text(text)
""",
            """
def unpack(layers, root):
    for layer in layers:
        for path, text in [(root / name, text) for name, text in layer]:
            if path.name == ".wh..wh..opq":
                [remove(old) for old in list(path.parent.glob("*"))]
            elif path.name.startswith(".wh."):
                remove(path.with_name(path.name[4:]))
            else:
                if not (text is None and path.is_dir()):
                    remove(path)
                path.mkdir(exist_ok=True) if text is None else path.write_text(text)
""",
        ),
    ),
)
