"""A registry of our own with all that can be asked of it: for lessons, for tests, as a cache.

``ocinb.Registry`` is this class. As a process (``registry up`` starts one) the module reads its
arguments as JSON from standard input, so that no password stands in a process list.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.errors import CommandError, OcinbError
from ocinb.events import Warned, ignore
from ocinb.temporary import temporary_place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from ocinb.events import Record
    from ocinb.registry.access import Access
    from ocinb.registry.faults import FaultPlan
    from ocinb.registry.passwords import Passwords
    from ocinb.registry.pull_through import Upstream


class Registry:
    """A registry in a background thread, listening from the start; a context manager.

    ::

        with ocinb.Registry(users={"ann": "secret"}, token=True) as registry:
            print(registry.address)

    Args:
        directory: where it keeps its images; without one they are gone with it.
        host: address to listen on; others than loopback let the network in.
        port: 0 chooses a free one.
        users: name → password of those who may come in; without, and without ``htpasswd``,
            everybody may do everything.
        htpasswd: a file with names and passwords.
        token: passwords are asked for by a token server, as large registries have it.
        anonymous_pull: anybody may read.
        read_only: nothing can be changed.
        tls: HTTPS, with an authority of its own; ``authority`` is its certificate.
        pull_through: another registry (``docker.io``, ``ghcr.io/team``) of which this one is a
            cache; it is read with the logins and certificates of this user.
        chunk_min_length: announced as the least size of a chunk, in bytes.
        slow: fault: bytes a second at which bodies pass.
        drop_after: fault: bytes of a body after which the connection is cut.
        rate_limit: fault: requests a second, beyond which the answer is 429.
        status: fault: a status with which requests are refused.
        times: how often ``status`` and ``drop_after`` hit; 0 for always.
        path: part of the paths that faults hit, as in ``/blobs/``.
        record: told each request as an ``Exchange``, and warnings.

    Attributes:
        address: host and port, the first part of a reference.
        authority: the certificate that clients must trust; None without TLS.

    Raises:
        CommandError: arguments that do not go together.
        UnsupportedHost: the address cannot be listened on. StorageError: the disk refused.
    """

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        users: Mapping[str, str] | None = None,
        htpasswd: str | Path | None = None,
        token: bool = False,
        anonymous_pull: bool = False,
        read_only: bool = False,
        tls: bool = False,
        pull_through: str | None = None,
        chunk_min_length: int = 0,
        slow: int = 0,
        drop_after: int = 0,
        rate_limit: int = 0,
        status: int = 0,
        times: int = 0,
        path: str = "",
        record: Record = ignore,
    ) -> None:
        from ocinb.registry.faults import FaultPlan
        from ocinb.registry.serve import RegistryServer

        access = _access(users, htpasswd, token, anonymous_pull)
        if not _is_loopback(host):
            who = "anybody who reaches it" if access is None else "whoever has a password"
            what = "read" if read_only or pull_through else "change"
            record(Warned(message=f"the registry listens on {host}: {who} can {what} its images"))
        self._temporary = None
        if not directory:
            self._temporary = tempfile.TemporaryDirectory(prefix="ocinb-", dir=temporary_place())
            directory = self._temporary.name
        root = Path(directory)
        self._server = RegistryServer(
            root,
            host=host,
            port=port,
            read_only=read_only,
            minimum_chunk=chunk_min_length,
            access=access,
            upstream=_upstream(pull_through, record),
            faults=FaultPlan(
                slow=slow,
                drop_after=drop_after,
                rate_limit=rate_limit,
                status=status,
                times=times,
                path=path,
            ),
            tls=tls,
            record=record,
        )
        try:
            self._server.start()
        except OcinbError:
            if self._temporary:
                self._temporary.cleanup()
            raise

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``."""
        return self._server.address

    @property
    def authority(self) -> Path | None:
        """The file with the certificate that clients must trust, in PEM form."""
        certificates = self._server.certificates
        return certificates.authority if certificates else None

    @property
    def faults(self) -> FaultPlan:
        """What goes wrong on purpose; a new plan can be set while it runs."""
        return self._server.faults.plan

    @faults.setter
    def faults(self, plan: FaultPlan) -> None:
        self._server.faults.plan = plan

    def close(self) -> None:
        """Stop answering; remove the directory if it was ours."""
        self._server.stop()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Registry at {self.address}>"


def _access(
    users: Mapping[str, str] | None,
    htpasswd: str | Path | None,
    token: bool,
    anonymous_pull: bool,
) -> Access | None:
    from ocinb.registry.access import Basic
    from ocinb.registry.passwords import Htpasswd, Known
    from ocinb.registry.tokens import TokenServer

    if users and htpasswd:
        raise CommandError("users and an htpasswd file are given", hint="choose one of them")
    if not users and not htpasswd:
        if token or anonymous_pull:
            raise CommandError(
                "token and anonymous pull make sense with passwords only",
                hint="give users, or an htpasswd file",
            )
        return None
    passwords: Passwords = Htpasswd(Path(htpasswd)) if htpasswd else Known(users or {})
    kind = TokenServer if token else Basic
    return kind(passwords, anonymous_pull=anonymous_pull)


def _upstream(prefix: str | None, record: Record) -> Upstream | None:
    if not prefix:
        return None
    from ocinb.distribution.user import user_client
    from ocinb.settings import Settings
    from ocinb.upstream import ClientUpstream

    insecure = Settings.from_environment().insecure_registries
    return ClientUpstream(user_client(os.environ, insecure=insecure, record=record), prefix)


def _is_loopback(host: str) -> bool:
    from ocinb.distribution.hosts import is_loopback

    return is_loopback(host)


def main() -> int:
    """Serve until SIGTERM or SIGINT; one line on standard output tells the address.

    Or one that begins with ``error:``, and the exit status 1.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        registry = Registry(**json.load(sys.stdin))
    except OcinbError as error:
        sys.stdout.write(f"error: {error.message}\n")
        return 1
    with registry:
        sys.stdout.write(f"{registry.address}\n")
        sys.stdout.flush()
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
