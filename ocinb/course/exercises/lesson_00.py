"""The exercises of lesson 00, from a name to a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words
from ocinb.errors import ContainerNotFound
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_NAMES = (
    "demo",
    "demo:1.0",
    "team/demo",
    "team/demo:2",
    "localhost/demo",
    "localhost:5000/demo",
    "127.0.0.1:5000/team/demo:1.0",
    "ghcr.io/team/project/demo:v2.1",
    "docker.io/demo",
    "docker.io/team/demo:a",
)
_HIDING, _STATUS = 4, 7


def _check_name(scene: Scene) -> Words | None:
    for name in _NAMES:
        reference = Reference.parse(name)
        wanted = (reference.registry, reference.repository, reference.tag or "latest")
        found = scene.answer(name)
        if tuple(found or ()) != wanted:
            return unlike(f"parts({name!r})", wanted, found)
    return None


def _check_motd(scene: Scene) -> Words | None:
    layers = scene.engine.images.get(scene.image).manifest.layers
    if scene.answer == layers[_HIDING - 1].digest:
        return None
    if scene.answer in [layer.digest for layer in layers]:
        return words("that is another layer", "那是另一层")
    return words("that is no digest of a layer's blob", "那不是某一层 blob 的摘要")


def _check_seven(scene: Scene) -> Words | None:
    try:
        record = scene.engine.containers.get("seven")
    except ContainerNotFound:
        return words("there is no container called seven", "没有叫 seven 的容器")
    if record.exit_status is None:
        return words("it has not ended yet", "它还没有结束")
    if record.exit_status != _STATUS:
        status = record.exit_status
        return Words(en=f"it ended with {status}", zh=f"它的退出码是 {status}")
    return None


EXERCISES = (
    Exercise(
        name="00-name",
        task=words(
            "Write parts(name): registry, repository and tag of a name.",
            "写出 parts(name)：一个名字的仓库、镜像库和标签。",
        ),
        check=_check_name,
        function="parts",
        hints=(
            words(
                "look at what stands before the first slash: is it a registry?",
                "看第一个斜杠之前的部分：它是仓库吗？",
            ),
            words(
                "a colon in the last part begins the tag; one in the first part begins a port.",
                "最后一段里的冒号后面是标签；第一段里的冒号后面是端口。",
            ),
        ),
        solution="""
def parts(name):
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, rest = "docker.io", name
    repository, _, tag = rest.partition(":")
    if first == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    return first, repository, tag or "latest"
""",
        wrong=(
            """
def parts(name):
    name, _, tag = name.partition(":")
    registry, _, repository = name.rpartition("/")
    return registry or "docker.io", repository, tag or "latest"
""",
            """
def parts(name):
    first, slash, rest = name.partition("/")
    repository, _, tag = (rest or first).partition(":")
    return first if slash else "docker.io", repository, tag or "latest"
""",
        ),
    ),
    Exercise(
        name="00-motd",
        task=words(
            "Give the digest of the layer that hides /etc/motd.",
            "给出遮住 /etc/motd 的那一层的摘要。",
        ),
        check=_check_motd,
        hints=(
            words(
                "%oci why NAME /etc/motd tells the number of the layer, the base being 1.",
                "%oci why NAME /etc/motd 会给出层的编号，最底层为 1。",
            ),
            words(
                'image.manifest["layers"][number - 1]["digest"], for lists begin at 0.',
                'image.manifest["layers"][number - 1]["digest"]，因为列表从 0 开始。',
            ),
        ),
        solution="""
hiding = image.layers[image.layers["whiteouts"].str.contains("/etc/motd")]
image.manifest["layers"][hiding["layer"].iloc[0] - 1]["digest"]
""",
        wrong=(
            'image.manifest["layers"][4]["digest"]',
            'image.config["rootfs"]["diff_ids"][3]',
            "4",
        ),
    ),
    Exercise(
        name="00-seven",
        task=words(
            "Run a container called seven that ends with the exit status 7, and keep it.",
            "运行一个名叫 seven 的容器，让它以退出码 7 结束，并保留它。",
        ),
        check=_check_seven,
        hints=(
            words(
                "the exit status of a container is that of its program.",
                "容器的退出码就是它的程序的退出码。",
            ),
            words('sh -c "exit 7" is such a program.', 'sh -c "exit 7" 就是这样的程序。'),
        ),
        solution="""
%oci rm --all
_ = %oci run --name seven $name sh -c "exit 7"
%oci check 00-seven
""",
        wrong=(
            """
_ = %oci run --rm --name seven $name sh -c "exit 7"
%oci check 00-seven
""",
            """
_ = %oci run --name seven $name sh -c "exit 8"
%oci check 00-seven
""",
        ),
        answered=False,
    ),
)
