"""The exercises of lesson 02, distribution."""

from __future__ import annotations

import hashlib
import random
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words
from ocinb.distribution.client import Client
from ocinb.errors import RegistryError
from ocinb.spec.digest import Digest
from ocinb.spec.document import parse_object
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_SHORTEST = 20


def _random_digest() -> str:
    return f"sha256:{hashlib.sha256(random.randbytes(8)).hexdigest()}"


def _image(layers: int) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"digest": _random_digest(), "size": 2},
        "layers": [{"digest": _random_digest(), "size": 3} for _ in range(layers)],
    }


def _check_pull(scene: Scene) -> Words | None:
    for direct in (False, True, False):
        images = {name: _image(random.randint(0, 5)) for name in ("arm64", "amd64", "s390x")}
        documents: dict[str, Any] = {_random_digest(): image for image in images.values()}
        entries = [
            {"digest": digest, "platform": {"os": "linux", "architecture": name}}
            for digest, name in zip(documents, images, strict=True)
        ]
        random.shuffle(entries)
        for name in random.sample(list(images), 3):
            index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}
            known = {**documents, "latest": images[name] if direct else index}
            found = scene.answer(known.__getitem__, "latest", name)
            image = images[name]
            parts = [image["config"], *image["layers"]]
            if list(found or ()) != [part["digest"] for part in parts]:
                if direct:
                    return words(
                        "it is not right where the tag leads directly to a manifest",
                        "标签直接指向清单时，结果不对",
                    )
                return Words(
                    en=f"it is not right for {name} among {[*images]}",
                    zh=f"在 {[*images]} 之中，{name} 的结果不对",
                )
    return None


def _check_push(scene: Scene) -> Words | None:
    registry = scene.image.partition("/")[0]
    reference = Reference.parse(f"{registry}/mine:note")
    client = Client()
    try:
        manifest = parse_object(client.get_manifest(reference).data, "the manifest")
    except RegistryError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return words(
            "there is no tag note in the repository mine yet", "镜像库 mine 里还没有标签 note"
        )
    layers = manifest.get("layers") or []
    if len(layers) != 1:
        return words("the manifest has not one layer", "清单里不是恰好一层")
    size = client.head_blob(reference, Digest(layers[0]["digest"]))
    if size is None or size < _SHORTEST or size != layers[0].get("size"):
        return words(
            f"the layer is not a text of {_SHORTEST} bytes or more, with its true size",
            f"那一层不是至少 {_SHORTEST} 字节的文本，或者 size 不对",
        )
    return None


def _check_challenge(scene: Scene) -> Words | None:
    cases = (
        {"realm": "https://auth.example/token", "service": "registry.example"},
        {
            "realm": "https://auth.example/token?a=b",
            "service": "registry.example:5000",
            "scope": "repository:team/demo:pull,push",
        },
        {"realm": "http://127.0.0.1:1/t", "service": "x", "error": "invalid_token", "scope": ""},
    )
    for wanted in cases:
        for comma in (",", ", "):
            header = "Bearer " + comma.join(f'{k}="{v}"' for k, v in wanted.items())
            found = scene.answer(header)
            if found != wanted:
                return unlike(f"challenge({header!r})", wanted, found)
    return None


EXERCISES = (
    Exercise(
        name="02-pull",
        task=words(
            "Write wanted(get, reference, architecture): the digests to download for an image.",
            "写出 wanted(get, reference, architecture)：一个镜像要下载哪些摘要。",
        ),
        check=_check_pull,
        function="wanted",
        hints=(
            words(
                "an index has the field manifests, a manifest has config and layers.",
                "索引有字段 manifests，清单有 config 和 layers。",
            ),
            words(
                'where there are "manifests", take the entry whose platform has that '
                "architecture, and get its digest.",
                '有 "manifests" 的话，取 platform 的 architecture 相符的那一条，再 get 它的摘要。',
            ),
        ),
        solution="""
def wanted(get, reference, architecture):
    document = get(reference)
    for entry in document.get("manifests", []):
        if entry["platform"]["architecture"] == architecture:
            document = get(entry["digest"])
    return [part["digest"] for part in [document["config"], *document["layers"]]]
""",
        wrong=(
            """
def wanted(get, reference, architecture):
    document = get(reference)
    return [part["digest"] for part in [document["config"], *document["layers"]]]
""",
            """
def wanted(get, reference, architecture):
    document = get(get(reference)["manifests"][0]["digest"])
    return [part["digest"] for part in [document["config"], *document["layers"]]]
""",
            """
def wanted(get, reference, architecture):
    for entry in get(reference)["manifests"]:
        if entry["platform"]["architecture"] == architecture:
            return [part["digest"] for part in get(entry["digest"])["layers"]]
""",
        ),
    ),
    Exercise(
        name="02-push",
        task=words(
            "Push a text by bare HTTP: repository mine, tag note, one layer.",
            "用裸 HTTP 推送一段文本：镜像库 mine，标签 note，只有一层。",
        ),
        check=_check_push,
        hints=(
            words(
                "two blobs, then the manifest: POST, PUT with ?digest=, for each; the manifest "
                "is a PUT to /v2/mine/manifests/note.",
                "先两个 blob，再清单：每个 blob 一次 POST、一次带 ?digest= 的 PUT；"
                "清单则是 PUT 到 /v2/mine/manifests/note。",
            ),
            words(
                "the manifest needs schemaVersion 2, mediaType, config and layers, both with "
                "mediaType, digest and size; its Content-Type is its mediaType.",
                "清单需要 schemaVersion 2、mediaType、config 和 layers，后两者都带 mediaType、"
                "digest 和 size；请求的 Content-Type 就是它的 mediaType。",
            ),
        ),
        solution="""
def put(data, kind):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    place = ask("POST", "/v2/mine/blobs/uploads/")[0].headers["Location"]
    ask("PUT", f"{place}?digest={digest}", data)
    return {"mediaType": kind, "digest": digest, "size": len(data)}


config = put(b"{}", "application/vnd.oci.empty.v1+json")
kind = f"{OCI}manifest.v1+json"
mine = {"schemaVersion": 2, "mediaType": kind, "artifactType": "text/plain", "config": config}
mine["layers"] = [put(b"all that I know of registries", "text/plain")]
ask("PUT", "/v2/mine/manifests/note", json.dumps(mine), Content_Type=kind)
%oci check 02-push
""",
        wrong=(
            """
answer, data = ask("POST", "/v2/mine/blobs/uploads/")
ask("PUT", f"{answer.headers['Location']}?digest={name}", note)
%oci check 02-push
""",
            """
kind = f"{OCI}manifest.v1+json"
for part in [manifest["config"], *manifest["layers"]]:
    ask("POST", f"/v2/mine/blobs/uploads/?mount={part['digest']}&from=demo")
ask("PUT", "/v2/mine/manifests/note", json.dumps(homeless), Content_Type=kind)
%oci check 02-push
""",
        ),
        answered=False,
    ),
    Exercise(
        name="02-challenge",
        task=words(
            "Write challenge(header): the parameters of a WWW-Authenticate header as a dict.",
            "写出 challenge(header)：把 WWW-Authenticate 头里的参数变成字典。",
        ),
        check=_check_challenge,
        function="challenge",
        hints=(
            words(
                "splitting at commas breaks a scope such as pull,push; look for the quotes.",
                "按逗号拆分会弄坏 pull,push 这样的 scope；去找名字、等号和引号。",
            ),
            words(
                "re.findall with two groups gives pairs, and dict takes pairs.",
                "re.findall 带两个分组会给出成对的值，dict 正好接受。",
            ),
        ),
        solution="""
import re


def challenge(header):
    return dict(re.findall(r'(\\w+)="([^"]*)"', header))
""",
        wrong=(
            "lambda header: dict(part.split('=') for part in header[7:].split(','))",
            """
def challenge(header):
    parts = header.removeprefix("Bearer ").replace('"', "").split(",")
    return dict(part.strip().split("=", 1) for part in parts)
""",
            """
def challenge(header):
    return {"realm": header.split('"')[1]}
""",
        ),
    ),
)
