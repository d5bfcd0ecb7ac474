"""The exercises of lesson 13, image forensics."""

from __future__ import annotations

import posixpath
import random
from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words
from ocinb.errors import NameNotFound
from ocinb.image import Image
from ocinb.layer.compression import open_stream

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

TOKEN, TOKEN_LAYER = "/root/token", 7
PASSWORD = b"hunter2"


def _image(scene: Scene, name: str) -> Image:
    return Image(scene.engine, scene.engine.images.get(name))


def _check_recover(scene: Scene) -> Words | None:
    try:
        token = _image(scene, "shop:1").read(TOKEN, TOKEN_LAYER)
    except NameNotFound:
        return words("there is no image shop:1: build it first", "还没有 shop:1：请先构建它")
    answer = scene.answer
    data = answer if isinstance(answer, bytes) else str(answer).encode()
    if data.strip() == token.strip():
        return None
    return words("that is not what makes the token work", "这不是那个令牌")


def _hides(whiteout: str, path: str) -> bool:
    directory, name = posixpath.split(whiteout)
    if name == ".wh..wh..opq":
        return path.startswith(f"{directory}/" if directory else "")
    hidden = posixpath.join(directory, name.removeprefix(".wh."))
    return path == hidden or path.startswith(f"{hidden}/")


def _wasted(layers: list[dict[str, int]]) -> int:
    seen: dict[str, int] = {}
    whole = 0
    for layer in layers:
        whiteouts = [path for path in layer if posixpath.basename(path).startswith(".wh.")]
        seen = {
            path: size
            for path, size in seen.items()
            if not any(_hides(whiteout, path) for whiteout in whiteouts)
        }
        files = {path: size for path, size in layer.items() if path not in whiteouts}
        seen |= files
        whole += sum(files.values())
    return whole - sum(seen.values())


def _stack(chance: random.Random) -> list[dict[str, int]]:
    names = ["etc/motd", "etc/ssl/key", "etc/ssl/cert", "srv/a", "srv/b", "srvs"]
    signs = ["etc/.wh.motd", "etc/.wh.ssl", "srv/.wh.a", ".wh.srv", "etc/.wh..wh..opq"]
    return [
        dict.fromkeys(chance.sample(signs, number > 0), 0)
        | {name: chance.randrange(1, 1000) for name in chance.sample(names, 3)}
        for number in range(4)
    ]


_CASES = (
    ([{"a": 5}], words("of one layer nothing is wasted", "只有一层时没有浪费")),
    (
        [{"a": 5}, {"a": 7}],
        words("a file in the place of another hides it", "同名文件会遮住下面的文件"),
    ),
    ([{"d/a": 5}, {"d/.wh.a": 0}], words("a whiteout hides a file", "空白标记遮住文件")),
    (
        [{"d/a": 5, "d/e/b": 7, "da": 1}, {".wh.d": 0}],
        words(
            "a whiteout of a directory hides what is beneath it, and nothing that is only called "
            "alike",
            "目录的空白标记遮住里面的一切，但不遮住只是名字相近的",
        ),
    ),
    (
        [{"d/a": 5, "d/e/b": 7}, {"d/c": 9, "d/.wh..wh..opq": 0}],
        words(
            "an opaque directory hides what lower layers have in it, not what its own layer has",
            "不透明目录遮住下面各层的内容，但不遮住本层自己的",
        ),
    ),
)


def _check_wasted(scene: Scene) -> Words | None:
    for layers, fault in _CASES:
        if scene.answer([dict(layer) for layer in layers]) != _wasted(layers):
            return fault
    for _ in range(50):
        layers = _stack(random.Random())
        found = scene.answer([dict(layer) for layer in layers])
        if found != _wasted(layers):
            return unlike(f"wasted({layers})", _wasted(layers), found)
    return None


def _check_clean(scene: Scene) -> Words | None:
    try:
        clean, shop = _image(scene, "clean"), _image(scene, "shop:1")
    except NameNotFound:
        return words("there is no image called clean yet", "还没有叫 clean 的镜像")
    for row in shop.diff_table(clean).records():
        if row["subject"] == "file":
            return words(
                f"{row['name']} is not as in shop:1 ({row['change']})",
                f"{row['name']} 和 shop:1 里的不一样（{row['change']}）",
            )
    token = shop.read(TOKEN, TOKEN_LAYER).strip()
    for number, layer in enumerate(clean.local.manifest.layers, 1):
        with scene.engine.store.open(layer.digest) as blob:
            archive = open_stream(blob, layer.media_type).read()
        if token in archive:
            return words(f"the token is in layer {number}", f"令牌还在第 {number} 层里")
    if PASSWORD in scene.engine.store.read(clean.local.manifest.config):
        return words(
            "the password is in the config: in Env, or in history",
            "密码还在配置里：在 Env 里，或者在 history 里",
        )
    return None


EXERCISES = (
    Exercise(
        name="13-recover",
        task=words(
            "Recover the token that shop:1 no longer shows; the value is its text.",
            "找回 shop:1 里已经看不到的令牌；值是它的文本。",
        ),
        check=_check_recover,
        hints=(
            words(
                "the waste table says which layer has it; one command reads files of one layer.",
                "waste 的表里写着它在哪一层；有一个命令可以读某一层里的文件。",
            ),
            words(
                "cat has an option --layer, and a path goes behind the image: shop:1:/root/token.",
                "cat 有选项 --layer，路径写在镜像后面：shop:1:/root/token。",
            ),
        ),
        solution="""
token = %oci cat --layer 7 shop:1:/root/token
token
""",
        wrong=("'hunter2'", "'/root/token'", "len('ghp_')"),
    ),
    Exercise(
        name="13-wasted",
        task=words(
            "Write wasted(layers): the bytes that layers contribute and nobody sees.",
            "写出 wasted(layers)：各层放进来、却谁也看不到的字节数。",
        ),
        check=_check_wasted,
        function="wasted",
        hints=(
            words(
                "go from the lowest layer up and keep a dictionary of what is seen so far.",
                "从最底层往上走，用一个字典记住目前看得到的文件。",
            ),
            words(
                "of each layer first let its whiteouts take things out of the dictionary, then put "
                "its files in; at the end it is the sum of all files less what is seen.",
                "每一层先让空白标记从字典里拿走东西，再放入本层的文件；最后用所有文件的总和"
                "减去看得到的。",
            ),
        ),
        solution="""
def wasted(layers):
    seen = {}
    for layer in layers:
        for path in layer:
            directory, slash, name = path.rpartition("/")
            if name.startswith(".wh."):
                hidden = directory + slash
                if name != ".wh..wh..opq":
                    hidden += name.removeprefix(".wh.")
                    seen.pop(hidden, None)
                    hidden += "/"
                seen = {old: size for old, size in seen.items() if not old.startswith(hidden)}
        seen |= layer
    return sum(sum(layer.values()) for layer in layers) - sum(seen.values())
""",
        wrong=(
            "lambda layers: sum(sum(layer.values()) for layer in layers[:-1])",
            """
def wasted(layers):
    seen = {}
    for layer in layers:
        seen |= layer
    return sum(sum(layer.values()) for layer in layers) - sum(seen.values())
""",
            """
def wasted(layers):
    seen = {}
    for layer in layers:
        gone = [path.replace(".wh.", "") for path in layer if ".wh." in path]
        seen = {old: size for old, size in seen.items() if not old.startswith(tuple(gone))}
        seen |= layer
    return sum(sum(layer.values()) for layer in layers) - sum(seen.values())
""",
        ),
    ),
    Exercise(
        name="13-clean",
        task=words(
            "Build an image clean that shows the files of shop:1 and has no secret anywhere.",
            "构建镜像 clean：文件和 shop:1 一样，但哪里都没有秘密。",
        ),
        check=_check_clean,
        hints=(
            words(
                "let a first stage do what needs the token, without ENV of the password.",
                "需要令牌的事放到第一个阶段去做，也不要写含密码的 ENV。",
            ),
            words(
                "FROM $BASE AS maker …; a second FROM $BASE with COPY --from=maker /shop /shop.",
                "先写 FROM $BASE AS maker …，再写第二个 FROM $BASE，"
                "然后 COPY --from=maker /shop /shop。",
            ),
        ),
        solution="""
(work / "Dockerfile").write_text("ARG BASE\\nFROM $BASE AS maker\\n" + '''
COPY token /root/token
COPY prices /shop/prices
RUN test -s /root/token && echo "built with a token" > /shop/built
RUN echo "item-20000 1" >> /shop/prices
FROM $BASE
COPY --from=maker /shop /shop
''')
%oci build --quiet --tag clean --build-arg BASE=$lesson.image $work
%oci check 13-clean
""",
        wrong=(
            """
%oci squash --tag clean shop:1
%oci config --env SHOP_PASSWORD- --tag clean clean
%oci check 13-clean
""",
            """
%oci tag shop:1 clean
%oci check 13-clean
""",
            """
%oci tag $lesson.image clean
%oci check 13-clean
""",
        ),
        answered=False,
    ),
)
