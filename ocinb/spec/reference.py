"""Image references: ``[REGISTRY/]REPOSITORY[:TAG][@DIGEST]``.

Spec: none (Docker convention) for the grammar of registry and short names; the repository and
tag grammars are distribution-spec spec.md#pulling-manifests.
"""

from __future__ import annotations

import re

from ocinb.errors import InvalidReference
from ocinb.frozen import Frozen
from ocinb.spec.digest import Digest

DEFAULT_REGISTRY = "docker.io"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])"
_REGISTRY = re.compile(rf"{_HOST}(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
"""Spec: distribution-spec spec.md#pulling-manifests"""
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
"""Spec: distribution-spec spec.md#pulling-manifests"""
MAX_NAME_LENGTH = 255


class Reference(Frozen):
    """A complete name of an image: every default is filled in.

    Attributes:
        registry: host and port, as in ``localhost:5000``; Docker Hub is ``docker.io``.
        repository: as in ``library/nginx``.
        tag: or None where only a digest was given.
        digest: or None. Where both are given the digest decides.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference with Docker's defaults: ``nginx`` is docker.io/library/nginx:latest.

        Raises:
            InvalidReference: what the grammar does not take, with the part that is wrong.
            InvalidDigest: the part behind ``@``.
        """
        if not text:
            raise InvalidReference("the image reference is empty", hint=_EXAMPLE)
        rest, at, digest_text = text.partition("@")
        digest = Digest(digest_text) if at else None
        registry, rest = _split_registry(rest)
        # A colon behind the last slash is a tag; one before it belongs to a port.
        head, slash, last = rest.rpartition("/")
        last, colon, tag = last.partition(":")
        repository = f"{head}{slash}{last}"
        if registry == DEFAULT_REGISTRY and "/" not in repository:
            repository = f"{DEFAULT_NAMESPACE}/{repository}"
        _check(text, registry, repository, tag if colon else None)
        if not colon and digest is None:
            return cls(registry=registry, repository=repository, tag=DEFAULT_TAG)
        return cls(registry=registry, repository=repository, tag=tag or None, digest=digest)

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def selector(self) -> str:
        """What the registry is asked for: the digest, or else the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def familiar(self) -> str:
        """The shortest text that parses to this reference: ``nginx``, ``nginx:1.25``."""
        name = self.name
        if self.registry == DEFAULT_REGISTRY:
            name = self.repository.removeprefix(f"{DEFAULT_NAMESPACE}/")
            if "/" in name:  # then nobody adds the namespace again
                name = self.repository
            if "/" in name and _is_registry(name.split("/")[0]):
                name = self.name
        default = self.tag == DEFAULT_TAG and not self.digest
        tag = f":{self.tag}" if self.tag and not default else ""
        return f"{name}{tag}{f'@{self.digest}' if self.digest else ''}"

    def with_digest(self, digest: Digest) -> Reference:
        """The same repository, pinned to a digest, without the tag."""
        return Reference(registry=self.registry, repository=self.repository, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"


_EXAMPLE = "a reference looks like nginx, localhost:5000/demo:1.0 or ghcr.io/a/b@sha256:…"


def _is_registry(component: str) -> bool:
    return (
        component == "localhost"
        or "." in component
        or ":" in component
        or component.lower() != component
    )


def _split_registry(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if not slash or not _is_registry(first):
        return DEFAULT_REGISTRY, text
    if first == "index.docker.io":  # Docker's old name for the same registry
        return DEFAULT_REGISTRY, rest
    return first, rest


def _check(text: str, registry: str, repository: str, tag: str | None) -> None:
    if not _REGISTRY.fullmatch(registry):
        raise InvalidReference(f"{registry!r} in {text!r} is not a registry host", hint=_EXAMPLE)
    if not REPOSITORY.fullmatch(repository):
        hint = _EXAMPLE
        if repository.lower() != repository and REPOSITORY.fullmatch(repository.lower()):
            hint = f"repository names are lower-case: {repository.lower()}"
        raise InvalidReference(
            f"{repository!r} in {text!r} is not a repository name",
            hint=hint,
            citation="distribution-spec spec.md#pulling-manifests",
        )
    if len(registry) + 1 + len(repository) > MAX_NAME_LENGTH:
        raise InvalidReference(f"{text[:40]!r}… is longer than {MAX_NAME_LENGTH} characters")
    if tag is not None and not TAG.fullmatch(tag):
        raise InvalidReference(
            f"{tag!r} in {text!r} is not a tag",
            hint="letters, digits, '_', '.', '-', at most 128, not starting with '.' or '-'",
            citation="distribution-spec spec.md#pulling-manifests",
        )
