"""The exercises of lesson 04, layers."""

from __future__ import annotations

import gzip
import hashlib
import random
from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, words
from ocinb.errors import NameNotFound
from ocinb.image import Image

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

DELETED = "/etc/os-release"


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _check_diff_id(scene: Scene) -> Words | None:
    archive = random.randbytes(2048)
    cases = (
        (gzip.compress(archive), words("of a gzip layer it is not right", "gzip 层的结果不对")),
        (
            gzip.compress(archive, compresslevel=1),
            words("compressed otherwise, the same layer has another one", "换一种压缩，结果就变了"),
        ),
        (
            archive,
            words("of a layer that is not compressed it is not right", "没有压缩的层，结果不对"),
        ),
    )
    for blob, fault in cases:
        if scene.answer(blob) != _sha256(archive):
            return fault
    return None


def _chain_ids(diff_ids: list[str]) -> list[str]:
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(_sha256(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain


def _check_chain(scene: Scene) -> Words | None:
    for count in (1, 2, 5):
        diff_ids = [_sha256(random.randbytes(8)) for _ in range(count)]
        found = scene.answer(list(diff_ids))
        wanted = _chain_ids(diff_ids)
        if not isinstance(found, list | tuple) or len(found) != count:
            return words(
                f"each of {count} layers has a chainID: that makes a list of {count}",
                f"{count} 层应有 {count} 个 chainID",
            )
        for number, (one, right) in enumerate(zip(found, wanted, strict=True), 1):
            if one != right:
                return words(
                    f"of {count} layers, number {number} is not right",
                    f"共 {count} 层时，第 {number} 层不对",
                )
    return None


def _check_delete(scene: Scene) -> Words | None:
    try:
        clean = Image(scene.engine, scene.engine.images.get("clean"))
    except NameNotFound:
        return words("there is no image called clean", "还没有叫 clean 的镜像")
    before = Image(scene.engine, scene.engine.images.get(scene.image))
    rows = before.diff_table(clean).records()
    changed = {row["name"]: row["change"] for row in rows if row["subject"] == "file"}
    if changed.pop(DELETED, "") != "removed":
        return words(f"{DELETED} is still there", f"{DELETED} 还在")
    others = sorted(changed)
    if others:
        return words(f"{others[0]} is not as it was", f"{others[0]} 和原来不一样了")
    return None


EXERCISES = (
    Exercise(
        name="04-diffid",
        task=words(
            "Write diff_id(blob): the diffID of a layer's blob, compressed with gzip or not.",
            "写出 diff_id(blob)：由 blob 得出 diffID，blob 可能用 gzip 压缩过，也可能没有。",
        ),
        check=_check_diff_id,
        function="diff_id",
        hints=(
            words(
                "a diffID is the digest of the archive, so what was compressed comes out first.",
                "diffID 是归档的摘要，所以要先把压缩去掉。",
            ),
            words(
                'a gzip file begins with b"\\x1f\\x8b"; anything else is hashed as it is.',
                'gzip 文件以 b"\\x1f\\x8b" 开头；其他的直接计算哈希。',
            ),
        ),
        solution="""
import gzip
import hashlib


def diff_id(blob):
    archive = gzip.decompress(blob) if blob[:2] == b"\\x1f\\x8b" else blob
    return "sha256:" + hashlib.sha256(archive).hexdigest()
""",
        wrong=(
            "lambda blob: 'sha256:' + hashlib.sha256(blob).hexdigest()",
            "lambda blob: 'sha256:' + hashlib.sha256(gzip.decompress(blob)).hexdigest()",
            "'sha256:0000'",
        ),
    ),
    Exercise(
        name="04-chain",
        task=words(
            "Write chain_ids(diff_ids): the chainID of every layer, lowest first.",
            "写出 chain_ids(diff_ids)：从最底层开始的每一层的 chainID。",
        ),
        check=_check_chain,
        function="chain_ids",
        hints=(
            words(
                "the lowest chainID is its diffID; each further one hashes a text of two digests.",
                "最底层的 chainID 就是 diffID；往上每一层，是对“两个摘要组成的文本”求哈希。",
            ),
            words(
                'the text is f"{below} {diff_id}": whole digests with their sha256:, one space, no '
                "line end.",
                '文本是 f"{below} {diff_id}"：完整的摘要（带 sha256:），中间一个空格，没有换行。',
            ),
        ),
        solution="""
import hashlib


def chain_ids(diff_ids):
    chain = [diff_ids[0]]
    for diff_id in diff_ids[1:]:
        text = f"{chain[-1]} {diff_id}"
        chain.append("sha256:" + hashlib.sha256(text.encode()).hexdigest())
    return chain
""",
        wrong=(
            "lambda diff_ids: diff_ids",
            """
def chain_ids(diff_ids):
    chain = [diff_ids[0]]
    for diff_id in diff_ids[1:]:
        text = chain[-1] + diff_id
        chain.append("sha256:" + hashlib.sha256(text.encode()).hexdigest())
    return chain
""",
            """
def chain_ids(diff_ids):
    pairs = [" ".join(diff_ids[:n]) for n in range(1, len(diff_ids) + 1)]
    return ["sha256:" + hashlib.sha256(text.encode()).hexdigest() for text in pairs]
""",
        ),
    ),
    Exercise(
        name="04-delete",
        task=words(
            f"Make an image clean of the lesson's image, in which only {DELETED} is deleted.",
            f"由本课的镜像做出镜像 clean，其中只删除了 {DELETED}。",
        ),
        check=_check_delete,
        hints=(
            words(
                "a layer deletes by adding an empty file whose name begins with .wh.",
                "层用“添加一个名字以 .wh. 开头的空文件”来删除。",
            ),
            words(
                "the archive has one entry, etc/.wh.os-release, of no bytes.",
                "归档里只有一条：etc/.wh.os-release，零字节。",
            ),
        ),
        solution="""
import tarfile

with tarfile.open(lesson.directory / "layer.tar", "w") as tar:
    tar.addfile(tarfile.TarInfo("etc/.wh.os-release"))
%oci append --base $lesson.image --file $lesson.directory/layer.tar --tag clean
%oci check 04-delete
""",
        wrong=(
            """
with tarfile.open(lesson.directory / "wrong.tar", "w") as tar:
    tar.addfile(tarfile.TarInfo("etc/os-release"))
%oci append --base $lesson.image --file $lesson.directory/wrong.tar --tag clean
%oci check 04-delete
""",
            """
with tarfile.open(lesson.directory / "wrong.tar", "w") as tar:
    tar.addfile(tarfile.TarInfo("etc/.wh..wh..opq"))
%oci append --base $lesson.image --file $lesson.directory/wrong.tar --tag clean
%oci check 04-delete
""",
        ),
        answered=False,
    ),
)
