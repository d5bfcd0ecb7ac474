"""The exercises of lesson 03, manifests then and now."""

from __future__ import annotations

import hashlib
import json
import random
from typing import TYPE_CHECKING, Any

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words
from ocinb.distribution.client import Client
from ocinb.distribution.referrers import referrers
from ocinb.spec.document import parse_object
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_REVIEW = "text/x-review"


def _random_digest() -> str:
    return f"sha256:{hashlib.sha256(random.randbytes(8)).hexdigest()}"


def _check_order(scene: Scene) -> Words | None:
    for count in (1, 2, 6, 6):
        blobs = [_random_digest() for _ in range(count)]
        empty = [count > 2 and (number == 1 or random.random() < 0.5) for number in range(count)]
        documents: list[dict[str, Any]] = [{"id": blob, "os": "linux"} for blob in blobs]
        for number, nothing in enumerate(empty):
            if nothing or random.random() < 0.3:
                documents[number]["throwaway"] = nothing
        documents[0].setdefault("throwaway", False)
        schema1 = {
            "schemaVersion": 1,
            "fsLayers": [{"blobSum": blob} for blob in reversed(blobs)],
            "history": [{"v1Compatibility": json.dumps(each)} for each in reversed(documents)],
        }
        wanted = [blob for blob, nothing in zip(blobs, empty, strict=True) if not nothing]
        found = list(scene.answer(schema1) or ())
        if found == wanted[::-1] != wanted:
            return words("they are in the order of the document", "顺序还是文档里的顺序")
        if found != wanted:
            return Words(
                en=f"of {count} layers, {sum(empty)} of them throwaway, it gives {len(found)}"
                if len(found) != len(wanted)
                else "the layers are not the right ones",
                zh=f"共 {count} 层，其中 {sum(empty)} 层是 throwaway，结果却有 {len(found)} 层"
                if len(found) != len(wanted)
                else "层不对",
            )
    return None


def choose(
    index: dict[str, Any], os: str, architecture: str, variant: str | None = None
) -> str | None:
    """What the exercise asks for."""
    wanted = variant or ("v8" if architecture == "arm64" else None)
    for entry in index["manifests"]:
        platform = entry.get("platform")
        if not platform or (platform["os"], platform["architecture"]) != (os, architecture):
            continue
        own = platform.get("variant") or ("v8" if architecture == "arm64" else None)
        if wanted is None or own == wanted:
            digest: str = entry["digest"]
            return digest
    return None


def _check_platform(scene: Scene) -> Words | None:
    kinds: list[dict[str, str] | None] = [
        {"os": "linux", "architecture": "amd64"},
        {"os": "windows", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64"},
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
        {"os": "linux", "architecture": "arm64", "variant": "v9"},
        {"os": "linux", "architecture": "arm", "variant": "v6"},
        {"os": "linux", "architecture": "arm", "variant": "v7"},
        None,
    ]
    asked = [
        ("linux", "amd64"),
        ("windows", "amd64"),
        ("linux", "arm64"),
        ("linux", "arm64", "v8"),
        ("linux", "arm64", "v9"),
        ("linux", "arm", "v7"),
        ("linux", "arm"),
        ("linux", "s390x"),
    ]
    stacks = [random.sample(kinds, random.randint(1, len(kinds))) for _ in range(40)]
    for chosen in [kinds, kinds[::-1], *stacks]:
        entries: list[dict[str, Any]] = [
            {"digest": _random_digest()} | ({"platform": kind} if kind else {}) for kind in chosen
        ]
        for question in asked:
            wanted = choose({"manifests": entries}, *question)
            found = scene.answer({"manifests": json.loads(json.dumps(entries))}, *question)
            if found != wanted:
                known = {entry["digest"]: entry.get("platform") for entry in entries}
                chose = known.get(found) if isinstance(found, str) else found
                return unlike(f"{question} among {chosen}", known.get(wanted or ""), chose)
    return None


def _check_review(scene: Scene) -> Words | None:
    reference = Reference.parse(scene.image)
    digest = scene.engine.images.get(scene.image).manifest_descriptor.digest
    repository = f"{reference.registry}/{reference.repository}"
    subject = Reference.parse(f"{repository}@{digest}")
    client = Client()
    listed = referrers(client, subject, digest)
    found = [d for d in listed if d.artifact_type == _REVIEW]
    if not found:
        return words(
            f"no manifest of type {_REVIEW} has the image as its subject",
            f"没有哪份类型为 {_REVIEW} 的清单以这个镜像为 subject",
        )
    review = Reference.parse(f"{repository}@{found[-1].digest}")
    manifest = parse_object(client.get_manifest(review).data, "the manifest")
    if len(manifest.get("layers") or []) != 1:
        return words("it has not one layer", "它不是恰好一层")
    return None


EXERCISES = (
    Exercise(
        name="03-order",
        task=words(
            "Write layers(schema1): the blobs of a schema 1 manifest in the order of unpacking.",
            "写出 layers(schema1)：按展开的顺序给出 schema 1 清单里的 blob。",
        ),
        check=_check_order,
        function="layers",
        hints=(
            words(
                "both lists stand top first and belong together, entry by entry.",
                "两个列表都是最上层在前，而且逐条对应。",
            ),
            words(
                "zip them, read each v1Compatibility with json.loads, keep what is not throwaway, "
                "and turn the result round.",
                "用 zip 配对，用 json.loads 读每个 v1Compatibility，留下不是 throwaway 的，"
                "再倒过来。",
            ),
        ),
        solution="""
def layers(schema1):
    pairs = zip(schema1["fsLayers"], schema1["history"])
    kept = [a["blobSum"] for a, b in pairs if not json.loads(b["v1Compatibility"]).get("throwaway")]
    return kept[::-1]
""",
        wrong=(
            "lambda schema1: [layer['blobSum'] for layer in schema1['fsLayers']]",
            "lambda schema1: [layer['blobSum'] for layer in schema1['fsLayers'][::-1]]",
            """
def layers(schema1):
    pairs = zip(schema1["fsLayers"], schema1["history"])
    return [a["blobSum"] for a, b in pairs if "throwaway" not in b["v1Compatibility"]][::-1]
""",
        ),
    ),
    Exercise(
        name="03-platform",
        task=words(
            "Write choose(index, os, architecture, variant=None): the digest of what fits.",
            "写出 choose(index, os, architecture, variant=None)：相符条目的摘要。",
        ),
        check=_check_platform,
        function="choose",
        hints=(
            words(
                "go through index['manifests'] in order; entry.get('platform') may be None.",
                "按顺序看 index['manifests']；entry.get('platform') 可能是 None。",
            ),
            words(
                "give arm64 its v8 on both sides first; then a variant matters only if one is "
                "asked for.",
                "先在两边都给 arm64 补上 v8；然后，只有要求了变体时才比较变体。",
            ),
        ),
        solution="""
def choose(index, os, architecture, variant=None):
    usual = "v8" if architecture == "arm64" else None
    for entry in index["manifests"]:
        platform = entry.get("platform") or {}
        if (platform.get("os"), platform.get("architecture")) != (os, architecture):
            continue
        if (variant or usual) in (None, platform.get("variant") or usual):
            return entry["digest"]
""",
        wrong=(
            """
def choose(index, os, architecture, variant=None):
    wanted = {"os": os, "architecture": architecture} | ({"variant": variant} if variant else {})
    return next((e["digest"] for e in index["manifests"] if e.get("platform") == wanted), None)
""",
            """
def choose(index, os, architecture, variant=None):
    for entry in index["manifests"]:
        platform = entry.get("platform") or {}
        if platform.get("architecture") == architecture:
            if variant in (None, platform.get("variant")):
                return entry["digest"]
""",
            """
def choose(index, os, architecture, variant=None):
    for entry in index["manifests"]:
        platform = entry.get("platform") or {}
        if (platform.get("os"), platform.get("architecture")) == (os, architecture):
            return entry["digest"]
""",
        ),
    ),
    Exercise(
        name="03-review",
        task=words(
            "Attach a review to the image: a manifest with one layer and the image as its subject.",
            "给镜像附上一份评语：一份只有一层、以镜像为 subject 的清单。",
        ),
        check=_check_review,
        hints=(
            words(
                "the cell with the ingredients does nearly all of it.",
                "写成分清单的那个单元格，几乎就是答案。",
            ),
            words(
                'review = {**note, "artifactType": "text/x-review", "layers": [blob(b"…")]}, and '
                "put it under its own digest.",
                'review = {**note, "artifactType": "text/x-review", "layers": [blob(b"…")]}，'
                "再以它自己的摘要为名推送。",
            ),
        ),
        solution="""
layer = blob("I would run it again".encode())
review = {**note, "artifactType": "text/x-review", "layers": [layer]}
data = json.dumps(review).encode()
put(f"demo:sha256:{hashlib.sha256(data).hexdigest()}", data, MANIFEST)
%oci check 03-review
""",
        wrong=(
            """
review = {k: v for k, v in note.items() if k != "subject"} | {"artifactType": "text/x-review"}
data = json.dumps(review).encode()
put(f"demo:sha256:{hashlib.sha256(data).hexdigest()}", data, MANIFEST)
%oci check 03-review
""",
            """
data = json.dumps({**note, "artifactType": "text/plain"}).encode()
put(f"demo:sha256:{hashlib.sha256(data).hexdigest()}", data, MANIFEST)
%oci check 03-review
""",
        ),
        answered=False,
    ),
)
