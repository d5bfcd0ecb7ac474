"""The exercises of lesson 12, making images."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from ocinb.build.recipe import Recipe
from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, words
from ocinb.errors import LayerError, NameNotFound
from ocinb.image import Image
from ocinb.workshop import build_named

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

GREETING = "/etc/greeting"
_TRIAL = "localhost/course-order:trial"
_STEPS = """
FROM $BASE
RUN cat /proc/sys/kernel/random/uuid > /tools
COPY app /app
CMD ["/bin/sh", "/app"]
"""


def _check_commit(scene: Scene) -> Words | None:
    images = scene.engine.images
    try:
        greeter, image = Image(scene.engine, images.get("greeter")), images.get(scene.image)
        said = greeter.read(GREETING)
    except NameNotFound:
        return words("there is no image called greeter yet", "还没有叫 greeter 的镜像")
    except LayerError:
        return words(f"greeter has no {GREETING}", f"greeter 里没有 {GREETING}")
    if said.strip() != b"hello":
        return words(f"{GREETING} says something else", f"{GREETING} 的内容不是 hello")
    rows = Image(scene.engine, image).diff_table(greeter).records()
    files = [row["name"] for row in rows if row["subject"] == "file"]
    others = [name for name in files if name != GREETING]
    if others:
        return words(f"{others[0]} is changed, too", f"{others[0]} 也变了")
    return None


def _nowhere(_data: bytes, _stream: int) -> None:
    pass


def _check_order(scene: Scene) -> Words | None:
    if not isinstance(scene.answer, str):
        return words("the value must be the text of a Dockerfile", "值应当是 Dockerfile 的文本")
    with tempfile.TemporaryDirectory(dir=scene.room) as place:
        context = Path(place)
        recipe = Recipe(text=scene.answer, context=context, arguments={"BASE": scene.image})
        found = []
        for _ in range(2):
            app = f"echo {uuid.uuid4()}\n"
            (context / "app").write_text(app)
            local = build_named(scene.engine, recipe, _TRIAL, output=_nowhere)
            try:
                image = Image(scene.engine, local)
                found.append(image.read("/tools"))
                if image.read("/app").decode() != app:
                    return words("/app is not the app of the context", "/app 不是上下文里的 app")
            except LayerError as error:
                return words(error.message, f"镜像不完整：{error.message}")
            finally:
                scene.engine.store.names.remove(_TRIAL)
    if found[0] != found[1]:
        return words("app changed, and /tools was made again", "app 一变，/tools 就重做了")
    return None


def _check_layer(scene: Scene) -> Words | None:
    files = {f"d{n}/f{random.randrange(1000)}": random.randbytes(n * 300) for n in range(5)}
    blob = scene.answer(dict(files))
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as tar:
            held = {entry.name: file.read() for entry in tar if (file := tar.extractfile(entry))}
    except (OSError, EOFError, TypeError, tarfile.TarError) as error:
        return words(f"this is not a gzip of a tar: {error}", f"这不是 gzip 压缩的 tar：{error}")
    if held != files:
        return words("the archive does not hold just these files", "归档里的文件和给出的不一样")
    if scene.answer(dict(reversed(files.items()))) != blob:
        return words("in another order it has other bytes", "换个顺序，字节就变了")
    later = time.time() + 100_000
    with patch("time.time", lambda: later):
        if scene.answer(dict(files)) != blob:
            return words("tomorrow it has other bytes", "到了明天，字节就变了")
    return None


EXERCISES = (
    Exercise(
        name="12-commit",
        task=words(
            f"Commit a container as greeter: {GREETING} says hello, nothing else changes.",
            f"把一个容器提交为 greeter：{GREETING} 的内容是 hello，其余不变。",
        ),
        check=_check_commit,
        hints=(
            words(
                "run a shell with a name and without --rm, let it write the file, commit the name.",
                "用 --name 运行一个 shell，不要加 --rm，让它写文件，然后提交这个名字。",
            ),
            words(
                'sh -c "echo hello > /etc/greeting" is the whole command.',
                '完整的命令就是 sh -c "echo hello > /etc/greeting"。',
            ),
        ),
        solution="""
%oci run --name maker $lesson.image sh -c "echo hello > /etc/greeting"
%oci commit maker greeter
%oci rm maker
%oci check 12-commit
""",
        wrong=(
            """
%oci run --name maker $lesson.image sh -c "echo hello > /etc/greeting; echo 1 > /notes"
%oci commit maker greeter
%oci rm maker
%oci check 12-commit
""",
            """
%oci tag $lesson.image greeter
%oci check 12-commit
""",
        ),
        answered=False,
    ),
    Exercise(
        name="12-order",
        task=words(
            "Write a Dockerfile in which a change of app does not make /tools again.",
            "写一个 Dockerfile：app 变了，/tools 也不重做。",
        ),
        check=_check_order,
        hints=(
            words(
                "a line is taken from the cache if all lines above it are.",
                "上面的各行都来自缓存，这一行才可能来自缓存。",
            ),
            words(
                "what changes often goes last: first RUN, then COPY.",
                "常变的放在后面：先 RUN，后 COPY。",
            ),
        ),
        solution=f'''
"""ARG BASE{_STEPS}"""
''',
        wrong=(
            '"ARG BASE\\nFROM $BASE\\nCOPY app /app\\n"',
            '''
"""ARG BASE
FROM $BASE
COPY app /app
RUN cat /proc/sys/kernel/random/uuid > /tools
"""
''',
            '"ARG BASE\\nFROM $BASE\\nRUN echo fixed > /app && echo fixed > /tools\\n"',
        ),
    ),
    Exercise(
        name="12-layer",
        task=words(
            "Write layer(files): a gzip of a tar, the same bytes for the same files at any time.",
            "写出 layer(files)：gzip 压缩的 tar；同样的文件，任何时候字节都相同。",
        ),
        check=_check_layer,
        function="layer",
        hints=(
            words(
                "two things carry chance: the order of the dictionary, and a time in gzip's head.",
                "有两处会带进偶然：字典的顺序，和 gzip 头部里的时间。",
            ),
            words(
                "go through sorted(files); gzip.compress takes mtime=0; tarfile.TarInfo has the "
                "time 0 by itself.",
                "按 sorted(files) 遍历；gzip.compress 可以给 mtime=0；"
                "tarfile.TarInfo 的时间本来就是 0。",
            ),
        ),
        solution="""
import gzip
import io
import tarfile


def layer(files):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            tar.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(archive.getvalue(), mtime=0)
""",
        wrong=(
            """
import gzip, io, tarfile

def layer(files):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            tar.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(archive.getvalue())
""",
            """
import gzip, io, tarfile

def layer(files):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            tar.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(archive.getvalue(), mtime=0)
""",
            "lambda files: b''.join(files[name] for name in sorted(files))",
        ),
    ),
)
