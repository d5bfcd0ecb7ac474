"""Which image of the store a person means by a name that names no registry.

``demo`` is docker.io/library/demo:latest, as docker has it, where that is there. Where it is not,
it is what podman finds: localhost/demo, or the one image of that repository and tag that any
registry's name leads to. So what was pulled as localhost:5000/demo can be called demo.

Spec: none (podman's short names)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ocinb.errors import AmbiguousName, InvalidReference
from ocinb.spec.reference import DEFAULT_NAMESPACE, DEFAULT_REGISTRY, Reference

if TYPE_CHECKING:
    from ocinb.content.names import Names

_LOCAL = "localhost"
_HUB = (f"{DEFAULT_REGISTRY}/", f"index.{DEFAULT_REGISTRY}/")


def resolve(names: Names, text: str) -> str:
    """The whole name that is meant; that of docker.io where the store has no other.

    Raises:
        InvalidReference, InvalidDigest: it is no name of an image.
        AmbiguousName: several images could be meant.
    """
    reference = Reference.parse(text)
    whole = str(reference)
    if reference.registry != DEFAULT_REGISTRY or text.startswith(_HUB):
        return whole
    known = [name for name, _ in names.items()]
    if whole in known:
        return whole
    wanted = reference.repository
    if "/" not in text.partition("@")[0]:
        wanted = wanted.removeprefix(f"{DEFAULT_NAMESPACE}/")
    found = sorted(set(_candidates(known, wanted, reference)))
    local = [
        name for name in found if name.startswith((f"{_LOCAL}/{wanted}:", f"{_LOCAL}/{wanted}@"))
    ]
    if len(found) > 1 and len(local) != 1:
        raise AmbiguousName(
            f"{text} could be any of {', '.join(found)}", hint="write the name with its registry"
        )
    return (local or found or [whole])[0]


def _candidates(known: list[str], wanted: str, reference: Reference) -> Iterator[str]:
    for name in known:
        try:
            candidate = Reference.parse(name)
        except InvalidReference:
            continue  # another tool's, by tag only
        same = (candidate.tag, candidate.digest) == (reference.tag, reference.digest)
        if same and f"/{candidate.repository}".endswith(f"/{wanted}"):
            yield name
