"""Which certificates are trusted, and which we show.

As Docker and podman keep them, in a directory for each host::

    certs.d/registry.example:5000/ca.crt        more CAs: *.crt
    certs.d/registry.example:5000/client.cert   our certificate, with
    certs.d/registry.example:5000/client.key    its key

Spec: none (Docker convention; containers-certs.d(5))
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from pathlib import Path

from ocinb.errors import DistributionError


class Trust:
    """TLS settings by host.

    Args:
        directories: directories like ``/etc/containers/certs.d``; the first that has one for a
            host decides.
    """

    def __init__(self, directories: Iterable[Path] = ()) -> None:
        self._directories = tuple(directories)

    def knows(self, host: str) -> bool:
        """Whether there is a directory for ``host[:port]``."""
        return self._directory(host) is not None

    def context(self, host: str, *, verify: bool = True) -> ssl.SSLContext:
        """A context for ``host[:port]``.

        Args:
            verify: false accepts any certificate.

        Raises:
            DistributionError: a file of its directory is not a certificate or key.
        """
        context = ssl.create_default_context()
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        directory = self._directory(host)
        if directory is None:
            return context
        for path in sorted(directory.iterdir()):
            try:
                if path.suffix == ".crt":
                    context.load_verify_locations(path)
                elif path.suffix == ".cert":
                    context.load_cert_chain(path, path.with_suffix(".key"), password=_no_password)
            except (OSError, ValueError) as error:
                raise DistributionError(
                    f"{path} cannot be used for TLS: {_reason(error)}",
                    hint="*.crt are CAs, *.cert our certificate and *.key its key without password",
                ) from error
        return context

    def _directory(self, host: str) -> Path | None:
        if "/" in host or host.startswith("."):
            return None
        for parent in self._directories:
            if (parent / host).is_dir():
                return parent / host
        return None


def _no_password() -> str:
    raise ValueError("the key has a password")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error)
