"""Every error that ocinb raises on purpose.

::

    OcinbError(message, hint, citation)
    ├ DocumentError        InvalidDigest InvalidReference InvalidDocument(path)
    ├ ContentError         BlobNotFound NameNotFound AmbiguousName DigestMismatch SizeMismatch
    ├ DistributionError    RegistryError(status, errors) RegistryUnreachable AuthenticationFailed
    │                      PlatformNotFound
    ├ LayerError           UnsafePath UnsupportedCompression LimitExceeded
    ├ BundleError          UnknownUser InvalidConfig(findings)
    ├ BuildError           a Dockerfile or a step of a build
    ├ ContainerError       InvalidStatus ContainerExists ContainerNotFound StepFailed HookFailed
    ├ NetworkError         a network, an address of it, a published port
    ├ CriError(code)       what a runtime said against a call of the CRI, or that nobody answers
    ├ VolumeError          a volume is not there, is in use, or has that name already
    ├ SyscallError         (also an OSError) call, arguments, errno
    ├ StorageError         the disk said no: full, read-only, I/O error
    ├ CommandError         what a person typed is not a command of ours
    └ UnsupportedHost      what is missing, what would enable it

Messages are one sentence in lower case without a full stop, and name the path, digest or field
that was wrong. ``hint`` says what to do about it; ``citation`` is the section of the
specification that was broken, as in ``image-spec layer.md#whiteouts``.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class OcinbError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: one sentence, lower case, no full stop.
        hint: what the person can do, or None.
        citation: ``<spec> <file>#<anchor>`` of the rule that was broken, or None.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, citation: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.citation = citation

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        """With all that it says into another process, as a pool's worker hands it on."""
        number = {"errno": self.errno} if isinstance(self, OSError) else {}
        return _again, (type(self), self.args), {**self.__dict__, **number}


def _again(kind: type[OcinbError], arguments: tuple[object, ...]) -> OcinbError:
    made = kind.__new__(kind, *arguments)
    made.args = arguments
    return made


class DocumentError(OcinbError):
    """A document or a string of one of the specifications is malformed."""


class InvalidDigest(DocumentError):
    """Not a digest, or one of an algorithm that is not supported."""


class InvalidReference(DocumentError):
    """Not an image reference."""


class InvalidDocument(DocumentError):
    """A JSON document breaks its specification.

    Attributes:
        path: the field, as in ``$.layers[2].digest``; ``$`` is the document itself.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = "$",
        hint: str | None = None,
        citation: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, citation=citation)
        self.path = path


class ContentError(OcinbError):
    """The content store, or bytes addressed by a digest."""


class BlobNotFound(ContentError):
    """No blob of that digest in the store."""


class NameNotFound(ContentError):
    """No image of that name in the store."""


class AmbiguousName(ContentError):
    """A name without a registry that several images in the store could be meant by."""


class DigestMismatch(ContentError):
    """Bytes do not have the digest under which they were asked for."""


class SizeMismatch(ContentError):
    """Bytes are more or fewer than their descriptor says."""


class DistributionError(OcinbError):
    """A conversation with a registry went wrong."""


class RegistryError(DistributionError):
    """The registry answered, and its answer is an error.

    Attributes:
        status: the HTTP status.
        errors: ``(code, message)`` pairs of the body (distribution-spec spec.md#error-codes).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        errors: Sequence[tuple[str, str]] = (),
        hint: str | None = None,
        citation: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, citation=citation)
        self.status = status
        self.errors = tuple(errors)


class RegistryUnreachable(DistributionError):
    """No answer: connection refused, name not found, timeout, connection cut."""


class AuthenticationFailed(DistributionError):
    """The registry or its token server did not accept who we are."""


class PlatformNotFound(DistributionError):
    """The image index has no manifest for the platform asked for."""


class LayerError(OcinbError):
    """A layer's archive breaks its specification."""


class UnsafePath(LayerError):
    """An entry points outside the tree that the layer may change."""


class UnsupportedCompression(LayerError):
    """A layer's media type or first bytes name a compression that is not supported."""


class LimitExceeded(LayerError):
    """An archive is larger, deeper or more numerous than the limits allow."""


class BundleError(OcinbError):
    """The bundle: config.json and the root filesystem."""


class UnknownUser(BundleError):
    """A user or group that the image's passwd and group files do not know."""


class InvalidConfig(BundleError):
    """config.json breaks the runtime specification.

    Attributes:
        findings: what is wrong, as ``(path, message)`` pairs, most important first.
    """

    def __init__(
        self,
        message: str,
        *,
        findings: Sequence[tuple[str, str]] = (),
        hint: str | None = None,
        citation: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, citation=citation)
        self.findings = tuple(findings)


class BuildError(OcinbError):
    """A Dockerfile is malformed, or a step of a build cannot be done or failed."""


class ContainerError(OcinbError):
    """A container, or an operation upon one."""


class InvalidStatus(ContainerError):
    """The operation is not allowed in the container's status (runtime-spec runtime.md#state)."""


class ContainerExists(ContainerError):
    """The container ID is in use."""


class ContainerNotFound(ContainerError):
    """No container of that ID or name."""


class StepFailed(ContainerError):
    """A step of the lifecycle could not be carried out."""


class HookFailed(ContainerError):
    """A hook failed, and the specification says that this ends the operation."""


class NetworkError(OcinbError):
    """A network, an address of it, or a port that is published."""


class CriError(OcinbError):
    """A call of the Container Runtime Interface was refused, or nobody answers.

    Attributes:
        code: gRPC's name of the status, as in ``NOT_FOUND``; empty where no call was made.
    """

    def __init__(
        self, message: str, *, code: str = "", hint: str | None = None, citation: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, citation=citation)
        self.code = code


class VolumeError(OcinbError):
    """A volume is not there, is in use, or there is one of that name already."""


class SyscallError(OcinbError, OSError):
    """The kernel refused a system call.

    Attributes:
        call: its name, as in ``mount``.
        arguments: what was passed, readable.
        errno: the kernel's answer.
    """

    def __init__(
        self, call: str, arguments: Sequence[object], errno: int, *, hint: str | None = None
    ) -> None:
        shown = ", ".join(map(str, arguments))
        OcinbError.__init__(self, f"{call}({shown}): {os.strerror(errno).lower()}", hint=hint)
        self.call = call
        self.arguments = tuple(arguments)
        self.errno = errno


class StorageError(OcinbError):
    """Writing to or reading from disk failed: no space left, read-only, I/O error."""


class CommandError(OcinbError):
    """An unknown command or option, or a value that an option does not take."""


class UnsupportedHost(OcinbError):
    """This machine or this user may not do what was asked; the hint says what would enable it."""
